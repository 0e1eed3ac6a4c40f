/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/header.h"

#include "kafka/api.h"

struct slice read_tags(struct reader *r)
{
    const uint8_t *start = r->at;
    uint32_t count = read_uvarint(r);
    for (uint32_t i = 0; i < count && !r->error; i++) {
        read_uvarint(r);
        read_bytes(r, read_uvarint(r));
    }
    return r->error ? (struct slice){ 0 } : slice_of(start, (size_t)(r->at - start));
}

static struct slice read_client_id(struct reader *r, bool *ret_null)
{
    int16_t size = read_i16(r);
    *ret_null = size == -1;
    if (size < -1) {
        reader_fail(r, SIGNET_ERROR_MALFORMED);
    }
    return read_bytes(r, size > 0 ? (size_t)size : 0);
}

signet_error request_header_read(struct slice frame, struct request_header *ret_header)
{
    struct reader r = reader_over(frame);
    struct request_header header = {
        .api_key = read_i16(&r),
        .api_version = read_i16(&r),
        .correlation_id = read_i32(&r),
    };
    const struct api *api = api_find(header.api_key);
    if (!r.error && !api) {
        return SIGNET_ERROR_UNSUPPORTED;
    }
    header.client_id = read_client_id(&r, &header.client_id_null);
    if (!r.error && request_header_version(api, header.api_version) == 2) {
        header.tags = read_tags(&r);
    }
    if (r.error) {
        return r.error;
    }
    header.size = frame.size - reader_left(&r);
    *ret_header = header;
    return SIGNET_OK;
}

signet_error response_header_read(struct slice frame, int header_version, struct response_header *ret_header)
{
    struct reader r = reader_over(frame);
    struct response_header header = { .correlation_id = read_i32(&r) };
    if (header_version > 0) {
        header.tags = read_tags(&r);
    }
    if (r.error) {
        return r.error;
    }
    header.size = frame.size - reader_left(&r);
    *ret_header = header;
    return SIGNET_OK;
}

static void write_tags(struct writer *w, struct slice tags)
{
    if (tags.size == 0) {
        write_uvarint(w, 0);
    }
    write_bytes(w, tags);
}

void request_header_write(struct writer *w, const struct request_header *header)
{
    write_i16(w, header->api_key);
    write_i16(w, header->api_version);
    write_i32(w, header->correlation_id);
    write_i16(w, header->client_id_null ? -1 : (int16_t)header->client_id.size);
    write_bytes(w, header->client_id);
    const struct api *api = api_find(header->api_key);
    if (api && request_header_version(api, header->api_version) == 2) {
        write_tags(w, header->tags);
    }
}

void response_header_write(struct writer *w, int header_version, int32_t correlation_id)
{
    write_i32(w, correlation_id);
    if (header_version > 0) {
        write_tags(w, (struct slice){ 0 });
    }
}
