/* SPDX-License-Identifier: Apache-2.0 */
#include "seal/ledger_frame.h"

#include "kafka/batch.h"

enum { CHECKED_BYTES = 8 };

void ledger_frame_header(struct slice record, uint8_t ret_header[LEDGER_FRAME_HEADER_BYTES])
{
    store_u32(ret_header, (uint32_t)record.size);
    store_u32(ret_header + 4, crc32c(record));
    store_u32(ret_header + CHECKED_BYTES, crc32c(slice_of(ret_header, CHECKED_BYTES)));
}

uint32_t ledger_frame_size(const uint8_t header[LEDGER_FRAME_HEADER_BYTES])
{
    uint32_t size = load_u32(header);
    bool whole = load_u32(header + CHECKED_BYTES) == crc32c(slice_of(header, CHECKED_BYTES));
    return whole && size <= LEDGER_RECORD_BYTES_MAX ? size : 0;
}

enum ledger_frame ledger_frame_next(struct reader *r, struct slice *ret_record)
{
    struct reader ahead = *r;
    if (reader_left(r) == 0) {
        return LEDGER_FRAME_WHOLE;
    }
    if (reader_left(r) < LEDGER_FRAME_HEADER_BYTES || slice_is_zero(slice_of(r->at, reader_left(r)))) {
        return LEDGER_FRAME_TORN;
    }
    const uint8_t *header = read_bytes(&ahead, LEDGER_FRAME_HEADER_BYTES).data;
    uint32_t size = ledger_frame_size(header), crc = load_u32(header + 4);
    if (size == 0) {
        return LEDGER_FRAME_DAMAGED;
    }
    if (reader_left(&ahead) < size) {
        return LEDGER_FRAME_TORN;
    }
    struct slice record = read_bytes(&ahead, size);
    if (crc32c(record) != crc) {
        return reader_left(&ahead) ? LEDGER_FRAME_DAMAGED : LEDGER_FRAME_TORN;
    }
    *r = ahead;
    *ret_record = record;
    return LEDGER_FRAME_GOOD;
}
