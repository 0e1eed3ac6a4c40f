/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the named corpora of fuzz_open, fuzz_envelope and fuzz_batch below a folder. Run by hand; the same every time. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "open_log.h"

static void write_file(const char *root, const char *target, const char *name, const uint8_t *front, size_t front_size,
                       struct slice bytes)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", root, target);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/%s/%s", root, target, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(front, 1, front_size, file) != front_size ||
        fwrite(bytes.data, 1, bytes.size, file) != bytes.size || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

struct recipe {
    const char *name;
    uint8_t front[2];
    const char *batches; /* letters from a, one a batch; forms from A */
};

static const struct recipe recipes[] = {
    { "whole_log", { 0, 0 }, "abcdefghijkl" },
    { "crc_made_right", { 1, 0 }, "abc" },
    { "share_group", { 2, 0 }, "hbcda" },
    { "read_committed", { 4 | 8, 0 }, "abcdefghijkl" },
    { "outcome_forged", { 4, 0 }, "abcdefghi" },
    { "accepted_hole", { 16 | 1, 0 }, "abd" },
    { "exchanged", { 1, 0 }, "acb" },
    { "twice", { 1, 0 }, "aabb" },
    { "markers", { 1, 0 }, "fi" },
    { "stubs_compressed", { 1, 4 }, "c" },
    { "recompressed_none", { 1, 0 }, "A" },
    { "recompressed_gzip", { 1, 0 }, "B" },
    { "recompressed_snappy", { 1, 0 }, "C" },
    { "recompressed_lz4", { 1, 0 }, "D" },
    { "recompressed_zstd", { 1, 0 }, "E" },
    { "recompressed_xerial", { 1, 0 }, "F" },
    { "log_append_time", { 32 | 1, 0 }, "a" },
    { "nothing", { 0, 0 }, "" },
};

static struct slice cook(struct open_log *log, const struct recipe *recipe)
{
    enum { ROOM = 65536 };
    struct writer w = writer_over(world_memory(&log->world, ROOM), ROOM);
    for (const char *b = recipe->batches; *b; b++) {
        const struct made *made = *b >= 'a' ? &log->made[*b - 'a'] : &log->forms[*b - 'A'];
        write_bytes(&w, slice_of(made->outer, made->outer_size));
    }
    if (recipe->front[0] & 32) { /* the time is the broker's */
        w.start[22] |= BATCH_LOG_APPEND_TIME;
        store_u64(w.start + 35, (uint64_t)log->world.now_ms + 1000);
    }
    return writer_slice(&w);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    static struct open_log log;
    open_log_init(&log);
    for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++) {
        write_file(argv[1], "open", recipes[i].name, recipes[i].front, 2, cook(&log, &recipes[i]));
    }
    static const char *const envelopes[] = { "one_record", "idempotent", "predecessors" };
    static const size_t sources[] = { 0, 1, 3 };
    for (size_t i = 0; i < 3; i++) {
        size_t size;
        const uint8_t *envelope = made_envelope(&log.made[sources[i]], &size);
        write_file(argv[1], "envelope", envelopes[i], NULL, 0, slice_of(envelope, size));
    }
    write_file(argv[1], "batch", "sealed", NULL, 0, slice_of(log.made[0].outer, log.made[0].outer_size));
    write_file(argv[1], "batch", "several", NULL, 0, cook(&log, &recipes[1]));
    write_file(argv[1], "batch", "marker", NULL, 0, slice_of(log.made[5].outer, log.made[5].outer_size));
    write_file(argv[1], "batch", "ends_early", NULL, 0, slice_of(log.made[0].outer, log.made[0].outer_size - 1));
    world_free(&log.world);
    return 0;
}
