/* SPDX-License-Identifier: Apache-2.0 */
#include "relay_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "kafka/header.h"
#include "kafka/record.h"

static const char *const topic_names[] = { "orders", "orders-eu", "orders-raw", "plain" };

static bool node_address(void *context, int32_t node, struct slice host, int32_t port, char ret_host[256],
                         int32_t *ret_port)
{
    const struct relay_world *world = ((struct relay_party *)context)->world;
    (void)host;
    (void)port;
    snprintf(ret_host, 256, "%s", world->host);
    *ret_port = WORLD_PORT + node;
    return node != world->unmapped_node;
}

static void batch_refused(void *context, const struct open_finding *finding)
{
    struct relay_world *world = ((struct relay_party *)context)->world;
    if (world->finding_count < WORLD_FINDINGS_MAX) {
        world->findings[world->finding_count++] = (struct world_finding){ finding->verdict, finding->base_offset };
    }
}

static void request_refused(void *context, const struct request_refusal *refusal)
{
    struct relay_world *world = ((struct relay_party *)context)->world;
    if (world->refusal_count == WORLD_FINDINGS_MAX) {
        return;
    }
    struct world_refusal *noted = &world->refusals[world->refusal_count++];
    *noted = (struct world_refusal){
        .api_key = refusal->api_key,
        .partition = refusal->partition,
        .partitions = refusal->partitions,
        .error_code = refusal->error_code,
    };
    snprintf(noted->topic, sizeof noted->topic, "%.*s", (int)refusal->topic_name.size,
             (const char *)refusal->topic_name.data);
    snprintf(noted->why, sizeof noted->why, "%s", refusal->why);
    snprintf(noted->hint, sizeof noted->hint, "%s", refusal->hint ? refusal->hint : "");
}

static void authenticated(void *context, struct slice principal)
{
    struct relay_world *world = ((struct relay_party *)context)->world;
    snprintf(world->authenticated, sizeof world->authenticated, "%.*s", (int)principal.size,
             (const char *)principal.data);
    world->authenticated_count++;
}

static void make_policies(struct relay_world *world)
{
    static char raw[] = "orders-raw", orders[] = "orders*", rest[] = "*";
    world->policies[0] = (struct topic_policy){ .pattern = raw, .seal = true };
    world->policies[1] = (struct topic_policy){ .pattern = orders, .seal = true, .open = true };
    world->policies[2] = (struct topic_policy){ .pattern = rest };
    world->worker.policy = (struct policy){ .topics = world->policies, .count = WORLD_POLICIES };
}

static void make_topics(struct relay_world *world)
{
    for (size_t i = 0; i < sizeof topic_names / sizeof *topic_names; i++) {
        struct topic_id id;
        memset(id.bytes, (int)(0xa0 + i), sizeof id.bytes);
        fake_broker_add_topic(&world->broker, topic_names[i], &id);
    }
}

void world_init(struct relay_world *world)
{
    *world = (struct relay_world){ .unmapped_node = -2, .host = WORLD_HOST };
    seal_fixture_init(&world->seal);
    snprintf(world->seal.trust.cluster_id, sizeof world->seal.trust.cluster_id, "%s", FAKE_CLUSTER_ID);
    world->seal.sealer.cluster_id = slice_of_text(world->seal.trust.cluster_id);
    world->now_ms = world->seal.now_ms;
    world->worker = (struct relay_worker){
        .shared = { .directory = directory_new(), .acknowledged = acknowledged_new(), .resends = resends_new(NULL) },
        .budget = { .limit_bytes = 64 << 20 },
        .sealer = world->seal.sealer,
        .data_keys = world->seal.data_keys,
        .opener = world->seal.opener,
        .hooks = { node_address, batch_refused, request_refused, authenticated },
        .frame_bytes_max = FRAME_BYTES_DEFAULT,
        .fetch_bytes_max = WORLD_FETCH_BYTES_MAX,
        .fetch_refusal_error = KAFKA_CORRUPT_MESSAGE,
        .append_skew_ms = 600000,
    };
    world->worker.opener.codecs.budget = &world->worker.budget;
    make_policies(world);
    make_topics(world);
}

void world_free(struct relay_world *world)
{
    require(world->worker.budget.used_bytes == 0, "memory is still charged to the budget");
    directory_free(world->worker.shared.directory);
    acknowledged_free(world->worker.shared.acknowledged);
    resends_free(world->worker.shared.resends);
    opener_free(&world->worker.opener);
    fake_broker_free(&world->broker);
    seal_fixture_free(&world->seal);
}

void world_vouch_as(struct relay_world *world, const char *topic, const char *name)
{
    struct policy *policy = &world->worker.policy;
    world->known[policy->known_count++] =
        (struct known_topic){ world_place(world, topic, 0).topic, (char *)(uintptr_t)name };
    policy->known = world->known;
    qsort(policy->known, policy->known_count, sizeof *policy->known, known_topic_compare);
}

void world_vouch(struct relay_world *world, const char *topic)
{
    world_vouch_as(world, topic, topic);
}

void world_seal_everything(struct relay_world *world)
{
    for (size_t i = 0; i < WORLD_POLICIES; i++) {
        world->policies[i].seal = world->policies[i].open = true;
    }
}

struct byte_string world_batch(struct relay_world *world, int32_t count, int64_t producer_id, int32_t base_sequence)
{
    size_t size;
    struct byte_string bytes = { 0 };
    struct block *block = fixture_batch(&world->seal, count, producer_id, base_sequence, &size);
    byte_string_add(&bytes, slice_of(block->data, size));
    block_release(block);
    return bytes;
}

struct byte_string world_stored_batch(struct relay_world *world, int32_t count, int64_t producer_id,
                                      int32_t base_sequence, int64_t base_offset)
{
    struct byte_string bytes = world_batch(world, count, producer_id, base_sequence);
    store_u64(bytes.data, (uint64_t)base_offset);
    store_u32(bytes.data + BATCH_LENGTH_END, FAKE_LEADER_EPOCH);
    return bytes;
}

/* Parties */

void party_init_as(struct relay_party *party, struct relay_world *world, const char *principal, bool must_authenticate)
{
    *party = (struct relay_party){ .world = world, .next_correlation_id = 100 };
    const struct relay_client client = { slice_of_text(principal), must_authenticate, party };
    party->relay = relay_new(&world->worker, &client);
    require(party->relay, "memory is out");
}

void party_init(struct relay_party *party, struct relay_world *world)
{
    party_init_as(party, world, "", false);
}

void party_free(struct relay_party *party)
{
    relay_free(party->relay, party->world->now_ms);
    for (int side = 0; side < 2; side++) {
        byte_string_free(&party->in[side]);
        byte_string_free(&party->out[side]);
    }
    free(party->sent);
    *party = (struct relay_party){ 0 };
}

static bool gets_no_answer(int16_t api_key, const json_t *body)
{
    return api_key == API_PRODUCE && json_integer_value(json_object_get(body, "Acks")) == 0;
}

size_t party_send(struct relay_party *party, int16_t api_key, int16_t version, json_t *body)
{
    int32_t correlation_id = party->next_correlation_id++;
    message_json_request(api_key, version, correlation_id, "a-client", body, &party->in[RELAY_CLIENT]);
    bool answered = !gets_no_answer(api_key, body);
    json_decref(body);
    if (!answered) {
        return SIZE_MAX;
    }
    if (party->sent_count == party->sent_capacity) {
        party->sent_capacity = 2 * party->sent_capacity + 16;
        party->sent = realloc(party->sent, party->sent_capacity * sizeof *party->sent);
        require(party->sent, "memory is out");
    }
    party->sent[party->sent_count] = (struct sent_request){ api_key, version, correlation_id };
    return party->sent_count++;
}

void party_send_bytes(struct relay_party *party, struct slice bytes)
{
    byte_string_add(&party->in[RELAY_CLIENT], bytes);
}

void party_broker_sends(struct relay_party *party, struct slice bytes)
{
    byte_string_add(&party->in[RELAY_BROKER], bytes);
}

/* Moving bytes */

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t read_size(const struct relay_party *party, enum relay_side side, size_t room)
{
    size_t at = party->read[side], size = smaller(room, party->in[side].size - at);
    size_t max = party->cuts.read_max[side], end = party->cuts.read_end[side];
    size = max ? smaller(size, max) : size;
    return end > at ? smaller(size, end - at) : size;
}

static void note_error(struct relay_party *party, signet_error error)
{
    party->error = party->error ? party->error : error;
}

static bool read_side(struct relay_party *party, enum relay_side side)
{
    uint8_t *at;
    size_t room, size;
    if (party->error || party->read[side] == party->in[side].size || !relay_wants(party->relay, side)) {
        return false;
    }
    note_error(party, relay_room(party->relay, side, &at, &room));
    require(party->error || room > 0 || relay_is_starved(party->relay, side),
            "a relay that wants bytes offers no room");
    size = read_size(party, side, room);
    if (party->error || size == 0) {
        return false;
    }
    memcpy(at, party->in[side].data + party->read[side], size);
    party->read[side] += size;
    note_error(party, relay_received(party->relay, side, size, party->world->now_ms));
    return true;
}

/* As a daemon does: when something has left, what was held back may go on. */
static void go_on(struct relay_party *party)
{
    for (int side = 1; side >= 0 && !party->error; side--) {
        note_error(party, relay_received(party->relay, (enum relay_side)side, 0, party->world->now_ms));
    }
}

static bool write_side(struct relay_party *party, enum relay_side side)
{
    struct iovec pieces[3];
    size_t count = relay_peek(party->relay, side, pieces, 3), sent = 0;
    size_t left = party->cuts.write_max[side] ? party->cuts.write_max[side] : SIZE_MAX;
    for (size_t i = 0; i < count && left > 0; i++) {
        size_t size = smaller(pieces[i].iov_len, left);
        byte_string_add(&party->out[side], slice_of(pieces[i].iov_base, size));
        sent += size;
        left -= size;
    }
    if (sent > 0) {
        relay_sent(party->relay, side, sent);
        go_on(party);
    }
    return sent > 0;
}

static bool step(struct relay_party *party)
{
    bool moved = read_side(party, RELAY_CLIENT);
    moved |= read_side(party, RELAY_BROKER);
    moved |= !party->client_is_slow && write_side(party, RELAY_CLIENT);
    moved |= !party->broker_is_slow && write_side(party, RELAY_BROKER);
    moved |= !party->broker_is_away && fake_broker_take(&party->world->broker, &party->out[RELAY_BROKER], &party->taken,
                                                        &party->in[RELAY_BROKER]);
    return moved;
}

void party_run(struct relay_party *party)
{
    while (step(party)) {
    }
}

void party_run_until_read(struct relay_party *party, enum relay_side side, size_t size)
{
    while (party->read[side] < size && step(party)) {
    }
}

/* Answers */

static struct slice frame_at(struct slice bytes, size_t index)
{
    while (bytes.size >= 4 && bytes.size - 4 >= load_u32(bytes.data)) {
        size_t size = load_u32(bytes.data);
        if (index-- == 0) {
            return slice_of(bytes.data + 4, size);
        }
        bytes = slice_of(bytes.data + 4 + size, bytes.size - 4 - size);
    }
    return slice_of(NULL, 0);
}

struct slice party_answer_frame(const struct relay_party *party, size_t index)
{
    return frame_at(byte_string_slice(&party->out[RELAY_CLIENT]), index);
}

size_t party_answer_count(const struct relay_party *party)
{
    size_t count = 0;
    while (party_answer_frame(party, count).data) {
        count++;
    }
    return count;
}

json_t *party_answer(const struct relay_party *party, size_t index)
{
    require(index < party->sent_count, "an answer to a request that was not sent");
    const struct sent_request *sent = &party->sent[index];
    struct slice frame = party_answer_frame(party, index);
    struct response_header header;
    require(frame.data, "an answer has not come");
    int header_version = response_header_version(api_find(sent->api_key), sent->version);
    require(response_header_read(frame, header_version, &header) == SIGNET_OK, "an answer's header cannot be read");
    require(header.correlation_id == sent->correlation_id, "answers are out of order");
    struct slice body = slice_of(frame.data + header.size, frame.size - header.size);
    bool refused = sent->api_key == API_VERSIONS && body.size >= 2 && load_u16(body.data) == 35;
    json_t *json = message_json_read(sent->api_key, MESSAGE_RESPONSE, refused ? 0 : sent->version, body);
    require(json, "an answer cannot be read");
    return json;
}

/* Bodies */

static struct fake_topic *topic_named(struct relay_world *world, const char *name)
{
    for (size_t i = 0; i < world->broker.topic_count; i++) {
        if (strcmp(world->broker.topics[i].name, name) == 0 && !world->broker.topics[i].gone) {
            return &world->broker.topics[i];
        }
    }
    return NULL;
}

static json_t *id_json(struct relay_world *world, const char *name)
{
    struct topic_id id = world_place(world, name, 0).topic;
    return json_hex(slice_of(id.bytes, sizeof id.bytes));
}

struct place world_place(struct relay_world *world, const char *topic, int32_t partition)
{
    const struct fake_topic *found = topic_named(world, topic);
    struct place place = { .partition = partition };
    if (found) {
        place.topic = found->id;
    } else {
        memset(place.topic.bytes, 0x77, sizeof place.topic.bytes); /* nobody's */
    }
    return place;
}

/* The topic's object, with a list of that name; a new one unless the last is of the same topic. */
static json_t *list_for(struct relay_world *world, json_t *topics, const char *name_field, const char *name,
                        const char *list_field)
{
    json_t *last = json_array_get(topics, json_array_size(topics) - 1);
    if (!last || strcmp(json_text_at(last, name_field), name) != 0) {
        last = json_object();
        json_object_set_new(last, name_field, json_string(name));
        json_object_set_new(last, "TopicId", id_json(world, name));
        json_object_set_new(last, list_field, json_array());
        json_array_append_new(topics, last);
    }
    return json_object_get(last, list_field);
}

json_t *produce_body(struct relay_world *world, int16_t acks, const struct produce_item *items, size_t count)
{
    json_t *topics = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *partition = json_of("{'Index': %d}", (int)items[i].partition);
        if (items[i].shape != ITEM_NULL) {
            json_object_set_new(partition, "Records", json_hex(items[i].records));
        }
        json_array_append_new(list_for(world, topics, "Name", items[i].topic, "PartitionData"), partition);
    }
    json_t *body = json_of("{'Acks': %d, 'TimeoutMs': 30000}", acks);
    json_object_set_new(body, "TopicData", topics);
    return body;
}

json_t *fetch_body(struct relay_world *world, const struct fetch_item *items, size_t count)
{
    json_t *topics = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *partition = json_of("{'Partition': %d, 'FetchOffset': %ld, 'CurrentLeaderEpoch': -1,"
                                    " 'PartitionMaxBytes': 1048576}",
                                    (int)items[i].partition, (long)items[i].offset);
        json_array_append_new(list_for(world, topics, "Topic", items[i].topic, "Partitions"), partition);
    }
    json_t *body = json_of("{'ReplicaId': -1, 'MaxWaitMs': 500, 'MinBytes': 1, 'MaxBytes': 52428800,"
                           " 'SessionId': 0, 'SessionEpoch': -1, 'ForgottenTopicsData': []}");
    json_object_set_new(body, "Topics", topics);
    return body;
}

json_t *share_fetch_body(struct relay_world *world, const struct fetch_item *items, size_t count)
{
    json_t *topics = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *partition = json_of("{'PartitionIndex': %d}", (int)items[i].partition);
        json_array_append_new(list_for(world, topics, "Topic", items[i].topic, "Partitions"), partition);
    }
    json_t *body = json_of("{'GroupId': 'g', 'MemberId': 'm', 'MaxWaitMs': 500, 'MinBytes': 1, 'MaxBytes': 52428800,"
                           " 'MaxRecords': 500, 'BatchSize': 500}");
    json_object_set_new(body, "Topics", topics);
    return body;
}

static json_t *find_partition(struct relay_world *world, json_t *topics, const char *topic, int32_t partition,
                              const char *list_field, const char *index_field)
{
    json_t *id = id_json(world, topic), *found = NULL;
    for (size_t i = 0; i < json_array_size(topics); i++) {
        json_t *one = json_array_get(topics, i), *list = json_object_get(one, list_field);
        json_t *name = json_object_get(one, "Name") ? json_object_get(one, "Name") : json_object_get(one, "Topic");
        bool same =
            name ? strcmp(json_string_value(name), topic) == 0 : json_equal(json_object_get(one, "TopicId"), id);
        for (size_t k = 0; same && k < json_array_size(list); k++) {
            json_t *candidate = json_array_get(list, k);
            found = json_number_at(candidate, index_field) == partition ? candidate : found;
        }
    }
    json_decref(id);
    require(found, "a partition is not in the answer");
    return found;
}

json_t *fetched_partition(struct relay_world *world, json_t *answer, const char *topic, int32_t partition)
{
    return find_partition(world, json_at(answer, "Responses"), topic, partition, "Partitions", "PartitionIndex");
}

json_t *produced_partition(struct relay_world *world, json_t *answer, const char *topic, int32_t partition)
{
    return find_partition(world, json_at(answer, "Responses"), topic, partition, "PartitionResponses", "Index");
}

/* The log */

struct seal_result world_store_sealed(struct relay_world *world, const char *topic, int32_t partition,
                                      struct seal_stream *stream, struct slice plain,
                                      const struct predecessor *predecessors, size_t predecessor_count)
{
    struct seal_result result;
    size_t size;
    world->seal.place = world_place(world, topic, partition);
    world->seal.topic_name = slice_of_text(topic);
    struct block *sealed =
        fixture_seal(&world->seal, stream, plain, 0, predecessors, predecessor_count, false, &result, &size);
    fake_partition_append(&topic_named(world, topic)->partitions[partition], slice_of(sealed->data, size));
    block_release(sealed);
    return result;
}

struct batch world_stored(struct relay_world *world, const char *topic, int32_t partition, size_t index)
{
    struct slice rest = byte_string_slice(&topic_named(world, topic)->partitions[partition].log);
    struct batch batch = { 0 };
    for (size_t i = 0; i <= index; i++) {
        require(batch_read(rest, &batch) == SIGNET_OK, "a batch is not in the log");
        rest = slice_of(rest.data + batch.bytes.size, rest.size - batch.bytes.size);
    }
    return batch;
}

struct envelope world_envelope(const struct batch *batch)
{
    struct envelope envelope;
    struct record_reader records;
    struct record first;
    record_begin(&records, batch->records, batch->header.record_count);
    require(record_next(&records, &first), "a sealed batch cannot be read");
    require(envelope_read(first.value, &envelope) == SIGNET_OK, "a batch is not sealed");
    return envelope;
}

/* Cuts */

struct transcript {
    struct byte_string client; /* what the client got */
    struct byte_string shape;  /* of what the broker got: the frames' sizes and headers */
    size_t read[2];
    signet_error error;
};

static void transcript_free(struct transcript *t)
{
    byte_string_free(&t->client);
    byte_string_free(&t->shape);
}

/* Sealed batches are never the same twice, but they are as long and stand in the same requests. */
static void add_shapes(struct byte_string *shape, struct slice bytes)
{
    struct slice frame;
    for (size_t i = 0; (frame = frame_at(bytes, i)).data; i++) {
        uint8_t size[4];
        store_u32(size, (uint32_t)frame.size);
        byte_string_add(shape, slice_of(size, 4));
        byte_string_add(shape, slice_of(frame.data, smaller(frame.size, 8)));
    }
}

static struct transcript perform(conversation *converse, const struct cuts *cuts)
{
    struct relay_world world;
    struct relay_party party;
    struct transcript t = { 0 };
    world_init(&world);
    party_init(&party, &world);
    party.cuts = *cuts;
    converse(&party);
    byte_string_add(&t.client, byte_string_slice(&party.out[RELAY_CLIENT]));
    add_shapes(&t.shape, byte_string_slice(&party.out[RELAY_BROKER]));
    memcpy(t.read, party.read, sizeof t.read);
    t.error = party.error;
    party_free(&party);
    world_free(&world);
    return t;
}

static bool is_same(const char *label, conversation *converse, const struct transcript *whole, const struct cuts *cuts,
                    const char *how, size_t at)
{
    struct transcript t = perform(converse, cuts);
    bool same = slice_equal(byte_string_slice(&t.client), byte_string_slice(&whole->client)) &&
                slice_equal(byte_string_slice(&t.shape), byte_string_slice(&whole->shape)) && t.error == whole->error;
    if (!same) {
        fprintf(stderr, "%s: another outcome with %s %zu\n", label, how, at);
    }
    transcript_free(&t);
    return same;
}

bool conversation_is_the_same_however_cut(const char *label, conversation *converse)
{
    struct transcript whole = perform(converse, &(struct cuts){ 0 });
    const struct cuts single = { .read_max = { 1, 1 }, .write_max = { 7, 3 } };
    const struct cuts odd = { .read_max = { 13, 5 }, .write_max = { 1, 31 } };
    bool same = is_same(label, converse, &whole, &single, "reads of bytes", 1) &&
                is_same(label, converse, &whole, &odd, "reads of bytes", 13);
    for (int side = 0; side < 2; side++) {
        for (size_t end = 1; same && end < whole.read[side]; end++) {
            struct cuts cuts = { 0 };
            cuts.read_end[side] = end;
            same = is_same(label, converse, &whole, &cuts,
                           side == RELAY_CLIENT ? "the client's read ending at" : "the broker's read ending at", end);
        }
    }
    transcript_free(&whole);
    return same;
}
