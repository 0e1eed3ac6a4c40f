/* SPDX-License-Identifier: Apache-2.0 */
#include "cases.h"

static const char folder[] = "authentic";

struct form {
    const char *name, *comment;
    struct want want;
};

static const struct form forms[] = {
    { "one_record", "one record, one recipient, no producer id", { .count = 1 } },
    { "many_records",
      "300 records: the sealer compresses the stubs",
      { .count = 300, .producer_id = 4000, .zstd_outer = true } },
    { "many_records_plain", "300 records for a client that knows no zstd", { .count = 300, .producer_id = 4000 } },
    { "wide_offset_deltas",
      "offset deltas that take three bytes",
      { .count = 8300, .codec = BATCH_CODEC_ZSTD, .zstd_outer = true } },
    { "several_raw_blocks",
      "an envelope that takes two raw blocks of a zstd frame",
      { .count = 400, .noise_bytes = 131000, .zstd_outer = true } },
    { "inner_gzip", "records that the producer compressed with gzip", { .count = 20, .codec = BATCH_CODEC_GZIP } },
    { "inner_snappy", "... with snappy", { .count = 20, .codec = BATCH_CODEC_SNAPPY } },
    { "inner_lz4", "... with lz4", { .count = 20, .codec = BATCH_CODEC_LZ4 } },
    { "inner_zstd", "... with zstd", { .count = 20, .codec = BATCH_CODEC_ZSTD } },
    { "principal", "policy states the principal", { .principal = "User:alice" } },
    { "time_runs_back",
      "MaxTimestamp below BaseTimestamp, which nobody forbids",
      { .count = 3, .timestamp_span = -86400000 } },
    { "time_wraps",
      "a timestamp delta of ten bytes, the difference wrapping",
      { .count = 3, .base_timestamp = INT64_MAX, .timestamp_span = INT64_MAX } },
    { "no_timestamps", "both timestamps -1", { .base_timestamp = -1 } },
    { "transactional",
      "a transactional batch, read uncommitted",
      { .count = 2, .producer_id = 4000, .base_sequence = 2147483646, .transactional = true } },
};

static void as_sealed(struct world *w, const char *root)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct vector v = vector_begin(w, folder, forms[i].name, forms[i].comment);
        struct made made = sealed_at(w, 77, &forms[i].want);
        fetch_begin(&v, 77, NULL);
        fetch_good(&v, &made, VERDICT_AUTHENTIC);
        vector_end(&v, root);
    }
}

struct wrapping {
    const char *label;
    enum batch_codec codec;
    enum framing framing;
};

static const struct wrapping wrappings[] = {
    { "none", BATCH_CODEC_NONE, FRAMING_USUAL },     { "gzip", BATCH_CODEC_GZIP, FRAMING_USUAL },
    { "snappy", BATCH_CODEC_SNAPPY, FRAMING_USUAL }, { "snappy, Java's framing", BATCH_CODEC_SNAPPY, FRAMING_XERIAL },
    { "lz4", BATCH_CODEC_LZ4, FRAMING_USUAL },       { "zstd", BATCH_CODEC_ZSTD, FRAMING_USUAL },
};

static void recompressed(struct world *w, const char *root)
{
    static const struct want sizes[] = { { .count = 1 }, { .count = 150, .zstd_outer = true, .producer_id = 9 } };
    struct vector v = vector_begin(w, folder, "recompressed",
                                   "a broker with a compression.type of its own: BaseTimestamp becomes MaxTimestamp");
    for (size_t i = 0; i < sizeof wrappings / sizeof *wrappings; i++) {
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            struct made made = sealed_at(w, (int64_t)(1000 * (2 * i + k)), &sizes[k]);
            made_recompress(w, &made, wrappings[i].codec, wrappings[i].framing);
            fetch_begin(&v, made.base, wrappings[i].label);
            fetch_good(&v, &made, VERDICT_AUTHENTIC);
        }
    }
    vector_end(&v, root);
}

static void append_time(struct world *w, const char *root)
{
    static const int64_t later_ms[] = { 0, 1, -600000, 600000 };
    struct vector v = vector_begin(w, folder, "log_append_time", "MaxTimestamp within ten minutes of the seal time");
    v.log_append_time = true;
    for (size_t i = 0; i < sizeof later_ms / sizeof *later_ms; i++) {
        struct made made = SEALED_AT(w, (int64_t)(10 * i), .count = 10);
        made_append_time(&made, w->now_ms + later_ms[i]);
        fetch_begin(&v, made.base, NULL);
        fetch_good(&v, &made, VERDICT_AUTHENTIC);
    }
    struct made made = SEALED_AT(w, 40, .count = 4);
    made_append_time(&made, w->now_ms);
    made_recompress(w, &made, BATCH_CODEC_GZIP, FRAMING_USUAL);
    fetch_begin(&v, 40, "recompressed");
    fetch_good(&v, &made, VERDICT_AUTHENTIC);
    made = SEALED_AT(w, 44, .count = 4000, .codec = BATCH_CODEC_ZSTD, .base_timestamp = 1,
                     .timestamp_span = INT64_MAX - 7);
    made_append_time(&made, w->now_ms);
    made_compress(w, &made, BATCH_CODEC_GZIP);
    fetch_begin(&v, 44, "timestamp deltas of ten bytes, of which the outer header tells nothing");
    fetch_good(&v, &made, VERDICT_AUTHENTIC);
    vector_end(&v, root);
}

static void chains(struct world *w, const char *root)
{
    struct vector v = vector_begin(w, folder, "run", "a run of one stream: one signature vouches for it");
    fetch_begin(&v, 0, NULL);
    for (int i = 0; i < 8; i++) {
        struct made made = SEALED_AT(w, 2 * i, .count = 2, .producer_id = 9, .base_sequence = 2 * i);
        fetch_good(&v, &made, VERDICT_AUTHENTIC);
    }
    vector_end(&v, root);

    v = vector_begin(w, folder, "burnt_numbers",
                     "batches that were sealed but never stored leave holes in the numbers");
    fetch_begin(&v, 0, NULL);
    for (int i = 0; i < 6; i++) {
        struct made made = SEALED_AT(w, i, 0);
        fetch_good(&v, &made, VERDICT_AUTHENTIC);
        for (int burnt = 0; burnt < i; burnt++) {
            world_seal(w, &(struct want){ 0 });
        }
    }
    vector_end(&v, root);

    v = vector_begin(w, folder, "two_streams", "two writers' streams and two of one writer, interleaved");
    v.writers[1] = (struct vector_writer){ .index = 1, .topic = "*" };
    v.writer_count = 2;
    fetch_begin(&v, 0, NULL);
    for (int i = 0; i < 9; i++) {
        struct made made = SEALED_AT(w, i, .stream = i % 3, .writer = i % 3 / 2);
        fetch_good(&v, &made, VERDICT_AUTHENTIC);
    }
    vector_end(&v, root);

    v = vector_begin(w, folder, "one_stream_id",
                     "two writers with one stream id, by chance or malice: two streams all the same");
    v.writers[1] = (struct vector_writer){ .index = 1, .topic = "orders" };
    v.writer_count = 2;
    w->streams[1] = w->streams[0];
    w->streams[1].next_sequence = 1000000;
    fetch_begin(&v, 0, NULL);
    for (int i = 0; i < 6; i++) {
        struct made made = SEALED_AT(w, i, .stream = i % 2, .writer = i % 2);
        fetch_good(&v, &made, VERDICT_AUTHENTIC);
    }
    vector_end(&v, root);
}

static void recipients(struct world *w, const char *root)
{
    struct vector v = vector_begin(w, folder, "several_recipients", "wrapped for three, read with the second's key");
    v.recipients[0] = 1;
    w->seal_key.recipients_size = 3 * RECIPIENT_ENTRY_BYTES;
    struct made made = SEALED_AT(w, 0, 0);
    fetch_begin(&v, 0, NULL);
    fetch_good(&v, &made, VERDICT_AUTHENTIC);
    vector_end(&v, root);

    v = vector_begin(w, folder, "entry_passed_over",
                     "two entries with the reader's id, of which the first does not unwrap");
    uint8_t entry[RECIPIENT_ENTRY_BYTES];
    memcpy(entry, w->entries + RECIPIENT_ENTRY_BYTES, sizeof entry);
    memcpy(w->entries + RECIPIENT_ENTRY_BYTES, w->entries, sizeof entry);
    w->entries[RECIPIENT_ID_BYTES + 50] ^= 1;
    w->seal_key.recipients_size = 2 * RECIPIENT_ENTRY_BYTES;
    made = SEALED_AT(w, 0, 0);
    fetch_begin(&v, 0, NULL);
    fetch_good(&v, &made, VERDICT_AUTHENTIC);
    vector_end(&v, root);
    w->entries[RECIPIENT_ID_BYTES + 50] ^= 1;
    memcpy(w->entries + RECIPIENT_ENTRY_BYTES, entry, sizeof entry);
    w->seal_key.recipients_size = RECIPIENT_ENTRY_BYTES;
}

static void predecessors(struct world *w, const char *root)
{
    struct vector v =
        vector_begin(w, folder, "predecessors", "a batch on another stream lists two that were acknowledged");
    struct predecessor listed[PREDECESSORS_MAX];
    fetch_begin(&v, 10, NULL);
    for (int i = 0; i < 2; i++) {
        struct made made = SEALED_AT(w, 10 + 3 * i, .count = 3, .producer_id = 9, .base_sequence = 3 * i);
        listed[i] = made.as_predecessor;
        fetch_good(&v, &made, VERDICT_AUTHENTIC);
    }
    struct made made = SEALED_AT(w, 16, .stream = 1, .predecessors = listed, .predecessor_count = 2);
    fetch_good(&v, &made, VERDICT_AUTHENTIC);
    vector_end(&v, root);

    v = vector_begin(w, folder, "predecessors_not_followed",
                     "a reader that did not pass them cannot tell, and does not claim");
    for (int i = 0; i < PREDECESSORS_MAX; i++) {
        listed[i] = (struct predecessor){ .base_offset = i };
    }
    made = SEALED_AT(w, 100, .predecessors = listed, .predecessor_count = PREDECESSORS_MAX);
    fetch_begin(&v, 100, NULL);
    fetch_good(&v, &made, VERDICT_AUTHENTIC);
    vector_end(&v, root);

    v = vector_begin(
        w, folder, "resolved_duplicate",
        "the broker kept the first of two seals of one producer batch and acknowledged both with its offset");
    struct want batch = { .count = 3, .producer_id = 9, .base_sequence = 30 };
    struct made first = sealed_at(w, 0, &batch);
    batch.stream = 1;
    struct made second = sealed_at(w, 0, &batch);
    made = SEALED_AT(w, 3, .stream = 1, .predecessors = &second.as_predecessor, .predecessor_count = 1);
    fetch_begin(&v, 0, NULL);
    fetch_good(&v, &first, VERDICT_AUTHENTIC);
    fetch_good(&v, &made, VERDICT_AUTHENTIC);
    vector_end(&v, root);
}

static void reading(struct world *w, const char *root)
{
    struct vector v =
        vector_begin(w, folder, "reading_again", "seeking back, also into the middle of a batch, is honest");
    static const int64_t offsets[] = { 0, 7, 0, 14, 5, 11, 10 };
    struct made made[4];
    for (int i = 0; i < 4; i++) {
        made[i] = SEALED_AT(w, 5 * i, .count = 5, .producer_id = 9, .base_sequence = 5 * i);
    }
    for (size_t k = 0; k < sizeof offsets / sizeof *offsets; k++) {
        fetch_begin(&v, offsets[k], NULL);
        for (int64_t i = offsets[k] / 5; i < 4; i++) {
            fetch_good(&v, &made[i], VERDICT_AUTHENTIC);
        }
    }
    vector_end(&v, root);

    v = vector_begin(w, folder, "ends_early", "a batch that is not whole at the end of a response is not looked at");
    struct made whole = SEALED_AT(w, 0, .count = 2), part = SEALED_AT(w, 2, .count = 2);
    static const size_t sizes[] = { 1, 16, 17, 60, 61, 300 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        fetch_begin(&v, 0, NULL);
        fetch_good(&v, &whole, VERDICT_AUTHENTIC);
        fetch_bytes(&v, part.outer, sizes[i]);
    }
    fetch_begin(&v, 2, "the next fetch");
    fetch_good(&v, &part, VERDICT_AUTHENTIC);
    vector_end(&v, root);

    v = vector_begin(w, folder, "share_group", "a share group sees subsets in any order");
    static const int order[] = { 5, 2, 3, 0, 7, 2 };
    struct made shared[8];
    for (int i = 0; i < 8; i++) {
        shared[i] = SEALED_AT(w, 3 * i, .count = 3);
    }
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        fetch_begin(&v, 0, NULL);
        fetch_share_group(&v);
        fetch_good(&v, &shared[order[i]], VERDICT_AUTHENTIC);
    }
    vector_end(&v, root);
}

static void trust_at_its_edges(struct world *w, const char *root)
{
    struct vector v =
        vector_begin(w, folder, "validity", "sealed at the first and the last millisecond of the writer's validity");
    v.writers[0].not_before_ms = w->now_ms;
    v.writers[0].not_after_ms = w->now_ms + 5000;
    for (int64_t i = 0; i < 2; i++) {
        struct made made = SEALED_AT(w, i, .seal_time_ms = w->now_ms + 5000 * i);
        fetch_begin(&v, i, NULL);
        fetch_good(&v, &made, VERDICT_AUTHENTIC);
    }
    vector_end(&v, root);

    v = vector_begin(w, folder, "revoked_later", "of a revoked writer, up to the last good offset");
    v.writers[0].revoked = true;
    v.writers[0].last_good = 9;
    struct made made = SEALED_AT(w, 5, .count = 5);
    fetch_begin(&v, 5, NULL);
    fetch_good(&v, &made, VERDICT_AUTHENTIC);
    vector_end(&v, root);
}

void cases_authentic(struct world *w, const char *root)
{
    as_sealed(w, root);
    recompressed(w, root);
    append_time(w, root);
    chains(w, root);
    recipients(w, root);
    predecessors(w, root);
    reading(w, root);
    trust_at_its_edges(w, root);
}
