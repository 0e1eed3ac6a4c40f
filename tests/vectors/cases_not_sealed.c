/* SPDX-License-Identifier: Apache-2.0 */
#include "cases.h"

static struct made plain_at(struct world *w, int64_t offset, const struct want *want)
{
    struct made made = world_plain(w, want);
    made_place(&made, offset);
    return made;
}

/* A batch whose record 0 is what is given. */
static struct made with_records(struct world *w, int64_t offset, const char *bytes, size_t size)
{
    struct made made = plain_at(w, offset, &(struct want){ .count = 1 });
    made_set_records(w, &made, slice_of(bytes, size));
    made.plain = made.outer;
    made.plain_size = made.outer_size;
    return made;
}

/* 300 KB of zeros in one record: far more than a sealed batch of its size could hold. */
static struct made zeros(struct world *w, int64_t offset)
{
    enum { SIZE = 300000 };
    struct made made = plain_at(w, offset, &(struct want){ .count = 1 });
    struct writer out = writer_over(world_memory(w, SIZE + 32), SIZE + 32);
    write_varint(&out, 1 + 1 + 1 + 1 + (int32_t)varint_size(SIZE) + SIZE + 1);
    write_bytes(&out, slice_of("\0\0\0\1", 4));
    write_varint(&out, SIZE);
    write_room(&out, SIZE);
    write_varint(&out, 0);
    made_set_records(w, &made, writer_slice(&out));
    made_compress(w, &made, BATCH_CODEC_ZSTD);
    made.plain = made.outer;
    made.plain_size = made.outer_size;
    return made;
}

static void clear(struct world *w, const char *root)
{
    struct vector v = vector_begin(w, "clear", "before_the_cut_over", "clear up to the cut-over, then sealed");
    v.cut_over = 20;
    fetch_begin(&v, 0, NULL);
    for (int i = 0; i < 5; i++) {
        struct made made = plain_at(w, 4 * i, &(struct want){ .count = 4, .codec = (enum batch_codec)i });
        fetch_good(&v, &made, VERDICT_CLEAR);
    }
    struct made made = SEALED_AT(w, 20, .count = 2);
    fetch_good(&v, &made, VERDICT_AUTHENTIC);
    vector_end(&v, root);

    v = vector_begin(w, "clear", "odd_records",
                     "null and short values, keys, headers, and more than a sealed batch could hold");
    v.cut_over = 10;
    const struct made odd[] = {
        with_records(w, 0, "\x0c\0\0\0\1\1\0", 7),
        with_records(w, 1, "\x12\0\0\0\1\6SGN\0", 10),
        with_records(w, 2, "\x16\0\0\0\2k\2v\2\2h\1", 12),
        zeros(w, 3),
    };
    fetch_begin(&v, 0, NULL);
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        fetch_good(&v, &odd[i], VERDICT_CLEAR);
    }
    vector_end(&v, root);

    v = vector_begin(w, "clear", "sealed_before_the_cut_over", "sealed all the same");
    v.cut_over = 20;
    made = SEALED_AT(w, 0, .count = 2);
    fetch_begin(&v, 0, NULL);
    fetch_good(&v, &made, VERDICT_AUTHENTIC);
    vector_end(&v, root);
}

static void control(struct world *w, const char *root)
{
    struct vector v = vector_begin(w, "control", "markers", "a commit and an abort, read uncommitted");
    fetch_begin(&v, 0, NULL);
    for (int i = 0; i < 2; i++) {
        struct made made =
            SEALED_AT(w, 3 * i, .count = 2, .producer_id = 9, .base_sequence = 2 * i, .transactional = true);
        fetch_good(&v, &made, VERDICT_AUTHENTIC);
        struct made marker = marker_at(w, 3 * i + 2, 9, i == 0);
        fetch_good(&v, &marker, VERDICT_CONTROL);
    }
    vector_end(&v, root);
}

static void unsealed(struct world *w, const char *root)
{
    struct vector v = vector_begin(w, "unsealed", "plaintext", "batches that nobody sealed");
    const struct made plain[] = {
        plain_at(w, 0, &(struct want){ .count = 3 }),
        plain_at(w, 0, &(struct want){ .count = 3, .codec = BATCH_CODEC_LZ4 }),
        with_records(w, 0, "\x0c\0\0\0\1\1\0", 7),
        with_records(w, 0, "\x12\0\0\0\1\6SGN\0", 10),
        with_records(w, 0, "\x14\0\0\0\1\x08sgnb\0", 11),
        zeros(w, 0),
    };
    static const char *const labels[] = { "plain",         "compressed",
                                          "null value",    "a value of three bytes",
                                          "another magic", "decompresses to more than a sealed batch" };
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        fetch_begin(&v, 0, labels[i]);
        fetch_bad(&v, &plain[i], VERDICT_UNSEALED);
    }
    vector_end(&v, root);

    v = vector_begin(w, "unsealed", "cut_over", "the cut-over is the first offset that must be sealed");
    v.cut_over = 10;
    static const int64_t offsets[] = { 10, 8, 50 };
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        struct made made = plain_at(w, offsets[i], &(struct want){ .count = 3 });
        fetch_begin(&v, offsets[i], NULL);
        fetch_bad(&v, &made, VERDICT_UNSEALED);
    }
    vector_end(&v, root);

    v = vector_begin(w, "unsealed", "cut_over_of_another_name",
                     "the cut-over is another topic's, whose id brokers lend");
    v.cut_over = 10;
    v.rows_topic = "orders-eu";
    struct made lent = plain_at(w, 0, &(struct want){ .count = 3 });
    fetch_begin(&v, 0, NULL);
    fetch_bad(&v, &lent, VERDICT_UNSEALED);
    vector_end(&v, root);

    v = vector_begin(w, "unsealed", "old_formats", "magic 0 and 1, whole or not, before the cut-over or behind it");
    v.cut_over = 10;
    struct made old = plain_at(w, 3, &(struct want){ .count = 1 });
    for (int magic = 0; magic < 2; magic++) {
        old.outer[BATCH_MAGIC_AT] = (uint8_t)magic;
        fetch_begin(&v, 3, NULL);
        fetch_bad(&v, &old, VERDICT_UNSEALED);
    }
    old.outer_size = 17;
    fetch_begin(&v, 3, "not whole");
    fetch_bad(&v, &old, VERDICT_UNSEALED);
    vector_end(&v, root);
}

void cases_not_sealed(struct world *w, const char *root)
{
    clear(w, root);
    control(w, root);
    unsealed(w, root);
}
