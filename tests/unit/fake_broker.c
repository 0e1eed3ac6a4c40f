/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_broker.h"

#include <stdlib.h>

#include "kafka/api.h"
#include "kafka/batch.h"
#include "kafka/error_code.h"
#include "kafka/header.h"

enum { TOPIC_AUTHORIZATION_FAILED = 29 };

void fake_broker_free(struct fake_broker *broker)
{
    for (size_t i = 0; i < broker->topic_count; i++) {
        for (int p = 0; p < FAKE_PARTITIONS; p++) {
            byte_string_free(&broker->topics[i].partitions[p].log);
        }
    }
    for (size_t i = 0; i < broker->seen_count; i++) {
        json_decref(broker->seen[i].body);
    }
    free(broker->seen);
    json_decref(broker->sasl);
    json_decref(broker->session);
    *broker = (struct fake_broker){ 0 };
}

struct fake_topic *fake_broker_add_topic(struct fake_broker *broker, const char *name, const struct topic_id *id)
{
    require(broker->topic_count < FAKE_TOPICS_MAX, "too many topics");
    struct fake_topic *topic = &broker->topics[broker->topic_count++];
    *topic = (struct fake_topic){ .name = name, .id = *id };
    return topic;
}

struct fake_topic *fake_broker_topic(struct fake_broker *broker, const char *name)
{
    for (size_t i = 0; i < broker->topic_count; i++) {
        if (!broker->topics[i].gone && name && strcmp(broker->topics[i].name, name) == 0) {
            return &broker->topics[i];
        }
    }
    return NULL;
}

static struct fake_topic *topic_by_id(struct fake_broker *broker, const json_t *hex)
{
    struct byte_string id = json_bytes(hex);
    struct fake_topic *found = NULL;
    for (size_t i = 0; i < broker->topic_count; i++) {
        struct fake_topic *topic = &broker->topics[i];
        bool same = id.size == TOPIC_ID_BYTES && memcmp(topic->id.bytes, id.data, TOPIC_ID_BYTES) == 0;
        found = same && !topic->gone ? topic : found;
    }
    byte_string_free(&id);
    return found;
}

/* By whichever of the two the request has. */
static struct fake_topic *topic_of(struct fake_broker *broker, const json_t *named, const char *name_field)
{
    json_t *id = json_object_get(named, "TopicId"), *name = json_object_get(named, name_field);
    return json_is_string(name) ? fake_broker_topic(broker, json_string_value(name)) : topic_by_id(broker, id);
}

static json_t *id_of(const struct fake_topic *topic)
{
    return json_hex(slice_of(topic->id.bytes, TOPIC_ID_BYTES));
}

/* The log */

int64_t fake_partition_append(struct fake_partition *partition, struct slice batch)
{
    size_t at = partition->log.size;
    int64_t base = partition->next_offset;
    require(batch.size >= BATCH_HEADER_BYTES, "a batch too small to be stored");
    byte_string_add(&partition->log, batch);
    store_u64(partition->log.data + at, (uint64_t)base);
    store_u32(partition->log.data + at + BATCH_LENGTH_END, FAKE_LEADER_EPOCH);
    partition->next_offset = base + (int32_t)load_u32(batch.data + 23) + 1;
    return base;
}

struct slice fake_partition_from(const struct fake_partition *partition, int64_t offset)
{
    struct slice rest = byte_string_slice(&partition->log);
    struct batch batch;
    while (batch_read(rest, &batch) == SIGNET_OK && batch_last_offset(&batch.header) < offset) {
        rest = slice_of(rest.data + batch.bytes.size, rest.size - batch.bytes.size);
    }
    return rest;
}

/* Where an idempotent producer's batch already stands; -1 when it does not. */
static int64_t find_duplicate(const struct fake_partition *partition, const struct batch_header *header)
{
    struct slice rest = byte_string_slice(&partition->log);
    struct batch batch;
    while (header->producer_id >= 0 && batch_read(rest, &batch) == SIGNET_OK) {
        if (batch.header.producer_id == header->producer_id && batch.header.producer_epoch == header->producer_epoch &&
            batch.header.base_sequence == header->base_sequence) {
            return batch.header.base_offset;
        }
        rest = slice_of(rest.data + batch.bytes.size, rest.size - batch.bytes.size);
    }
    return -1;
}

/* Produce */

static int16_t store(struct fake_partition *partition, struct slice records, int64_t *ret_base)
{
    struct batch batch;
    if (batch_read(records, &batch) || batch.bytes.size != records.size || !batch_crc_matches(&batch)) {
        return KAFKA_INVALID_RECORD;
    }
    int16_t error = partition->produce_error;
    if (error && !partition->stores_anyway) {
        return error;
    }
    int64_t duplicate = find_duplicate(partition, &batch.header);
    int64_t base = duplicate >= 0 ? duplicate : fake_partition_append(partition, records);
    *ret_base = error ? -1 : base;
    return error;
}

static json_t *produce_partition(struct fake_topic *topic, json_t *asked, int16_t unknown)
{
    int64_t index = json_number_at(asked, "Index"), base = -1;
    struct byte_string records = json_bytes_at(asked, "Records");
    int16_t error = unknown;
    if (topic && index >= 0 && index < FAKE_PARTITIONS) {
        struct fake_partition *partition = &topic->partitions[index];
        bool denied = partition->produce_error == TOPIC_AUTHORIZATION_FAILED;
        error = denied ? partition->produce_error : store(partition, byte_string_slice(&records), &base);
    }
    byte_string_free(&records);
    return json_of("{'Index': %d, 'ErrorCode': %d, 'BaseOffset': %ld, 'LogAppendTimeMs': -1, 'LogStartOffset': 0,"
                   " 'ErrorMessage': %s}",
                   (int)index, error, (long)base, error ? "'as the broker says'" : "null");
}

static json_t *produce(struct fake_broker *broker, const struct fake_request *request)
{
    json_t *answers = json_array(), *topics = json_at(request->body, "TopicData");
    for (size_t i = 0; i < json_array_size(topics); i++) {
        json_t *asked = json_array_get(topics, i), *answer = json_copy(asked), *partitions = json_array();
        struct fake_topic *topic = topic_of(broker, asked, "Name");
        json_t *data = json_at(asked, "PartitionData");
        for (size_t k = 0; k < json_array_size(data); k++) {
            int16_t unknown = request->version >= 13 ? KAFKA_UNKNOWN_TOPIC_ID : KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
            json_array_append_new(partitions, produce_partition(topic, json_array_get(data, k), unknown));
        }
        json_object_del(answer, "PartitionData");
        json_object_set_new(answer, "PartitionResponses", partitions);
        json_array_append_new(answers, answer);
    }
    if (json_number_at(request->body, "Acks") == 0) {
        json_decref(answers);
        return NULL;
    }
    json_t *response = json_object();
    json_object_set_new(response, "Responses", answers);
    return response;
}

/* Fetch */

static bool same_field(const json_t *a, const json_t *b, const char *field)
{
    const json_t *x = json_object_get(a, field), *y = json_object_get(b, field);
    return (!x && !y) || json_equal(x, y);
}

static bool same_place(const json_t *a, const json_t *b)
{
    return same_field(a, b, "Topic") && same_field(a, b, "TopicId") && same_field(a, b, "Partition");
}

static json_t *flat_partition(const json_t *topic, json_t *partition, bool plain)
{
    json_t *flat = plain ? json_object() : json_copy(partition);
    if (plain) {
        json_object_set(flat, "Partition", partition);
    }
    if (json_object_get(topic, "Topic")) {
        json_object_set(flat, "Topic", json_object_get(topic, "Topic"));
    }
    if (json_object_get(topic, "TopicId")) {
        json_object_set(flat, "TopicId", json_object_get(topic, "TopicId"));
    }
    return flat;
}

/* One object a partition, with its topic. */
static json_t *flatten(json_t *topics, bool plain)
{
    json_t *all = json_array();
    for (size_t i = 0; i < json_array_size(topics); i++) {
        json_t *topic = json_array_get(topics, i), *partitions = json_object_get(topic, "Partitions");
        for (size_t k = 0; k < json_array_size(partitions); k++) {
            json_array_append_new(all, flat_partition(topic, json_array_get(partitions, k), plain));
        }
    }
    return all;
}

static void forget(json_t *session, const json_t *place)
{
    for (size_t i = json_array_size(session); i-- > 0;) {
        if (same_place(json_array_get(session, i), place)) {
            json_array_remove(session, i);
        }
    }
}

static void update_session(struct fake_broker *broker, json_t *body)
{
    json_t *asked = flatten(json_at(body, "Topics"), false);
    json_t *forgotten = flatten(json_at(body, "ForgottenTopicsData"), true);
    for (size_t i = 0; i < json_array_size(forgotten); i++) {
        forget(broker->session, json_array_get(forgotten, i));
    }
    for (size_t i = 0; i < json_array_size(asked); i++) {
        forget(broker->session, json_array_get(asked, i));
        json_array_append(broker->session, json_array_get(asked, i));
    }
    json_decref(asked);
    json_decref(forgotten);
}

/* As Kafka does: the first batch whole, and of what is behind it no more than that, wherever it ends. */
static struct slice at_most(struct slice records, int64_t most)
{
    struct batch first;
    size_t least = batch_read(records, &first) ? records.size : first.bytes.size;
    size_t limit = most > (int64_t)least ? (size_t)most : least;
    return slice_of(records.data, records.size < limit ? records.size : limit);
}

static json_t *fetch_partition(struct fake_broker *broker, const struct fake_request *request, json_t *asked)
{
    struct fake_topic *topic = topic_of(broker, asked, "Topic");
    int64_t index = json_number_at(asked, "Partition");
    int16_t unknown = request->version >= 13 ? KAFKA_UNKNOWN_TOPIC_ID : KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    bool known = topic && index >= 0 && index < FAKE_PARTITIONS;
    const struct fake_partition *partition = known ? &topic->partitions[index] : NULL;
    int64_t end = known ? partition->next_offset : -1;
    json_t *answer = json_of("{'PartitionIndex': %d, 'ErrorCode': %d, 'HighWatermark': %ld, 'LastStableOffset': %ld,"
                             " 'LogStartOffset': 0, 'PreferredReadReplica': -1}",
                             (int)index, known ? 0 : unknown, (long)end, (long)end);
    if (known) {
        struct slice records = fake_partition_from(partition, json_number_at(asked, "FetchOffset"));
        json_object_set_new(answer, "Records", json_hex(at_most(records, json_number_at(asked, "PartitionMaxBytes"))));
    }
    return answer;
}

/* Every partition under a topic of its own, which the protocol allows. */
static json_t *fetch_all(struct fake_broker *broker, const struct fake_request *request, json_t *asked, bool all)
{
    json_t *answers = json_array();
    for (size_t i = 0; i < json_array_size(asked); i++) {
        json_t *place = json_array_get(asked, i), *partition = fetch_partition(broker, request, place);
        if (all || json_string_length(json_object_get(partition, "Records")) > 0) {
            json_t *topic = json_copy(place), *partitions = json_array();
            json_array_append(partitions, partition);
            json_object_set_new(topic, "Partitions", partitions);
            json_array_append_new(answers, topic);
        }
        json_decref(partition);
    }
    return answers;
}

static json_t *fetch(struct fake_broker *broker, const struct fake_request *request)
{
    json_t *body = request->body, *asked;
    int64_t epoch = request->version >= 7 ? json_number_at(body, "SessionEpoch") : -1;
    bool goes_on = epoch > 0;
    if (goes_on && (!broker->session || json_number_at(body, "SessionId") != broker->session_id)) {
        return json_of("{'ErrorCode': %d, 'Responses': []}", KAFKA_FETCH_SESSION_ID_NOT_FOUND);
    }
    if (goes_on && broker->counts_epochs && epoch != broker->session_epoch + 1) {
        return json_of("{'ErrorCode': %d, 'Responses': []}", KAFKA_INVALID_FETCH_SESSION_EPOCH);
    }
    broker->session_epoch = goes_on ? (int32_t)epoch : 0;
    if (epoch == 0 && broker->sessions) {
        json_decref(broker->session);
        broker->session = json_array();
        broker->last_session = broker->session_id =
            broker->last_session ? broker->last_session + 1 : FAKE_FIRST_SESSION;
    }
    bool in_session = goes_on || (epoch == 0 && broker->sessions);
    if (in_session) {
        update_session(broker, body);
    }
    asked = in_session ? json_incref(broker->session) : flatten(json_at(body, "Topics"), false);
    json_t *response = json_object();
    json_object_set_new(response, "SessionId", json_integer(in_session ? broker->session_id : 0));
    json_object_set_new(response, "Responses", fetch_all(broker, request, asked, !goes_on));
    json_decref(asked);
    return response;
}

static json_t *share_partition(struct fake_topic *topic, int64_t index)
{
    bool known = topic && index >= 0 && index < FAKE_PARTITIONS;
    json_t *answer = json_of("{'PartitionIndex': %d, 'ErrorCode': %d}", (int)index, known ? 0 : KAFKA_UNKNOWN_TOPIC_ID);
    if (known && topic->partitions[index].log.size > 0) {
        struct fake_partition *partition = &topic->partitions[index];
        json_object_set_new(answer, "Records", json_hex(byte_string_slice(&partition->log)));
        json_object_set_new(
            answer, "AcquiredRecords",
            json_of("[{'FirstOffset': 0, 'LastOffset': %ld, 'DeliveryCount': 1}]", (long)partition->next_offset - 1));
    }
    return answer;
}

static json_t *share_fetch(struct fake_broker *broker, const struct fake_request *request)
{
    json_t *answers = json_array(), *topics = json_at(request->body, "Topics");
    for (size_t i = 0; i < json_array_size(topics); i++) {
        json_t *asked = json_array_get(topics, i), *answer = json_copy(asked), *list = json_array();
        struct fake_topic *topic = topic_of(broker, asked, "Name");
        json_t *partitions = json_at(asked, "Partitions");
        for (size_t k = 0; k < json_array_size(partitions); k++) {
            int64_t index = json_number_at(json_array_get(partitions, k), "PartitionIndex");
            json_array_append_new(list, share_partition(topic, index));
        }
        json_object_set_new(answer, "Partitions", list);
        json_array_append_new(answers, answer);
    }
    json_t *response = json_of("{'NodeEndpoints': []}");
    json_object_set_new(response, "Responses", answers);
    return response;
}

/* The cluster */

static json_t *brokers(const char *id_field)
{
    return json_of("[{'%s': 1, 'Host': '" FAKE_HOST "', 'Port': 9092, 'Rack': 'a'},"
                   " {'%s': 2, 'Host': '" FAKE_HOST "', 'Port': 9093, 'Rack': null}]",
                   id_field, id_field);
}

static json_t *metadata_topic(const struct fake_topic *topic, const json_t *asked)
{
    json_t *answer = json_of("{'ErrorCode': 0, 'IsInternal': false, 'Partitions': []}");
    if (topic) {
        json_object_set_new(answer, "Name", json_string(topic->name));
        json_object_set_new(answer, "TopicId", id_of(topic));
        return answer;
    }
    json_t *name = json_object_get(asked, "Name");
    json_object_set(answer, "Name", json_is_string(name) ? name : json_null());
    json_object_set(answer, "TopicId", json_object_get(asked, "TopicId"));
    json_object_set_new(answer, "ErrorCode",
                        json_integer(json_is_string(name) ? KAFKA_UNKNOWN_TOPIC_OR_PARTITION : KAFKA_UNKNOWN_TOPIC_ID));
    return answer;
}

static json_t *metadata(struct fake_broker *broker, const struct fake_request *request)
{
    json_t *answers = json_array(), *asked = json_at(request->body, "Topics");
    bool all = json_is_null(asked) || (request->version == 0 && json_array_size(asked) == 0);
    for (size_t i = 0; all && i < broker->topic_count; i++) {
        if (!broker->topics[i].gone) {
            json_array_append_new(answers, metadata_topic(&broker->topics[i], NULL));
        }
    }
    for (size_t i = 0; !all && i < json_array_size(asked); i++) {
        json_t *one = json_array_get(asked, i);
        json_array_append_new(answers, metadata_topic(topic_of(broker, one, "Name"), one));
    }
    json_t *response = json_of("{'ClusterId': '" FAKE_CLUSTER_ID "', 'ControllerId': 1}");
    json_object_set_new(response, "Brokers", brokers("NodeId"));
    json_object_set_new(response, "Topics", answers);
    return response;
}

static json_t *find_coordinator(void)
{
    return json_of("{'NodeId': 2, 'Host': '" FAKE_HOST "', 'Port': 9093, 'Coordinators':"
                   " [{'Key': 'g', 'NodeId': 2, 'Host': '" FAKE_HOST "', 'Port': 9093},"
                   "  {'Key': 'h', 'NodeId': -1, 'Host': '', 'Port': -1, 'ErrorCode': 15}]}");
}

static json_t *describe_cluster(void)
{
    json_t *response = json_of("{'ClusterId': '" FAKE_CLUSTER_ID "', 'ControllerId': 1}");
    json_object_set_new(response, "Brokers", brokers("BrokerId"));
    return response;
}

/* Sessions */

static json_t *api_versions(void)
{
    json_t *keys = json_array();
    const struct api *api;
    for (int16_t key = 0; (api = api_find(key)); key++) {
        json_array_append_new(keys, json_of("{'ApiKey': %d, 'MinVersion': %d, 'MaxVersion': %d}", key, api->version_min,
                                            api->version_max + 1));
    }
    json_array_append_new(keys, json_of("{'ApiKey': 999, 'MinVersion': 0, 'MaxVersion': 3}"));
    json_t *response = json_object();
    json_object_set_new(response, "ApiKeys", keys);
    return response;
}

static json_t *handshake(struct fake_broker *broker, const struct fake_request *request)
{
    broker->taking_tokens = request->version == 0 && broker->bare_tokens > 0;
    return json_of("{'Mechanisms': ['PLAIN', 'SCRAM-SHA-256', 'OAUTHBEARER', 'GSSAPI']}");
}

/* The answer to the next token; good and empty when nothing else has been said. */
static json_t *token_answer(struct fake_broker *broker)
{
    if (json_array_size(broker->sasl) == 0) {
        return json_of("{'ErrorCode': 0, 'AuthBytes': ''}");
    }
    json_t *answer = json_incref(json_array_get(broker->sasl, 0));
    json_array_remove(broker->sasl, 0);
    return answer;
}

static void answer_bare_token(struct fake_broker *broker, struct byte_string *out)
{
    json_t *answer = token_answer(broker);
    struct byte_string token = json_bytes(json_object_get(answer, "AuthBytes"));
    store_u32(byte_string_room(out, 4), (uint32_t)token.size);
    byte_string_add(out, byte_string_slice(&token));
    byte_string_free(&token);
    json_decref(answer);
    broker->bare_tokens--;
    broker->taking_tokens = broker->bare_tokens > 0;
}

static json_t *usual_answer(struct fake_broker *broker, const struct fake_request *request)
{
    switch (request->api_key) {
    case API_PRODUCE:
        return produce(broker, request);
    case API_FETCH:
        return fetch(broker, request);
    case API_SHARE_FETCH:
        return share_fetch(broker, request);
    case API_METADATA:
        return metadata(broker, request);
    case API_FIND_COORDINATOR:
        return find_coordinator();
    case API_DESCRIBE_CLUSTER:
        return describe_cluster();
    case API_VERSIONS:
        return api_versions();
    case API_SASL_HANDSHAKE:
        return handshake(broker, request);
    case API_SASL_AUTHENTICATE:
        return token_answer(broker);
    default:
        return json_object();
    }
}

/* Frames */

static void answer_unread(const struct fake_request *request, struct byte_string *out)
{
    uint8_t memory[32];
    struct writer w = writer_over(memory, sizeof memory);
    write_i32(&w, 0);
    response_header_write(&w, response_header_version(api_find(request->api_key), request->version),
                          request->correlation_id);
    write_bytes(&w, slice_of_text("unread body"));
    store_u32(memory, (uint32_t)writer_used(&w) - 4);
    byte_string_add(out, writer_slice(&w));
}

static void answer(struct fake_broker *broker, const struct fake_request *request, struct byte_string *out)
{
    json_t *response = broker->answer ? broker->answer(broker->context, request) : NULL;
    if (!response && request->body) {
        response = usual_answer(broker, request);
    }
    if (response && broker->edit) {
        broker->edit(broker->context, request, response);
    }
    bool refused = request->api_key == API_VERSIONS && json_integer_value(json_object_get(response, "ErrorCode")) == 35;
    if (response && !broker->silent) {
        message_json_response(request->api_key, refused ? 0 : request->version, request->correlation_id, response, out);
    } else if (!request->body && !broker->silent) {
        answer_unread(request, out);
    }
    json_decref(response);
}

static struct fake_request *note(struct fake_broker *broker, struct slice frame)
{
    struct request_header header;
    require(request_header_read(frame, &header) == SIGNET_OK, "the broker was sent a header that cannot be read");
    if (broker->seen_count == broker->seen_capacity) {
        broker->seen_capacity = 2 * broker->seen_capacity + 16;
        broker->seen = realloc(broker->seen, broker->seen_capacity * sizeof *broker->seen);
        require(broker->seen, "memory is out");
    }
    struct fake_request *request = &broker->seen[broker->seen_count++];
    *request = (struct fake_request){ header.api_key, header.api_version, header.correlation_id, NULL };
    struct slice body = slice_of(frame.data + header.size, frame.size - header.size);
    if (message_find(header.api_key, MESSAGE_REQUEST)) {
        request->body = message_json_read(header.api_key, MESSAGE_REQUEST, header.api_version, body);
        require(request->body || broker->tolerant, "the broker was sent a body that cannot be read");
    }
    return request;
}

bool fake_broker_take(struct fake_broker *broker, const struct byte_string *in, size_t *at, struct byte_string *out)
{
    size_t left = in->size - *at;
    if (left < 4 || left - 4 < load_u32(in->data + *at)) {
        return false;
    }
    struct slice frame = slice_of(in->data + *at + 4, load_u32(in->data + *at));
    *at += 4 + frame.size;
    if (broker->taking_tokens) {
        answer_bare_token(broker, out);
    } else {
        struct fake_request request = *note(broker, frame);
        answer(broker, &request, out);
    }
    return true;
}

size_t fake_broker_count(const struct fake_broker *broker, int16_t api_key)
{
    size_t count = 0;
    for (size_t i = 0; i < broker->seen_count; i++) {
        count += broker->seen[i].api_key == api_key;
    }
    return count;
}

const struct fake_request *fake_broker_latest(const struct fake_broker *broker, int16_t api_key)
{
    for (size_t i = broker->seen_count; i-- > 0;) {
        if (broker->seen[i].api_key == api_key) {
            return &broker->seen[i];
        }
    }
    return NULL;
}
