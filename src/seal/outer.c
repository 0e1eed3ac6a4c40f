/* SPDX-License-Identifier: Apache-2.0 */
#include "seal/outer.h"

#include <stdlib.h>

#include "seal/stub.h"

enum {
    /* What compression can save on the parts of an envelope that are not noise (section 4). */
    ENVELOPE_SLACK_BYTES = 8192,
};

void outer_content_free(struct outer_content *content)
{
    block_release(content->owner);
    content->owner = NULL;
}

static uint8_t *writable(struct block *owner, const uint8_t *at)
{
    return owner->data + (at - owner->data);
}

/* The front of record 0, up to its value; the value may be anything. */
static signet_error read_record(struct slice records, struct block *owner, struct outer_content *content)
{
    struct reader r = reader_over(records);
    int32_t length = read_varint(&r);
    if (r.error || length < 0 || (size_t)length > reader_left(&r)) {
        return SIGNET_ERROR_MALFORMED;
    }
    const uint8_t *end = r.at + length;
    r.end = end;
    int8_t attributes = read_i8(&r);
    content->timestamp_delta = read_varlong(&r);
    int32_t offset_delta = read_varint(&r), key_size = read_varint(&r);
    read_bytes(&r, key_size > 0 ? (size_t)key_size : 0);
    int32_t value_size = read_varint(&r);
    struct slice value = read_bytes(&r, value_size > 0 ? (size_t)value_size : 0);
    int32_t headers = read_varint(&r);
    if (r.error || headers < 0) {
        return SIGNET_ERROR_MALFORMED;
    }
    content->bare = attributes == 0 && offset_delta == 0 && key_size == -1 && headers == 0 && r.at == end;
    content->value = value.size ? writable(owner, value.data) : NULL;
    content->value_size = value.size;
    content->stubs = slice_of(end, (size_t)(records.data + records.size - end));
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

static size_t content_bound(const struct batch *batch)
{
    int64_t delta = (int64_t)((uint64_t)batch->header.max_timestamp - (uint64_t)batch->header.base_timestamp);
    return batch->records.size + stubs_size(batch->header.record_count, delta) + ENVELOPE_SLACK_BYTES;
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

bool outer_is_lawful(const struct outer_codecs *codecs, const struct batch *batch, const struct outer_content *content,
                     const struct envelope_header *header, enum timestamp_type type, int64_t append_skew_ms)
{
    const struct batch_header *outer = &batch->header, *inner = &header->inner;
    int64_t delta = (int64_t)((uint64_t)inner->max_timestamp - (uint64_t)outer->base_timestamp);
    bool base_lawful = outer->base_timestamp == inner->base_timestamp || outer->base_timestamp == inner->max_timestamp;
    if (!content->bare || content->timestamp_delta != delta || !base_lawful || !same_producer_fields(outer, inner) ||
        !lawful_attributes(outer->attributes, inner->attributes, type) ||
        !lawful_max_timestamp(outer->max_timestamp, header, type, append_skew_ms)) {
        return false;
    }
    return content->stubs_tail.size ? compressed_stubs_match(codecs, outer->record_count, delta, content->stubs_tail)
                                    : stubs_match(outer->record_count, delta, content->stubs);
}
