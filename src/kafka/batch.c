/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/batch.h"

#include <isa-l/crc.h>

int batch_magic(struct slice input)
{
    return input.size > BATCH_MAGIC_AT ? (int8_t)input.data[BATCH_MAGIC_AT] : -1;
}

void batch_read_fields(struct reader *r, struct batch_header *header)
{
    header->attributes = read_i16(r);
    header->last_offset_delta = read_i32(r);
    header->base_timestamp = read_i64(r);
    header->max_timestamp = read_i64(r);
    header->producer_id = read_i64(r);
    header->producer_epoch = read_i16(r);
    header->base_sequence = read_i32(r);
    header->record_count = read_i32(r);
}

signet_error batch_read(struct slice input, struct batch *ret_batch)
{
    struct batch batch = { 0 };
    struct reader r = reader_over(input);
    batch.header.base_offset = read_i64(&r);
    int32_t length = read_i32(&r);
    batch.header.leader_epoch = read_i32(&r);
    int8_t magic = read_i8(&r);
    if (r.error) {
        return r.error;
    }
    if (magic != 2) {
        return SIGNET_ERROR_UNSUPPORTED;
    }
    if (length < BATCH_HEADER_BYTES - BATCH_LENGTH_END) {
        return SIGNET_ERROR_MALFORMED;
    }
    size_t size = (size_t)length + BATCH_LENGTH_END;
    if (size > input.size) {
        return SIGNET_ERROR_TRUNCATED;
    }
    batch.header.crc = read_u32(&r);
    batch_read_fields(&r, &batch.header);
    batch.bytes = slice_of(input.data, size);
    batch.records = slice_of(input.data + BATCH_HEADER_BYTES, size - BATCH_HEADER_BYTES);
    *ret_batch = batch;
    return SIGNET_OK;
}

bool batch_crc_matches(const struct batch *batch)
{
    struct slice covered = slice_of(batch->bytes.data + BATCH_CRC_START, batch->bytes.size - BATCH_CRC_START);
    return crc32c(covered) == batch->header.crc;
}

void batch_write_fields(struct writer *w, const struct batch_header *header)
{
    write_i16(w, header->attributes);
    write_i32(w, header->last_offset_delta);
    write_i64(w, header->base_timestamp);
    write_i64(w, header->max_timestamp);
    write_i64(w, header->producer_id);
    write_i16(w, header->producer_epoch);
    write_i32(w, header->base_sequence);
    write_i32(w, header->record_count);
}

void batch_write_header(const struct batch_header *header, size_t records_size, uint8_t ret_bytes[BATCH_HEADER_BYTES])
{
    struct writer w = writer_over(ret_bytes, BATCH_HEADER_BYTES);
    write_i64(&w, header->base_offset);
    write_i32(&w, (int32_t)(records_size + BATCH_HEADER_BYTES - BATCH_LENGTH_END));
    write_i32(&w, header->leader_epoch);
    write_u8(&w, 2);
    write_u32(&w, header->crc);
    batch_write_fields(&w, header);
}

void batch_patch_crc(uint8_t header[BATCH_HEADER_BYTES], uint32_t crc)
{
    store_u32(header + BATCH_MAGIC_AT + 1, crc);
}

uint32_t crc32c_add(uint32_t state, struct slice bytes)
{
    const int most = 1 << 30;
    while (bytes.size > 0) {
        int size = bytes.size > (size_t)most ? most : (int)bytes.size;
        /* The library's prototype lacks a const that its code honours. */
        state = crc32_iscsi((unsigned char *)(uintptr_t)bytes.data, size, state);
        bytes = slice_of(bytes.data + size, bytes.size - (size_t)size);
    }
    return state;
}
