/* SPDX-License-Identifier: Apache-2.0 */
/* When nothing is read ahead, and when what was is dropped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "consumer_scene.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { RECORDS = FETCH_SCENE_RECORDS };

static void who_waits_for_memory_goes_before(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONSUMER_KINDS; i++) {
        struct consumer c;
        consumer_begin(&c, consumer_kinds[i].version, consumer_kinds[i].in_session, 2 * CONSUMER_ENOUGH);
        consumer_read_on(&c, "before", CONSUMER_WARM);
        assert_true(c.s.world.worker.budget.used_bytes > 0);
        assert_int_equal(c.s.world.worker.read_ahead_count, 1);
        c.s.world.worker.restrained = true;
        relay_give_way(c.s.party.relay);
        assert_int_equal(c.s.world.worker.budget.used_bytes, 0);
        assert_int_equal(c.s.world.worker.read_ahead_count, 0);
        assert_int_equal(consumer_dropped(&c), 1);
        consumer_read_elsewhere(&c, "the same place", c.offset);
        consumer_read_on(&c, "restrained", CONSUMER_ENOUGH - CONSUMER_WARM);
        assert_int_equal(consumer_ahead(&c), 1);
        c.s.world.worker.restrained = false;
        consumer_read_on(&c, "no longer", CONSUMER_WARM);
        assert_true(consumer_ahead(&c) > 1);
        assert_int_equal(c.s.world.finding_count, 0);
        consumer_end(&c);
    }
}

static void no_more_than_a_share_of_memory_is_used(void **state)
{
    (void)state;
    struct consumer c;
    consumer_begin(&c, 12, false, CONSUMER_ENOUGH);
    c.s.world.worker.budget.limit_bytes = 4096;
    c.s.world.worker.read_ahead_bytes = 1000; /* others' */
    consumer_read_on(&c, "others read ahead", CONSUMER_ENOUGH / 2);
    assert_int_equal(consumer_ahead(&c), 0);
    c.s.world.worker.read_ahead_bytes = 0;
    c.s.world.worker.budget.limit_bytes = 64 << 20;
    consumer_read_on(&c, "now there is room", 2);
    assert_int_equal(consumer_ahead(&c), 2);
    consumer_end(&c);
}

static void a_slow_client_is_not_read_ahead_for(void **state)
{
    (void)state;
    struct consumer c;
    consumer_begin(&c, 12, false, CONSUMER_ENOUGH);
    for (size_t i = 0; i < CONSUMER_ENOUGH; i++) {
        consumer_read_on(&c, "slowly", 1);
        c.s.world.now_ms += READ_AHEAD_SOON_MS + 1;
    }
    assert_int_equal(consumer_ahead(&c), 0);
    consumer_end(&c);
}

static void what_nobody_comes_for_is_dropped(void **state)
{
    (void)state;
    struct consumer c;
    consumer_begin(&c, 12, false, 3 * CONSUMER_ENOUGH);
    consumer_read_on(&c, "before", CONSUMER_WARM);
    relay_sweep(c.s.party.relay, c.s.world.now_ms + READ_AHEAD_HOLD_MS);
    assert_int_equal(consumer_dropped(&c), 0);
    relay_sweep(c.s.party.relay, c.s.world.now_ms + READ_AHEAD_HOLD_MS + 1);
    assert_int_equal(consumer_dropped(&c), 1);
    assert_int_equal(c.s.world.worker.budget.used_bytes, 0);
    /* Next time more requests have to come as foretold. */
    consumer_read_on(&c, "after", 2 * READ_AHEAD_IN_A_ROW_MIN);
    assert_int_equal(consumer_ahead(&c), 1);
    consumer_read_on(&c, "one more", 1);
    assert_int_equal(consumer_ahead(&c), 2);
    /* What is still under way takes no memory, and is waited for. */
    c.s.party.broker_is_away = true;
    consumer_read_on(&c, "held", 1);
    relay_sweep(c.s.party.relay, c.s.world.now_ms + READ_AHEAD_HOLD_MS + 1);
    consumer_broker_comes_back(&c);
    consumer_read_on(&c, "in the end", CONSUMER_WARM);
    assert_int_equal(consumer_dropped(&c), 1);
    consumer_end(&c);
}

/* Any answer of the broker may be the occasion to send what could not be sent before; but the client is not soon any more. */
static void what_is_late_is_not_sent_any_more(void **state)
{
    (void)state;
    for (int late = 0; late < 2; late++) {
        struct consumer c;
        consumer_begin(&c, 13, false, CONSUMER_ENOUGH);
        c.s.world.worker.restrained = true;
        consumer_read_on(&c, "before", CONSUMER_WARM);
        c.s.world.worker.restrained = false;
        c.s.world.now_ms += READ_AHEAD_SOON_MS + late;
        party_send(&c.s.party, API_FIND_COORDINATOR, 3, json_of("{}"));
        party_run(&c.s.party);
        assert_int_equal(consumer_ahead(&c), !late);
        consumer_end(&c);
    }
}

static void new_rules_are_for_what_is_held_too(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONSUMER_KINDS; i++) {
        struct consumer c;
        consumer_begin(&c, consumer_kinds[i].version, consumer_kinds[i].in_session, CONSUMER_ENOUGH);
        consumer_read_on(&c, "before", CONSUMER_WARM);
        c.s.world.worker.rules++;
        consumer_read_elsewhere(&c, "opened anew", c.offset);
        assert_int_equal(consumer_dropped(&c), 1);
        consumer_end(&c);
    }
}

static void nothing_is_sent_between_steps_of_sasl(void **state)
{
    (void)state;
    struct consumer c;
    consumer_begin(&c, 17, true, CONSUMER_ENOUGH);
    consumer_read_on(&c, "before", CONSUMER_WARM - 1);
    c.s.party.broker_is_away = true;
    size_t index = consumer_ask(&c);
    party_send(&c.s.party, API_SASL_HANDSHAKE, 1, json_of("{'Mechanism': 'PLAIN'}"));
    party_run(&c.s.party);
    consumer_broker_comes_back(&c);
    consumer_take(&c, "while authenticating", index);
    assert_int_equal(consumer_ahead(&c), 0);
    json_t *token = json_object();
    json_object_set_new(token, "AuthBytes", json_hex(slice_of("\0alice\0pw", 9)));
    party_send(&c.s.party, API_SASL_AUTHENTICATE, 2, token);
    party_run(&c.s.party);
    assert_int_equal(consumer_ahead(&c), 1);
    consumer_read_on(&c, "authenticated", 1);
    consumer_end(&c);
}

/* Names are looked up again after a second, and not for what is read ahead. */
static void a_name_that_has_grown_old_is_looked_up_first(void **state)
{
    (void)state;
    for (int16_t version = 12; version <= 13; version++) {
        struct consumer c;
        consumer_begin(&c, version, false, CONSUMER_ENOUGH);
        consumer_read_on(&c, "before", CONSUMER_WARM - 1);
        c.s.party.broker_is_away = true;
        size_t index = consumer_ask_and_run(&c);
        c.s.world.now_ms += TOPIC_ID_FRESH_MS; /* while the broker is about it */
        consumer_broker_comes_back(&c);
        consumer_take(&c, "a slow answer", index);
        assert_int_equal(consumer_ahead(&c), version == 12 ? 0 : 1);
        consumer_read_on(&c, "after", 2);
        consumer_end(&c);
    }
}

/* Where nothing is read ahead */

static void throttle(struct consumer *c, json_t *response)
{
    (void)c;
    json_set(response, "ThrottleTimeMs", json_integer(5));
}

static void end_here(struct consumer *c, json_t *response)
{
    json_set(response, "Responses/0/Partitions/0/HighWatermark", json_integer(c->offset + RECORDS));
}

/* There may be more, but transactions that are open keep it back. */
static void keep_back(struct consumer *c, json_t *response)
{
    json_set(response, "Responses/0/Partitions/0/LastStableOffset", json_integer(c->offset + RECORDS));
}

static void add_partition(struct consumer *c, json_t *response)
{
    (void)c;
    json_t *partitions = json_at(response, "Responses/0/Partitions");
    json_t *another = json_copy(json_array_get(partitions, 0));
    json_object_set_new(another, "PartitionIndex", json_integer(1));
    json_object_set_new(another, "Records", json_string(""));
    json_array_append_new(partitions, another);
}

struct without_case {
    const char *label;
    void (*edit)(struct consumer *c, json_t *response);
    bool read_committed;
    size_t expected;
};

static const struct without_case without_cases[] = {
    { "throttled", throttle, false, 0 },
    { "the end", end_here, false, 0 },
    { "the end of what is committed", keep_back, true, 0 },
    { "not the end of all", keep_back, false, CONSUMER_ENOUGH - CONSUMER_WARM },
    { "not the end of what is committed", end_here, true, CONSUMER_ENOUGH - CONSUMER_WARM },
    { "an answer with another partition", add_partition, false, 0 },
};

static void there_has_to_be_more_of_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(without_cases); i++) {
        const struct without_case *w = &without_cases[i];
        struct consumer c;
        consumer_begin(&c, 12, false, CONSUMER_ENOUGH);
        c.edit = w->edit;
        c.read_committed = w->read_committed;
        consumer_read_on(&c, w->label, CONSUMER_ENOUGH);
        if (consumer_ahead(&c) != w->expected) {
            fail_msg("%s: %zu", w->label, consumer_ahead(&c));
        }
        consumer_end(&c);
    }
}

static void promise_more(struct consumer *c, json_t *response)
{
    json_set(response, "Responses/0/Partitions/0/HighWatermark", json_integer(c->offset + 100));
}

/* Whatever the broker says: the rest would have come with it. */
static void an_answer_has_to_be_full(void **state)
{
    (void)state;
    struct consumer c;
    consumer_begin(&c, 12, false, 0);
    c.edit = promise_more;
    for (size_t i = 0; i < CONSUMER_ENOUGH; i++) {
        fetch_scene_store_sealed(&c.s);
        c.bytes_max = 3 * (int32_t)world_stored(&c.s.world, "orders", 0, i).bytes.size;
        consumer_read_on(&c, "alone", 1);
    }
    assert_int_equal(consumer_ahead(&c), 0);
    consumer_end(&c);
}

static const struct fetch_item two_partitions[] = { { "orders", 0, 0 }, { "orders", 1, 0 } };
static const struct fetch_item clear_one[] = { { "plain", 0, 0 } };
static const struct fetch_item unopened[] = { { "orders-raw", 0, 0 } };

struct items_case {
    const struct fetch_item *items;
    size_t count;
};

static const struct items_case items_cases[] = { { two_partitions, 2 }, { clear_one, 1 }, { unopened, 1 } };

static void only_one_partition_that_is_opened_is_read_ahead(void **state)
{
    (void)state;
    for (size_t k = 0; k < COUNT(items_cases); k++) {
        struct consumer c;
        consumer_begin(&c, 12, false, 0);
        struct byte_string plain = world_batch(&c.s.world, RECORDS, -1, 0);
        for (size_t i = 0; i < CONSUMER_ENOUGH; i++) {
            fake_partition_append(fetch_scene_partition(&c.s, "plain", 0), byte_string_slice(&plain));
            world_store_sealed(&c.s.world, "orders-raw", 0, &c.s.stream, byte_string_slice(&plain), NULL, 0);
            fetch_scene_store_sealed(&c.s);
        }
        for (size_t i = 0; i < CONSUMER_ENOUGH; i++) {
            struct fetch_item items[2] = { items_cases[k].items[0], items_cases[k].items[items_cases[k].count - 1] };
            items[0].offset = (int64_t)i * RECORDS;
            party_send(&c.s.party, API_FETCH, 12, consumer_body(&c, items, items_cases[k].count));
            party_run(&c.s.party);
        }
        assert_int_equal(party_answer_count(&c.s.party), CONSUMER_ENOUGH);
        assert_int_equal(consumer_ahead(&c), 0);
        byte_string_free(&plain);
        consumer_end(&c);
    }
}

/* In a session an answer names only what has come; what a request changes counts as well. */
static void a_request_changes_one_partition_and_no_more(void **state)
{
    (void)state;
    static const struct fetch_item named[] = { { "orders", 1, 0 }, { "orders", 0, 0 } };
    for (int k = 0; k < 3; k++) {
        struct consumer c;
        consumer_begin(&c, 12, true, CONSUMER_ENOUGH);
        for (size_t i = 0; i < CONSUMER_ENOUGH; i++) {
            struct fetch_item items[] = { named[0], named[1] };
            items[1].offset = c.offset;
            json_t *body = consumer_body(&c, k == 1 ? items : items + 1, k == 1 ? 2 : 1);
            json_set(body,
                     k == 1 ? "Topics/0/Partitions/1/PartitionMaxBytes" : "Topics/0/Partitions/0/PartitionMaxBytes",
                     json_integer(1));
            if (k == 2) {
                json_array_append_new(json_at(body, "ForgottenTopicsData"),
                                      json_of("{'Topic': 'orders', 'Partitions': [3]}"));
            }
            size_t index = party_send(&c.s.party, API_FETCH, 12, body);
            party_run(&c.s.party);
            consumer_take(&c, "one of them", index);
        }
        assert_int_equal(consumer_ahead(&c), k == 0 ? CONSUMER_ENOUGH - CONSUMER_WARM : 0);
        consumer_end(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_waits_for_memory_goes_before),
        cmocka_unit_test(no_more_than_a_share_of_memory_is_used),
        cmocka_unit_test(a_slow_client_is_not_read_ahead_for),
        cmocka_unit_test(what_nobody_comes_for_is_dropped),
        cmocka_unit_test(what_is_late_is_not_sent_any_more),
        cmocka_unit_test(new_rules_are_for_what_is_held_too),
        cmocka_unit_test(nothing_is_sent_between_steps_of_sasl),
        cmocka_unit_test(a_name_that_has_grown_old_is_looked_up_first),
        cmocka_unit_test(there_has_to_be_more_of_it),
        cmocka_unit_test(an_answer_has_to_be_full),
        cmocka_unit_test(only_one_partition_that_is_opened_is_read_ahead),
        cmocka_unit_test(a_request_changes_one_partition_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
