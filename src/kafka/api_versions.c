/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/api_versions.h"

#include <assert.h>

#include "kafka/api.h"
#include "kafka/header.h"
#include "kafka/walk.h"

enum {
    UNSUPPORTED_VERSION = 35,
    REFUSAL_FRAME_BYTES = 4 + 4 + 2 + 4 + 6,
};

/* The element of ApiKeys at hand. */
struct range {
    struct api_ceiling ceiling;
    const struct api *api; /* NULL for a key that nobody here knows */
    uint8_t *min_at, *max_at;
};

/* Writes what both sides have into the element; false when that is nothing. */
static bool narrow(const struct range *range)
{
    const struct api *api = range->api;
    if (!api || api->class == API_DENY) {
        return false;
    }
    int16_t min = (int16_t)load_u16(range->min_at);
    int16_t max = (int16_t)load_u16(range->max_at);
    min = min > api->version_min ? min : api->version_min;
    max = max < api->version_max ? max : api->version_max;
    if (range->ceiling.version_max) {
        int16_t ceiling = range->ceiling.version_max(range->ceiling.context, api->key);
        max = max < ceiling ? max : ceiling;
    }
    if (min > max || max < api->served_since) {
        return false;
    }
    store_u16(range->min_at, (uint16_t)min);
    store_u16(range->max_at, (uint16_t)max);
    return true;
}

static enum walk_answer on_visit(void *context, struct walk_visit *visit)
{
    struct range *range = context;
    switch (visit->mark) {
    case MARK_API_KEY:
        range->api = api_find(visit_i16(visit));
        break;
    case MARK_VERSION_MIN:
        range->min_at = visit->at;
        break;
    case MARK_VERSION_MAX:
        range->max_at = visit->at;
        break;
    case MARK_API:
        return visit->event == VISIT_ELEMENT_END && !narrow(range) ? WALK_DROP : WALK_KEEP;
    default:
        break;
    }
    return WALK_KEEP;
}

signet_error api_versions_intersect(int16_t version, struct block *owner, uint8_t *body, size_t size,
                                    struct api_ceiling ceiling, struct gather *ret_out)
{
    if (size >= 2 && load_u16(body) == UNSUPPORTED_VERSION) {
        version = 0;
    }
    struct range range = { .ceiling = ceiling };
    struct walk_hook hook = { on_visit, &range };
    return walk_message(message_find(API_VERSIONS, MESSAGE_RESPONSE), version, owner, body, size, hook, ret_out);
}

void api_versions_refuse(int32_t correlation_id, struct gather *ret_out)
{
    const struct api *api = api_find(API_VERSIONS);
    uint8_t memory[REFUSAL_FRAME_BYTES];
    struct writer w = writer_over(memory, sizeof memory);
    write_i32(&w, REFUSAL_FRAME_BYTES - 4);
    response_header_write(&w, 0, correlation_id);
    write_i16(&w, UNSUPPORTED_VERSION);
    write_i32(&w, 1);
    write_i16(&w, api->key);
    write_i16(&w, api->version_min);
    write_i16(&w, api->version_max);
    assert(!w.error && writer_used(&w) == sizeof memory);
    gather_copy(ret_out, writer_slice(&w));
}
