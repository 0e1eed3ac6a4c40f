/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is fetched: good batches before a bad one, errors in its place, and what
 * clients may not ask.  For sessions test_relay_session.c, for round trips
 * test_relay_produce.c.
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
    PRODUCER = 7000,
};

static const struct fetch_item from_the_start = { "orders", 0, 0 };

static void store_clear(struct fetch_scene *s)
{
    struct byte_string plain = world_batch(&s->world, RECORDS, -1, 0);
    fake_partition_append(fetch_scene_partition(s, "orders", 0), byte_string_slice(&plain));
    byte_string_free(&plain);
}

static void store_misplaced(struct fetch_scene *s)
{
    struct byte_string plain = world_batch(&s->world, RECORDS, -1, 0);
    world_store_sealed(&s->world, "orders", 1, &s->stream, byte_string_slice(&plain), NULL, 0);
    struct batch sealed = world_stored(&s->world, "orders", 1, 0);
    fake_partition_append(fetch_scene_partition(s, "orders", 0), sealed.bytes);
    byte_string_free(&plain);
}

static void store_replayed(struct fetch_scene *s)
{
    fetch_scene_store_sealed(s);
    struct batch sealed = world_stored(&s->world, "orders", 0, 0);
    struct byte_string copy = { 0 };
    byte_string_add(&copy, sealed.bytes);
    struct fake_partition *partition = fetch_scene_partition(s, "orders", 0);
    partition->log.size -= fake_partition_from(partition, partition->next_offset - 1).size;
    partition->next_offset -= RECORDS;
    fake_partition_append(partition, byte_string_slice(&copy));
    byte_string_free(&copy);
}

static void store_behind_a_hole(struct fetch_scene *s)
{
    fetch_scene_partition(s, "orders", 0)->next_offset += 1;
    fetch_scene_store_sealed(s);
}

static size_t send_fetch(struct fetch_scene *s, int16_t version, int64_t offset)
{
    const struct fetch_item item = { "orders", 0, offset };
    return party_send(&s->party, API_FETCH, version, fetch_body(&s->world, &item, 1));
}

static struct fetch_outcome fetch(struct fetch_scene *s, int16_t version, int64_t offset)
{
    size_t index = send_fetch(s, version, offset);
    party_run(&s->party);
    assert_string_equal(relay_fault(s->party.relay), "no fault");
    return fetch_scene_outcome(s, index);
}

struct bad_case {
    const char *label;
    void (*store)(struct fetch_scene *s);
    enum verdict verdict;
};

static const struct bad_case bad_cases[] = {
    { "tampered with", fetch_scene_store_tampered, VERDICT_ALTERED },
    { "in clear", store_clear, VERDICT_UNSEALED },
    { "of another partition", store_misplaced, VERDICT_WRONG_PLACE },
    { "a second time", store_replayed, VERDICT_REPLAYED },
    { "behind a hole", store_behind_a_hole, VERDICT_WRONG_OFFSET },
};

static void what_stands_before_a_bad_batch_is_delivered(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_cases); i++) {
        for (int16_t version = 4; version <= 18; version++) {
            const struct bad_case *c = &bad_cases[i];
            struct fetch_scene s;
            fetch_scene_begin(&s);
            fetch_scene_store_sealed(&s);
            c->store(&s);
            fetch_scene_store_sealed(&s);
            check_outcome(c->label, fetch(&s, version, 0), 0, 1);
            assert_int_equal(s.world.finding_count, 1);
            if (s.world.findings[0].verdict != c->verdict) {
                fail_msg("%s: %s", c->label, verdict_word(s.world.findings[0].verdict));
            }
            /* And when the client comes to it, again and again, an error. */
            check_outcome(c->label, fetch(&s, version, RECORDS), KAFKA_CORRUPT_MESSAGE, 0);
            check_outcome(c->label, fetch(&s, version, RECORDS), KAFKA_CORRUPT_MESSAGE, 0);
            assert_int_equal(slice_count(byte_string_slice(&s.party.out[RELAY_CLIENT]), slice_of_text(WORLD_MARKER)),
                             RECORDS);
            fetch_scene_end(&s);
        }
    }
}

enum {
    LARGE_RECORDS = 2000,
    LARGE_BATCHES = 8,
};

/* More than is opened by one thread, of orders/0 and then of orders-eu/0, and of each the batch before the last is bad. */
static void store_large(struct fetch_scene *s)
{
    static const char *const topics[] = { "orders", "orders-eu" };
    struct byte_string plain = world_batch(&s->world, LARGE_RECORDS, -1, 0);
    for (size_t t = 0; t < COUNT(topics); t++) {
        struct seal_stream stream;
        seal_stream_init(&stream);
        for (size_t i = 0; i < LARGE_BATCHES; i++) {
            world_store_sealed(&s->world, topics[t], 0, &stream, byte_string_slice(&plain), NULL, 0);
        }
        struct fake_partition *partition = fetch_scene_partition(s, topics[t], 0);
        struct slice last = fake_partition_from(partition, partition->next_offset - 1);
        uint8_t *start = partition->log.data + partition->log.size - 2 * last.size;
        start[last.size / 2] ^= 1;
        fixture_fix_crc(start, last.size);
    }
    byte_string_free(&plain);
}

static size_t send_large_fetch(struct fetch_scene *s, int16_t version)
{
    static const struct fetch_item items[] = { { "orders", 0, 0 }, { "orders-eu", 0, 0 } };
    return party_send(&s->party, API_FETCH, version, fetch_body(&s->world, items, COUNT(items)));
}

static void check_large(struct fetch_scene *s, size_t index)
{
    static const char *const topics[] = { "orders", "orders-eu" };
    assert_string_equal(relay_fault(s->party.relay), "no fault");
    json_t *answer = party_answer(&s->party, index);
    for (size_t t = 0; t < COUNT(topics); t++) {
        json_t *partition = fetched_partition(&s->world, answer, topics[t], 0);
        const struct fetch_outcome outcome = { json_number_at(partition, "ErrorCode"),
                                               json_bytes_at(partition, "Records") };
        check_outcome(topics[t], outcome, 0, LARGE_BATCHES - 2);
    }
    json_decref(answer);
    assert_int_equal(s->world.finding_count, COUNT(topics));
    for (size_t t = 0; t < COUNT(topics); t++) {
        assert_int_equal(s->world.findings[t].verdict, VERDICT_ALTERED);
        assert_int_equal(s->world.findings[t].base_offset, (LARGE_BATCHES - 2) * LARGE_RECORDS);
    }
}

static void a_large_response_opens_the_same_however_it_comes(void **state)
{
    (void)state;
    static const size_t pieces[] = { 0, 4093, 65536, 100001 };
    for (size_t i = 0; i < 2 * COUNT(pieces); i++) {
        for (int16_t version = 12; version <= 13; version++) {
            struct fetch_scene s;
            struct crew *crew = i % 2 ? crew_new(2) : NULL;
            fetch_scene_begin(&s);
            s.world.worker.shared.crew = s.world.worker.opener.crew = crew;
            s.party.cuts.read_max[RELAY_BROKER] = pieces[i / 2];
            store_large(&s);
            size_t index = send_large_fetch(&s, version);
            party_run(&s.party);
            check_large(&s, index);
            fetch_scene_end(&s);
            crew_free(crew);
        }
    }
}

/* What is under way for a response that will never be whole does not outlive its bytes. */
static void a_conversation_may_end_in_the_middle_of_a_response(void **state)
{
    (void)state;
    for (size_t come = 100 * 1000; come < 900 * 1000; come += 130 * 1000) {
        struct fetch_scene s;
        struct crew *crew = crew_new(2);
        fetch_scene_begin(&s);
        s.world.worker.shared.crew = s.world.worker.opener.crew = crew;
        store_large(&s);
        s.party.cuts.read_max[RELAY_BROKER] = 30 * 1000;
        send_large_fetch(&s, 12);
        party_run_until_read(&s.party, RELAY_BROKER, come);
        assert_int_equal(party_answer_count(&s.party), 0);
        fetch_scene_end(&s);
        crew_free(crew);
    }
}

static void the_error_is_policys(void **state)
{
    (void)state;
    struct fetch_scene s;
    fetch_scene_begin(&s);
    s.world.worker.fetch_refusal_error = KAFKA_INVALID_RECORD;
    store_clear(&s);
    check_outcome("in clear", fetch(&s, 12, 0), KAFKA_INVALID_RECORD, 0);
    fetch_scene_end(&s);
}

static void a_bad_partition_leaves_the_others_alone(void **state)
{
    (void)state;
    struct fetch_scene s;
    fetch_scene_begin(&s);
    world_vouch(&s.world, "plain");
    struct byte_string plain = world_batch(&s.world, RECORDS, -1, 0);
    world_store_sealed(&s.world, "orders", 2, &s.stream, byte_string_slice(&plain), NULL, 0);
    fake_partition_append(fetch_scene_partition(&s, "plain", 0), byte_string_slice(&plain));
    store_clear(&s);
    const struct fetch_item items[] = { { "orders", 0, 0 }, { "orders", 2, 0 }, { "plain", 0, 0 } };
    for (int16_t version = 4; version <= 18; version++) {
        size_t index = party_send(&s.party, API_FETCH, version, fetch_body(&s.world, items, COUNT(items)));
        party_run(&s.party);
        json_t *answer = party_answer(&s.party, index);
        json_t *bad = fetched_partition(&s.world, answer, "orders", 0);
        assert_int_equal(json_number_at(bad, "ErrorCode"), KAFKA_CORRUPT_MESSAGE);
        assert_string_equal(json_text_at(bad, "Records"), "");
        for (size_t i = 1; i < COUNT(items); i++) {
            json_t *good = fetched_partition(&s.world, answer, items[i].topic, items[i].partition);
            assert_int_equal(json_number_at(good, "ErrorCode"), 0);
            struct byte_string records = json_bytes_at(good, "Records");
            assert_int_equal(slice_count(byte_string_slice(&records), slice_of_text(WORLD_MARKER)), RECORDS);
            byte_string_free(&records);
        }
        json_decref(answer);
    }
    byte_string_free(&plain);
    fetch_scene_end(&s);
}

static void topics_that_are_not_opened_pass_sealed(void **state)
{
    (void)state;
    struct fetch_scene s;
    fetch_scene_begin(&s);
    struct byte_string plain = world_batch(&s.world, RECORDS, -1, 0);
    const struct produce_item item = { "orders-raw", 0, ITEM_BATCH, byte_string_slice(&plain) };
    const struct fetch_item wanted = { "orders-raw", 0, 0 };
    party_send(&s.party, API_PRODUCE, 9, produce_body(&s.world, -1, &item, 1));
    size_t index = party_send(&s.party, API_FETCH, 12, fetch_body(&s.world, &wanted, 1));
    party_run(&s.party);
    json_t *answer = party_answer(&s.party, index);
    struct byte_string records = json_bytes_at(fetched_partition(&s.world, answer, "orders-raw", 0), "Records");
    struct batch stored = world_stored(&s.world, "orders-raw", 0, 0);
    assert_true(slice_equal(byte_string_slice(&records), stored.bytes));
    assert_int_equal(slice_count(stored.bytes, slice_of_text(WORLD_MARKER)), 0);
    byte_string_free(&records);
    byte_string_free(&plain);
    json_decref(answer);
    fetch_scene_end(&s);
}

/* Before either has been answered, from two places: each answer is held against its own request. */
static void fetches_in_a_row_are_judged_each_by_its_own(void **state)
{
    (void)state;
    static const int16_t versions[] = { 4, 12, 17 };
    for (size_t i = 0; i < COUNT(versions); i++) {
        struct fetch_scene s;
        fetch_scene_begin(&s);
        for (int k = 0; k < 4; k++) {
            fetch_scene_store_sealed(&s);
        }
        size_t first = send_fetch(&s, versions[i], 0);
        size_t second = send_fetch(&s, versions[i], 2 * RECORDS);
        party_send(&s.party, API_FIND_COORDINATOR, 3, json_of("{}"));
        size_t third = send_fetch(&s, versions[i], RECORDS);
        party_run(&s.party);
        assert_string_equal(relay_fault(s.party.relay), "no fault");
        check_outcome("first", fetch_scene_outcome(&s, first), 0, 4);
        check_outcome("second", fetch_scene_outcome(&s, second), 0, 2);
        check_outcome("third", fetch_scene_outcome(&s, third), 0, 3);
        assert_int_equal(s.world.finding_count, 0);
        fetch_scene_end(&s);
    }
}

/* What clients may not ask */

static void replicas_are_refused(void **state)
{
    (void)state;
    for (int16_t version = 4; version <= 18; version++) {
        struct fetch_scene s;
        fetch_scene_begin(&s);
        json_t *body = fetch_body(&s.world, &from_the_start, 1);
        if (version < 15) {
            json_set(body, "ReplicaId", json_integer(0));
        } else {
            json_set(body, "ReplicaState", json_of("{'ReplicaId': 3, 'ReplicaEpoch': 1}"));
        }
        party_send(&s.party, API_FETCH, version, body);
        party_run(&s.party);
        assert_int_equal(s.party.error, SIGNET_ERROR_PERMISSION);
        assert_int_equal(s.world.broker.seen_count, 0);
        fetch_scene_end(&s);
    }
}

struct bytes_case {
    int64_t asked, passed;
};

static const struct bytes_case bytes_cases[] = {
    { INT32_MAX, WORLD_FETCH_BYTES_MAX },
    { WORLD_FETCH_BYTES_MAX + 1, WORLD_FETCH_BYTES_MAX },
    { WORLD_FETCH_BYTES_MAX, WORLD_FETCH_BYTES_MAX },
    { 1, 1 },
    { 0, 0 },
    { -1, -1 },
};

static void no_more_is_asked_for_than_can_be_held(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bytes_cases); i++) {
        for (int16_t version = 4; version <= 18; version++) {
            struct fetch_scene s;
            fetch_scene_begin(&s);
            json_t *body = fetch_body(&s.world, &from_the_start, 1);
            json_set(body, "MaxBytes", json_integer(bytes_cases[i].asked));
            party_send(&s.party, API_FETCH, version, body);
            party_run(&s.party);
            json_t *seen = fake_broker_latest(&s.world.broker, API_FETCH)->body;
            assert_int_equal(json_number_at(seen, "MaxBytes"), bytes_cases[i].passed);
            fetch_scene_end(&s);
        }
    }
}

static void partitions_that_are_read_have_a_limit(void **state)
{
    (void)state;
    enum { MANY = CONNECTION_PARTITIONS_MAX + 1 };
    struct fetch_scene s;
    fetch_scene_begin(&s);
    struct fetch_item *items = calloc(MANY, sizeof *items);
    for (int32_t i = 0; i < MANY; i++) {
        items[i] = (struct fetch_item){ "orders", i, 0 };
    }
    party_send(&s.party, API_FETCH, 12, fetch_body(&s.world, items, MANY));
    party_run(&s.party);
    assert_int_equal(s.party.error, SIGNET_ERROR_LIMIT);
    assert_int_equal(fake_broker_count(&s.world.broker, API_FETCH), 0);
    free(items);
    fetch_scene_end(&s);
}

/* Lies */

struct fetch_lie {
    const char *label;
    const char *path, *value; /* what is said instead */
    int16_t versions[2], code;
};

static const struct fetch_lie lies[] = {
    { "another partition", "Responses/0/Partitions/0/PartitionIndex", "3", { 4, 12 }, 3 },
    { "another partition", "Responses/0/Partitions/0/PartitionIndex", "3", { 13, 18 }, 100 },
    { "a negative partition", "Responses/0/Partitions/0/PartitionIndex", "-1", { 13, 18 }, 100 },
    { "another topic that is sealed", "Responses/0/Topic", "'orders-eu'", { 4, 12 }, 3 },
    { "a topic nobody knows", "Responses/0/Topic", "'orders-of-nobody'", { 4, 12 }, 3 },
    { "an id nobody knows", "Responses/0/TopicId", "'12345678901234567890123456789012'", { 13, 18 }, 100 },
    { "no id", "Responses/0/TopicId", "'00000000000000000000000000000000'", { 13, 18 }, 100 },
    { "a name that is none", "Responses/0/Topic", "''", { 4, 12 }, 3 },
};

static void lie(void *context, const struct fake_request *request, json_t *response)
{
    const struct fetch_lie *l = context;
    if (request->api_key == API_FETCH) {
        json_set(response, l->path, json_of("%s", l->value));
    }
}

static void records_that_nobody_asked_for_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lies); i++) {
        for (int16_t version = lies[i].versions[0]; version <= lies[i].versions[1]; version++) {
            struct fetch_scene s;
            fetch_scene_begin(&s);
            s.world.broker.edit = lie;
            s.world.broker.context = (void *)(uintptr_t)&lies[i];
            fetch_scene_store_sealed(&s);
            size_t index = send_fetch(&s, version, 0);
            party_run(&s.party);
            json_t *answer = party_answer(&s.party, index);
            json_t *partition = json_at(answer, "Responses/0/Partitions/0");
            if (json_number_at(partition, "ErrorCode") != lies[i].code || *json_text_at(partition, "Records")) {
                fail_msg("%s, version %d: %ld", lies[i].label, version, (long)json_number_at(partition, "ErrorCode"));
            }
            json_decref(answer);
            assert_int_equal(slice_count(byte_string_slice(&s.party.out[RELAY_CLIENT]), slice_of_text(WORLD_MARKER)),
                             0);
            fetch_scene_end(&s);
        }
    }
}

/* Transactions */

struct outcome_case {
    const char *label;
    bool committed_only, commit;
    const char *aborted; /* what the broker lists */
    int64_t code;
    size_t batches;
};

static const struct outcome_case outcome_cases[] = {
    { "committed", true, true, "null", 0, 2 },
    { "committed, with an empty list", true, true, "[]", 0, 2 },
    { "aborted", true, false, "[{'ProducerId': 7000, 'FirstOffset': 0}]", 0, 2 },
    { "committed, and called aborted", true, true, "[{'ProducerId': 7000, 'FirstOffset': 0}]", 2, 0 },
    { "aborted, and called committed", true, false, "null", 2, 0 },
    { "aborted, another one listed", true, false, "[{'ProducerId': 7001, 'FirstOffset': 0}]", 2, 0 },
    { "aborted from the second batch on", true, false, "[{'ProducerId': 7000, 'FirstOffset': 2}]", 2, 0 },
    { "read uncommitted", false, true, "[{'ProducerId': 7000, 'FirstOffset': 0}]", 0, 2 },
    { "read uncommitted, aborted", false, false, "null", 0, 2 },
};

static void list_aborted(void *context, const struct fake_request *request, json_t *response)
{
    const struct outcome_case *c = context;
    if (request->api_key == API_FETCH) {
        json_set(response, "Responses/0/Partitions/0/AbortedTransactions", json_of("%s", c->aborted));
    }
}

static void outcomes_that_contradict_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(outcome_cases); i++) {
        for (int16_t version = 4; version <= 18; version++) {
            const struct outcome_case *c = &outcome_cases[i];
            struct fetch_scene s;
            fetch_scene_begin(&s);
            s.world.broker.edit = list_aborted;
            s.world.broker.context = (void *)(uintptr_t)c;
            fetch_scene_store_transactional(&s, PRODUCER);
            fetch_scene_store_marker(&s, PRODUCER, c->commit);
            json_t *body = fetch_body(&s.world, &from_the_start, 1);
            json_set(body, "IsolationLevel", json_integer(c->committed_only));
            size_t index = party_send(&s.party, API_FETCH, version, body);
            party_run(&s.party);
            assert_string_equal(relay_fault(s.party.relay), "no fault");
            check_outcome(c->label, fetch_scene_outcome(&s, index), c->code, c->batches);
            fetch_scene_end(&s);
        }
    }
}

static void list_too_many(void *context, const struct fake_request *request, json_t *response)
{
    (void)context;
    json_t *list = json_array();
    for (int i = 0; request->api_key == API_FETCH && i <= ABORTED_TRANSACTIONS_MAX; i++) {
        json_array_append_new(list, json_of("{'ProducerId': %d}", i));
    }
    if (request->api_key == API_FETCH) {
        json_set(response, "Responses/0/Partitions/0/AbortedTransactions", list);
    } else {
        json_decref(list);
    }
}

static void a_list_of_aborted_transactions_has_a_limit(void **state)
{
    (void)state;
    struct fetch_scene s;
    fetch_scene_begin(&s);
    s.world.broker.edit = list_too_many;
    fetch_scene_store_sealed(&s);
    send_fetch(&s, 12, 0);
    party_run(&s.party);
    assert_int_equal(s.party.error, SIGNET_ERROR_LIMIT);
    fetch_scene_end(&s);
}

static void conversation_with_a_bad_batch(struct relay_party *party)
{
    struct seal_stream stream;
    struct byte_string plain = world_batch(party->world, RECORDS, -1, 0);
    seal_stream_init(&stream);
    world_store_sealed(party->world, "orders", 0, &stream, byte_string_slice(&plain), NULL, 0);
    fake_partition_append(&fake_broker_topic(&party->world->broker, "orders")->partitions[0],
                          byte_string_slice(&plain));
    const struct fetch_item items[] = { { "orders", 0, 0 }, { "orders", 0, RECORDS } };
    party_send(party, API_FETCH, 15, fetch_body(party->world, items, 1));
    party_send(party, API_FETCH, 4, fetch_body(party->world, &items[1], 1));
    json_t *unknown = fetch_body(party->world, items, 1);
    json_set(unknown, "SessionId", json_integer(9));
    json_set(unknown, "SessionEpoch", json_integer(9));
    party_send(party, API_FETCH, 12, unknown);
    party_run(party);
    byte_string_free(&plain);
    assert_int_equal(party_answer_count(party), 3);
}

static void cuts_do_not_matter(void **state)
{
    (void)state;
    assert_true(conversation_is_the_same_however_cut("a bad batch", conversation_with_a_bad_batch));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stands_before_a_bad_batch_is_delivered),
        cmocka_unit_test(a_large_response_opens_the_same_however_it_comes),
        cmocka_unit_test(a_conversation_may_end_in_the_middle_of_a_response),
        cmocka_unit_test(the_error_is_policys),
        cmocka_unit_test(a_bad_partition_leaves_the_others_alone),
        cmocka_unit_test(topics_that_are_not_opened_pass_sealed),
        cmocka_unit_test(fetches_in_a_row_are_judged_each_by_its_own),
        cmocka_unit_test(replicas_are_refused),
        cmocka_unit_test(no_more_is_asked_for_than_can_be_held),
        cmocka_unit_test(partitions_that_are_read_have_a_limit),
        cmocka_unit_test(records_that_nobody_asked_for_are_refused),
        cmocka_unit_test(outcomes_that_contradict_are_refused),
        cmocka_unit_test(a_list_of_aborted_transactions_has_a_limit),
        cmocka_unit_test(cuts_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
