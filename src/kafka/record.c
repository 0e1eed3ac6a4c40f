/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/record.h"

void record_begin(struct record_reader *records, struct slice section, int32_t count)
{
    *records = (struct record_reader){ .r = reader_over(section), .left = count > 0 ? (uint32_t)count : 0 };
    if (count < 0) {
        reader_fail(&records->r, SIGNET_ERROR_MALFORMED);
    }
}

static struct slice read_nullable(struct reader *r, bool *ret_null)
{
    int32_t size = read_varint(r);
    *ret_null = size == -1;
    if (size < -1) {
        reader_fail(r, SIGNET_ERROR_MALFORMED);
    }
    return read_bytes(r, size > 0 ? (size_t)size : 0);
}

static struct record_header read_header(struct reader *r)
{
    struct record_header header = { 0 };
    bool key_null;
    header.key = read_nullable(r, &key_null);
    if (key_null) {
        reader_fail(r, SIGNET_ERROR_MALFORMED);
    }
    header.value = read_nullable(r, &header.value_null);
    return header;
}

static void read_headers(struct reader *r, struct record *record)
{
    int32_t count = read_varint(r);
    if (count < 0) {
        reader_fail(r, SIGNET_ERROR_MALFORMED);
        return;
    }
    const uint8_t *start = r->at;
    for (int32_t i = 0; i < count && !r->error; i++) {
        read_header(r);
    }
    record->header_count = (uint32_t)count;
    record->headers = slice_of(start, (size_t)(r->at - start));
}

/* Within its own length, where running out of bytes is a lie of that length and not a short input. */
static signet_error read_body(struct slice body, struct record *record)
{
    struct reader r = reader_over(body);
    record->attributes = read_i8(&r);
    record->timestamp_delta = read_varlong(&r);
    record->offset_delta = read_varint(&r);
    record->key = read_nullable(&r, &record->key_null);
    record->value = read_nullable(&r, &record->value_null);
    read_headers(&r, record);
    return r.error || reader_left(&r) > 0 ? SIGNET_ERROR_MALFORMED : SIGNET_OK;
}

bool record_next(struct record_reader *records, struct record *ret_record)
{
    struct reader *r = &records->r;
    if (r->error || records->left == 0) {
        return false;
    }
    const uint8_t *start = r->at;
    int32_t size = read_varint(r);
    if (size < 0) {
        reader_fail(r, SIGNET_ERROR_MALFORMED);
    }
    struct slice body = read_bytes(r, (size_t)size);
    struct record record = { .bytes = slice_of(start, (size_t)(r->at - start)) };
    signet_error error = r->error ? r->error : read_body(body, &record);
    if (error) {
        reader_fail(r, error);
        return false;
    }
    records->left--;
    *ret_record = record;
    return true;
}

signet_error record_end(const struct record_reader *records)
{
    if (records->r.error) {
        return records->r.error;
    }
    return reader_left(&records->r) > 0 ? SIGNET_ERROR_TRAILING : SIGNET_OK;
}

bool record_header_next(struct slice *headers, struct record_header *ret_header)
{
    if (headers->size == 0) {
        return false;
    }
    struct reader r = reader_over(*headers);
    struct record_header header = read_header(&r);
    if (r.error) {
        return false;
    }
    *headers = slice_of(r.at, reader_left(&r));
    *ret_header = header;
    return true;
}
