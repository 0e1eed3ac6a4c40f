/* SPDX-License-Identifier: Apache-2.0 */
#include "seal/outer.h"

#include <stdlib.h>

#include "kafka/record.h"
#include "seal/stub.h"

_Static_assert((int)STUB_BYTES_MAX == (int)SEALED_STUB_BYTES_MAX, "a stub is what the specification says");

void outer_content_free(struct outer_content *content)
{
    block_release(content->owner);
    content->owner = NULL;
}

static uint8_t *writable(struct block *owner, const uint8_t *at)
{
    return owner->data + (at - owner->data);
}

/* Bytes of a record 0 that holds the value and nothing else: attributes, offset delta, null key and no headers take one each. */
static size_t bare_size(int64_t timestamp_delta, size_t value_size)
{
    size_t body = 1 + varlong_size(timestamp_delta) + 1 + 1 + varint_size((int32_t)value_size) + value_size + 1;
    return varint_size((int32_t)body) + body;
}

/* Record 0; its value may be anything. */
static signet_error read_record(struct slice records, struct block *owner, struct outer_content *content)
{
    struct record_reader reader;
    struct record record;
    record_begin(&reader, records, 1);
    if (!record_next(&reader, &record)) {
        return SIGNET_ERROR_MALFORMED;
    }
    content->bare = record.attributes == 0 && record.offset_delta == 0 && record.key_null && record.header_count == 0 &&
                    record.bytes.size == bare_size(record.timestamp_delta, record.value.size);
    content->timestamp_delta = record.timestamp_delta;
    content->value = record.value.size ? writable(owner, record.value.data) : NULL;
    content->value_size = record.value.size;
    content->stubs = slice_of(reader.r.at, reader_left(&reader.r));
    return SIGNET_OK;
}

/* Our own frames: the envelope is opened where it lies, if one raw block holds all of record 0. */
static bool read_split(struct block *owner, const struct batch *batch, struct outer_content *content)
{
    struct zstd_split split;
    if (!zstd_frame_split(batch->records, &split)) {
        return false;
    }
    struct slice raw = slice_of(batch->records.data + split.raw_at, split.raw_size);
    if (read_record(raw, owner, content) || content->stubs.size != 0) {
        return false;
    }
    content->stubs_tail = split.tail;
    return true;
}

/* Under LogAppendTime the header does not tell the records' timestamp delta, so each stub counts with the longest. */
static size_t content_bound(const struct batch *batch)
{
    size_t stubs = (size_t)batch->header.record_count - 1;
    return batch->records.size + stubs * SEALED_STUB_BYTES_MAX + SEALED_SLACK_BYTES;
}

/* The block begins with room for a batch header, since the envelope may begin near its start. */
static signet_error read_compressed(const struct outer_codecs *codecs, const struct batch *batch,
                                    struct outer_content *content)
{
    enum batch_codec codec = (enum batch_codec)(batch->header.attributes & BATCH_CODEC_MASK);
    size_t bound = content_bound(batch), size = 0;
    struct block *block = block_new(codecs->budget, BATCH_HEADER_BYTES + bound);
    if (!block) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    uint8_t *room = block->data + BATCH_HEADER_BYTES;
    signet_error error = records_decompress(codecs->compression, codec, batch->records, room, bound, &size);
    error = error ? error : read_record(slice_of(room, size), block, content);
    if (error) {
        block_release(block);
        return error == SIGNET_ERROR_LIMIT ? SIGNET_ERROR_LIMIT : SIGNET_ERROR_MALFORMED;
    }
    content->owner = block;
    return SIGNET_OK;
}

signet_error outer_read(const struct outer_codecs *codecs, struct block *owner, const struct batch *batch,
                        struct outer_content *ret_content)
{
    struct outer_content content = { 0 };
    int codec = batch->header.attributes & BATCH_CODEC_MASK;
    signet_error error = SIGNET_OK;
    if (codec >= BATCH_CODEC_COUNT || batch->header.record_count <= 0 ||
        batch->header.record_count > BATCH_RECORDS_MAX) {
        return SIGNET_ERROR_MALFORMED;
    }
    if (codec == BATCH_CODEC_NONE) {
        error = read_record(batch->records, owner, &content);
        content.owner = error ? NULL : block_retain(owner);
    } else if (codec == BATCH_CODEC_ZSTD && read_split(owner, batch, &content)) {
        content.owner = block_retain(owner);
    } else {
        content = (struct outer_content){ 0 };
        error = read_compressed(codecs, batch, &content);
    }
    if (!error) {
        *ret_content = content;
    }
    return error;
}

bool outer_value_in_place(const struct batch *batch, struct slice *ret_value)
{
    struct slice records = batch->records;
    struct zstd_split split;
    int codec = batch->header.attributes & BATCH_CODEC_MASK;
    if (codec == BATCH_CODEC_ZSTD && zstd_frame_split(records, &split)) {
        records = slice_of(records.data + split.raw_at, split.raw_size);
    } else if (codec != BATCH_CODEC_NONE) {
        return false;
    }
    struct record_reader reader;
    struct record record;
    record_begin(&reader, records, 1);
    if (!record_next(&reader, &record)) {
        return false;
    }
    *ret_value = record.value;
    return true;
}

static bool same_producer_fields(const struct batch_header *outer, const struct batch_header *inner)
{
    return outer->last_offset_delta == inner->last_offset_delta && outer->producer_id == inner->producer_id &&
           outer->producer_epoch == inner->producer_epoch && outer->base_sequence == inner->base_sequence &&
           outer->record_count == inner->record_count;
}

static bool lawful_attributes(int16_t outer, int16_t inner, enum timestamp_type type)
{
    int type_bit = type == TIMESTAMP_LOG_APPEND_TIME ? BATCH_LOG_APPEND_TIME : 0;
    return (outer & ~BATCH_CODEC_MASK) == ((inner & BATCH_TRANSACTIONAL) | type_bit);
}

static bool lawful_max_timestamp(int64_t outer, const struct envelope_header *header, enum timestamp_type type,
                                 int64_t skew_ms)
{
    if (type == TIMESTAMP_CREATE_TIME) {
        return outer == header->inner.max_timestamp;
    }
    int64_t low, high;
    return !__builtin_sub_overflow(header->seal_time_ms, skew_ms, &low) &&
           !__builtin_add_overflow(header->seal_time_ms, skew_ms, &high) && outer >= low && outer <= high;
}

static bool compressed_stubs_match(const struct outer_codecs *codecs, int32_t record_count, int64_t delta,
                                   struct slice tail)
{
    size_t size = stubs_size(record_count, delta);
    uint8_t *memory = malloc(size ? size : 1);
    bool match = memory && zstd_frame_decompress_tail(codecs->zstd, tail, memory, size) == SIGNET_OK &&
                 stubs_match(record_count, delta, slice_of(memory, size));
    free(memory);
    return match;
}

/* What the header says about the whole batch. */
static const char *header_fault(const struct batch_header *outer, const struct envelope_header *header,
                                enum timestamp_type type, int64_t append_skew_ms)
{
    const struct batch_header *inner = &header->inner;
    bool base_lawful = outer->base_timestamp == inner->base_timestamp || outer->base_timestamp == inner->max_timestamp;
    return !base_lawful                                                                ? "base-timestamp"
           : !same_producer_fields(outer, inner)                                       ? "count or producer"
           : !lawful_attributes(outer->attributes, inner->attributes, type)            ? "attributes"
           : !lawful_max_timestamp(outer->max_timestamp, header, type, append_skew_ms) ? "max-timestamp"
                                                                                       : NULL;
}

const char *outer_fault(const struct outer_codecs *codecs, const struct batch *batch,
                        const struct outer_content *content, const struct envelope_header *header,
                        enum timestamp_type type, int64_t append_skew_ms)
{
    const struct batch_header *outer = &batch->header;
    int64_t delta = (int64_t)((uint64_t)header->inner.max_timestamp - (uint64_t)outer->base_timestamp);
    const char *fault = header_fault(outer, header, type, append_skew_ms);
    if (fault) {
        return fault;
    }
    if (!content->bare || content->timestamp_delta != delta) {
        return "record 0";
    }
    bool match = content->stubs_tail.size
                     ? compressed_stubs_match(codecs, outer->record_count, delta, content->stubs_tail)
                     : stubs_match(outer->record_count, delta, content->stubs);
    return match ? NULL : "records behind the first";
}
