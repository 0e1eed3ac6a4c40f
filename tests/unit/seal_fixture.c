/* SPDX-License-Identifier: Apache-2.0 */
#include "seal_fixture.h"

#include <assert.h>
#include <stdio.h>

#include "crypto/random.h"

static struct aead_key *find_key(void *context, const struct envelope *envelope)
{
    struct seal_fixture *f = context;
    unwrap_cache_set_time(f->unwrap_cache, f->now_ms);
    return unwrap_cache_find(f->unwrap_cache, envelope);
}

static void note(void *context, const struct open_finding *finding)
{
    struct seal_fixture *f = context;
    assert(f->finding_count < FIXTURE_FINDINGS_MAX);
    f->findings[f->finding_count++] = *finding;
}

static void make_keys(struct seal_fixture *f)
{
    const struct data_key_policy policy = { .age_ms_max = 3600000, .bytes_max = 1 << 30, .batches_max = 1 << 20 };
    uint8_t seed[SIGN_SEED_BYTES];
    random_fill(seed, sizeof seed);
    random_fill(f->recipient_secret, sizeof f->recipient_secret);
    box_public_from_secret(f->recipient_secret, f->recipient.public_key);
    f->data_keys = data_keys_new(&policy, &f->recipient, 1);
    struct recipient_key key = { .secret = f->recipient_secret };
    memcpy(key.public_key, f->recipient.public_key, sizeof key.public_key);
    f->unwrap_cache = unwrap_cache_new(&key, 1);
    signing_key_from_seed(&f->signing_key, seed);
    signing_key_public(&f->signing_key, f->sealer.writer);
    f->sealer.signing_key = &f->signing_key;
}

static void make_trust(struct seal_fixture *f)
{
    static char pattern[] = "orders*";
    f->topics[0] = pattern;
    f->writer = (struct trusted_writer){
        .name = "gateway-a",
        .topics = f->topics,
        .topic_count = 1,
        .not_before_ms = INT64_MIN,
        .not_after_ms = INT64_MAX,
    };
    memcpy(f->writer.key, f->sealer.writer, WRITER_KEY_BYTES);
    f->trust = (struct trust){ .cluster_id = "MkU3OEVBNTcwNTJENDM2Qk", .writers = &f->writer, .writer_count = 1 };
}

void seal_fixture_init(struct seal_fixture *f)
{
    *f = (struct seal_fixture){ .budget = { .limit_bytes = 1 << 30 }, .now_ms = 1764000000000 };
    crypto_start();
    make_keys(f);
    make_trust(f);
    compression_init(&f->compression);
    f->sealer.cluster_id = slice_of_text(f->trust.cluster_id);
    f->sealer.zstd = zstd_frame_new();
    f->opener = (struct opener){
        .trust = &f->trust,
        .codecs = { .zstd = f->sealer.zstd, .compression = &f->compression, .budget = &f->budget },
        .keys = { find_key, f },
        .report = note,
        .report_context = f,
    };
    random_fill(f->place.topic.bytes, TOPIC_ID_BYTES);
    f->place.partition = 3;
    f->topic_name = slice_of_text("orders");
}

void seal_fixture_free(struct seal_fixture *f)
{
    data_keys_free(f->data_keys);
    unwrap_cache_free(f->unwrap_cache);
    zstd_frame_free(f->sealer.zstd);
    compression_free(&f->compression);
    opener_free(&f->opener);
    assert(f->budget.used_bytes == 0);
}

void fixture_fix_crc(uint8_t *batch, size_t size)
{
    struct slice covered = slice_of(batch + BATCH_CRC_START, size - BATCH_CRC_START);
    batch_patch_crc(batch, crc32c(covered));
}

static void write_record(struct writer *w, int32_t index)
{
    char value[32];
    int size = snprintf(value, sizeof value, "record number %d", (int)index);
    int32_t body = 1 + (int32_t)varlong_size(index) + (int32_t)varint_size(index) + 1 + 1 + size + 1;
    write_varint(w, body);
    write_u8(w, 0);
    write_varlong(w, index);
    write_varint(w, index);
    write_varint(w, -1);
    write_varint(w, size);
    write_bytes(w, slice_of(value, (size_t)size));
    write_varint(w, 0);
}

struct block *fixture_batch(struct seal_fixture *f, int32_t count, int64_t producer_id, int32_t base_sequence,
                            size_t *ret_size)
{
    struct block *block = block_new(&f->budget, BATCH_HEADER_BYTES + (size_t)count * 48);
    struct writer w = writer_over(block->data, block->capacity);
    write_room(&w, BATCH_HEADER_BYTES);
    for (int32_t i = 0; i < count; i++) {
        write_record(&w, i);
    }
    assert(!w.error);
    struct batch_header h = {
        .leader_epoch = -1,
        .last_offset_delta = count - 1,
        .base_timestamp = f->now_ms,
        .max_timestamp = f->now_ms + count - 1,
        .producer_id = producer_id,
        .producer_epoch = producer_id < 0 ? -1 : 0,
        .base_sequence = producer_id < 0 ? -1 : base_sequence,
        .record_count = count,
    };
    *ret_size = writer_used(&w);
    batch_write_header(&h, *ret_size - BATCH_HEADER_BYTES, block->data);
    fixture_fix_crc(block->data, *ret_size);
    return block;
}

static struct block *flatten(struct seal_fixture *f, const struct gather *g, size_t *ret_size)
{
    struct block *block = block_new(&f->budget, g->size);
    gather_flatten(g, block->data);
    *ret_size = g->size;
    return block;
}

struct block *fixture_seal(struct seal_fixture *f, struct seal_stream *stream, struct slice plain, int64_t base_offset,
                           const struct predecessor *predecessors, size_t predecessor_count, bool zstd_allowed,
                           struct seal_result *ret_result, size_t *ret_size)
{
    struct block *frame = block_new(&f->budget, plain.size);
    memcpy(frame->data, plain.data, plain.size);
    struct batch batch;
    signet_error error = seal_check(slice_of(frame->data, plain.size), &batch);
    assert(!error);
    struct seal_request request = {
        .place = f->place,
        .topic_name = f->topic_name,
        .predecessors = predecessors,
        .predecessor_count = predecessor_count,
        .now_ms = f->now_ms,
        .zstd_allowed = zstd_allowed,
        .stream = stream,
    };
    error = data_keys_current(f->data_keys, &f->place.topic, plain.size, f->now_ms, &request.key);
    assert(!error);
    struct gather out;
    gather_init(&out, &f->budget);
    error = seal_batch(&f->sealer, &request, frame, &batch, &out, ret_result);
    assert(!error);
    struct block *sealed = flatten(f, &out, ret_size);
    store_u64(sealed->data, (uint64_t)base_offset);
    gather_free(&out);
    block_release(frame);
    return sealed;
}

struct block *fixture_open(struct seal_fixture *f, struct judge_partition *partition, struct slice records,
                           int64_t fetch_offset, struct open_result *ret_result, size_t *ret_size)
{
    struct block *frame = block_new(&f->budget, records.size);
    memcpy(frame->data, records.data, records.size);
    struct open_request request = {
        .place = f->place,
        .topic_name = f->topic_name,
        .append_skew_ms = 600000,
        .fetch_offset = fetch_offset,
    };
    struct gather out;
    gather_init(&out, &f->budget);
    f->finding_count = 0;
    signet_error error =
        open_records(&f->opener, &request, partition, frame, slice_of(frame->data, records.size), &out, ret_result);
    assert(!error);
    struct block *opened = flatten(f, &out, ret_size);
    gather_free(&out);
    block_release(frame);
    return opened;
}
