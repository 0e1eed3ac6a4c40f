/* SPDX-License-Identifier: Apache-2.0 */
/* Fetch sessions (KIP-227): what a request leaves out is remembered here as the broker does, or the client is told to begin anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fetch_scene.h"

enum { RECORDS = FETCH_SCENE_RECORDS };

static const struct fetch_item from_the_start = { "orders", 0, 0 };

static size_t send_session_fetch(struct fetch_scene *s, int16_t version, int32_t id, int32_t epoch,
                                 const struct fetch_item *items, size_t count)
{
    json_t *body = fetch_body(&s->world, items, count);
    json_set(body, "SessionId", json_integer(id));
    json_set(body, "SessionEpoch", json_integer(epoch));
    return party_send(&s->party, API_FETCH, version, body);
}

static void a_session_goes_on_from_remembered_offsets(void **state)
{
    (void)state;
    for (int16_t version = 7; version <= 18; version++) {
        struct fetch_scene s;
        fetch_scene_begin(&s);
        s.world.broker.sessions = true;
        size_t index = send_session_fetch(&s, version, 0, 0, &from_the_start, 1);
        party_run(&s.party);
        check_outcome("nothing there yet", fetch_scene_outcome(&s, index), 0, 0);
        fetch_scene_store_sealed(&s);
        index = send_session_fetch(&s, version, FAKE_FIRST_SESSION, 1, NULL, 0);
        party_run(&s.party);
        check_outcome("from the remembered offset", fetch_scene_outcome(&s, index), 0, 1);
        fetch_scene_store_sealed(&s);
        const struct fetch_item next = { "orders", 0, RECORDS };
        index = send_session_fetch(&s, version, FAKE_FIRST_SESSION, 2, &next, 1);
        party_run(&s.party);
        check_outcome("from the new offset", fetch_scene_outcome(&s, index), 0, 1);
        fetch_scene_store_tampered(&s);
        const struct fetch_item bad = { "orders", 0, 2 * RECORDS };
        index = send_session_fetch(&s, version, FAKE_FIRST_SESSION, 3, &bad, 1);
        party_run(&s.party);
        check_outcome("a bad one", fetch_scene_outcome(&s, index), KAFKA_CORRUPT_MESSAGE, 0);
        index = send_session_fetch(&s, version, FAKE_FIRST_SESSION, 4, NULL, 0);
        party_run(&s.party);
        check_outcome("and again", fetch_scene_outcome(&s, index), KAFKA_CORRUPT_MESSAGE, 0);
        fetch_scene_end(&s);
    }
}

static void a_session_of_another_connection_is_begun_anew(void **state)
{
    (void)state;
    for (int16_t version = 7; version <= 18; version++) {
        struct fetch_scene s;
        fetch_scene_begin(&s);
        s.world.broker.sessions = true;
        fetch_scene_store_sealed(&s);
        send_session_fetch(&s, version, 0, 0, &from_the_start, 1);
        party_run(&s.party);
        party_free(&s.party);
        party_init(&s.party, &s.world);
        size_t before = fake_broker_count(&s.world.broker, API_FETCH);
        party_send(&s.party, API_FIND_COORDINATOR, 0, json_of("{}"));
        size_t index = send_session_fetch(&s, version, FAKE_FIRST_SESSION, 1, NULL, 0);
        party_send(&s.party, API_FIND_COORDINATOR, 0, json_of("{}"));
        party_run(&s.party);
        assert_int_equal(fake_broker_count(&s.world.broker, API_FETCH), before);
        json_t *answer = party_answer(&s.party, index);
        assert_int_equal(json_number_at(answer, "ErrorCode"), KAFKA_FETCH_SESSION_ID_NOT_FOUND);
        assert_int_equal(json_array_size(json_at(answer, "Responses")), 0);
        json_decref(answer);
        json_decref(party_answer(&s.party, index + 1));
        index = send_session_fetch(&s, version, 0, 0, &from_the_start, 1);
        party_run(&s.party);
        check_outcome("anew", fetch_scene_outcome(&s, index), 0, 1);
        fetch_scene_end(&s);
    }
}

static void a_session_that_the_broker_has_lost_is_unknown_here_too(void **state)
{
    (void)state;
    struct fetch_scene s;
    fetch_scene_begin(&s);
    s.world.broker.sessions = true;
    send_session_fetch(&s, 12, 0, 0, &from_the_start, 1);
    party_run(&s.party);
    json_decref(s.world.broker.session);
    s.world.broker.session = NULL;
    send_session_fetch(&s, 12, FAKE_FIRST_SESSION, 1, NULL, 0);
    party_run(&s.party);
    size_t before = fake_broker_count(&s.world.broker, API_FETCH);
    size_t index = send_session_fetch(&s, 12, FAKE_FIRST_SESSION, 2, NULL, 0);
    party_run(&s.party);
    json_t *answer = party_answer(&s.party, index);
    assert_int_equal(json_number_at(answer, "ErrorCode"), KAFKA_FETCH_SESSION_ID_NOT_FOUND);
    assert_int_equal(fake_broker_count(&s.world.broker, API_FETCH), before);
    json_decref(answer);
    fetch_scene_end(&s);
}

static void forgotten_partitions_are_named_and_not_read(void **state)
{
    (void)state;
    for (int16_t version = 7; version <= 18; version++) {
        struct fetch_scene s;
        fetch_scene_begin(&s);
        s.world.broker.sessions = true;
        const struct fetch_item items[] = { { "orders", 0, 0 }, { "orders-eu", 1, 0 } };
        send_session_fetch(&s, version, 0, 0, items, 2);
        party_run(&s.party);
        json_t *body = fetch_body(&s.world, NULL, 0);
        json_t *topic = json_of("{'Topic': 'orders', 'Partitions': [0]}");
        struct place place = world_place(&s.world, "orders", 0);
        json_set(topic, "TopicId", json_hex(slice_of(place.topic.bytes, TOPIC_ID_BYTES)));
        json_array_append_new(json_at(body, "ForgottenTopicsData"), topic);
        json_set(body, "SessionId", json_integer(FAKE_FIRST_SESSION));
        json_set(body, "SessionEpoch", json_integer(1));
        fetch_scene_store_sealed(&s);
        size_t index = party_send(&s.party, API_FETCH, version, body);
        party_run(&s.party);
        json_t *answer = party_answer(&s.party, index);
        assert_int_equal(json_array_size(json_at(answer, "Responses")), 0);
        json_decref(answer);
        fetch_scene_end(&s);
    }
}

/* Policy began to open a topic while a session was reading it: where from is not known, so the client begins anew. */
static void begin_a_session_anew(int16_t version, int64_t code)
{
    struct fetch_scene s;
    fetch_scene_begin(&s);
    world_vouch(&s.world, "orders");
    s.world.broker.sessions = true;
    s.world.policies[1].seal = s.world.policies[1].open = false;
    send_session_fetch(&s, version, 0, 0, &from_the_start, 1);
    party_run(&s.party);
    s.world.policies[1].seal = s.world.policies[1].open = true;
    fetch_scene_store_sealed(&s);
    size_t index = send_session_fetch(&s, version, FAKE_FIRST_SESSION, 1, NULL, 0);
    party_run(&s.party);
    check_outcome("not asked for", fetch_scene_outcome(&s, index), code, 0);
    index = send_session_fetch(&s, version, FAKE_FIRST_SESSION, 2, NULL, 0);
    party_run(&s.party);
    json_t *answer = party_answer(&s.party, index);
    assert_int_equal(json_number_at(answer, "ErrorCode"), KAFKA_FETCH_SESSION_ID_NOT_FOUND);
    json_decref(answer);
    index = send_session_fetch(&s, version, 0, 0, &from_the_start, 1);
    party_run(&s.party);
    check_outcome("anew", fetch_scene_outcome(&s, index), 0, 1);
    fetch_scene_end(&s);
}

static void a_session_older_than_policy_is_begun_anew(void **state)
{
    (void)state;
    begin_a_session_anew(12, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    begin_a_session_anew(16, KAFKA_UNKNOWN_TOPIC_ID);
}

/* The session goes on by a name that now is another topic's, and never says it again. */
static void a_topic_made_again_is_found_in_a_session(void **state)
{
    (void)state;
    for (int16_t version = 7; version <= 12; version++) {
        struct fetch_scene s;
        fetch_scene_begin(&s);
        s.world.broker.sessions = true;
        send_session_fetch(&s, version, 0, 0, &from_the_start, 1);
        party_run(&s.party);
        struct topic_id id;
        memset(id.bytes, 0xee, sizeof id.bytes);
        fake_broker_topic(&s.world.broker, "orders")->gone = true;
        fake_broker_add_topic(&s.world.broker, "orders", &id);
        fetch_scene_store_sealed(&s);
        size_t index = send_session_fetch(&s, version, FAKE_FIRST_SESSION, 1, NULL, 0);
        party_run(&s.party);
        check_outcome("of another topic", fetch_scene_outcome(&s, index), KAFKA_CORRUPT_MESSAGE, 0);
        index = send_session_fetch(&s, version, FAKE_FIRST_SESSION, 2, NULL, 0);
        party_run(&s.party);
        json_t *answer = party_answer(&s.party, index);
        assert_int_equal(json_number_at(answer, "ErrorCode"), KAFKA_FETCH_SESSION_ID_NOT_FOUND);
        json_decref(answer);
        index = send_session_fetch(&s, version, 0, 0, &from_the_start, 1);
        party_run(&s.party);
        check_outcome("anew", fetch_scene_outcome(&s, index), 0, 1);
        fetch_scene_end(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_goes_on_from_remembered_offsets),
        cmocka_unit_test(a_session_of_another_connection_is_begun_anew),
        cmocka_unit_test(a_session_that_the_broker_has_lost_is_unknown_here_too),
        cmocka_unit_test(forgotten_partitions_are_named_and_not_read),
        cmocka_unit_test(a_session_older_than_policy_is_begun_anew),
        cmocka_unit_test(a_topic_made_again_is_found_in_a_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
