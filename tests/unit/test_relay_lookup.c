/* SPDX-License-Identifier: Apache-2.0 */
/* Names and ids: when the broker is asked, what is believed, and when it is asked again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "relay_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

struct scene {
    struct relay_world world;
    struct relay_party party;
    struct byte_string batch;
};

static void begin(struct scene *s)
{
    world_init(&s->world);
    party_init(&s->party, &s->world);
    s->batch = world_batch(&s->world, 2, -1, 0);
}

static void end(struct scene *s)
{
    byte_string_free(&s->batch);
    party_free(&s->party);
    world_free(&s->world);
}

static size_t send_produce(struct scene *s, int16_t version, const char *topic)
{
    const struct produce_item item = { topic, 0, ITEM_BATCH, byte_string_slice(&s->batch) };
    return party_send(&s->party, API_PRODUCE, version, produce_body(&s->world, -1, &item, 1));
}

static int64_t produce(struct scene *s, int16_t version, const char *topic)
{
    size_t index = send_produce(s, version, topic);
    party_run(&s->party);
    assert_string_equal(relay_fault(s->party.relay), "no fault");
    json_t *answer = party_answer(&s->party, index);
    int64_t code = json_number_at(produced_partition(&s->world, answer, topic, 0), "ErrorCode");
    json_decref(answer);
    return code;
}

static void send_fetch(struct scene *s, int16_t version, const char *topic)
{
    const struct fetch_item item = { topic, 0, 0 };
    party_send(&s->party, API_FETCH, version, fetch_body(&s->world, &item, 1));
}

static void send_share_fetch(struct scene *s, int16_t version, const char *topic)
{
    const struct fetch_item item = { topic, 0, 0 };
    party_send(&s->party, API_SHARE_FETCH, version, share_fetch_body(&s->world, &item, 1));
}

static void send_produce_of(struct scene *s, int16_t version, const char *topic)
{
    send_produce(s, version, topic);
}

static size_t look_ups(const struct scene *s)
{
    return fake_broker_count(&s->world.broker, API_METADATA);
}

struct order_case {
    const char *label;
    void (*send)(struct scene *s, int16_t version, const char *topic);
    int16_t api_key, version;
    const char *topic;
    bool by_id;
    size_t look_ups;
};

static const struct order_case orders[] = {
    { "Produce 3", send_produce_of, API_PRODUCE, 3, "orders", false, 1 },
    { "Produce 12", send_produce_of, API_PRODUCE, 12, "orders", false, 1 },
    { "Produce 12, not sealed", send_produce_of, API_PRODUCE, 12, "plain", false, 0 },
    { "Produce 13", send_produce_of, API_PRODUCE, 13, "orders", true, 1 },
    { "Produce 13, not sealed, vouched for", send_produce_of, API_PRODUCE, 13, "plain", true, 0 },
    { "Fetch 4", send_fetch, API_FETCH, 4, "orders", false, 1 },
    { "Fetch 12", send_fetch, API_FETCH, 12, "orders", false, 1 },
    { "Fetch 12, not sealed", send_fetch, API_FETCH, 12, "plain", false, 0 },
    { "Fetch 13", send_fetch, API_FETCH, 13, "orders", true, 1 },
    { "Fetch 18", send_fetch, API_FETCH, 18, "orders", true, 1 },
    { "Fetch 18, not sealed, vouched for", send_fetch, API_FETCH, 18, "plain", true, 0 },
    { "ShareFetch 1", send_share_fetch, API_SHARE_FETCH, 1, "orders", true, 1 },
    { "ShareFetch 2", send_share_fetch, API_SHARE_FETCH, 2, "orders", true, 1 },
};

/* Between two other requests, all sent at once: the broker is asked in between, and the client hears nothing of it. */
static void the_broker_is_asked_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(orders); i++) {
        const struct order_case *c = &orders[i];
        struct scene s;
        begin(&s);
        world_vouch(&s.world, "plain");
        party_send(&s.party, API_FIND_COORDINATOR, 3, json_of("{'Key': 'g'}"));
        c->send(&s, c->version, c->topic);
        party_send(&s.party, API_DESCRIBE_CLUSTER, 0, json_of("{}"));
        party_run(&s.party);
        assert_string_equal(relay_fault(s.party.relay), "no fault");
        const int16_t wanted[] = { API_FIND_COORDINATOR, API_METADATA, c->api_key, API_DESCRIBE_CLUSTER };
        size_t skipped = 0;
        for (size_t k = 0; k < COUNT(wanted); k++) {
            if (wanted[k] == API_METADATA && c->look_ups == 0) {
                skipped = 1;
            } else if (s.world.broker.seen[k - skipped].api_key != wanted[k]) {
                fail_msg("%s: request %zu is of API %d", c->label, k, s.world.broker.seen[k - skipped].api_key);
            }
        }
        assert_int_equal(s.world.broker.seen_count, 3 + c->look_ups);
        assert_int_equal(counter_read(&s.world.worker.counters.requests), 3);
        assert_int_equal(counter_read(&s.world.worker.counters.look_ups), c->look_ups);
        assert_int_equal(party_answer_count(&s.party), 3);
        for (size_t k = 0; k < 3; k++) {
            json_decref(party_answer(&s.party, k));
        }
        end(&s);
    }
}

static void it_is_asked_by_what_is_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(orders); i++) {
        const struct order_case *c = &orders[i];
        struct scene s;
        begin(&s);
        world_vouch(&s.world, "plain");
        c->send(&s, c->version, c->topic);
        party_run(&s.party);
        if (c->look_ups > 0) {
            json_t *asked = fake_broker_latest(&s.world.broker, API_METADATA)->body;
            assert_int_equal(json_array_size(json_at(asked, "Topics")), 1);
            assert_false(json_boolean_value(json_at(asked, "AllowAutoTopicCreation")));
            bool named = json_is_string(json_at(asked, "Topics/0/Name"));
            assert_int_equal(named, !c->by_id);
        }
        end(&s);
    }
}

static void several_names_are_asked_for_at_once(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    const struct produce_item items[] = {
        { "orders-eu", 0, ITEM_BATCH, byte_string_slice(&s.batch) },
        { "plain", 0, ITEM_BATCH, byte_string_slice(&s.batch) },
        { "orders", 0, ITEM_BATCH, byte_string_slice(&s.batch) },
    };
    party_send(&s.party, API_PRODUCE, 9, produce_body(&s.world, -1, items, COUNT(items)));
    party_run(&s.party);
    assert_int_equal(look_ups(&s), 1);
    json_t *asked = fake_broker_latest(&s.world.broker, API_METADATA)->body;
    assert_string_equal(json_text_at(asked, "Topics/0/Name"), "orders-eu");
    assert_string_equal(json_text_at(asked, "Topics/1/Name"), "orders");
    assert_int_equal(json_array_size(json_at(asked, "Topics")), 2);
    end(&s);
}

static void a_name_is_good_for_a_while(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    assert_int_equal(produce(&s, 9, "orders"), 0);
    s.world.now_ms += TOPIC_ID_FRESH_MS - 1;
    assert_int_equal(produce(&s, 9, "orders"), 0);
    assert_int_equal(look_ups(&s), 1);
    s.world.now_ms += 1;
    assert_int_equal(produce(&s, 9, "orders"), 0);
    assert_int_equal(look_ups(&s), 2);
    s.world.now_ms -= 60 * 1000; /* a clock that was set back proves nothing */
    assert_int_equal(produce(&s, 9, "orders"), 0);
    assert_int_equal(look_ups(&s), 3);
    end(&s);
}

static void an_id_is_good_for_ever(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(produce(&s, 13, "orders"), 0);
        send_fetch(&s, 16, "orders");
        send_share_fetch(&s, 1, "orders");
        s.world.now_ms += 24 * 3600 * 1000;
    }
    party_run(&s.party);
    assert_int_equal(look_ups(&s), 1);

    struct relay_party other; /* and on every connection */
    party_init(&other, &s.world);
    const struct fetch_item item = { "orders", 0, 0 };
    party_send(&other, API_FETCH, 13, fetch_body(&s.world, &item, 1));
    party_run(&other);
    assert_int_equal(party_answer_count(&other), 1);
    assert_int_equal(look_ups(&s), 1);
    party_free(&other);
    end(&s);
}

struct learnt_case {
    int16_t api_key, version;
    const char *body;
    bool learns;
};

static const struct learnt_case learnt[] = {
    { API_METADATA, 9, "{'Topics': [{'Name': 'orders'}]}", false },
    { API_METADATA, 10, "{'Topics': [{'Name': 'orders'}]}", true },
    { API_METADATA, 13, "{'Topics': null}", true },
};

static void what_a_client_asked_itself_is_learnt(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(learnt); i++) {
        struct scene s;
        begin(&s);
        party_send(&s.party, learnt[i].api_key, learnt[i].version, json_of("%s", learnt[i].body));
        party_run(&s.party);
        assert_int_equal(produce(&s, 9, "orders"), 0);
        assert_int_equal(look_ups(&s), learnt[i].learns ? 1 : 2);
        end(&s);
    }
}

static json_t *answer_created(void *context, const struct fake_request *request)
{
    if (request->api_key != API_CREATE_TOPICS) {
        return NULL;
    }
    json_t *answer = json_of("{'Topics': [{'Name': 'orders', 'ErrorCode': 0}]}");
    const struct fake_topic *topic = fake_broker_topic(context, "orders");
    json_set(answer, "Topics/0/TopicId", json_hex(slice_of(topic->id.bytes, TOPIC_ID_BYTES)));
    return answer;
}

static void what_was_created_is_learnt(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    s.world.broker.answer = answer_created;
    s.world.broker.context = &s.world.broker;
    party_send(&s.party, API_CREATE_TOPICS, 7, json_of("{'Topics': [{'Name': 'orders'}]}"));
    party_run(&s.party);
    assert_int_equal(produce(&s, 9, "orders"), 0);
    assert_int_equal(look_ups(&s), 0);
    end(&s);
}

static void what_is_not_there_is_not_asked_for_at_once_again(void **state)
{
    (void)state;
    static const int16_t versions[] = { 9, 13 };
    for (size_t i = 0; i < COUNT(versions); i++) {
        struct scene s;
        begin(&s);
        int64_t code = versions[i] == 9 ? KAFKA_UNKNOWN_TOPIC_OR_PARTITION : KAFKA_UNKNOWN_TOPIC_ID;
        assert_int_equal(produce(&s, versions[i], "orders-none"), code);
        s.world.now_ms += TOPIC_ID_FRESH_MS - 1;
        if (versions[i] == 13) { /* a broker's answer of 3 is a reason to ask again */
            assert_int_equal(produce(&s, versions[i], "orders-none"), code);
            assert_int_equal(look_ups(&s), 1);
        }
        struct topic_id id;
        memset(id.bytes, 0x77, sizeof id.bytes); /* what the fixture calls a topic that is not there */
        fake_broker_add_topic(&s.world.broker, "orders-none", &id);
        s.world.now_ms += 1;
        assert_int_equal(produce(&s, versions[i], "orders-none"), 0);
        assert_int_equal(look_ups(&s), 2);
        end(&s);
    }
}

/* Made again */

static struct topic_id make_again(struct scene *s)
{
    struct topic_id id;
    memset(id.bytes, 0xee, sizeof id.bytes);
    fake_broker_topic(&s->world.broker, "orders")->gone = true;
    fake_broker_add_topic(&s->world.broker, "orders", &id);
    return id;
}

static void check_sealed_for(struct scene *s, const struct topic_id *id)
{
    struct batch stored = world_stored(&s->world, "orders", 0, 0);
    struct envelope e = world_envelope(&stored);
    assert_true(topic_id_equal(&e.header.place.topic, id));
}

static void after_a_second_a_topic_made_again_has_its_new_id(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    assert_int_equal(produce(&s, 5, "orders"), 0);
    struct topic_id id = make_again(&s);
    s.world.now_ms += TOPIC_ID_FRESH_MS;
    assert_int_equal(produce(&s, 5, "orders"), 0);
    check_sealed_for(&s, &id);
    end(&s);
}

static void after_an_error_a_topic_made_again_has_its_new_id(void **state)
{
    (void)state;
    static const int16_t codes[] = { 3, 6, 100 };
    for (size_t i = 0; i < COUNT(codes); i++) {
        struct scene s;
        begin(&s);
        struct fake_partition *partition = &fake_broker_topic(&s.world.broker, "orders")->partitions[0];
        partition->produce_error = codes[i];
        assert_int_equal(produce(&s, 5, "orders"), codes[i]);
        struct topic_id id = make_again(&s);
        assert_int_equal(produce(&s, 5, "orders"), 0);
        assert_int_equal(look_ups(&s), 2);
        check_sealed_for(&s, &id);
        end(&s);
    }
}

static void after_a_deletion_topics_are_asked_for_again(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    assert_int_equal(produce(&s, 5, "orders"), 0);
    party_send(&s.party, API_DELETE_TOPICS, 5, json_of("{'TopicNames': ['orders']}"));
    party_run(&s.party);
    struct topic_id id = make_again(&s);
    assert_int_equal(produce(&s, 5, "orders"), 0);
    check_sealed_for(&s, &id);
    end(&s);
}

/* Lies */

struct lie_case {
    const char *label;
    void (*send)(struct scene *s);
};

static void send_produce_by_name(struct scene *s)
{
    send_produce(s, 9, "orders");
}

static void send_metadata(struct scene *s)
{
    party_send(&s->party, API_METADATA, 12, json_of("{'Topics': null}"));
}

static json_t *answer_described(void *context, const struct fake_request *request)
{
    if (request->api_key != API_DESCRIBE_TOPIC_PARTITIONS) {
        return NULL;
    }
    json_t *answer = json_of("{'Topics': [{'Name': 'orders', 'ErrorCode': 0}]}");
    const struct fake_topic *topic = fake_broker_topic(context, "orders");
    json_set(answer, "Topics/0/TopicId", json_hex(slice_of(topic->id.bytes, TOPIC_ID_BYTES)));
    return answer;
}

static void send_describe(struct scene *s)
{
    s->world.broker.answer = answer_described;
    s->world.broker.context = &s->world.broker;
    party_send(&s->party, API_DESCRIBE_TOPIC_PARTITIONS, 0, json_of("{'Topics': [{'Name': 'orders'}]}"));
}

static const struct lie_case lies[] = {
    { "an answer to a look-up", send_produce_by_name },
    { "an answer to the client", send_metadata },
    { "a description of topics", send_describe },
};

static void an_id_with_two_names_ends_the_conversation(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lies); i++) {
        struct scene s;
        begin(&s);
        struct place place = world_place(&s.world, "orders", 0);
        assert_int_equal(directory_learn(s.world.worker.shared.directory, &place.topic, slice_of_text("plain")), 0);
        lies[i].send(&s);
        party_run(&s.party);
        if (s.party.error != SIGNET_ERROR_PROTOCOL || !strstr(relay_fault(s.party.relay), "another name")) {
            fail_msg("%s: %s", lies[i].label, relay_fault(s.party.relay));
        }
        assert_int_equal(slice_count(byte_string_slice(&s.party.out[RELAY_CLIENT]), slice_of_text("orders")), 0);
        assert_int_equal(fake_broker_count(&s.world.broker, API_PRODUCE), 0);
        end(&s);
    }
}

static void leave_topics_out(void *context, const struct fake_request *request, json_t *response)
{
    (void)context;
    if (request->api_key == API_METADATA) {
        json_array_clear(json_at(response, "Topics"));
    }
}

static void a_broker_that_does_not_answer_is_not_asked_for_ever(void **state)
{
    (void)state;
    static const int16_t versions[] = { 9, 13 };
    for (size_t i = 0; i < COUNT(versions); i++) {
        struct scene s;
        begin(&s);
        s.world.broker.edit = leave_topics_out;
        send_produce(&s, versions[i], "orders");
        party_run(&s.party);
        assert_int_equal(s.party.error, SIGNET_ERROR_PROTOCOL);
        assert_in_range(look_ups(&s), 1, 4);
        end(&s);
    }
}

static void give_no_id(void *context, const struct fake_request *request, json_t *response)
{
    (void)context;
    if (request->api_key == API_METADATA) {
        json_object_del(json_at(response, "Topics/0"), "TopicId");
    }
}

/* Brokers that keep no ids cannot have anything sealed. */
static void a_topic_without_an_id_is_refused(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    s.world.broker.edit = give_no_id;
    assert_int_equal(produce(&s, 9, "orders"), KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(slice_count(byte_string_slice(&s.party.out[RELAY_BROKER]), slice_of_text(WORLD_MARKER)), 0);
    end(&s);
}

static void call_it_denied(void *context, const struct fake_request *request, json_t *response)
{
    (void)context;
    if (request->api_key == API_METADATA) {
        json_object_del(json_at(response, "Topics/0"), "TopicId");
        json_set(response, "Topics/0/ErrorCode", json_integer(29));
    }
}

static void a_topic_that_may_not_be_seen_is_denied_by_the_broker(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    s.world.broker.edit = call_it_denied;
    fake_broker_topic(&s.world.broker, "orders")->partitions[0].produce_error = 29;
    assert_int_equal(produce(&s, 9, "orders"), 29);
    end(&s);
}

/* Names */

static void internal_topics_are_never_sealed(void **state)
{
    (void)state;
    static const char *const names[] = { "__consumer_offsets", "__transaction_state", "__share_group_state" };
    for (size_t i = 0; i < COUNT(names); i++) {
        struct scene s;
        begin(&s);
        s.world.policies[2].seal = s.world.policies[2].open = true; /* all the rest */
        struct topic_id id;
        memset(id.bytes, 0x11, sizeof id.bytes);
        fake_broker_add_topic(&s.world.broker, names[i], &id);
        assert_int_equal(produce(&s, 9, names[i]), 0);
        world_vouch(&s.world, names[i]);
        assert_int_equal(produce(&s, 13, names[i]), 0);
        struct batch stored = world_stored(&s.world, names[i], 0, 1);
        assert_int_equal(slice_count(stored.bytes, slice_of_text(WORLD_MARKER)), 2);
        end(&s);
    }
}

static void requests_name_a_limited_number_of_topics(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    json_t *topics = json_array(), *body = json_of("{'Acks': 1}");
    for (int i = 0; i <= CONNECTION_TOPICS_MAX; i++) {
        json_array_append_new(topics, json_of("{'Name': 'orders-%d', 'PartitionData': []}", i));
    }
    json_object_set_new(body, "TopicData", topics);
    party_send(&s.party, API_PRODUCE, 9, body);
    party_run(&s.party);
    assert_int_equal(s.party.error, SIGNET_ERROR_LIMIT);
    assert_int_equal(s.world.broker.seen_count, 0);
    end(&s);
}

/* As many as there may be, on a connection that knows others: what is learnt makes room, and the request goes through. */
static void many_topics_are_looked_up_at_once(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    assert_int_equal(produce(&s, 9, "orders"), 0);
    json_t *topics = json_array(), *body = json_of("{'Acks': 1}");
    for (int i = 0; i < CONNECTION_TOPICS_MAX; i++) {
        json_array_append_new(topics, json_of("{'Name': 'orders-%d', 'PartitionData': []}", i));
    }
    json_object_set_new(body, "TopicData", topics);
    party_send(&s.party, API_PRODUCE, 9, body);
    party_run(&s.party);
    assert_string_equal(relay_fault(s.party.relay), "no fault");
    assert_int_equal(party_answer_count(&s.party), 2);
    assert_int_equal(produce(&s, 9, "orders"), 0);
    end(&s);
}

static void names_that_nobody_has_pass_to_the_broker(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    assert_int_equal(produce(&s, 9, ""), KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    char name[300];
    memset(name, 'o', sizeof name);
    name[TOPIC_NAME_BYTES_MAX + 1] = '\0';
    assert_int_equal(produce(&s, 9, name), KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(look_ups(&s), 0);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_broker_is_asked_in_order),
        cmocka_unit_test(it_is_asked_by_what_is_known),
        cmocka_unit_test(several_names_are_asked_for_at_once),
        cmocka_unit_test(a_name_is_good_for_a_while),
        cmocka_unit_test(an_id_is_good_for_ever),
        cmocka_unit_test(what_a_client_asked_itself_is_learnt),
        cmocka_unit_test(what_was_created_is_learnt),
        cmocka_unit_test(what_is_not_there_is_not_asked_for_at_once_again),
        cmocka_unit_test(after_a_second_a_topic_made_again_has_its_new_id),
        cmocka_unit_test(after_an_error_a_topic_made_again_has_its_new_id),
        cmocka_unit_test(after_a_deletion_topics_are_asked_for_again),
        cmocka_unit_test(an_id_with_two_names_ends_the_conversation),
        cmocka_unit_test(a_broker_that_does_not_answer_is_not_asked_for_ever),
        cmocka_unit_test(a_topic_without_an_id_is_refused),
        cmocka_unit_test(a_topic_that_may_not_be_seen_is_denied_by_the_broker),
        cmocka_unit_test(internal_topics_are_never_sealed),
        cmocka_unit_test(requests_name_a_limited_number_of_topics),
        cmocka_unit_test(many_topics_are_looked_up_at_once),
        cmocka_unit_test(names_that_nobody_has_pass_to_the_broker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
