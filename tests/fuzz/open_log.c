/* SPDX-License-Identifier: Apache-2.0 */
#include "open_log.h"

static const struct want wants[OPEN_LOG_BATCHES] = {
    { .count = 1 },
    { .count = 3, .producer_id = 7 },
    { .count = 100, .codec = BATCH_CODEC_LZ4, .producer_id = 7, .base_sequence = 3, .zstd_outer = true },
    { .count = 2, .stream = 1, .writer = 1, .principal = "User:alice" },
    { .count = 2, .producer_id = 8, .transactional = true },
    { .count = 0 }, /* a marker */
    { .count = 1, .stream = 1, .writer = 1, .codec = BATCH_CODEC_ZSTD },
    { .count = 2, .producer_id = 8, .base_sequence = 2, .transactional = true },
    { .count = 0 },
    { .count = 40, .stream = 2, .zstd_outer = true },
    { .count = 1, .stream = 2, .timestamp_span = -1000 },
    { .count = 1, .base_timestamp = -1 },
};

static void add_forms(struct open_log *log)
{
    for (enum batch_codec codec = BATCH_CODEC_NONE; codec < BATCH_CODEC_COUNT; codec++) {
        struct made *form = &log->forms[log->form_count++];
        *form = made_copy(&log->world, &log->made[1]);
        made_recompress(&log->world, form, codec, FRAMING_USUAL);
        made_place(form, 0);
    }
    struct made *xerial = &log->forms[log->form_count++];
    *xerial = made_copy(&log->world, &log->made[1]);
    made_recompress(&log->world, xerial, BATCH_CODEC_SNAPPY, FRAMING_XERIAL);
    made_place(xerial, 0);
}

void open_log_init(struct open_log *log)
{
    *log = (struct open_log){ .form_count = 0 };
    world_seed("fuzz", "open");
    world_init(&log->world);
    int64_t offset = 0;
    struct predecessor listed[PREDECESSORS_MAX];
    size_t listed_count = 0;
    for (size_t i = 0; i < OPEN_LOG_BATCHES; i++) {
        struct want want = wants[i];
        if (want.count == 0) {
            log->made[i] = world_marker(&log->world, 8, i < 7);
        } else {
            want.predecessors = listed;
            want.predecessor_count = i % 2 ? listed_count : 0;
            log->made[i] = world_seal(&log->world, &want);
        }
        made_place(&log->made[i], offset);
        offset = log->made[i].last + 1;
        if (want.count) {
            listed[listed_count++] = log->made[i].as_predecessor;
        }
    }
    add_forms(log);
}
