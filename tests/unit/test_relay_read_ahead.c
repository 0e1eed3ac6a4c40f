/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading ahead: a consumer of a backlog gets what it would have got without,
 * in the same order, whatever it does; only the broker sees requests earlier.
 * Each batch is an answer of its own, and is full, for no more is asked for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fetch_scene.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum {
    RECORDS = FETCH_SCENE_RECORDS,
    WARM = 1 + READ_AHEAD_IN_A_ROW_MIN, /* requests until the first is sent ahead */
    ENOUGH = WARM + 6,
    PRODUCER = 7000,
};

struct consumer {
    struct fetch_scene s;
    int16_t version;
    bool in_session, read_committed;
    int32_t bytes_max;
    int32_t session_id, epoch;
    int64_t offset;
    size_t away_after; /* so many more answers to Fetch the broker takes no more requests; 0: it stays */
    void (*edit)(struct consumer *c, json_t *response);
};

static void edit_answer(void *context, const struct fake_request *request, json_t *response)
{
    struct consumer *c = context;
    if (request->api_key != API_FETCH) {
        return;
    }
    if (c->away_after > 0 && --c->away_after == 0) {
        c->s.party.broker_is_away = true;
    }
    if (c->edit) {
        c->edit(c, response);
    }
}

static void begin(struct consumer *c, int16_t version, bool in_session, size_t batches)
{
    *c = (struct consumer){ .version = version, .in_session = in_session, .bytes_max = 1 };
    fetch_scene_begin(&c->s);
    c->s.world.broker.sessions = c->s.world.broker.counts_epochs = true;
    c->s.world.broker.edit = edit_answer;
    c->s.world.broker.context = c;
    c->epoch = in_session ? 0 : -1;
    for (size_t i = 0; i < batches; i++) {
        fetch_scene_store_sealed(&c->s);
    }
}

static void end(struct consumer *c)
{
    const struct relay_worker *worker = &c->s.world.worker;
    assert_string_equal(relay_fault(c->s.party.relay), "no fault");
    relay_free(c->s.party.relay, c->s.world.now_ms);
    c->s.party.relay = NULL;
    assert_int_equal(worker->ahead_count, 0);
    assert_int_equal(worker->ahead_bytes, 0);
    assert_int_equal(worker->budget.used_bytes, 0);
    fetch_scene_end(&c->s);
}

static size_t ahead(const struct consumer *c)
{
    return (size_t)counter_read(&c->s.world.worker.counters.read_ahead);
}

static size_t dropped(const struct consumer *c)
{
    return (size_t)counter_read(&c->s.world.worker.counters.read_ahead_dropped);
}

static size_t fetches(const struct consumer *c)
{
    return fake_broker_count(&c->s.world.broker, API_FETCH);
}

static json_t *body_of(struct consumer *c, const struct fetch_item *items, size_t count)
{
    json_t *body = fetch_body(&c->s.world, items, count);
    json_set(body, "Topics/0/Partitions/0/PartitionMaxBytes", json_integer(c->bytes_max));
    json_set(body, "IsolationLevel", json_integer(c->read_committed));
    json_set(body, "SessionId", json_integer(c->session_id));
    json_set(body, "SessionEpoch", json_integer(c->epoch));
    return body;
}

static size_t ask(struct consumer *c)
{
    const struct fetch_item item = { "orders", 0, c->offset };
    return party_send(&c->s.party, API_FETCH, c->version, body_of(c, &item, 1));
}

static size_t ask_and_run(struct consumer *c)
{
    size_t index = ask(c);
    party_run(&c->s.party);
    return index;
}

static void note_session(struct consumer *c, json_t *answer)
{
    if (c->in_session) {
        c->session_id = (int32_t)json_number_at(answer, "SessionId");
        c->epoch++;
    }
}

/* The answer is the batch that stands at the consumer's offset, and nothing else. */
static void take(struct consumer *c, const char *label, size_t index)
{
    json_t *answer = party_answer(&c->s.party, index);
    note_session(c, answer);
    json_t *partition = fetched_partition(&c->s.world, answer, "orders", 0);
    struct byte_string records = json_bytes_at(partition, "Records");
    struct batch batch;
    bool read = batch_read(byte_string_slice(&records), &batch) == SIGNET_OK;
    if (json_number_at(partition, "ErrorCode") != 0 || !read || batch.header.base_offset != c->offset ||
        batch.bytes.size != records.size) {
        fail_msg("%s, version %d: error %ld, %zu bytes at offset %ld", label, c->version,
                 (long)json_number_at(partition, "ErrorCode"), records.size, (long)c->offset);
    }
    c->offset = batch_last_offset(&batch.header) + 1;
    byte_string_free(&records);
    json_decref(answer);
}

static void take_error(struct consumer *c, size_t index, int64_t code)
{
    json_t *answer = party_answer(&c->s.party, index);
    note_session(c, answer);
    assert_int_equal(json_number_at(fetched_partition(&c->s.world, answer, "orders", 0), "ErrorCode"), code);
    json_decref(answer);
}

static void take_session_error(struct consumer *c, size_t index, int64_t code)
{
    json_t *answer = party_answer(&c->s.party, index);
    assert_int_equal(json_number_at(answer, "ErrorCode"), code);
    assert_int_equal(json_array_size(json_at(answer, "Responses")), 0);
    c->epoch = 0;
    json_decref(answer);
}

static void read_on(struct consumer *c, const char *label, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        take(c, label, ask_and_run(c));
    }
}

/* What was read ahead is dropped, or is about to be: a session has to begin anew, which closes the old one. */
static void read_elsewhere(struct consumer *c, const char *label, int64_t offset)
{
    c->offset = offset;
    size_t index = ask_and_run(c);
    if (c->in_session) {
        take_session_error(c, index, KAFKA_INVALID_FETCH_SESSION_EPOCH);
        index = ask_and_run(c);
    }
    take(c, label, index);
}

struct kind {
    int16_t version;
    bool in_session;
};

static const struct kind kinds[] = {
    { 4, false }, { 7, true }, { 11, false }, { 12, true }, { 13, false }, { 17, true }
};

static void a_backlog_is_read_ahead(void **state)
{
    (void)state;
    for (int16_t version = 4; version <= 18; version++) {
        for (int in_session = 0; in_session < (version < 7 ? 1 : 2); in_session++) {
            struct consumer c;
            begin(&c, version, in_session, ENOUGH);
            read_on(&c, "before", WARM - 1);
            assert_int_equal(fetches(&c), WARM - 1);
            read_on(&c, "the first", 1);
            for (size_t i = WARM; i < ENOUGH; i++) {
                assert_int_equal(fetches(&c), i + 1); /* before the client asks */
                read_on(&c, "ahead", 1);
            }
            /* There is no more, and what is not there is not asked for ahead. */
            assert_int_equal(fetches(&c), ENOUGH);
            assert_int_equal(ahead(&c), ENOUGH - WARM);
            assert_int_equal(dropped(&c), 0);
            assert_int_equal(c.s.world.finding_count, 0);
            assert_int_equal(slice_count(byte_string_slice(&c.s.party.out[RELAY_CLIENT]), slice_of_text(WORLD_MARKER)),
                             ENOUGH * RECORDS);
            end(&c);
        }
    }
}

/* The last request before anything is sent ahead, and what is sent ahead stays under way. */
static void warm_up_and_send(struct consumer *c)
{
    read_on(c, "before", WARM - 1);
    c->away_after = 1;
    read_on(c, "the first", 1);
    assert_int_equal(ahead(c), 1);
    assert_int_equal(fetches(c), WARM);
}

static void broker_comes_back(struct consumer *c)
{
    c->s.party.broker_is_away = false;
    party_run(&c->s.party);
}

static void answers_keep_the_order_of_the_clients_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct consumer c;
        begin(&c, kinds[i].version, kinds[i].in_session, ENOUGH);
        warm_up_and_send(&c);
        size_t before = party_answer_count(&c.s.party);
        party_send(&c.s.party, API_FIND_COORDINATOR, 3, json_of("{}"));
        size_t index = ask(&c);
        party_send(&c.s.party, API_FIND_COORDINATOR, 3, json_of("{}"));
        party_run(&c.s.party);
        assert_int_equal(party_answer_count(&c.s.party), before);
        broker_comes_back(&c);
        json_decref(party_answer(&c.s.party, index - 1));
        take(&c, "asked for before it came", index);
        json_decref(party_answer(&c.s.party, index + 1));
        assert_int_equal(ahead(&c), 2);
        /* And what is held waits for the answers before it. */
        c.s.party.broker_is_away = true;
        party_send(&c.s.party, API_FIND_COORDINATOR, 3, json_of("{}"));
        index = ask_and_run(&c);
        assert_int_equal(party_answer_count(&c.s.party), index - 1);
        broker_comes_back(&c);
        json_decref(party_answer(&c.s.party, index - 1));
        take(&c, "held", index);
        read_on(&c, "after", ENOUGH - WARM - 2);
        assert_int_equal(fetches(&c), ENOUGH);
        end(&c);
    }
}

/* Two requests before either is answered: the second waits for the first, which waits for what was sent ahead. */
static void requests_in_a_row_are_answered_each_by_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct consumer c;
        begin(&c, kinds[i].version, false, ENOUGH);
        warm_up_and_send(&c);
        size_t first = ask(&c);
        c.offset = 0;
        size_t second = ask(&c);
        broker_comes_back(&c);
        c.offset = WARM * RECORDS;
        take(&c, "as foretold", first);
        c.offset = 0;
        take(&c, "another", second);
        assert_int_equal(c.s.world.finding_count, 0);
        end(&c);
    }
}

static const int64_t elsewhere[] = {
    0,
    (WARM - 1) * RECORDS, /* what it got last, again */
    (WARM + 1) * RECORDS, /* behind what was read ahead */
    (WARM + 3) * RECORDS,
};

static void a_client_that_reads_elsewhere_gets_that(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(kinds) * COUNT(elsewhere) * 2; i++) {
        const struct kind *kind = &kinds[i % COUNT(kinds)];
        bool under_way = i / COUNT(kinds) % 2;
        struct consumer c;
        begin(&c, kind->version, kind->in_session, 2 * ENOUGH);
        if (under_way) {
            warm_up_and_send(&c);
            c.offset = elsewhere[i / COUNT(kinds) / 2];
            size_t index = ask(&c);
            party_run(&c.s.party);
            broker_comes_back(&c);
            if (c.in_session) {
                take_session_error(&c, index, KAFKA_INVALID_FETCH_SESSION_EPOCH);
                index = ask_and_run(&c);
            }
            take(&c, "while it was under way", index);
        } else {
            read_on(&c, "before", WARM);
            read_elsewhere(&c, "while it was held", elsewhere[i / COUNT(kinds) / 2]);
        }
        assert_int_equal(ahead(&c), 1);
        assert_int_equal(dropped(&c), 1);
        read_on(&c, "on from there", ENOUGH);
        assert_true(ahead(&c) > 1);
        assert_int_equal(dropped(&c), 1);
        assert_int_equal(c.s.world.finding_count, 0);
        end(&c);
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
        const struct fetch_item item = { "orders", 0, WARM * RECORDS };
        begin(&c, 12, false, ENOUGH);
        read_on(&c, "before", WARM);
        json_t *body = body_of(&c, &item, 1);
        json_set(body, paths[i], json_integer(i == 3 ? 1 : 17));
        size_t index = party_send(&c.s.party, API_FETCH, 12, body);
        party_run(&c.s.party);
        take(&c, paths[i], index);
        assert_int_equal(fetches(&c), WARM + 2);
        assert_int_equal(dropped(&c), 1);
        end(&c);
    }
}

static void what_is_bad_is_held_and_not_gone_beyond(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct consumer c;
        begin(&c, kinds[i].version, kinds[i].in_session, WARM);
        fetch_scene_store_tampered(&c.s);
        fetch_scene_store_sealed(&c.s);
        read_on(&c, "before", WARM);
        assert_int_equal(fetches(&c), WARM + 1);
        take_error(&c, ask_and_run(&c), KAFKA_CORRUPT_MESSAGE);
        assert_int_equal(fetches(&c), WARM + 1);
        take_error(&c, ask_and_run(&c), KAFKA_CORRUPT_MESSAGE);
        assert_int_equal(fetches(&c), WARM + 2);
        assert_int_equal(c.s.world.finding_count, 2);
        assert_int_equal(c.s.world.findings[0].verdict, VERDICT_ALTERED);
        assert_int_equal(slice_count(byte_string_slice(&c.s.party.out[RELAY_CLIENT]), slice_of_text(WORLD_MARKER)),
                         WARM * RECORDS);
        assert_int_equal(ahead(&c), 1);
        end(&c);
    }
}

static void move_leader(struct consumer *c, json_t *response)
{
    if (fetches(c) == WARM + 1) {
        json_set(response, "Responses/0/Partitions/0/ErrorCode", json_integer(KAFKA_NOT_LEADER_OR_FOLLOWER));
        json_set(response, "Responses/0/Partitions/0/Records", json_string(""));
    }
}

static void a_brokers_error_is_held_too(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct consumer c;
        begin(&c, kinds[i].version, kinds[i].in_session, ENOUGH);
        c.edit = move_leader;
        read_on(&c, "before", WARM);
        take_error(&c, ask_and_run(&c), KAFKA_NOT_LEADER_OR_FOLLOWER);
        assert_int_equal(fetches(&c), WARM + 1);
        read_on(&c, "after", ENOUGH - WARM);
        end(&c);
    }
}

static void a_session_that_the_broker_loses_meanwhile_is_told_of(void **state)
{
    (void)state;
    struct consumer c;
    begin(&c, 12, true, ENOUGH);
    warm_up_and_send(&c);
    json_decref(c.s.world.broker.session);
    c.s.world.broker.session = NULL;
    broker_comes_back(&c);
    take_session_error(&c, ask_and_run(&c), KAFKA_FETCH_SESSION_ID_NOT_FOUND);
    c.session_id = 0;
    read_on(&c, "anew", ENOUGH - WARM);
    end(&c);
}

static void who_waits_for_memory_goes_before(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct consumer c;
        begin(&c, kinds[i].version, kinds[i].in_session, 2 * ENOUGH);
        read_on(&c, "before", WARM);
        assert_true(c.s.world.worker.budget.used_bytes > 0);
        assert_int_equal(c.s.world.worker.ahead_count, 1);
        c.s.world.worker.restrained = true;
        relay_give_way(c.s.party.relay);
        assert_int_equal(c.s.world.worker.budget.used_bytes, 0);
        assert_int_equal(c.s.world.worker.ahead_count, 0);
        assert_int_equal(dropped(&c), 1);
        read_elsewhere(&c, "the same place", c.offset);
        read_on(&c, "restrained", ENOUGH - WARM);
        assert_int_equal(ahead(&c), 1);
        c.s.world.worker.restrained = false;
        read_on(&c, "no longer", WARM);
        assert_true(ahead(&c) > 1);
        assert_int_equal(c.s.world.finding_count, 0);
        end(&c);
    }
}

static void no_more_than_a_share_of_memory_is_used(void **state)
{
    (void)state;
    struct consumer c;
    begin(&c, 12, false, ENOUGH);
    c.s.world.worker.budget.limit_bytes = 4096;
    c.s.world.worker.ahead_bytes = 1000; /* others' */
    read_on(&c, "others read ahead", ENOUGH / 2);
    assert_int_equal(ahead(&c), 0);
    c.s.world.worker.ahead_bytes = 0;
    c.s.world.worker.budget.limit_bytes = 64 << 20;
    read_on(&c, "now there is room", 2);
    assert_int_equal(ahead(&c), 2);
    end(&c);
}

static void a_slow_client_is_not_read_ahead_for(void **state)
{
    (void)state;
    struct consumer c;
    begin(&c, 12, false, ENOUGH);
    for (size_t i = 0; i < ENOUGH; i++) {
        read_on(&c, "slowly", 1);
        c.s.world.now_ms += READ_AHEAD_SOON_MS + 1;
    }
    assert_int_equal(ahead(&c), 0);
    end(&c);
}

static void what_nobody_comes_for_is_dropped(void **state)
{
    (void)state;
    struct consumer c;
    begin(&c, 12, false, 3 * ENOUGH);
    read_on(&c, "before", WARM);
    relay_sweep(c.s.party.relay, c.s.world.now_ms + READ_AHEAD_HOLD_MS);
    assert_int_equal(dropped(&c), 0);
    relay_sweep(c.s.party.relay, c.s.world.now_ms + READ_AHEAD_HOLD_MS + 1);
    assert_int_equal(dropped(&c), 1);
    assert_int_equal(c.s.world.worker.budget.used_bytes, 0);
    /* Next time more requests have to come as foretold. */
    read_on(&c, "after", 2 * READ_AHEAD_IN_A_ROW_MIN);
    assert_int_equal(ahead(&c), 1);
    read_on(&c, "one more", 1);
    assert_int_equal(ahead(&c), 2);
    /* What is still under way takes no memory, and is waited for. */
    c.s.party.broker_is_away = true;
    read_on(&c, "held", 1);
    relay_sweep(c.s.party.relay, c.s.world.now_ms + READ_AHEAD_HOLD_MS + 1);
    broker_comes_back(&c);
    read_on(&c, "in the end", WARM);
    assert_int_equal(dropped(&c), 1);
    end(&c);
}

static void new_rules_are_for_what_is_held_too(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct consumer c;
        begin(&c, kinds[i].version, kinds[i].in_session, ENOUGH);
        read_on(&c, "before", WARM);
        c.s.world.worker.rules++;
        read_elsewhere(&c, "opened anew", c.offset);
        assert_int_equal(dropped(&c), 1);
        end(&c);
    }
}

static void nothing_is_sent_between_steps_of_sasl(void **state)
{
    (void)state;
    struct consumer c;
    begin(&c, 17, true, ENOUGH);
    read_on(&c, "before", WARM - 1);
    c.s.party.broker_is_away = true;
    size_t index = ask(&c);
    party_send(&c.s.party, API_SASL_HANDSHAKE, 1, json_of("{'Mechanism': 'PLAIN'}"));
    party_run(&c.s.party);
    broker_comes_back(&c);
    take(&c, "while authenticating", index);
    assert_int_equal(ahead(&c), 0);
    json_t *token = json_object();
    json_object_set_new(token, "AuthBytes", json_hex(slice_of("\0alice\0pw", 9)));
    party_send(&c.s.party, API_SASL_AUTHENTICATE, 2, token);
    party_run(&c.s.party);
    assert_int_equal(ahead(&c), 1);
    read_on(&c, "authenticated", 1);
    end(&c);
}

/* Names are looked up again after a second, and not for what is read ahead. */
static void a_name_that_has_grown_old_is_looked_up_first(void **state)
{
    (void)state;
    for (int16_t version = 12; version <= 13; version++) {
        struct consumer c;
        begin(&c, version, false, ENOUGH);
        read_on(&c, "before", WARM - 1);
        c.s.party.broker_is_away = true;
        size_t index = ask_and_run(&c);
        c.s.world.now_ms += TOPIC_ID_FRESH_MS; /* while the broker is about it */
        broker_comes_back(&c);
        take(&c, "a slow answer", index);
        assert_int_equal(ahead(&c), version == 12 ? 0 : 1);
        read_on(&c, "after", 2);
        end(&c);
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
    { "not the end of all", keep_back, false, ENOUGH - WARM },
    { "not the end of what is committed", end_here, true, ENOUGH - WARM },
    { "an answer with another partition", add_partition, false, 0 },
};

static void there_has_to_be_more_of_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(without_cases); i++) {
        const struct without_case *w = &without_cases[i];
        struct consumer c;
        begin(&c, 12, false, ENOUGH);
        c.edit = w->edit;
        c.read_committed = w->read_committed;
        read_on(&c, w->label, ENOUGH);
        if (ahead(&c) != w->expected) {
            fail_msg("%s: %zu", w->label, ahead(&c));
        }
        end(&c);
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
    begin(&c, 12, false, 0);
    c.edit = promise_more;
    for (size_t i = 0; i < ENOUGH; i++) {
        fetch_scene_store_sealed(&c.s);
        c.bytes_max = 3 * (int32_t)world_stored(&c.s.world, "orders", 0, i).bytes.size;
        read_on(&c, "alone", 1);
    }
    assert_int_equal(ahead(&c), 0);
    end(&c);
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
        begin(&c, 12, false, 0);
        struct byte_string plain = world_batch(&c.s.world, RECORDS, -1, 0);
        for (size_t i = 0; i < ENOUGH; i++) {
            fake_partition_append(fetch_scene_partition(&c.s, "plain", 0), byte_string_slice(&plain));
            world_store_sealed(&c.s.world, "orders-raw", 0, &c.s.stream, byte_string_slice(&plain), NULL, 0);
            fetch_scene_store_sealed(&c.s);
        }
        for (size_t i = 0; i < ENOUGH; i++) {
            struct fetch_item items[2] = { items_cases[k].items[0], items_cases[k].items[items_cases[k].count - 1] };
            items[0].offset = (int64_t)i * RECORDS;
            party_send(&c.s.party, API_FETCH, 12, body_of(&c, items, items_cases[k].count));
            party_run(&c.s.party);
        }
        assert_int_equal(party_answer_count(&c.s.party), ENOUGH);
        assert_int_equal(ahead(&c), 0);
        byte_string_free(&plain);
        end(&c);
    }
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
        begin(&c, 12, false, WARM - 1);
        c.read_committed = true;
        c.edit = list_nothing;
        fetch_scene_store_transactional(&c.s, PRODUCER);
        fetch_scene_store_marker(&c.s, PRODUCER, commit);
        fetch_scene_store_sealed(&c.s);
        read_on(&c, "before", WARM);
        assert_int_equal(ahead(&c), 1);
        size_t index = ask_and_run(&c);
        if (commit) {
            take(&c, "a marker", index);
            read_on(&c, "after", 1);
        } else {
            take_error(&c, index, KAFKA_CORRUPT_MESSAGE);
            assert_int_equal(c.s.world.findings[0].verdict, VERDICT_OUTCOME_FORGED);
        }
        end(&c);
    }
}

static void append_time_is_what_the_broker_says(void **state)
{
    (void)state;
    struct consumer c;
    begin(&c, 12, false, 0);
    c.s.world.policies[1].timestamp_type = TIMESTAMP_LOG_APPEND_TIME;
    for (size_t i = 0; i < ENOUGH; i++) {
        struct fake_partition *partition = fetch_scene_partition(&c.s, "orders", 0);
        size_t at = partition->log.size;
        fetch_scene_store_sealed(&c.s);
        uint8_t *batch = partition->log.data + at;
        store_u16(batch + BATCH_CRC_START, (uint16_t)(load_u16(batch + BATCH_CRC_START) | BATCH_LOG_APPEND_TIME));
        store_u64(batch + 35, (uint64_t)c.s.world.now_ms + i);
        fixture_fix_crc(batch, partition->log.size - at);
    }
    for (size_t i = 0; i < ENOUGH; i++) {
        size_t index = ask_and_run(&c);
        struct fetch_outcome outcome = fetch_scene_outcome(&c.s, index);
        assert_int_equal(load_u64(outcome.records.data + 35), c.s.world.now_ms + (int64_t)i);
        byte_string_free(&outcome.records);
        take(&c, "at append time", index);
    }
    assert_int_equal(ahead(&c), ENOUGH - WARM);
    end(&c);
}

/* A large one, opened by several threads while it comes. */
static void a_large_answer_is_read_ahead(void **state)
{
    (void)state;
    static const size_t pieces[] = { 0, 65536, 100001 };
    for (size_t i = 0; i < COUNT(pieces); i++) {
        struct consumer c;
        struct crew *crew = crew_new(2);
        begin(&c, 17, true, 0);
        c.s.world.worker.shared.crew = c.s.world.worker.opener.crew = crew;
        c.s.party.cuts.read_max[RELAY_BROKER] = pieces[i];
        struct byte_string plain = world_batch(&c.s.world, 10000, -1, 0);
        for (size_t k = 0; k < ENOUGH; k++) {
            world_store_sealed(&c.s.world, "orders", 0, &c.s.stream, byte_string_slice(&plain), NULL, 0);
        }
        assert_true(plain.size > LOOK_AHEAD_BYTES_MIN);
        read_on(&c, "large", ENOUGH - 2);
        assert_int_equal(ahead(&c), ENOUGH - WARM - 1);
        /* And its end in the middle of one. */
        c.s.party.broker_is_slow = true;
        read_on(&c, "the last but one", 1);
        c.s.party.broker_is_slow = false;
        c.s.party.cuts.read_max[RELAY_BROKER] = 65536;
        party_run_until_read(&c.s.party, RELAY_BROKER, c.s.party.read[RELAY_BROKER] + 200000);
        byte_string_free(&plain);
        end(&c);
        crew_free(crew);
    }
}

static void nothing_outlives_the_conversation(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3 * COUNT(kinds); i++) {
        struct consumer c;
        begin(&c, kinds[i / 3].version, kinds[i / 3].in_session, ENOUGH);
        if (i % 3 == 0) {
            read_on(&c, "held", WARM);
        } else {
            warm_up_and_send(&c);
        }
        if (i % 3 == 2) {
            ask_and_run(&c);
        }
        end(&c);
    }
}

static void consume(struct relay_party *party, int16_t version, bool in_session)
{
    enum { BATCHES = WARM + 2 };
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
        if (i == WARM) {
            party_send(party, API_FIND_COORDINATOR, 3, json_of("{}"));
        }
        party_run(party);
    }
    byte_string_free(&plain);
    assert_int_equal(party_answer_count(party), BATCHES + 1);
    assert_int_equal(fake_broker_count(&party->world->broker, API_FETCH), BATCHES);
    assert_int_equal(counter_read(&party->world->worker.counters.read_ahead), BATCHES - WARM);
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
        cmocka_unit_test(a_client_that_reads_elsewhere_gets_that),
        cmocka_unit_test(any_difference_counts),
        cmocka_unit_test(what_is_bad_is_held_and_not_gone_beyond),
        cmocka_unit_test(a_brokers_error_is_held_too),
        cmocka_unit_test(a_session_that_the_broker_loses_meanwhile_is_told_of),
        cmocka_unit_test(who_waits_for_memory_goes_before),
        cmocka_unit_test(no_more_than_a_share_of_memory_is_used),
        cmocka_unit_test(a_slow_client_is_not_read_ahead_for),
        cmocka_unit_test(what_nobody_comes_for_is_dropped),
        cmocka_unit_test(new_rules_are_for_what_is_held_too),
        cmocka_unit_test(nothing_is_sent_between_steps_of_sasl),
        cmocka_unit_test(a_name_that_has_grown_old_is_looked_up_first),
        cmocka_unit_test(there_has_to_be_more_of_it),
        cmocka_unit_test(an_answer_has_to_be_full),
        cmocka_unit_test(only_one_partition_that_is_opened_is_read_ahead),
        cmocka_unit_test(transactions_are_followed_across_what_is_read_ahead),
        cmocka_unit_test(append_time_is_what_the_broker_says),
        cmocka_unit_test(a_large_answer_is_read_ahead),
        cmocka_unit_test(nothing_outlives_the_conversation),
        cmocka_unit_test(cuts_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
