/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Topics that are named by id.  Which name an id has, brokers say: on their
 * word alone nothing leaves in clear and nothing comes unverified.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "relay_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define INTERNAL     "__consumer_offsets"

enum { RECORDS = 2 };

struct scene {
    struct relay_world world;
    struct relay_party party;
    struct byte_string batch; /* in clear */
};

static void begin(struct scene *s)
{
    world_init(&s->world);
    party_init(&s->party, &s->world);
    s->batch = world_batch(&s->world, RECORDS, -1, 0);
}

static void end(struct scene *s)
{
    byte_string_free(&s->batch);
    party_free(&s->party);
    world_free(&s->world);
}

static void add_internal_topic(struct scene *s)
{
    struct topic_id id;
    memset(id.bytes, 0x11, sizeof id.bytes);
    fake_broker_add_topic(&s->world.broker, INTERNAL, &id);
}

static void store(struct scene *s, const char *topic)
{
    fake_partition_append(&fake_broker_topic(&s->world.broker, topic)->partitions[0], byte_string_slice(&s->batch));
}

/* The call of one API for one topic's partition 0. */
struct call {
    int16_t api_key, version;
};

static const struct call produce = { API_PRODUCE, 13 }, fetch = { API_FETCH, 17 }, share = { API_SHARE_FETCH, 2 };

static size_t send_call(struct scene *s, const struct call *call, const char *topic)
{
    const struct produce_item item = { topic, 0, ITEM_BATCH, byte_string_slice(&s->batch) };
    const struct fetch_item wanted = { topic, 0, 0 };
    json_t *body = call->api_key == API_PRODUCE ? produce_body(&s->world, -1, &item, 1)
                   : call->api_key == API_FETCH ? fetch_body(&s->world, &wanted, 1)
                                                : share_fetch_body(&s->world, &wanted, 1);
    size_t index = party_send(&s->party, call->api_key, call->version, body);
    party_run(&s->party);
    return index;
}

static json_t *answered_partition(struct scene *s, const struct call *call, json_t *answer, const char *topic)
{
    return call->api_key == API_PRODUCE ? produced_partition(&s->world, answer, topic, 0)
                                        : fetched_partition(&s->world, answer, topic, 0);
}

/* The error that the call gets. */
static int64_t code_of(struct scene *s, const struct call *call, const char *topic)
{
    size_t index = send_call(s, call, topic);
    assert_string_equal(relay_fault(s->party.relay), "no fault");
    json_t *answer = party_answer(&s->party, index);
    int64_t code = json_number_at(answered_partition(s, call, answer, topic), "ErrorCode");
    json_decref(answer);
    return code;
}

static size_t marked(const struct scene *s, enum relay_side side)
{
    return slice_count(byte_string_slice(&s->party.out[side]), slice_of_text(WORLD_MARKER));
}

static void check_told(const struct scene *s, int16_t api_key, const char *topic)
{
    assert_int_equal(s->world.refusal_count, 1);
    const struct world_refusal *told = &s->world.refusals[0];
    assert_int_equal(told->api_key, api_key);
    assert_string_equal(told->topic, topic);
    assert_int_equal(told->partition, 0);
    assert_int_equal(told->error_code, KAFKA_TOPIC_AUTHORIZATION_FAILED);
    assert_non_null(strstr(told->why, "only the brokers say"));
    assert_non_null(strstr(told->hint, "topic-ids"));
}

/* What is offered */

static int64_t offered(json_t *answer, int16_t api_key)
{
    json_t *keys = json_at(answer, "ApiKeys");
    for (size_t i = 0; i < json_array_size(keys); i++) {
        if (json_number_at(json_array_get(keys, i), "ApiKey") == api_key) {
            return json_number_at(json_array_get(keys, i), "MaxVersion");
        }
    }
    return -1;
}

static void check_offered(struct scene *s, int16_t produce_max, int16_t fetch_max)
{
    size_t index = party_send(&s->party, API_VERSIONS, 3, json_of("{'ClientSoftwareName': 'a'}"));
    party_run(&s->party);
    json_t *answer = party_answer(&s->party, index);
    assert_int_equal(offered(answer, API_PRODUCE), produce_max);
    assert_int_equal(offered(answer, API_FETCH), fetch_max);
    assert_int_equal(offered(answer, API_SHARE_FETCH), 2);
    json_decref(answer);
}

static void versions_that_name_topics_by_id_are_offered_where_none_is_in_clear(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    check_offered(&s, 12, 12);
    world_vouch(&s.world, "plain"); /* there are other topics */
    check_offered(&s, 12, 12);
    world_seal_everything(&s.world);
    check_offered(&s, 13, 18);
    s.world.policies[0].open = false;
    check_offered(&s, 13, 12);
    end(&s);
}

/* Versions that are not offered */

struct ended_case {
    const char *label, *topic;
    int16_t api_key, first, last;
};

static const struct ended_case ended_cases[] = {
    { "produced, not sealed", "plain", API_PRODUCE, 13, 13 },
    { "fetched, not sealed", "plain", API_FETCH, 13, 18 },
    { "fetched, not opened", "orders-raw", API_FETCH, 13, 18 },
};

static void by_id_in_clear_ends_a_conversation_that_was_not_offered_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ended_cases); i++) {
        const struct ended_case *c = &ended_cases[i];
        for (int16_t version = c->first; version <= c->last; version++) {
            struct scene s;
            begin(&s);
            store(&s, c->topic);
            send_call(&s, &(struct call){ c->api_key, version }, c->topic);
            if (s.party.error != SIGNET_ERROR_PERMISSION) {
                fail_msg("%s, version %d: error %d", c->label, version, s.party.error);
            }
            assert_non_null(strstr(relay_fault(s.party.relay), "by its id"));
            assert_int_equal(fake_broker_count(&s.world.broker, c->api_key), 0);
            assert_int_equal(marked(&s, RELAY_BROKER), 0);
            assert_int_equal(s.world.refusal_count, 0);
            end(&s);
        }
    }
}

static void what_is_sealed_may_be_named_by_id_all_the_same(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    assert_int_equal(code_of(&s, &produce, "orders"), 0);
    assert_int_equal(code_of(&s, &produce, "orders-raw"), 0);
    assert_int_equal(code_of(&s, &fetch, "orders"), 0);
    assert_int_equal(code_of(&s, &share, "orders"), 0);
    assert_int_equal(marked(&s, RELAY_BROKER), 0);
    assert_int_equal(marked(&s, RELAY_CLIENT), 2 * RECORDS);
    end(&s);
}

/* Versions that are offered */

struct refused_case {
    const struct call *call;
    const char *topic;
};

static const struct refused_case refused_cases[] = {
    { &produce, INTERNAL }, { &fetch, INTERNAL }, { &share, INTERNAL }, { &share, "plain" }, { &share, "orders-raw" },
};

static bool is_ours(const char *topic)
{
    return strcmp(topic, INTERNAL) != 0;
}

static void begin_refused(struct scene *s, const struct refused_case *c)
{
    begin(s);
    add_internal_topic(s);
    if (!is_ours(c->topic)) {
        world_seal_everything(&s->world);
    }
    if (c->call->api_key != API_PRODUCE) {
        store(s, c->topic);
    }
}

static void by_id_in_clear_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused_cases); i++) {
        const struct refused_case *c = &refused_cases[i];
        struct scene s;
        begin_refused(&s, c);
        int64_t code = code_of(&s, c->call, c->topic);
        if (code != KAFKA_TOPIC_AUTHORIZATION_FAILED) {
            fail_msg("API %d, %s: error %ld", c->call->api_key, c->topic, (long)code);
        }
        assert_int_equal(marked(&s, RELAY_BROKER), 0);
        assert_int_equal(marked(&s, RELAY_CLIENT), 0);
        check_told(&s, c->call->api_key, c->topic);
        assert_int_equal(counter_read(&s.world.worker.counters.produce_refused), c->call->api_key == API_PRODUCE);
        end(&s);
    }
}

static void by_id_in_clear_is_served_where_the_operator_vouches(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused_cases); i++) {
        const struct refused_case *c = &refused_cases[i];
        struct scene s;
        begin_refused(&s, c);
        world_vouch(&s.world, c->topic);
        assert_int_equal(code_of(&s, c->call, c->topic), 0);
        bool produces = c->call->api_key == API_PRODUCE;
        assert_int_equal(marked(&s, produces ? RELAY_BROKER : RELAY_CLIENT), RECORDS);
        assert_int_equal(fake_broker_count(&s.world.broker, API_METADATA), 0); /* nobody needs to be asked */
        assert_int_equal(s.world.refusal_count, 0);
        end(&s);
    }
}

/* In versions that are not offered, too: the id is as good as the name. */
static void a_known_id_is_served_in_every_version(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    world_vouch(&s.world, "plain");
    assert_int_equal(code_of(&s, &produce, "plain"), 0);
    assert_int_equal(code_of(&s, &fetch, "plain"), 0);
    assert_int_equal(marked(&s, RELAY_BROKER), RECORDS);
    assert_int_equal(marked(&s, RELAY_CLIENT), RECORDS);
    end(&s);
}

static void a_refusal_leaves_other_topics_alone(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    add_internal_topic(&s);
    world_seal_everything(&s.world);
    const struct produce_item items[] = {
        { "orders", 0, ITEM_BATCH, byte_string_slice(&s.batch) },
        { INTERNAL, 0, ITEM_BATCH, byte_string_slice(&s.batch) },
        { "plain", 0, ITEM_BATCH, byte_string_slice(&s.batch) },
    };
    size_t index = party_send(&s.party, API_PRODUCE, 13, produce_body(&s.world, -1, items, COUNT(items)));
    party_run(&s.party);
    json_t *answer = party_answer(&s.party, index);
    assert_int_equal(json_number_at(produced_partition(&s.world, answer, "orders", 0), "ErrorCode"), 0);
    assert_int_equal(json_number_at(produced_partition(&s.world, answer, "plain", 0), "ErrorCode"), 0);
    json_t *refused = produced_partition(&s.world, answer, INTERNAL, 0);
    assert_int_equal(json_number_at(refused, "ErrorCode"), KAFKA_TOPIC_AUTHORIZATION_FAILED);
    assert_non_null(strstr(json_text_at(refused, "ErrorMessage"), "only the brokers say"));
    assert_int_equal(marked(&s, RELAY_BROKER), 0);
    check_told(&s, API_PRODUCE, INTERNAL);
    json_decref(answer);
    end(&s);
}

/* Nobody would hear of the error. */
static void without_an_answer_a_refusal_ends_the_conversation(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    add_internal_topic(&s);
    world_seal_everything(&s.world);
    const struct produce_item item = { INTERNAL, 0, ITEM_BATCH, byte_string_slice(&s.batch) };
    party_send(&s.party, API_PRODUCE, 13, produce_body(&s.world, 0, &item, 1));
    party_run(&s.party);
    assert_int_equal(s.party.error, SIGNET_ERROR_REFUSED);
    assert_int_equal(fake_broker_count(&s.world.broker, API_PRODUCE), 0);
    end(&s);
}

/* Share groups: what is refused is not acquired, and neither is what did not come. */
static void what_is_refused_is_not_acquired(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    store(&s, "plain");
    size_t index = send_call(&s, &share, "plain");
    json_t *answer = party_answer(&s.party, index);
    assert_int_equal(json_array_size(json_at(answer, "Responses/0/Partitions/0/AcquiredRecords")), 0);
    json_decref(answer);
    end(&s);
}

static void send_no_records(void *context, const struct fake_request *request, json_t *response)
{
    (void)context;
    if (request->api_key == API_SHARE_FETCH) {
        json_object_del(json_at(response, "Responses/0/Partitions/0"), "Records");
    }
}

static void what_did_not_come_is_not_acquired(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    store(&s, "plain");
    s.world.broker.edit = send_no_records;
    size_t index = send_call(&s, &share, "plain");
    json_t *answer = party_answer(&s.party, index);
    json_t *partition = json_at(answer, "Responses/0/Partitions/0");
    assert_int_equal(json_array_size(json_at(partition, "AcquiredRecords")), 0);
    assert_int_equal(json_number_at(partition, "ErrorCode"), 0);
    assert_int_equal(s.world.refusal_count, 0);
    json_decref(answer);
    end(&s);
}

static void where_nothing_is_there_nothing_is_refused(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    add_internal_topic(&s);
    world_seal_everything(&s.world);
    assert_int_equal(code_of(&s, &fetch, INTERNAL), 0);
    assert_int_equal(code_of(&s, &share, INTERNAL), 0);
    assert_int_equal(s.world.refusal_count, 0);
    end(&s);
}

/* Policy that changes under a conversation */

static json_t *session_body(struct scene *s, int32_t id, int32_t epoch, size_t count)
{
    const struct fetch_item item = { "plain", 0, 0 };
    json_t *body = fetch_body(&s->world, &item, count);
    json_set(body, "SessionId", json_integer(id));
    json_set(body, "SessionEpoch", json_integer(epoch));
    return body;
}

/* It began when everything was sealed and opened.  Named again, the topic ends it; unnamed, it is refused. */
static void a_session_that_policy_overtakes_gives_nothing_in_clear(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    s.world.broker.sessions = true;
    world_seal_everything(&s.world);
    party_send(&s.party, API_FETCH, 18, session_body(&s, 0, 0, 1));
    party_run(&s.party);
    s.world.policies[2].seal = s.world.policies[2].open = false;
    store(&s, "plain");
    size_t index = party_send(&s.party, API_FETCH, 18, session_body(&s, FAKE_FIRST_SESSION, 1, 0));
    party_run(&s.party);
    assert_int_equal(s.party.error, SIGNET_OK);
    json_t *answer = party_answer(&s.party, index);
    json_t *partition = fetched_partition(&s.world, answer, "plain", 0);
    assert_int_equal(json_number_at(partition, "ErrorCode"), KAFKA_TOPIC_AUTHORIZATION_FAILED);
    check_told(&s, API_FETCH, "plain");
    json_decref(answer);
    party_send(&s.party, API_FETCH, 18, session_body(&s, FAKE_FIRST_SESSION, 2, 1));
    party_run(&s.party);
    assert_int_equal(s.party.error, SIGNET_ERROR_PERMISSION);
    assert_int_equal(marked(&s, RELAY_CLIENT), 0);
    end(&s);
}

/* Lies */

static void rename_orders(void *context, const struct fake_request *request, json_t *response)
{
    (void)context;
    if (request->api_key == API_METADATA) {
        json_set(response, "Topics/0/Name", json_string("plain"));
    }
}

struct lie_case {
    const struct call *call;
    signet_error error;
};

static const struct lie_case lie_cases[] = {
    { &produce, SIGNET_ERROR_PERMISSION },
    { &fetch, SIGNET_ERROR_PERMISSION },
    { &share, SIGNET_OK },
};

/* The first that is ever heard of the id of a sealed topic is that it belongs to a topic in clear. */
static void a_sealed_topic_that_is_called_another_gives_nothing_away(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lie_cases); i++) {
        struct scene s;
        begin(&s);
        store(&s, "orders"); /* in clear, as a forger would */
        s.world.broker.edit = rename_orders;
        send_call(&s, lie_cases[i].call, "orders");
        assert_int_equal(fake_broker_count(&s.world.broker, API_METADATA), 1);
        assert_int_equal(s.party.error, lie_cases[i].error);
        assert_int_equal(marked(&s, RELAY_BROKER), 0);
        assert_int_equal(marked(&s, RELAY_CLIENT), 0);
        end(&s);
    }
}

static void learn(struct scene *s, const char *topic, const char *name)
{
    struct topic_id id = world_place(&s->world, topic, 0).topic;
    assert_int_equal(directory_learn(s->world.worker.shared.directory, &id, slice_of_text(name)), SIGNET_OK);
}

static void a_known_id_has_its_name_whatever_brokers_said_of_it(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    learn(&s, "orders", "plain");
    learn(&s, "plain", "orders");
    world_vouch(&s.world, "orders");
    world_vouch(&s.world, "plain");
    assert_int_equal(code_of(&s, &produce, "orders"), 0);
    assert_int_equal(marked(&s, RELAY_BROKER), 0);
    struct batch stored = world_stored(&s.world, "orders", 0, 0);
    assert_true(slice_equal_text(world_envelope(&stored).header.topic_name, "orders"));
    assert_int_equal(code_of(&s, &fetch, "orders"), 0);
    assert_int_equal(code_of(&s, &share, "orders"), 0);
    assert_int_equal(marked(&s, RELAY_CLIENT), 2 * RECORDS);
    assert_int_equal(code_of(&s, &produce, "plain"), 0);
    assert_int_equal(marked(&s, RELAY_BROKER), RECORDS);
    assert_int_equal(code_of(&s, &fetch, "plain"), 0);
    assert_int_equal(code_of(&s, &share, "plain"), 0);
    assert_int_equal(marked(&s, RELAY_CLIENT), 4 * RECORDS);
    party_send(&s.party, API_METADATA, 12, json_of("{'Topics': null}")); /* the truth, now */
    party_run(&s.party);
    assert_int_equal(s.party.error, SIGNET_OK);
    end(&s);
}

/* Vouched for as what it is not: the operator's word is the policy, and what is sealed is still held against its name. */
static void an_id_that_is_vouched_for_wrongly_fails_closed_where_it_is_sealed(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    struct seal_stream stream;
    seal_stream_init(&stream);
    world_store_sealed(&s.world, "orders", 0, &stream, byte_string_slice(&s.batch), NULL, 0);
    world_vouch_as(&s.world, "orders", "orders-eu");
    assert_int_equal(code_of(&s, &fetch, "orders"), KAFKA_CORRUPT_MESSAGE);
    assert_int_equal(s.world.findings[0].verdict, VERDICT_WRONG_PLACE);
    end(&s);
}

/* What the client is told itself: it would take messages of one topic for another's. */
struct told_case {
    const char *label;
    int16_t api_key, version;
    int16_t code; /* the topic's: an id that comes with an error is remembered, too */
    const char *name;
};

static const struct told_case told_cases[] = {
    { "an answer to the client", API_METADATA, 12, 0, "orders" },
    { "the first with ids", API_METADATA, 10, 0, "orders" },
    { "an answer with an error", API_METADATA, 12, 5, "orders" },
    { "a topic that nobody has", API_METADATA, 12, 0, "orders-of-nobody" },
    { "a description of topics", API_DESCRIBE_TOPIC_PARTITIONS, 0, 0, "orders" },
    { "a description with an error", API_DESCRIBE_TOPIC_PARTITIONS, 0, 5, "orders" },
};

struct told_scene {
    struct scene scene;
    const struct told_case *told;
};

/* Of one topic, the id of plain. */
static json_t *answer_swapped(void *context, const struct fake_request *request)
{
    struct told_scene *s = context;
    if (request->api_key != API_METADATA && request->api_key != API_DESCRIBE_TOPIC_PARTITIONS) {
        return NULL;
    }
    struct topic_id id = world_place(&s->scene.world, "plain", 0).topic;
    json_t *answer = json_of("{'ClusterId': '" FAKE_CLUSTER_ID "', 'Topics': [{'Name': '%s', 'ErrorCode': %d}]}",
                             s->told->name, s->told->code);
    json_set(answer, "Topics/0/TopicId", json_hex(slice_of(id.bytes, sizeof id.bytes)));
    return answer;
}

/* The truth is known from the operator, or from what brokers said before. */
static void begin_swapped(struct told_scene *s, const struct told_case *told, bool vouched)
{
    begin(&s->scene);
    s->told = told;
    if (vouched) {
        world_vouch(&s->scene.world, "plain");
    } else {
        struct topic_id id = world_place(&s->scene.world, "plain", 0).topic;
        directory_learn(s->scene.world.worker.shared.directory, &id, slice_of_text("plain"));
    }
    s->scene.world.broker.answer = answer_swapped;
    s->scene.world.broker.context = s;
}

static void check_ended_by_contradiction(const struct scene *s, const char *label, bool vouched)
{
    const char *fault = vouched ? "than topic-ids does" : "than before";
    if (s->party.error != SIGNET_ERROR_PROTOCOL || !strstr(relay_fault(s->party.relay), fault)) {
        fail_msg("%s: %s", label, relay_fault(s->party.relay));
    }
    assert_int_equal(slice_count(byte_string_slice(&s->party.out[RELAY_CLIENT]), slice_of_text("orders")), 0);
}

static void a_known_id_under_another_name_ends_the_conversation(void **state)
{
    (void)state;
    struct told_scene s;
    for (size_t i = 0; i < 2 * COUNT(told_cases); i++) {
        const struct told_case *c = &told_cases[i / 2];
        bool vouched = i % 2;
        begin_swapped(&s, c, vouched);
        party_send(&s.scene.party, c->api_key, c->version, json_of("{'Topics': [{'Name': '%s'}]}", c->name));
        party_run(&s.scene.party);
        check_ended_by_contradiction(&s.scene, c->label, vouched);
        end(&s.scene);
    }
    for (int vouched = 0; vouched < 2; vouched++) {
        begin_swapped(&s, &told_cases[0], vouched);
        send_call(&s.scene, &(struct call){ API_PRODUCE, 9 }, "orders"); /* the gateway looks it up */
        check_ended_by_contradiction(&s.scene, "an answer to a look-up", vouched);
        assert_int_equal(fake_broker_count(&s.scene.world.broker, API_PRODUCE), 0);
        end(&s.scene);
    }
}

static void refusing_conversation(struct relay_party *party)
{
    struct byte_string batch = world_batch(party->world, RECORDS, -1, 0);
    const struct produce_item item = { INTERNAL, 0, ITEM_BATCH, byte_string_slice(&batch) };
    const struct fetch_item wanted = { INTERNAL, 0, 0 };
    struct topic_id id;
    memset(id.bytes, 0x11, sizeof id.bytes);
    world_seal_everything(party->world);
    fake_broker_add_topic(&party->world->broker, INTERNAL, &id);
    fake_partition_append(&fake_broker_topic(&party->world->broker, INTERNAL)->partitions[0],
                          byte_string_slice(&batch));
    party_send(party, API_PRODUCE, 13, produce_body(party->world, -1, &item, 1));
    party_send(party, API_FETCH, 13, fetch_body(party->world, &wanted, 1));
    party_send(party, API_SHARE_FETCH, 1, share_fetch_body(party->world, &wanted, 1));
    party_run(party);
    byte_string_free(&batch);
    assert_int_equal(party_answer_count(party), 3);
    assert_int_equal(party->world->refusal_count, 3);
}

static void cuts_do_not_matter(void **state)
{
    (void)state;
    assert_true(conversation_is_the_same_however_cut("in clear by id", refusing_conversation));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_that_name_topics_by_id_are_offered_where_none_is_in_clear),
        cmocka_unit_test(by_id_in_clear_ends_a_conversation_that_was_not_offered_it),
        cmocka_unit_test(what_is_sealed_may_be_named_by_id_all_the_same),
        cmocka_unit_test(by_id_in_clear_is_refused),
        cmocka_unit_test(by_id_in_clear_is_served_where_the_operator_vouches),
        cmocka_unit_test(a_known_id_is_served_in_every_version),
        cmocka_unit_test(a_refusal_leaves_other_topics_alone),
        cmocka_unit_test(without_an_answer_a_refusal_ends_the_conversation),
        cmocka_unit_test(what_is_refused_is_not_acquired),
        cmocka_unit_test(what_did_not_come_is_not_acquired),
        cmocka_unit_test(where_nothing_is_there_nothing_is_refused),
        cmocka_unit_test(a_session_that_policy_overtakes_gives_nothing_in_clear),
        cmocka_unit_test(a_sealed_topic_that_is_called_another_gives_nothing_away),
        cmocka_unit_test(a_known_id_has_its_name_whatever_brokers_said_of_it),
        cmocka_unit_test(an_id_that_is_vouched_for_wrongly_fails_closed_where_it_is_sealed),
        cmocka_unit_test(a_known_id_under_another_name_ends_the_conversation),
        cmocka_unit_test(cuts_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
