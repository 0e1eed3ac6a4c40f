/* SPDX-License-Identifier: Apache-2.0 */
/* The edges of a conversation: frames that are none, answers that belong nowhere, and when not to read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kafka/header.h"
#include "message_maker.h"
#include "relay_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define BYTES(text)  slice_of(text, sizeof(text) - 1)

struct scene {
    struct relay_world world;
    struct relay_party party;
};

static void begin(struct scene *s)
{
    world_init(&s->world);
    party_init(&s->party, &s->world);
}

static void end(struct scene *s)
{
    party_free(&s->party);
    world_free(&s->world);
}

/* From the client */

struct frame_case {
    const char *label;
    const char *bytes;
    size_t size;
    signet_error error;
};

/* clang-format off */
#define FRAME(label, bytes, error) { label, bytes, sizeof bytes - 1, SIGNET_ERROR_##error }
static const struct frame_case client_frames[] = {
    FRAME("negative size", "\xff\xff\xff\xff", LIMIT),
    FRAME("smallest size", "\x80\0\0\0", LIMIT),
    FRAME("largest size", "\x7f\xff\xff\xff", LIMIT),
    FRAME("size above the limit", "\x06\x40\0\x01", LIMIT),
    FRAME("no bytes", "\0\0\0\0", TRUNCATED),
    FRAME("one byte", "\0\0\0\1\0", TRUNCATED),
    FRAME("header without a client id", "\0\0\0\x08\0\x03\0\x01\0\0\0\1", TRUNCATED),
    FRAME("client id beyond the end", "\0\0\0\x0b\0\x03\0\x01\0\0\0\1\0\x05x", TRUNCATED),
    FRAME("client id of length -2", "\0\0\0\x0a\0\x03\0\x01\0\0\0\1\xff\xfe", MALFORMED),
    FRAME("flexible header without tags", "\0\0\0\x0a\0\x03\0\x0c\0\0\0\1\xff\xff", TRUNCATED),
    FRAME("API key -1", "\0\0\0\x0a\xff\xff\0\0\0\0\0\1\xff\xff", UNSUPPORTED),
    FRAME("API key 95", "\0\0\0\x0a\0\x5f\0\0\0\0\0\1\xff\xff", UNSUPPORTED),
    FRAME("API key 32767", "\0\0\0\x0a\x7f\xff\0\0\0\0\0\1\xff\xff", UNSUPPORTED),
    FRAME("SaslHandshake without a body", "\0\0\0\x0a\0\x11\0\1\0\0\0\1\xff\xff", TRUNCATED),
    FRAME("SaslHandshake with a byte more", "\0\0\0\x0d\0\x11\0\1\0\0\0\1\xff\xff\0\0\0", TRAILING),
};
/* clang-format on */

static void frames_that_are_none_end_the_conversation(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(client_frames); i++) {
        const struct frame_case *c = &client_frames[i];
        struct scene s;
        begin(&s);
        party_send_bytes(&s.party, slice_of(c->bytes, c->size));
        party_run(&s.party);
        if (s.party.error != c->error) {
            fail_msg("%s: %s", c->label, signet_error_text(s.party.error));
        }
        assert_int_equal(s.party.out[RELAY_BROKER].size, 0);
        assert_int_equal(s.party.out[RELAY_CLIENT].size, 0);
        assert_string_not_equal(relay_fault(s.party.relay), "no fault");
        end(&s);
    }
}

static void send_request(struct scene *s, int16_t api_key, int16_t version, struct slice body)
{
    uint8_t memory[64];
    struct writer w = writer_over(memory, sizeof memory);
    const struct request_header header = { .api_key = api_key, .api_version = version, .correlation_id = 3 };
    write_i32(&w, 0);
    request_header_write(&w, &header);
    store_u32(memory, (uint32_t)(writer_used(&w) - 4 + body.size));
    party_send_bytes(&s->party, writer_slice(&w));
    party_send_bytes(&s->party, body);
}

static void what_is_not_served_ends_the_conversation(void **state)
{
    (void)state;
    const struct api *api;
    for (int16_t key = 0; (api = api_find(key)); key++) {
        const int16_t versions[] = { (int16_t)(api->served_since - 1), (int16_t)(api->version_max + 1),
                                     api->version_max };
        size_t count = api->class == API_DENY ? 3 : 2;
        for (size_t i = 0; i < count && key != API_VERSIONS; i++) {
            struct scene s;
            begin(&s);
            send_request(&s, key, versions[i], BYTES("\0\0\0\0"));
            party_run(&s.party);
            if (s.party.error != SIGNET_ERROR_UNSUPPORTED || s.world.broker.seen_count > 0) {
                fail_msg("%s version %d: %s", api->name, versions[i], relay_fault(s.party.relay));
            }
            end(&s);
        }
    }
}

/* Bodies that lie: nothing is forwarded of what cannot be read to its end. */

static const int16_t read_requests[] = { API_PRODUCE, API_FETCH, API_SHARE_FETCH };

static void check_body(int16_t key, int16_t version, const uint8_t *bytes, size_t size, bool whole)
{
    struct scene s;
    begin(&s);
    s.world.broker.tolerant = true;
    send_request(&s, key, version, slice_of(bytes, size));
    party_run(&s.party);
    bool forwarded = fake_broker_count(&s.world.broker, key) > 0;
    if (!whole && (forwarded || !s.party.error)) {
        fail_msg("API %d version %d, %zu bytes: passed", key, version, size);
    }
    end(&s);
}

static void bodies_are_read_to_their_end(void **state)
{
    (void)state;
    static struct made_message made;
    for (size_t i = 0; i < COUNT(read_requests); i++) {
        const struct message *message = message_find(read_requests[i], MESSAGE_REQUEST);
        for (int16_t version = message->since; version <= message->last; version++) {
            make_message(message, version, (uint64_t)version, &made);
            for (size_t size = 0; size < made.size; size += 1 + made.size / 20) {
                check_body(read_requests[i], version, made.bytes, size, false);
            }
            made.bytes[made.size] = 0;
            check_body(read_requests[i], version, made.bytes, made.size + 1, false);
        }
    }
}

static void lengths_that_lie_do_no_harm(void **state)
{
    (void)state;
    static struct made_message made;
    static uint8_t lied[MADE_BYTES_MAX];
    static const int64_t values[] = { -1, 0, 1, 1000, INT16_MAX, INT32_MAX };
    for (size_t i = 0; i < COUNT(read_requests); i++) {
        const struct message *message = message_find(read_requests[i], MESSAGE_REQUEST);
        for (int16_t version = message->since; version <= message->last; version += 3) {
            make_message(message, version, 5, &made);
            for (size_t length = 0; length < made.length_count; length += 1 + made.length_count / 16) {
                int64_t value = values[(length + (size_t)version) % COUNT(values)];
                size_t size = make_lie(&made, length, value, lied);
                check_body(read_requests[i], version, lied, size, true);
            }
        }
    }
}

/* From the broker */

static const struct frame_case broker_frames[] = {
    FRAME("negative size", "\xff\xff\xff\xff", LIMIT),
    FRAME("size above the limit", "\x06\x40\0\x01", LIMIT),
    FRAME("no bytes", "\0\0\0\0", PROTOCOL),
    FRAME("half a correlation id", "\0\0\0\2\0\0", PROTOCOL),
    FRAME("another correlation id", "\0\0\0\x05\0\0\0\x65\0", PROTOCOL),
    FRAME("no tags", "\0\0\0\x04\0\0\0\x64", PROTOCOL),
    FRAME("tags beyond the end", "\0\0\0\x07\0\0\0\x64\1\0\x05", PROTOCOL),
};

static void answers_that_are_none_end_the_conversation(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(broker_frames); i++) {
        const struct frame_case *c = &broker_frames[i];
        struct scene s;
        begin(&s);
        s.world.broker.silent = true;
        party_send(&s.party, API_METADATA, 12, json_of("{'Topics': null}"));
        party_run(&s.party);
        party_broker_sends(&s.party, slice_of(c->bytes, c->size));
        party_run(&s.party);
        if (s.party.error != c->error) {
            fail_msg("%s: %s", c->label, signet_error_text(s.party.error));
        }
        assert_int_equal(s.party.out[RELAY_CLIENT].size, 0);
        end(&s);
    }
}

static void an_answer_that_nobody_asked_for_ends_the_conversation(void **state)
{
    (void)state;
    for (int asked = 0; asked < 2; asked++) {
        struct scene s;
        begin(&s);
        if (asked) {
            party_send(&s.party, API_FIND_COORDINATOR, 3, json_of("{}"));
            party_run(&s.party);
        }
        size_t before = s.party.out[RELAY_CLIENT].size;
        party_broker_sends(&s.party, BYTES("\0\0\0\x05\0\0\0\x64\0"));
        party_run(&s.party);
        assert_int_equal(s.party.error, SIGNET_ERROR_PROTOCOL);
        assert_int_equal(s.party.out[RELAY_CLIENT].size, before);
        end(&s);
    }
}

static void acks_0_has_no_answer(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    struct byte_string batch = world_batch(&s.world, 1, -1, 0);
    const struct produce_item item = { "plain", 0, ITEM_BATCH, byte_string_slice(&batch) };
    party_send(&s.party, API_PRODUCE, 8, produce_body(&s.world, 0, &item, 1));
    party_run(&s.party);
    assert_int_equal(relay_in_flight(s.party.relay), 0);
    party_broker_sends(&s.party, BYTES("\0\0\0\x0c\0\0\0\x64\0\0\0\0\0\0\0\0"));
    party_run(&s.party);
    assert_int_equal(s.party.error, SIGNET_ERROR_PROTOCOL);
    byte_string_free(&batch);
    end(&s);
}

/* Each answer that is read, cut short at every byte and one byte longer. */
struct answer_case {
    int16_t api_key, version;
    const char *body;
};

static const struct answer_case answers[] = {
    { API_PRODUCE, 8, "{'Acks': 1, 'TopicData': [{'Name': 'plain', 'PartitionData': [{'Index': 0}]}]}" },
    { API_PRODUCE, 12, "{'Acks': 1, 'TopicData': [{'Name': 'plain', 'PartitionData': [{'Index': 0}]}]}" },
    { API_FETCH, 11,
      "{'SessionEpoch': -1, 'ReplicaId': -1, 'ForgottenTopicsData': [],"
      " 'Topics': [{'Topic': 'plain', 'Partitions': [{'Partition': 0}]}]}" },
    { API_FETCH, 12,
      "{'SessionEpoch': -1, 'ReplicaId': -1, 'ForgottenTopicsData': [],"
      " 'Topics': [{'Topic': 'plain', 'Partitions': [{'Partition': 0}]}]}" },
    { API_SHARE_FETCH, 1, "{'Topics': []}" },
    { API_SHARE_ACKNOWLEDGE, 1, "{'Topics': []}" },
    { API_METADATA, 7, "{'Topics': null}" },
    { API_METADATA, 12, "{'Topics': null}" },
    { API_FIND_COORDINATOR, 2, "{}" },
    { API_FIND_COORDINATOR, 4, "{}" },
    { API_DESCRIBE_CLUSTER, 1, "{}" },
    { API_VERSIONS, 1, "{}" },
    { API_SASL_HANDSHAKE, 1, "{'Mechanism': 'PLAIN'}" },
    { API_SASL_AUTHENTICATE, 2, "{}" },
    { API_CREATE_TOPICS, 7, "{'Topics': []}" },
    { API_DELETE_TOPICS, 6, "{'Topics': []}" },
    { API_DELETE_RECORDS, 2, "{'Topics': []}" },
    { API_END_TXN, 5, "{'TransactionalId': 'tx', 'ProducerId': 7}" },
    { API_DESCRIBE_TOPIC_PARTITIONS, 0, "{'Topics': []}" },
};

/* What the broker would answer. */
static struct byte_string usual_answer(const struct answer_case *c)
{
    struct scene s;
    struct byte_string answer = { 0 };
    begin(&s);
    party_send(&s.party, c->api_key, c->version, json_of("%s", c->body));
    party_run(&s.party);
    assert_string_equal(relay_fault(s.party.relay), "no fault");
    byte_string_add(&answer, byte_string_slice(&s.party.in[RELAY_BROKER]));
    byte_string_room(&answer, 1);
    end(&s);
    return answer;
}

static void check_answer(const struct answer_case *c, struct byte_string *answer, size_t size)
{
    struct scene s;
    begin(&s);
    s.world.broker.silent = true;
    party_send(&s.party, c->api_key, c->version, json_of("%s", c->body));
    party_run(&s.party);
    store_u32(answer->data, (uint32_t)size - 4);
    party_broker_sends(&s.party, slice_of(answer->data, size));
    party_run(&s.party);
    if (!s.party.error || s.party.out[RELAY_CLIENT].size > 0) {
        fail_msg("API %d version %d: %zu bytes of %zu pass", c->api_key, c->version, size, answer->size - 1);
    }
    end(&s);
}

static void answers_are_read_to_their_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++) {
        struct byte_string answer = usual_answer(&answers[i]);
        size_t step = 1 + answer.size / 150;
        for (size_t size = 4; size < answer.size - 1; size += step) {
            check_answer(&answers[i], &answer, size);
        }
        check_answer(&answers[i], &answer, answer.size);
        byte_string_free(&answer);
    }
}

/* When not to read */

static void requests_in_flight_have_a_limit(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    s.party.broker_is_away = true;
    for (int i = 0; i < REQUESTS_IN_FLIGHT_MAX + 500; i++) {
        party_send(&s.party, API_FIND_COORDINATOR, 0, json_of("{}"));
    }
    party_run(&s.party);
    assert_int_equal(relay_in_flight(s.party.relay), REQUESTS_IN_FLIGHT_MAX);
    assert_false(relay_wants(s.party.relay, RELAY_CLIENT));
    assert_true(relay_wants(s.party.relay, RELAY_BROKER));
    s.party.broker_is_away = false;
    party_run(&s.party);
    assert_int_equal(party_answer_count(&s.party), REQUESTS_IN_FLIGHT_MAX + 500);
    assert_true(relay_wants(s.party.relay, RELAY_CLIENT));
    end(&s);
}

static void send_batches(struct scene *s, size_t count, struct slice batch)
{
    for (size_t i = 0; i < count; i++) {
        const struct produce_item item = { "orders", (int32_t)(i % FAKE_PARTITIONS), ITEM_BATCH, batch };
        party_send(&s->party, API_PRODUCE, 9, produce_body(&s->world, 1, &item, 1));
    }
}

static void a_slow_broker_holds_the_client_back(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    struct byte_string batch = world_batch(&s.world, 1000, -1, 0);
    send_batches(&s, 1, byte_string_slice(&batch));
    party_run(&s.party);
    s.party.broker_is_slow = true;
    send_batches(&s, 40, byte_string_slice(&batch));
    party_run(&s.party);
    assert_false(relay_wants(s.party.relay, RELAY_CLIENT));
    assert_in_range(relay_pending(s.party.relay, RELAY_BROKER), OUTPUT_BYTES_HIGH, OUTPUT_BYTES_HIGH + 2 * batch.size);
    s.party.broker_is_slow = false;
    party_run(&s.party);
    assert_int_equal(party_answer_count(&s.party), 41);
    byte_string_free(&batch);
    end(&s);
}

static void a_slow_client_holds_the_broker_back(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    struct byte_string batch = world_batch(&s.world, 1000, -1, 0);
    send_batches(&s, 4, byte_string_slice(&batch));
    party_run(&s.party);
    s.party.client_is_slow = true;
    const struct fetch_item item = { "orders", 1, 0 };
    for (int i = 0; i < 40; i++) {
        party_send(&s.party, API_FETCH, 12, fetch_body(&s.world, &item, 1));
    }
    party_run(&s.party);
    assert_false(relay_wants(s.party.relay, RELAY_BROKER));
    assert_in_range(relay_pending(s.party.relay, RELAY_CLIENT), OUTPUT_BYTES_HIGH, OUTPUT_BYTES_HIGH + 2 * batch.size);
    s.party.client_is_slow = false;
    party_run(&s.party);
    assert_int_equal(party_answer_count(&s.party), 44);
    byte_string_free(&batch);
    end(&s);
}

/* Answers that are given here cost the client nothing, so it could ask for them without end. */
static void a_client_that_takes_no_answers_gets_no_more(void **state)
{
    (void)state;
    enum { REQUESTS = 30 * 1000 };
    struct scene s;
    begin(&s);
    s.party.client_is_slow = true;
    for (int i = 0; i < REQUESTS; i++) {
        send_request(&s, API_VERSIONS, 100, BYTES("\1\1"));
    }
    party_run(&s.party);
    assert_false(relay_wants(s.party.relay, RELAY_CLIENT));
    assert_in_range(relay_pending(s.party.relay, RELAY_CLIENT), OUTPUT_BYTES_HIGH, OUTPUT_BYTES_HIGH + 100);
    s.party.client_is_slow = false;
    party_run(&s.party);
    assert_int_equal(s.party.read[RELAY_CLIENT], s.party.in[RELAY_CLIENT].size);
    end(&s);
}

/* Small requests without an answer, as many as fill the output to the broker and `more`. */
static void send_small_requests(struct scene *s, size_t more)
{
    struct byte_string batch = world_batch(&s->world, 1, -1, 0);
    const struct produce_item item = { "plain", 0, ITEM_BATCH, byte_string_slice(&batch) };
    size_t before = s->party.in[RELAY_CLIENT].size, size = 0;
    for (size_t sent = 0; sent < OUTPUT_BYTES_HIGH + more * size; sent += size) {
        party_send(&s->party, API_PRODUCE, 8, produce_body(&s->world, 0, &item, 1));
        size = s->party.in[RELAY_CLIENT].size - before;
        before = s->party.in[RELAY_CLIENT].size;
    }
    byte_string_free(&batch);
}

/* Whole frames wait in memory, and room in the output alone does not make room behind them. */
static void frames_that_wait_are_taken_first(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    s.party.broker_is_slow = true;
    send_small_requests(&s, 1000);
    party_run(&s.party);
    assert_false(relay_wants(s.party.relay, RELAY_CLIENT));
    relay_sent(s.party.relay, RELAY_BROKER, relay_pending(s.party.relay, RELAY_BROKER));
    uint8_t *at;
    size_t room;
    assert_int_equal(relay_room(s.party.relay, RELAY_CLIENT, &at, &room), SIGNET_OK);
    assert_int_equal(room, 0);
    assert_false(relay_wants(s.party.relay, RELAY_CLIENT));
    assert_false(relay_is_starved(s.party.relay, RELAY_CLIENT));
    assert_int_equal(relay_received(s.party.relay, RELAY_CLIENT, 0, s.world.now_ms), SIGNET_OK);
    assert_true(relay_pending(s.party.relay, RELAY_BROKER) > 0);
    end(&s);
}

/* A size that is too large is refused as soon as it is looked at, and no memory is taken for it before. */
static void a_size_that_waits_takes_no_memory(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    s.party.broker_is_slow = true;
    send_small_requests(&s, 0);
    party_send_bytes(&s.party, BYTES("\x7f\xff\xff\xff"));
    party_run(&s.party);
    assert_int_equal(s.party.read[RELAY_CLIENT], s.party.in[RELAY_CLIENT].size);
    size_t used = s.world.worker.budget.used_bytes;
    relay_sent(s.party.relay, RELAY_BROKER, relay_pending(s.party.relay, RELAY_BROKER) - 1);
    uint8_t *at;
    size_t room;
    assert_int_equal(relay_room(s.party.relay, RELAY_CLIENT, &at, &room), SIGNET_OK);
    assert_int_equal(room, 0);
    assert_true(s.world.worker.budget.used_bytes <= used);
    assert_int_equal(relay_received(s.party.relay, RELAY_CLIENT, 0, s.world.now_ms), SIGNET_ERROR_LIMIT);
    end(&s);
}

static void a_quiet_connection_takes_no_memory(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    struct byte_string batch = world_batch(&s.world, 2000, 9, 0);
    send_batches(&s, 3, byte_string_slice(&batch));
    party_send(&s.party, API_VERSIONS, 3, json_of("{}"));
    party_send(&s.party, API_VERSIONS, 99, json_of("{}"));
    party_run(&s.party);
    assert_int_equal(party_answer_count(&s.party), 5);
    assert_int_equal(s.world.worker.budget.used_bytes, 0);
    byte_string_free(&batch);
    end(&s);
}

/* A client may be gone by then, and what it has sent is to go out all the same. */
static void a_request_that_waits_is_known_to_wait(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    struct byte_string batch = world_batch(&s.world, 1, -1, 0);
    const struct produce_item item = { "orders", 0, ITEM_BATCH, byte_string_slice(&batch) };
    assert_false(relay_holds_request(s.party.relay));
    s.party.broker_is_away = true;
    party_send(&s.party, API_PRODUCE, 9, produce_body(&s.world, 0, &item, 1));
    party_run(&s.party);
    assert_true(relay_holds_request(s.party.relay));
    assert_int_equal(relay_in_flight(s.party.relay), 1); /* the look-up */
    s.party.broker_is_away = false;
    party_run(&s.party);
    assert_false(relay_holds_request(s.party.relay));
    assert_int_equal(fake_broker_topic(&s.world.broker, "orders")->partitions[0].next_offset, 1);
    byte_string_free(&batch);
    end(&s);
}

/* Memory */

static void a_frame_waits_for_memory_and_goes_on(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    struct byte_string batch = world_batch(&s.world, 10 * 1000, -1, 0);
    struct budget *budget = &s.world.worker.budget;
    budget->limit_bytes = 4 << 20;
    struct block *others = block_new(budget, 4 << 20);
    send_batches(&s, 1, byte_string_slice(&batch));
    party_run(&s.party);
    assert_true(relay_is_starved(s.party.relay, RELAY_CLIENT));
    assert_false(relay_wants(s.party.relay, RELAY_CLIENT));
    assert_int_equal(s.party.error, SIGNET_OK);
    block_release(others);
    uint8_t *at; /* as a daemon does when memory has been given back */
    size_t room;
    assert_int_equal(relay_room(s.party.relay, RELAY_CLIENT, &at, &room), SIGNET_OK);
    assert_true(room > 0);
    assert_false(relay_is_starved(s.party.relay, RELAY_CLIENT));
    party_run(&s.party);
    assert_int_equal(party_answer_count(&s.party), 1);
    byte_string_free(&batch);
    end(&s);
}

/* Past the limit a connection gets the smallest block and nothing more, however many there are. */
static void only_small_frames_pass_without_memory(void **state)
{
    (void)state;
    static const int32_t counts[] = { 200, 1000 };
    for (size_t i = 0; i < COUNT(counts); i++) {
        struct scene s;
        begin(&s);
        struct byte_string batch = world_batch(&s.world, counts[i], -1, 0);
        struct budget *budget = &s.world.worker.budget;
        bool small = batch.size + 100 < INTAKE_BYTES_MIN;
        budget->limit_bytes = 4 << 20;
        struct block *others = block_new(budget, 4 << 20);
        send_batches(&s, 3, byte_string_slice(&batch));
        party_run(&s.party);
        assert_int_equal(relay_is_starved(s.party.relay, RELAY_CLIENT), !small);
        assert_int_equal(party_answer_count(&s.party), small ? 3 : 0);
        assert_in_range(budget->used_bytes - others->capacity, 0, INTAKE_BYTES_MIN);
        block_release(others);
        byte_string_free(&batch);
        end(&s);
    }
}

static void a_lone_frame_above_the_budget_goes_through(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    struct byte_string batch = world_batch(&s.world, 50 * 1000, -1, 0);
    s.world.worker.budget.limit_bytes = batch.size / 2;
    send_batches(&s, 1, byte_string_slice(&batch));
    party_run(&s.party);
    assert_int_equal(party_answer_count(&s.party), 1);
    assert_false(relay_is_starved(s.party.relay, RELAY_CLIENT));
    byte_string_free(&batch);
    end(&s);
}

/* Whatever the order, what was in flight is given back. */
static void a_conversation_can_end_at_any_time(void **state)
{
    (void)state;
    struct byte_string batch;
    for (size_t cut = 1; cut < 1500; cut += 37) {
        struct scene s;
        begin(&s);
        batch = world_batch(&s.world, 10, 77, 0);
        send_batches(&s, 2, byte_string_slice(&batch));
        party_send(&s.party, API_VERSIONS, 99, json_of("{}"));
        const struct fetch_item item = { "orders", 0, 0 };
        party_send(&s.party, API_FETCH, 12, fetch_body(&s.world, &item, 1));
        s.party.in[RELAY_CLIENT].size = cut < s.party.in[RELAY_CLIENT].size ? cut : s.party.in[RELAY_CLIENT].size;
        s.world.broker.silent = cut % 2 == 0;
        s.party.client_is_slow = cut % 3 == 0;
        party_run(&s.party);
        assert_int_equal(s.party.error, SIGNET_OK);
        byte_string_free(&batch);
        end(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_that_are_none_end_the_conversation),
        cmocka_unit_test(what_is_not_served_ends_the_conversation),
        cmocka_unit_test(bodies_are_read_to_their_end),
        cmocka_unit_test(lengths_that_lie_do_no_harm),
        cmocka_unit_test(answers_that_are_none_end_the_conversation),
        cmocka_unit_test(an_answer_that_nobody_asked_for_ends_the_conversation),
        cmocka_unit_test(acks_0_has_no_answer),
        cmocka_unit_test(answers_are_read_to_their_end),
        cmocka_unit_test(requests_in_flight_have_a_limit),
        cmocka_unit_test(a_slow_broker_holds_the_client_back),
        cmocka_unit_test(a_slow_client_holds_the_broker_back),
        cmocka_unit_test(a_client_that_takes_no_answers_gets_no_more),
        cmocka_unit_test(frames_that_wait_are_taken_first),
        cmocka_unit_test(a_size_that_waits_takes_no_memory),
        cmocka_unit_test(a_request_that_waits_is_known_to_wait),
        cmocka_unit_test(a_quiet_connection_takes_no_memory),
        cmocka_unit_test(a_frame_waits_for_memory_and_goes_on),
        cmocka_unit_test(only_small_frames_pass_without_memory),
        cmocka_unit_test(a_lone_frame_above_the_budget_goes_through),
        cmocka_unit_test(a_conversation_can_end_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
