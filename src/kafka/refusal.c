/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/refusal.h"

#include "kafka/api.h"
#include "kafka/header.h"

enum {
    REFUSAL_BYTES_MAX = 64,
    FETCH_ERROR_SINCE = 7,
};

static struct writer begin_frame(uint8_t *memory, const struct api *api, int16_t version, int32_t correlation_id)
{
    struct writer w = writer_over(memory, REFUSAL_BYTES_MAX);
    write_i32(&w, 0); /* the size, when it is known */
    response_header_write(&w, response_header_version(api, version), correlation_id);
    return w;
}

static signet_error end_frame(struct writer *w, struct gather *ret_out)
{
    if (w->error) {
        return w->error;
    }
    store_u32(w->start, (uint32_t)writer_used(w) - 4);
    gather_copy(ret_out, writer_slice(w));
    return ret_out->error;
}

signet_error refusal_fetch(int16_t version, int32_t correlation_id, int16_t error_code, struct gather *ret_out)
{
    const struct api *api = api_find(API_FETCH);
    if (version < FETCH_ERROR_SINCE || version > api->version_max) {
        return SIGNET_ERROR_UNSUPPORTED;
    }
    uint8_t memory[REFUSAL_BYTES_MAX];
    struct writer w = begin_frame(memory, api, version, correlation_id);
    write_i32(&w, 0); /* ThrottleTimeMs */
    write_i16(&w, error_code);
    write_i32(&w, 0); /* SessionId: none */
    if (api_is_flexible(api, version)) {
        write_uvarint(&w, 1); /* Responses: none */
        write_uvarint(&w, 0);
    } else {
        write_i32(&w, 0);
    }
    return end_frame(&w, ret_out);
}

signet_error refusal_share_fetch(int16_t version, int32_t correlation_id, int16_t error_code, struct gather *ret_out)
{
    const struct api *api = api_find(API_SHARE_FETCH);
    if (!api_serves(api, version)) {
        return SIGNET_ERROR_UNSUPPORTED;
    }
    uint8_t memory[REFUSAL_BYTES_MAX];
    struct writer w = begin_frame(memory, api, version, correlation_id);
    write_i32(&w, 0); /* ThrottleTimeMs */
    write_i16(&w, error_code);
    write_uvarint(&w, 0); /* ErrorMessage: null */
    write_i32(&w, 0);     /* AcquisitionLockTimeoutMs */
    write_uvarint(&w, 1); /* Responses: none */
    write_uvarint(&w, 1); /* NodeEndpoints: none */
    write_uvarint(&w, 0);
    return end_frame(&w, ret_out);
}
