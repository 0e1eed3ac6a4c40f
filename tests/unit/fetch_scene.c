/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fetch_scene.h"

void fetch_scene_begin(struct fetch_scene *s)
{
    world_init(&s->world);
    party_init(&s->party, &s->world);
    seal_stream_init(&s->stream);
}

void fetch_scene_end(struct fetch_scene *s)
{
    party_free(&s->party);
    world_free(&s->world);
}

struct fake_partition *fetch_scene_partition(struct fetch_scene *s, const char *topic, int32_t partition)
{
    return &fake_broker_topic(&s->world.broker, topic)->partitions[partition];
}

/* A sealed batch of two records at the end of orders/0. */
void fetch_scene_store_sealed(struct fetch_scene *s)
{
    struct byte_string plain = world_batch(&s->world, FETCH_SCENE_RECORDS, -1, 0);
    world_store_sealed(&s->world, "orders", 0, &s->stream, byte_string_slice(&plain), NULL, 0);
    byte_string_free(&plain);
}

/* One byte of the latest batch changed by somebody who can compute a CRC. */
static void tamper(struct fetch_scene *s, size_t from_end)
{
    struct fake_partition *partition = fetch_scene_partition(s, "orders", 0);
    size_t size = fake_partition_from(partition, partition->next_offset - 1).size;
    uint8_t *start = partition->log.data + partition->log.size - size;
    start[size - from_end] ^= 1;
    fixture_fix_crc(start, size);
}

void fetch_scene_store_tampered(struct fetch_scene *s)
{
    fetch_scene_store_sealed(s);
    tamper(s, 90);
}

void fetch_scene_store_transactional(struct fetch_scene *s, int64_t producer_id)
{
    struct byte_string plain = world_batch(&s->world, FETCH_SCENE_RECORDS, producer_id, 0);
    store_u16(plain.data + BATCH_CRC_START, BATCH_TRANSACTIONAL);
    fixture_fix_crc(plain.data, plain.size);
    world_store_sealed(&s->world, "orders", 0, &s->stream, byte_string_slice(&plain), NULL, 0);
    byte_string_free(&plain);
}

/* As a transaction coordinator writes it. */
void fetch_scene_store_marker(struct fetch_scene *s, int64_t producer_id, bool commit)
{
    uint8_t record[] = { 32, 0, 0, 0, 8, 0, 0, 0, commit, 12, 0, 0, 0, 0, 0, 0, 0 };
    uint8_t marker[BATCH_HEADER_BYTES + sizeof record];
    const struct batch_header header = {
        .attributes = BATCH_TRANSACTIONAL | BATCH_CONTROL,
        .producer_id = producer_id,
        .base_sequence = -1,
        .record_count = 1,
    };
    batch_write_header(&header, sizeof record, marker);
    memcpy(marker + BATCH_HEADER_BYTES, record, sizeof record);
    fixture_fix_crc(marker, sizeof marker);
    fake_partition_append(fetch_scene_partition(s, "orders", 0), slice_of(marker, sizeof marker));
}

struct fetch_outcome fetch_scene_outcome(struct fetch_scene *s, size_t index)
{
    json_t *answer = party_answer(&s->party, index);
    json_t *partition = fetched_partition(&s->world, answer, "orders", 0);
    struct fetch_outcome outcome = { json_number_at(partition, "ErrorCode"), json_bytes_at(partition, "Records") };
    json_decref(answer);
    return outcome;
}

static size_t batches_in(struct slice records)
{
    size_t count = 0;
    for (struct batch batch; batch_read(records, &batch) == SIGNET_OK; count++) {
        records = slice_of(records.data + batch.bytes.size, records.size - batch.bytes.size);
    }
    return count;
}

void check_outcome(const char *label, struct fetch_outcome outcome, int64_t code, size_t batches)
{
    size_t got = batches_in(byte_string_slice(&outcome.records));
    if (outcome.code != code || got != batches) {
        fail_msg("%s: error %ld and %zu batches", label, (long)outcome.code, got);
    }
    byte_string_free(&outcome.records);
}
