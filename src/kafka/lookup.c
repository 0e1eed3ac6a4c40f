/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/lookup.h"

#include <assert.h>

#include "base/limits.h"
#include "kafka/api.h"
#include "kafka/header.h"
#include "kafka/walk.h"

enum {
    HEADER_BYTES = 4 + 8 + 2 + 1,         /* with the frame's size, without the client id */
    BODY_BYTES = 5 + 1 + 1 + 1,           /* without the topics */
    TOPIC_BYTES = TOPIC_ID_BYTES + 3 + 1, /* without the name */
};

struct topics {
    const struct slice *names; /* or NULL */
    const struct topic_id *ids;
    size_t count;
};

static size_t frame_bytes_max(struct slice client_id, const struct topics *topics)
{
    size_t size = HEADER_BYTES + client_id.size + BODY_BYTES;
    for (size_t i = 0; i < topics->count; i++) {
        size += TOPIC_BYTES + (topics->names ? topics->names[i].size : 0);
    }
    return size;
}

static void write_topic(struct writer *w, const struct topics *topics, size_t i)
{
    static const struct topic_id none;
    if (topics->names) {
        write_bytes(w, slice_of(none.bytes, TOPIC_ID_BYTES));
        write_uvarint(w, (uint32_t)topics->names[i].size + 1);
        write_bytes(w, topics->names[i]);
    } else {
        write_bytes(w, slice_of(topics->ids[i].bytes, TOPIC_ID_BYTES));
        write_uvarint(w, 0);
    }
    write_uvarint(w, 0); /* no tagged fields */
}

static void write_body(struct writer *w, const struct topics *topics)
{
    write_uvarint(w, (uint32_t)topics->count + 1);
    for (size_t i = 0; i < topics->count; i++) {
        write_topic(w, topics, i);
    }
    write_u8(w, 0); /* AllowAutoTopicCreation */
    write_u8(w, 0); /* IncludeTopicAuthorizedOperations */
    write_uvarint(w, 0);
}

static signet_error write_request(int32_t correlation_id, struct slice client_id, const struct topics *topics,
                                  struct gather *ret_out)
{
    size_t size_max = frame_bytes_max(client_id, topics);
    if (size_max > FRAME_BYTES_DEFAULT || client_id.size > INT16_MAX) {
        return SIGNET_ERROR_LIMIT;
    }
    struct block *block = block_new(ret_out->budget, size_max);
    if (!block) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    struct request_header header = {
        .api_key = API_METADATA,
        .api_version = LOOKUP_VERSION,
        .correlation_id = correlation_id,
        .client_id = client_id,
    };
    struct writer w = writer_over(block->data, size_max);
    write_i32(&w, 0); /* the size, when it is known */
    request_header_write(&w, &header);
    write_body(&w, topics);
    assert(!w.error);
    store_u32(block->data, (uint32_t)writer_used(&w) - 4);
    gather_add(ret_out, block, block->data, writer_used(&w));
    block_release(block);
    return ret_out->error;
}

signet_error lookup_by_names(int32_t correlation_id, struct slice client_id, const struct slice *names, size_t count,
                             struct gather *ret_out)
{
    struct topics topics = { .names = names, .count = count };
    return write_request(correlation_id, client_id, &topics, ret_out);
}

signet_error lookup_by_ids(int32_t correlation_id, struct slice client_id, const struct topic_id *ids, size_t count,
                           struct gather *ret_out)
{
    struct topics topics = { .ids = ids, .count = count };
    return write_request(correlation_id, client_id, &topics, ret_out);
}

struct reading {
    struct lookup_hook hook;
    struct lookup_answer answer;
};

static enum walk_answer on_visit(void *context, struct walk_visit *visit)
{
    struct reading *reading = context;
    switch (visit->mark) {
    case MARK_TOPIC_ERROR:
        reading->answer.error_code = visit_i16(visit);
        break;
    case MARK_TOPIC_NAME:
        reading->answer.name_null = visit->null;
        reading->answer.name = visit_slice(visit);
        break;
    case MARK_TOPIC_ID:
        memcpy(reading->answer.id.bytes, visit->at, TOPIC_ID_BYTES);
        break;
    case MARK_TOPIC:
        if (visit->event == VISIT_ELEMENT_END) {
            reading->hook.found(reading->hook.context, &reading->answer);
        }
        break;
    default:
        break;
    }
    return WALK_KEEP;
}

signet_error lookup_read(uint8_t *body, size_t size, struct lookup_hook hook)
{
    struct reading reading = { .hook = hook };
    struct walk_hook visits = { on_visit, &reading };
    return walk_message(message_find(API_METADATA, MESSAGE_RESPONSE), LOOKUP_VERSION, NULL, body, size, visits, NULL);
}
