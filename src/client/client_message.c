/* SPDX-License-Identifier: Apache-2.0 */
#include "client/client_message.h"

#include <assert.h>

#include "kafka/api.h"
#include "kafka/batch.h"
#include "kafka/header.h"
#include "kafka/topic.h"
#include "kafka/walk.h"

enum { ACKS_ALL = -1 };

/* Requests. */

static void begin_frame(struct writer *w, int16_t api, int16_t version, int32_t correlation_id)
{
    const struct request_header header = {
        .api_key = api,
        .api_version = version,
        .correlation_id = correlation_id,
        .client_id = slice_of_text("signet"),
    };
    write_i32(w, 0); /* the size, when it is known */
    request_header_write(w, &header);
}

static void end_frame(struct writer *w)
{
    if (!w->error) {
        store_u32(w->start, (uint32_t)writer_used(w) - 4);
    }
}

static void write_text(struct writer *w, struct slice text)
{
    write_uvarint(w, (uint32_t)text.size + 1);
    write_bytes(w, text);
}

void client_metadata_write(struct writer *w, int32_t correlation_id, struct slice topic)
{
    static const struct topic_id none;
    begin_frame(w, API_METADATA, CLIENT_METADATA_VERSION, correlation_id);
    write_uvarint(w, 1 + 1);
    write_bytes(w, slice_of(none.bytes, TOPIC_ID_BYTES));
    write_text(w, topic);
    write_uvarint(w, 0);
    write_u8(w, 0); /* AllowAutoTopicCreation */
    write_u8(w, 0); /* IncludeTopicAuthorizedOperations */
    write_uvarint(w, 0);
    end_frame(w);
}

/* From the attributes to the headers' count: what a record's length counts. */
static size_t record_size(const struct client_record *record)
{
    return 1 + varlong_size(0) + varint_size(0) + varint_size((int32_t)record->key.size) + record->key.size +
           varint_size((int32_t)record->value.size) + record->value.size + varint_size(0);
}

static void write_record(struct writer *w, const struct client_record *record)
{
    write_varint(w, (int32_t)record_size(record));
    write_u8(w, 0);
    write_varlong(w, 0);
    write_varint(w, 0);
    write_varint(w, (int32_t)record->key.size);
    write_bytes(w, record->key);
    write_varint(w, (int32_t)record->value.size);
    write_bytes(w, record->value);
    write_varint(w, 0);
}

static size_t records_size(const struct client_record *record)
{
    size_t size = record_size(record);
    return varint_size((int32_t)size) + size;
}

static void write_batch(struct writer *w, const struct client_record *record)
{
    const struct batch_header header = {
        .leader_epoch = -1,
        .base_timestamp = record->time_ms,
        .max_timestamp = record->time_ms,
        .producer_id = -1,
        .producer_epoch = -1,
        .base_sequence = -1,
        .record_count = 1,
    };
    size_t size = records_size(record);
    uint8_t *bytes = write_room(w, BATCH_HEADER_BYTES);
    write_record(w, record);
    if (bytes && !w->error) {
        batch_write_header(&header, size, bytes);
        batch_patch_crc(bytes, crc32c(slice_of(bytes + BATCH_CRC_START, BATCH_HEADER_BYTES - BATCH_CRC_START + size)));
    }
}

void client_produce_write(struct writer *w, int32_t correlation_id, const struct client_record *record)
{
    begin_frame(w, API_PRODUCE, CLIENT_PRODUCE_VERSION, correlation_id);
    write_uvarint(w, 0); /* no TransactionalId */
    write_i16(w, ACKS_ALL);
    write_i32(w, record->wait_ms);
    write_uvarint(w, 1 + 1);
    write_text(w, record->topic);
    write_uvarint(w, 1 + 1);
    write_i32(w, record->partition);
    write_uvarint(w, (uint32_t)(BATCH_HEADER_BYTES + records_size(record)) + 1);
    write_batch(w, record);
    write_uvarint(w, 0); /* tagged fields of the partition, of the topic, of the request */
    write_uvarint(w, 0);
    write_uvarint(w, 0);
    end_frame(w);
}

void client_handshake_write(struct writer *w, int32_t correlation_id, const char *mechanism)
{
    begin_frame(w, API_SASL_HANDSHAKE, CLIENT_HANDSHAKE_VERSION, correlation_id);
    write_i16(w, (int16_t)strlen(mechanism));
    write_bytes(w, slice_of_text(mechanism));
    end_frame(w);
}

void client_authenticate_write(struct writer *w, int32_t correlation_id, struct slice token)
{
    begin_frame(w, API_SASL_AUTHENTICATE, CLIENT_AUTHENTICATE_VERSION, correlation_id);
    write_text(w, token);
    write_uvarint(w, 0);
    end_frame(w);
}

/* Responses. */

signet_error client_response_body(struct slice request, struct slice frame, size_t *ret_at)
{
    struct request_header asked;
    struct response_header header;
    signet_error error = request_header_read(slice_of(request.data + 4, request.size - 4), &asked);
    assert(!error); /* we wrote it */
    error = response_header_read(frame, response_header_version(api_find(asked.api_key), asked.api_version), &header);
    if (error) {
        return error;
    }
    if (header.correlation_id != asked.correlation_id) {
        return SIGNET_ERROR_PROTOCOL;
    }
    *ret_at = header.size;
    return SIGNET_OK;
}

struct topic_reading {
    struct slice name;
    int32_t asked, at;
    bool found;
    int16_t error_code; /* of the element that is read */
    struct client_topic topic;
};

static enum walk_answer on_topic(void *context, struct walk_visit *visit)
{
    struct topic_reading *reading = context;
    switch (visit->mark) {
    case MARK_TOPIC_ERROR:
        reading->error_code = visit_i16(visit);
        break;
    case MARK_TOPIC_NAME:
        if (slice_equal(visit_slice(visit), reading->name)) {
            reading->found = true;
            reading->topic.error_code = reading->error_code;
        }
        break;
    case MARK_LED_PARTITION:
        reading->at = visit_i32(visit);
        reading->topic.partitions++;
        break;
    case MARK_LEADER_ID:
        reading->topic.leader = reading->at == reading->asked ? visit_i32(visit) : reading->topic.leader;
        break;
    default:
        break;
    }
    return WALK_KEEP;
}

signet_error client_metadata_read(uint8_t *body, size_t size, struct slice topic, int32_t partition,
                                  struct client_topic *ret_topic)
{
    struct topic_reading reading = { .name = topic, .asked = partition, .topic = { .leader = -1 } };
    struct walk_hook visits = { on_topic, &reading };
    signet_error error = walk_message(message_find(API_METADATA, MESSAGE_RESPONSE), CLIENT_METADATA_VERSION, NULL, body,
                                      size, visits, NULL);
    if (error || !reading.found) {
        return error ? error : SIGNET_ERROR_PROTOCOL;
    }
    *ret_topic = reading.topic;
    return SIGNET_OK;
}

struct broker_reading {
    int32_t asked, at;
    bool found;
    struct slice host;
    struct address address;
};

static enum walk_answer on_broker(void *context, struct walk_visit *visit)
{
    struct broker_reading *reading = context;
    if (visit->mark == MARK_NODE_ID) {
        reading->at = visit_i32(visit);
    } else if (visit->mark == MARK_HOST) {
        reading->host = visit_slice(visit);
    } else if (visit->mark == MARK_PORT && reading->at == reading->asked) {
        char host[ADDRESS_HOST_BYTES_MAX + 1] = "";
        int32_t port = visit_i32(visit);
        if (reading->host.size < sizeof host && port > 0 && port <= UINT16_MAX) {
            memcpy(host, reading->host.data, reading->host.size);
            reading->found = address_of_host(host, (uint16_t)port, &reading->address) == SIGNET_OK;
        }
    }
    return WALK_KEEP;
}

signet_error client_broker_read(uint8_t *body, size_t size, int32_t node, struct address *ret_address)
{
    struct broker_reading reading = { .asked = node, .at = -1 };
    struct walk_hook visits = { on_broker, &reading };
    signet_error error = walk_message(message_find(API_METADATA, MESSAGE_RESPONSE), CLIENT_METADATA_VERSION, NULL, body,
                                      size, visits, NULL);
    if (error || !reading.found) {
        return error ? error : SIGNET_ERROR_PROTOCOL;
    }
    *ret_address = reading.address;
    return SIGNET_OK;
}

struct produce_reading {
    int32_t asked, at;
    bool found;
    int16_t error_code;
};

static enum walk_answer on_produced(void *context, struct walk_visit *visit)
{
    struct produce_reading *reading = context;
    if (visit->mark == MARK_PARTITION_INDEX) {
        reading->at = visit_i32(visit);
    } else if (visit->mark == MARK_PARTITION_ERROR && reading->at == reading->asked) {
        reading->error_code = visit_i16(visit);
        reading->found = true;
    }
    return WALK_KEEP;
}

signet_error client_produce_read(uint8_t *body, size_t size, int32_t partition, int16_t *ret_error_code)
{
    struct produce_reading reading = { .asked = partition, .at = -1 };
    struct walk_hook visits = { on_produced, &reading };
    signet_error error = walk_message(message_find(API_PRODUCE, MESSAGE_RESPONSE), CLIENT_PRODUCE_VERSION, NULL, body,
                                      size, visits, NULL);
    if (error || !reading.found) {
        return error ? error : SIGNET_ERROR_PROTOCOL;
    }
    *ret_error_code = reading.error_code;
    return SIGNET_OK;
}

static enum walk_answer on_handshake(void *context, struct walk_visit *visit)
{
    if (visit->mark == MARK_ERROR_CODE) {
        *(int16_t *)context = visit_i16(visit);
    }
    return WALK_KEEP;
}

signet_error client_handshake_read(uint8_t *body, size_t size, int16_t *ret_error_code)
{
    int16_t error_code = KAFKA_NONE;
    struct walk_hook visits = { on_handshake, &error_code };
    signet_error error = walk_message(message_find(API_SASL_HANDSHAKE, MESSAGE_RESPONSE), CLIENT_HANDSHAKE_VERSION,
                                      NULL, body, size, visits, NULL);
    if (error) {
        return error;
    }
    *ret_error_code = error_code;
    return SIGNET_OK;
}

static enum walk_answer on_authenticated(void *context, struct walk_visit *visit)
{
    struct client_authenticated *authenticated = context;
    if (visit->mark == MARK_ERROR_CODE) {
        authenticated->error_code = visit_i16(visit);
    } else if (visit->mark == MARK_AUTH_BYTES) {
        authenticated->token = visit_slice(visit);
    } else if (visit->mark == MARK_SESSION_LIFETIME_MS) {
        authenticated->lifetime_ms = visit_i64(visit);
    }
    return WALK_KEEP;
}

signet_error client_authenticate_read(uint8_t *body, size_t size, struct client_authenticated *ret_authenticated)
{
    struct client_authenticated authenticated = { 0 };
    struct walk_hook visits = { on_authenticated, &authenticated };
    signet_error error = walk_message(message_find(API_SASL_AUTHENTICATE, MESSAGE_RESPONSE),
                                      CLIENT_AUTHENTICATE_VERSION, NULL, body, size, visits, NULL);
    if (error) {
        return error;
    }
    *ret_authenticated = authenticated;
    return SIGNET_OK;
}
