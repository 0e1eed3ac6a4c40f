/* SPDX-License-Identifier: Apache-2.0 */
/* Writes vectors of batches as different as the sealer can make them, for another implementation to open. */
#include <stdio.h>
#include <stdlib.h>

#include "vector_file.h"

static int64_t up_to(int64_t limit)
{
    return random() % (limit + 1);
}

/* Mostly usual, now and then from the whole range. */
static int64_t some_timestamp(const struct world *w)
{
    switch (up_to(5)) {
    case 0:
        return -1;
    case 1:
        return (int64_t)((uint64_t)random() << 33 ^ (uint64_t)random() << 2);
    default:
        return w->now_ms + up_to(1000000);
    }
}

static struct want some_want(const struct world *w, const struct predecessor *listed, size_t listed_count)
{
    bool idempotent = up_to(1);
    return (struct want){
        .count = (int32_t)(up_to(3) ? 1 + up_to(60) : 1 + up_to(9000)),
        .codec = (enum batch_codec)up_to(BATCH_CODEC_COUNT - 1),
        .producer_id = idempotent ? 1 + up_to(INT32_MAX) : 0,
        .base_sequence = (int32_t)up_to(INT32_MAX - 1),
        .transactional = idempotent && up_to(1),
        .noise_bytes = up_to(9) ? (size_t)up_to(2000) : (size_t)up_to(300000),
        .base_timestamp = some_timestamp(w),
        .timestamp_span = up_to(1) ? 0 : some_timestamp(w),
        .zstd_outer = up_to(2),
        .principal = up_to(1) ? "User:b\xc3\xb6rk" : NULL,
        .stream = (int)up_to(WORLD_STREAMS - 1),
        .predecessors = listed,
        .predecessor_count = listed_count,
    };
}

static void write_vector(struct world *w, const char *root, unsigned long seed, int number)
{
    char name[48];
    snprintf(name, sizeof name, "%lu-%d", seed, number);
    struct vector v = vector_begin(w, "random", name, "");
    struct predecessor listed[PREDECESSORS_MAX];
    size_t listed_count = 0;
    int64_t offset = up_to(1000000);
    w->seal_key.recipients_size = (size_t)(1 + up_to(WORLD_RECIPIENTS - 1)) * RECIPIENT_ENTRY_BYTES;
    fetch_begin(&v, offset, NULL);
    for (int64_t i = 0, count = 1 + up_to(5); i < count; i++) {
        struct want want = some_want(w, listed, listed_count);
        struct made made = world_seal(w, &want);
        made_place(&made, offset);
        offset = made.last + 1;
        if (up_to(2) == 0) {
            made_recompress(w, &made, (enum batch_codec)up_to(BATCH_CODEC_COUNT - 1), (enum framing)0);
        }
        fetch_good(&v, &made, VERDICT_AUTHENTIC);
        listed[listed_count++] = made.as_predecessor;
    }
    vector_end(&v, root);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s FOLDER HOW_MANY SEED\n", argv[0]);
        return 2;
    }
    unsigned long seed = strtoul(argv[3], NULL, 10);
    srandom((unsigned)seed);
    for (int i = 0; i < atoi(argv[2]); i++) {
        struct world w;
        world_seed("random", argv[3]);
        world_init(&w);
        write_vector(&w, argv[1], seed, i);
        world_free(&w);
    }
    return 0;
}
