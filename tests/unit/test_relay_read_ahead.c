/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading ahead: a consumer of a backlog gets what it would have got without,
 * in the same order, whatever it does; only the broker sees requests earlier.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "consumer_scene.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum {
    RECORDS = FETCH_SCENE_RECORDS,
    PRODUCER = 7000,
};

static void a_backlog_is_read_ahead(void **state)
{
    (void)state;
    for (int16_t version = 4; version <= 18; version++) {
        for (int in_session = 0; in_session < (version < 7 ? 1 : 2); in_session++) {
            struct consumer c;
            consumer_begin(&c, version, in_session, CONSUMER_ENOUGH);
            consumer_read_on(&c, "before", CONSUMER_WARM - 1);
            assert_int_equal(consumer_fetches(&c), CONSUMER_WARM - 1);
            consumer_read_on(&c, "the first", 1);
            for (size_t i = CONSUMER_WARM; i < CONSUMER_ENOUGH; i++) {
                assert_int_equal(consumer_fetches(&c), i + 1); /* before the client asks */
                consumer_read_on(&c, "ahead", 1);
            }
            /* There is no more, and what is not there is not asked for ahead. */
            assert_int_equal(consumer_fetches(&c), CONSUMER_ENOUGH);
            assert_int_equal(consumer_ahead(&c), CONSUMER_ENOUGH - CONSUMER_WARM);
            assert_int_equal(consumer_dropped(&c), 0);
            assert_int_equal(c.s.world.finding_count, 0);
            assert_int_equal(slice_count(byte_string_slice(&c.s.party.out[RELAY_CLIENT]), slice_of_text(WORLD_MARKER)),
                             CONSUMER_ENOUGH * RECORDS);
            consumer_end(&c);
        }
    }
}

static void answers_keep_the_order_of_the_clients_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONSUMER_KINDS; i++) {
        struct consumer c;
        consumer_begin(&c, consumer_kinds[i].version, consumer_kinds[i].in_session, CONSUMER_ENOUGH);
        consumer_warm_up(&c);
        size_t before = party_answer_count(&c.s.party);
        party_send(&c.s.party, API_FIND_COORDINATOR, 3, json_of("{}"));
        size_t index = consumer_ask(&c);
        party_send(&c.s.party, API_FIND_COORDINATOR, 3, json_of("{}"));
        party_run(&c.s.party);
        assert_int_equal(party_answer_count(&c.s.party), before);
        consumer_broker_comes_back(&c);
        json_decref(party_answer(&c.s.party, index - 1));
        consumer_take(&c, "asked for before it came", index);
        json_decref(party_answer(&c.s.party, index + 1));
        assert_int_equal(consumer_ahead(&c), 2);
        /* And what is held waits for the answers before it. */
        c.s.party.broker_is_away = true;
        party_send(&c.s.party, API_FIND_COORDINATOR, 3, json_of("{}"));
        index = consumer_ask_and_run(&c);
        assert_int_equal(party_answer_count(&c.s.party), index - 1);
        consumer_broker_comes_back(&c);
        json_decref(party_answer(&c.s.party, index - 1));
        consumer_take(&c, "held", index);
        consumer_read_on(&c, "after", CONSUMER_ENOUGH - CONSUMER_WARM - 2);
        assert_int_equal(consumer_fetches(&c), CONSUMER_ENOUGH);
        consumer_end(&c);
    }
}

/* Two requests before either is answered: the second waits for the first, which waits for what was sent ahead. */
static void requests_in_a_row_are_answered_each_by_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONSUMER_KINDS; i++) {
        struct consumer c;
        consumer_begin(&c, consumer_kinds[i].version, false, CONSUMER_ENOUGH);
        consumer_warm_up(&c);
        size_t first = consumer_ask(&c);
        c.offset = 0;
        size_t second = consumer_ask(&c);
        consumer_broker_comes_back(&c);
        c.offset = CONSUMER_WARM * RECORDS;
        consumer_take(&c, "as foretold", first);
        c.offset = 0;
        consumer_take(&c, "another", second);
        assert_int_equal(c.s.world.finding_count, 0);
        consumer_end(&c);
    }
}

/* The answer that nobody wants comes first, and is not taken for that to the client's own request. */
static void requests_elsewhere_in_a_row_are_too(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONSUMER_KINDS; i++) {
        struct consumer c;
        consumer_begin(&c, consumer_kinds[i].version, false, CONSUMER_ENOUGH);
        consumer_warm_up(&c);
        c.offset = 0;
        size_t first = consumer_ask(&c);
        c.offset = 3 * RECORDS;
        size_t second = consumer_ask(&c);
        party_run(&c.s.party);
        for (int answers = 0; answers < 3; answers++) {
            c.away_after = 1;
            consumer_broker_comes_back(&c);
        }
        c.offset = 0;
        consumer_take(&c, "first", first);
        c.offset = 3 * RECORDS;
        consumer_take(&c, "second", second);
        assert_int_equal(c.s.world.finding_count, 0);
        consumer_end(&c);
    }
}

static const int64_t elsewhere[] = {
    0,
    (CONSUMER_WARM - 1) * RECORDS, /* what it got last, again */
    (CONSUMER_WARM + 1) * RECORDS, /* behind what was read ahead */
    (CONSUMER_WARM + 3) * RECORDS,
};

static void a_client_that_reads_elsewhere_gets_that(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONSUMER_KINDS * COUNT(elsewhere) * 2; i++) {
        const struct consumer_kind *kind = &consumer_kinds[i % CONSUMER_KINDS];
        bool under_way = i / CONSUMER_KINDS % 2;
        struct consumer c;
        consumer_begin(&c, kind->version, kind->in_session, 2 * CONSUMER_ENOUGH);
        if (under_way) {
            consumer_warm_up(&c);
            c.offset = elsewhere[i / CONSUMER_KINDS / 2];
            size_t index = consumer_ask(&c);
            party_run(&c.s.party);
            consumer_broker_comes_back(&c);
            if (c.in_session) {
                consumer_take_session_error(&c, index, KAFKA_INVALID_FETCH_SESSION_EPOCH);
                index = consumer_ask_and_run(&c);
            }
            consumer_take(&c, "while it was under way", index);
        } else {
            consumer_read_on(&c, "before", CONSUMER_WARM);
            consumer_read_elsewhere(&c, "while it was held", elsewhere[i / CONSUMER_KINDS / 2]);
        }
        assert_int_equal(consumer_ahead(&c), 1);
        assert_int_equal(consumer_dropped(&c), 1);
        consumer_read_on(&c, "on from there", CONSUMER_ENOUGH);
        assert_true(consumer_ahead(&c) > 1);
        assert_int_equal(consumer_dropped(&c), 1);
        assert_int_equal(c.s.world.finding_count, 0);
        consumer_end(&c);
    }
}

/* The same place, asked for in another way. */
static void any_difference_counts(void **state)
{
    (void)state;
    static const char *const paths[] = { "MaxWaitMs", "MinBytes", "MaxBytes", "IsolationLevel",
                                         "Topics/0/Partitions/0/PartitionMaxBytes" };
    for (size_t i = 0; i < COUNT(paths); i++) {
        struct consumer c;
        const struct fetch_item item = { "orders", 0, CONSUMER_WARM * RECORDS };
        consumer_begin(&c, 12, false, CONSUMER_ENOUGH);
        consumer_read_on(&c, "before", CONSUMER_WARM);
        json_t *body = consumer_body(&c, &item, 1);
        json_set(body, paths[i], json_integer(i == 3 ? 1 : 17));
        size_t index = party_send(&c.s.party, API_FETCH, 12, body);
        party_run(&c.s.party);
        consumer_take(&c, paths[i], index);
        assert_int_equal(consumer_fetches(&c), CONSUMER_WARM + 2);
        assert_int_equal(consumer_dropped(&c), 1);
        consumer_end(&c);
    }
}

/* The header counts as well: version 14 differs from 13 in nothing else, and clients have names. */
static void the_header_counts_too(void **state)
{
    (void)state;
    enum { VERSION_AT = 4 + 3, CLIENT_ID_AT = 4 + 10 };
    for (int k = 0; k < 2; k++) {
        struct consumer c;
        consumer_begin(&c, 13, false, CONSUMER_ENOUGH);
        consumer_read_on(&c, "before", CONSUMER_WARM);
        size_t start = c.s.party.in[RELAY_CLIENT].size;
        consumer_ask(&c);
        c.s.party.in[RELAY_CLIENT].data[start + (k ? VERSION_AT : CLIENT_ID_AT)] ^= 3;
        party_run(&c.s.party);
        assert_int_equal(consumer_fetches(&c), CONSUMER_WARM + 2);
        assert_int_equal(consumer_dropped(&c), 1);
        consumer_end(&c);
    }
}

/* What stands before it is delivered, and the next answer would be an error. */
static void nothing_is_read_ahead_of_what_is_bad(void **state)
{
    (void)state;
    struct consumer c;
    consumer_begin(&c, 12, false, 2 * CONSUMER_WARM - 1);
    fetch_scene_store_tampered(&c.s);
    fetch_scene_store_sealed(&c.s);
    c.bytes_max =
        5 * (int32_t)world_stored(&c.s.world, "orders", 0, 0).bytes.size / 2; /* two, and a part of the next */
    for (int64_t i = 0; i < CONSUMER_WARM; i++) {
        c.offset = 2 * i * RECORDS;
        size_t index = consumer_ask_and_run(&c);
        check_outcome("two", fetch_scene_outcome(&c.s, index), 0, i == CONSUMER_WARM - 1 ? 1 : 2);
    }
    assert_int_equal(c.s.world.finding_count, 1);
    assert_int_equal(consumer_ahead(&c), 0);
    consumer_end(&c);
}

static void what_is_bad_is_held_and_not_gone_beyond(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONSUMER_KINDS; i++) {
        struct consumer c;
        consumer_begin(&c, consumer_kinds[i].version, consumer_kinds[i].in_session, CONSUMER_WARM);
        fetch_scene_store_tampered(&c.s);
        fetch_scene_store_sealed(&c.s);
        consumer_read_on(&c, "before", CONSUMER_WARM);
        assert_int_equal(consumer_fetches(&c), CONSUMER_WARM + 1);
        consumer_take_error(&c, consumer_ask_and_run(&c), KAFKA_CORRUPT_MESSAGE);
        assert_int_equal(consumer_fetches(&c), CONSUMER_WARM + 1);
        consumer_take_error(&c, consumer_ask_and_run(&c), KAFKA_CORRUPT_MESSAGE);
        assert_int_equal(consumer_fetches(&c), CONSUMER_WARM + 2);
        assert_int_equal(c.s.world.finding_count, 2);
        assert_int_equal(c.s.world.findings[0].verdict, VERDICT_ALTERED);
        assert_int_equal(slice_count(byte_string_slice(&c.s.party.out[RELAY_CLIENT]), slice_of_text(WORLD_MARKER)),
                         CONSUMER_WARM * RECORDS);
        assert_int_equal(consumer_ahead(&c), 1);
        consumer_end(&c);
    }
}

static void move_leader(struct consumer *c, json_t *response)
{
    if (consumer_fetches(c) == CONSUMER_WARM + 1) {
        json_set(response, "Responses/0/Partitions/0/ErrorCode", json_integer(KAFKA_NOT_LEADER_OR_FOLLOWER));
        json_set(response, "Responses/0/Partitions/0/Records", json_string(""));
    }
}

static void a_brokers_error_is_held_too(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONSUMER_KINDS; i++) {
        struct consumer c;
        consumer_begin(&c, consumer_kinds[i].version, consumer_kinds[i].in_session, CONSUMER_ENOUGH);
        c.edit = move_leader;
        consumer_read_on(&c, "before", CONSUMER_WARM);
        consumer_take_error(&c, consumer_ask_and_run(&c), KAFKA_NOT_LEADER_OR_FOLLOWER);
        assert_int_equal(consumer_fetches(&c), CONSUMER_WARM + 1);
        consumer_read_on(&c, "after", CONSUMER_ENOUGH - CONSUMER_WARM);
        consumer_end(&c);
    }
}

static void a_session_that_the_broker_loses_meanwhile_is_told_of(void **state)
{
    (void)state;
    struct consumer c;
    consumer_begin(&c, 12, true, CONSUMER_ENOUGH);
    consumer_warm_up(&c);
    json_decref(c.s.world.broker.session);
    c.s.world.broker.session = NULL;
    consumer_broker_comes_back(&c);
    consumer_take_session_error(&c, consumer_ask_and_run(&c), KAFKA_FETCH_SESSION_ID_NOT_FOUND);
    c.session_id = 0;
    consumer_read_on(&c, "anew", CONSUMER_ENOUGH - CONSUMER_WARM);
    consumer_end(&c);
}

/* What stands in the batches */

static void list_nothing(struct consumer *c, json_t *response)
{
    (void)c;
    json_set(response, "Responses/0/Partitions/0/AbortedTransactions", json_array());
}

static void transactions_are_followed_across_what_is_read_ahead(void **state)
{
    (void)state;
    for (int commit = 0; commit < 2; commit++) {
        struct consumer c;
        consumer_begin(&c, 12, false, CONSUMER_WARM - 1);
        c.read_committed = true;
        c.edit = list_nothing;
        fetch_scene_store_transactional(&c.s, PRODUCER);
        fetch_scene_store_marker(&c.s, PRODUCER, commit);
        fetch_scene_store_sealed(&c.s);
        consumer_read_on(&c, "before", CONSUMER_WARM);
        assert_int_equal(consumer_ahead(&c), 1);
        size_t index = consumer_ask_and_run(&c);
        if (commit) {
            consumer_take(&c, "a marker", index);
            consumer_read_on(&c, "after", 1);
        } else {
            consumer_take_error(&c, index, KAFKA_CORRUPT_MESSAGE);
            assert_int_equal(c.s.world.findings[0].verdict, VERDICT_OUTCOME_FORGED);
        }
        consumer_end(&c);
    }
}

static void append_time_is_what_the_broker_says(void **state)
{
    (void)state;
    struct consumer c;
    consumer_begin(&c, 12, false, 0);
    c.s.world.policies[1].timestamp_type = TIMESTAMP_LOG_APPEND_TIME;
    for (size_t i = 0; i < CONSUMER_ENOUGH; i++) {
        struct fake_partition *partition = fetch_scene_partition(&c.s, "orders", 0);
        size_t at = partition->log.size;
        fetch_scene_store_sealed(&c.s);
        uint8_t *batch = partition->log.data + at;
        store_u16(batch + BATCH_CRC_START, (uint16_t)(load_u16(batch + BATCH_CRC_START) | BATCH_LOG_APPEND_TIME));
        store_u64(batch + 35, (uint64_t)c.s.world.now_ms + i);
        fixture_fix_crc(batch, partition->log.size - at);
    }
    for (size_t i = 0; i < CONSUMER_ENOUGH; i++) {
        size_t index = consumer_ask_and_run(&c);
        struct fetch_outcome outcome = fetch_scene_outcome(&c.s, index);
        assert_int_equal(load_u64(outcome.records.data + 35), c.s.world.now_ms + (int64_t)i);
        byte_string_free(&outcome.records);
        consumer_take(&c, "at append time", index);
    }
    assert_int_equal(consumer_ahead(&c), CONSUMER_ENOUGH - CONSUMER_WARM);
    consumer_end(&c);
}

/* A large one, opened by several threads while it comes. */
static void a_large_answer_is_read_ahead(void **state)
{
    (void)state;
    static const size_t pieces[] = { 0, 65536, 100001 };
    for (size_t i = 0; i < COUNT(pieces); i++) {
        struct consumer c;
        struct crew *crew = crew_new(2);
        consumer_begin(&c, 17, true, 0);
        c.s.world.worker.shared.crew = c.s.world.worker.opener.crew = crew;
        c.s.party.cuts.read_max[RELAY_BROKER] = pieces[i];
        struct byte_string plain = world_batch(&c.s.world, 10000, -1, 0);
        for (size_t k = 0; k < CONSUMER_ENOUGH; k++) {
            world_store_sealed(&c.s.world, "orders", 0, &c.s.stream, byte_string_slice(&plain), NULL, 0);
        }
        assert_true(plain.size > LOOK_AHEAD_BYTES_MIN);
        consumer_read_on(&c, "large", CONSUMER_ENOUGH - 2);
        assert_int_equal(consumer_ahead(&c), CONSUMER_ENOUGH - CONSUMER_WARM - 1);
        /* And its end in the middle of one. */
        c.s.party.broker_is_slow = true;
        consumer_read_on(&c, "the last but one", 1);
        c.s.party.broker_is_slow = false;
        c.s.party.cuts.read_max[RELAY_BROKER] = 65536;
        party_run_until_read(&c.s.party, RELAY_BROKER, c.s.party.read[RELAY_BROKER] + 200000);
        byte_string_free(&plain);
        consumer_end(&c);
        crew_free(crew);
    }
}

static void nothing_outlives_the_conversation(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3 * CONSUMER_KINDS; i++) {
        struct consumer c;
        consumer_begin(&c, consumer_kinds[i / 3].version, consumer_kinds[i / 3].in_session, CONSUMER_ENOUGH);
        if (i % 3 == 0) {
            consumer_read_on(&c, "held", CONSUMER_WARM);
        } else {
            consumer_warm_up(&c);
        }
        if (i % 3 == 2) {
            consumer_ask_and_run(&c);
        }
        consumer_end(&c);
    }
}

static void consume(struct relay_party *party, int16_t version, bool in_session)
{
    enum { BATCHES = CONSUMER_WARM + 2 };
    struct seal_stream stream;
    struct byte_string plain = world_batch(party->world, 1, -1, 0);
    seal_stream_init(&stream);
    party->world->broker.sessions = party->world->broker.counts_epochs = true;
    for (int i = 0; i < BATCHES; i++) {
        world_store_sealed(party->world, "orders", 0, &stream, byte_string_slice(&plain), NULL, 0);
    }
    for (int i = 0; i < BATCHES; i++) {
        const struct fetch_item item = { "orders", 0, i };
        json_t *body = fetch_body(party->world, &item, 1);
        json_set(body, "Topics/0/Partitions/0/PartitionMaxBytes", json_integer(1));
        json_set(body, "SessionId", json_integer(in_session && i > 0 ? FAKE_FIRST_SESSION : 0));
        json_set(body, "SessionEpoch", json_integer(in_session ? i : -1));
        party_send(party, API_FETCH, version, body);
        if (i == CONSUMER_WARM) {
            party_send(party, API_FIND_COORDINATOR, 3, json_of("{}"));
        }
        party_run(party);
    }
    byte_string_free(&plain);
    assert_int_equal(party_answer_count(party), BATCHES + 1);
    assert_int_equal(fake_broker_count(&party->world->broker, API_FETCH), BATCHES);
    assert_int_equal(counter_read(&party->world->worker.counters.read_ahead), BATCHES - CONSUMER_WARM);
}

static void consume_by_name(struct relay_party *party)
{
    consume(party, 11, false);
}

static void consume_by_id(struct relay_party *party)
{
    consume(party, 17, true);
}

static void cuts_do_not_matter(void **state)
{
    (void)state;
    assert_true(conversation_is_the_same_however_cut("by name", consume_by_name));
    assert_true(conversation_is_the_same_however_cut("by id, in a session", consume_by_id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_backlog_is_read_ahead),
        cmocka_unit_test(answers_keep_the_order_of_the_clients_requests),
        cmocka_unit_test(requests_in_a_row_are_answered_each_by_its_own),
        cmocka_unit_test(requests_elsewhere_in_a_row_are_too),
        cmocka_unit_test(a_client_that_reads_elsewhere_gets_that),
        cmocka_unit_test(any_difference_counts),
        cmocka_unit_test(the_header_counts_too),
        cmocka_unit_test(nothing_is_read_ahead_of_what_is_bad),
        cmocka_unit_test(what_is_bad_is_held_and_not_gone_beyond),
        cmocka_unit_test(a_brokers_error_is_held_too),
        cmocka_unit_test(a_session_that_the_broker_loses_meanwhile_is_told_of),
        cmocka_unit_test(transactions_are_followed_across_what_is_read_ahead),
        cmocka_unit_test(append_time_is_what_the_broker_says),
        cmocka_unit_test(a_large_answer_is_read_ahead),
        cmocka_unit_test(nothing_outlives_the_conversation),
        cmocka_unit_test(cuts_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
