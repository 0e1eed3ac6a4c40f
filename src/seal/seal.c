/* SPDX-License-Identifier: Apache-2.0 */
#include "seal/seal.h"

#include <assert.h>
#include <stdlib.h>

#include "crypto/random.h"
#include "seal/stub.h"

enum {
    /* length, attributes, timestamp delta, offset delta, null key, value length */
    RECORD_FRONT_BYTES_MAX = 5 + 1 + 10 + 1 + 1 + 5,
    /* Stubs above this share of the batch are worth a compressed frame (section 4). */
    STUB_SHARE_DIVISOR = 100,
    /* Fewer stubs than this save less than the frame costs. */
    COMPRESSED_STUBS_BYTES_MIN = 64,
};

/* The outer batch in the making. */
struct outer {
    struct gather *out;
    struct block *owner;
    const struct batch *batch;
    int64_t timestamp_delta;
    size_t stubs_size;
    bool zstd;
    size_t raw_left;   /* zstd: bytes of record 0 still to come */
    size_t block_left; /* zstd: of the raw block begun */
    struct gather_mark start;
    uint8_t *header; /* BATCH_HEADER_BYTES in scratch, its CRC still to come */
};

void seal_stream_init(struct seal_stream *stream)
{
    *stream = (struct seal_stream){ 0 };
    random_fill(stream->id, sizeof stream->id);
}

static signet_error check_header(const struct batch_header *h)
{
    bool bits_lawful = (h->attributes & ~(BATCH_CODEC_MASK | BATCH_TRANSACTIONAL)) == 0;
    bool codec_known = (h->attributes & BATCH_CODEC_MASK) < BATCH_CODEC_COUNT;
    bool counts_agree = h->record_count > 0 && h->last_offset_delta == h->record_count - 1;
    if (!bits_lawful || !codec_known || !counts_agree || h->base_offset != 0) {
        return SIGNET_ERROR_MALFORMED;
    }
    return h->record_count > BATCH_RECORDS_MAX ? SIGNET_ERROR_LIMIT : SIGNET_OK;
}

signet_error seal_check(struct slice records, struct batch *ret_batch)
{
    struct batch batch;
    signet_error error = batch_read(records, &batch);
    if (error) {
        return error;
    }
    if (batch.bytes.size != records.size || batch.records.size == 0) {
        return SIGNET_ERROR_MALFORMED;
    }
    if (!batch_crc_matches(&batch)) {
        return SIGNET_ERROR_CHECKSUM;
    }
    error = check_header(&batch.header);
    if (!error) {
        *ret_batch = batch;
    }
    return error;
}

static struct envelope_header describe(const struct sealer *sealer, const struct seal_request *request,
                                       const struct batch *batch, struct slice predecessors)
{
    struct envelope_header h = {
        .place = request->place,
        .sequence = request->stream->next_sequence,
        .seal_time_ms = request->now_ms,
        .inner = batch->header,
        .cluster_id = sealer->cluster_id,
        .topic_name = request->topic_name,
        .principal = request->principal,
        .predecessors = predecessors,
        .recipients = slice_of(request->key->recipients, request->key->recipients_size),
    };
    memcpy(h.writer, sealer->writer, sizeof h.writer);
    memcpy(h.stream, request->stream->id, sizeof h.stream);
    memcpy(h.previous, request->stream->link, sizeof h.previous);
    memcpy(h.commitment, request->key->commitment, sizeof h.commitment);
    random_fill(h.nonce, sizeof h.nonce);
    return h;
}

static signet_error write_envelope_header(const struct sealer *sealer, const struct seal_request *request,
                                          const struct batch *batch, struct writer *w)
{
    uint8_t predecessors[PREDECESSORS_MAX * PREDECESSOR_BYTES];
    assert(request->predecessor_count <= PREDECESSORS_MAX);
    for (size_t i = 0; i < request->predecessor_count; i++) {
        predecessor_write(&request->predecessors[i], predecessors + i * PREDECESSOR_BYTES);
    }
    struct slice listed = slice_of(predecessors, request->predecessor_count * PREDECESSOR_BYTES);
    struct envelope_header header = describe(sealer, request, batch, listed);
    return envelope_write_header(&header, w);
}

static size_t write_record_front(struct outer *outer, size_t envelope_size, uint8_t ret[RECORD_FRONT_BYTES_MAX])
{
    size_t body =
        1 + varlong_size(outer->timestamp_delta) + 1 + 1 + varint_size((int32_t)envelope_size) + envelope_size + 1;
    struct writer w = writer_over(ret, RECORD_FRONT_BYTES_MAX);
    write_varint(&w, (int32_t)body);
    write_u8(&w, 0);
    write_varlong(&w, outer->timestamp_delta);
    write_varint(&w, 0);
    write_varint(&w, -1);
    write_varint(&w, (int32_t)envelope_size);
    return writer_used(&w);
}

/* Starts the next raw block where the one before it is full. */
static size_t raw_room(struct outer *outer, size_t wanted)
{
    if (!outer->zstd) {
        return wanted;
    }
    if (outer->block_left == 0) {
        outer->block_left = outer->raw_left < ZSTD_BLOCK_BYTES_MAX ? outer->raw_left : ZSTD_BLOCK_BYTES_MAX;
        uint8_t *header = gather_room(outer->out, ZSTD_BLOCK_HEADER_BYTES);
        if (header) {
            zstd_frame_write_raw_header(outer->block_left, header);
        }
    }
    size_t room = wanted < outer->block_left ? wanted : outer->block_left;
    outer->block_left -= room;
    outer->raw_left -= room;
    return room;
}

static void append_copy(struct outer *outer, struct slice bytes)
{
    while (bytes.size > 0 && !outer->out->error) {
        size_t room = raw_room(outer, bytes.size);
        gather_copy(outer->out, slice_of(bytes.data, room));
        bytes = slice_of(bytes.data + room, bytes.size - room);
    }
}

static void append_in_place(struct outer *outer, uint8_t *data, size_t size)
{
    while (size > 0 && !outer->out->error) {
        size_t room = raw_room(outer, size);
        gather_add(outer->out, outer->owner, data, room);
        data += room;
        size -= room;
    }
}

static signet_error append_plain_stubs(struct outer *outer)
{
    if (outer->stubs_size == 0) {
        return SIGNET_OK;
    }
    uint8_t *room = gather_room(outer->out, outer->stubs_size);
    if (!room) {
        return outer->out->error;
    }
    stubs_write(outer->batch->header.record_count, outer->timestamp_delta, room);
    return SIGNET_OK;
}

static signet_error append_compressed_stubs(struct outer *outer, struct zstd_frame *zstd)
{
    size_t bound = zstd_frame_tail_bound(outer->stubs_size), size = 0;
    uint8_t *memory = malloc(outer->stubs_size + bound);
    if (!memory) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    stubs_write(outer->batch->header.record_count, outer->timestamp_delta, memory);
    uint8_t *blocks = memory + outer->stubs_size;
    signet_error error = zstd_frame_compress_tail(zstd, slice_of(memory, outer->stubs_size), blocks, &size);
    if (!error) {
        gather_copy(outer->out, slice_of(blocks, size));
        error = outer->out->error;
    }
    free(memory);
    return error;
}

static struct outer outer_begin(const struct seal_request *request, struct block *owner, const struct batch *batch,
                                struct gather *out)
{
    const struct batch_header *h = &batch->header;
    struct outer outer = {
        .out = out,
        .owner = owner,
        .batch = batch,
        .timestamp_delta = (int64_t)((uint64_t)h->max_timestamp - (uint64_t)h->base_timestamp),
        .start = gather_mark(out),
    };
    outer.stubs_size = stubs_size(h->record_count, outer.timestamp_delta);
    outer.zstd = request->zstd_allowed && outer.stubs_size > COMPRESSED_STUBS_BYTES_MIN &&
                 outer.stubs_size > batch->bytes.size / STUB_SHARE_DIVISOR;
    return outer;
}

static void append_front(struct outer *outer, struct slice envelope_header, size_t ciphertext_size)
{
    uint8_t front[RECORD_FRONT_BYTES_MAX];
    size_t envelope_size = envelope_header.size + ciphertext_size + ENVELOPE_TRAILER_BYTES;
    size_t front_size = write_record_front(outer, envelope_size, front);
    outer->header = gather_room(outer->out, BATCH_HEADER_BYTES);
    outer->raw_left = front_size + envelope_size + 1;
    if (outer->zstd) {
        uint8_t *frame = gather_room(outer->out, ZSTD_FRAME_HEADER_BYTES);
        if (frame) {
            zstd_frame_write_header(frame);
        }
    }
    append_copy(outer, slice_of(front, front_size));
    append_copy(outer, envelope_header);
}

/* The header is written last, when the size is known; the CRC runs over all that was appended. */
static void outer_finish(struct outer *outer)
{
    struct batch_header h = outer->batch->header;
    size_t size = outer->out->size - outer->start.size;
    h.base_offset = 0;
    h.leader_epoch = -1;
    h.attributes = (int16_t)((h.attributes & BATCH_TRANSACTIONAL) | (outer->zstd ? BATCH_CODEC_ZSTD : 0));
    batch_write_header(&h, size - BATCH_HEADER_BYTES, outer->header);
    uint32_t crc = crc32c_start();
    size_t skip = outer->start.size + BATCH_CRC_START, at = 0;
    for (size_t i = outer->out->first; i < outer->out->count; i++) {
        const struct piece *piece = &outer->out->pieces[i];
        if (at + piece->size > skip) {
            size_t from = skip > at ? skip - at : 0;
            crc = crc32c_add(crc, slice_of(piece->data + from, piece->size - from));
        }
        at += piece->size;
    }
    batch_patch_crc(outer->header, crc32c_finish(crc));
}

struct sealed_parts {
    struct slice header;
    uint8_t *text;
    size_t text_size;
    uint8_t trailer[ENVELOPE_TRAILER_BYTES + 1]; /* tag, signature, and the record's empty list of headers */
    uint8_t seal_id[SEAL_ID_BYTES];
};

static signet_error encrypt_and_sign(const struct sealer *sealer, const struct seal_key *key,
                                     struct sealed_parts *parts)
{
    const uint8_t *nonce = parts->header.data + 124; /* section 5.1 */
    uint8_t *tag = parts->trailer, *signature = parts->trailer + AEAD_TAG_BYTES;
    signet_error error = aead_seal(key->aead, nonce, parts->header, parts->text, parts->text_size, tag);
    if (error) {
        return error;
    }
    envelope_seal_id(parts->header, slice_of(parts->text, parts->text_size), tag, parts->seal_id);
    envelope_sign(sealer->signing_key, parts->seal_id, signature);
    return SIGNET_OK;
}

static void stream_advance(struct seal_stream *stream, const struct sealed_parts *parts)
{
    envelope_link(parts->seal_id, parts->trailer + AEAD_TAG_BYTES, stream->link);
    stream->next_sequence++;
}

signet_error seal_batch(const struct sealer *sealer, const struct seal_request *request, struct block *owner,
                        const struct batch *batch, struct gather *ret_out, struct seal_result *ret_result)
{
    uint8_t header[ENVELOPE_HEADER_BYTES_MAX];
    struct writer w = writer_over(header, sizeof header);
    signet_error error = write_envelope_header(sealer, request, batch, &w);
    if (error) {
        return error;
    }
    struct sealed_parts parts = {
        .header = writer_slice(&w),
        .text = owner->data + (batch->records.data - owner->data),
        .text_size = batch->records.size,
    };
    error = encrypt_and_sign(sealer, request->key, &parts);
    if (error) {
        return error;
    }
    struct outer outer = outer_begin(request, owner, batch, ret_out);
    append_front(&outer, parts.header, parts.text_size);
    append_in_place(&outer, parts.text, parts.text_size);
    append_copy(&outer, slice_of(parts.trailer, sizeof parts.trailer));
    error = outer.zstd ? append_compressed_stubs(&outer, sealer->zstd) : append_plain_stubs(&outer);
    error = error ? error : ret_out->error;
    if (error) {
        gather_rewind(ret_out, outer.start);
        return error;
    }
    outer_finish(&outer);
    stream_advance(request->stream, &parts);
    memcpy(ret_result->seal_id, parts.seal_id, SEAL_ID_BYTES);
    producer_hash(&batch->header, ret_result->producer);
    ret_result->inner = batch->header;
    return SIGNET_OK;
}
