/* SPDX-License-Identifier: Apache-2.0 */
/* What is produced is sealed, and comes back as it was.  What is refused: test_relay_refusal.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "relay_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* What every request of these tests carries. */
struct parcel {
    const char *topic;
    int32_t partition;
    int32_t records;
    int64_t producer_id;
    bool sealed;
};

static const struct parcel parcels[] = {
    { "orders", 0, 3, -1, true },    { "orders", 2, 300, 7000, true }, { "plain", 1, 2, -1, false },
    { "orders-eu", 1, 1, -1, true }, { "plain", 0, 4, 7000, false },
};

static void send_parcels(struct relay_party *party, int16_t version, int16_t acks)
{
    struct produce_item items[COUNT(parcels)];
    struct byte_string batches[COUNT(parcels)];
    for (size_t i = 0; i < COUNT(parcels); i++) {
        const struct parcel *p = &parcels[i];
        batches[i] = world_batch(party->world, p->records, p->producer_id, 0);
        items[i] = (struct produce_item){ p->topic, p->partition, ITEM_BATCH, byte_string_slice(&batches[i]) };
    }
    party_send(party, API_PRODUCE, version, produce_body(party->world, acks, items, COUNT(items)));
    for (size_t i = 0; i < COUNT(parcels); i++) {
        byte_string_free(&batches[i]);
    }
}

static size_t send_fetch(struct relay_party *party, int16_t version)
{
    struct fetch_item items[COUNT(parcels)];
    for (size_t i = 0; i < COUNT(parcels); i++) {
        items[i] = (struct fetch_item){ parcels[i].topic, parcels[i].partition, 0 };
    }
    return party_send(party, API_FETCH, version, fetch_body(party->world, items, COUNT(items)));
}

static void check_fetched(struct relay_party *party, size_t index)
{
    json_t *answer = party_answer(party, index);
    for (size_t i = 0; i < COUNT(parcels); i++) {
        const struct parcel *p = &parcels[i];
        struct byte_string wanted = world_stored_batch(party->world, p->records, p->producer_id, 0, 0);
        json_t *partition = fetched_partition(party->world, answer, p->topic, p->partition);
        struct byte_string got = json_bytes_at(partition, "Records");
        assert_int_equal(json_number_at(partition, "ErrorCode"), 0);
        assert_int_equal(got.size, wanted.size);
        assert_memory_equal(got.data, wanted.data, wanted.size);
        byte_string_free(&wanted);
        byte_string_free(&got);
    }
    json_decref(answer);
}

static size_t marked(struct slice bytes)
{
    return slice_count(bytes, slice_of_text(WORLD_MARKER));
}

/* Nothing of a sealed topic can be read on the broker's side, neither under way nor stored. */
static void check_broker_side(struct relay_party *party)
{
    size_t in_clear = 0;
    for (size_t i = 0; i < COUNT(parcels); i++) {
        const struct parcel *p = &parcels[i];
        struct batch stored = world_stored(party->world, p->topic, p->partition, 0);
        assert_int_equal(stored.header.record_count, p->records);
        assert_int_equal(marked(stored.bytes), p->sealed ? 0 : p->records);
        in_clear += p->sealed ? 0 : (size_t)p->records;
    }
    assert_int_equal(marked(byte_string_slice(&party->out[RELAY_BROKER])), in_clear);
}

static void round_trip(int16_t produce_version, int16_t fetch_version, int16_t acks)
{
    struct relay_world world;
    struct relay_party party;
    world_init(&world);
    world_vouch(&world, "plain");
    party_init(&party, &world);
    send_parcels(&party, produce_version, acks);
    party_run(&party);
    size_t fetch = send_fetch(&party, fetch_version);
    party_run(&party);
    assert_string_equal(relay_fault(party.relay), "no fault");
    assert_int_equal(party_answer_count(&party), party.sent_count);
    check_fetched(&party, fetch);
    check_broker_side(&party);
    assert_int_equal(world.finding_count, 0);
    assert_int_equal(world.refusal_count, 0);
    party_free(&party);
    world_free(&world);
}

static void every_version_brings_back_what_was_produced(void **state)
{
    (void)state;
    for (int16_t produce_version = 3; produce_version <= 13; produce_version++) {
        for (int16_t fetch_version = 4; fetch_version <= 18; fetch_version++) {
            round_trip(produce_version, fetch_version, -1);
        }
    }
}

static void acknowledgements_are_as_asked(void **state)
{
    (void)state;
    for (int16_t acks = -1; acks <= 1; acks++) {
        round_trip(9, 12, acks);
        round_trip(13, 17, acks);
    }
}

static void answers_say_where(void **state)
{
    (void)state;
    struct relay_world world;
    struct relay_party party;
    world_init(&world);
    party_init(&party, &world);
    send_parcels(&party, 9, 1);
    send_parcels(&party, 9, -1);
    party_run(&party);
    for (size_t i = 0; i < 2; i++) {
        json_t *answer = party_answer(&party, i);
        json_t *first = produced_partition(&world, answer, "orders", 0);
        assert_int_equal(json_number_at(first, "BaseOffset"), 3 * (int64_t)i);
        assert_true(json_is_null(json_at(first, "ErrorMessage")));
        json_decref(answer);
    }
    party_free(&party);
    world_free(&world);
}

/* Kafka's own business: the broker refuses what has no batch, and gets it as it was sent. */
static void records_that_are_not_there_pass(void **state)
{
    (void)state;
    struct relay_world world;
    struct relay_party party;
    world_init(&world);
    party_init(&party, &world);
    struct byte_string batch = world_batch(&world, 1, -1, 0);
    const struct produce_item items[] = {
        { "orders", 0, ITEM_NULL, { 0 } },
        { "orders", 1, ITEM_EMPTY, { 0 } },
        { "orders", 2, ITEM_BATCH, byte_string_slice(&batch) },
        { "orders-eu", 0, ITEM_NULL, { 0 } },
    };
    for (int16_t version = 3; version <= 13; version++) {
        size_t index = party_send(&party, API_PRODUCE, version, produce_body(&world, -1, items, COUNT(items)));
        party_run(&party);
        json_t *seen = fake_broker_latest(&world.broker, API_PRODUCE)->body;
        assert_true(json_is_null(json_at(seen, "TopicData/0/PartitionData/0/Records")));
        assert_string_equal(json_text_at(seen, "TopicData/0/PartitionData/1/Records"), "");
        assert_true(json_is_null(json_at(seen, "TopicData/1/PartitionData/0/Records")));
        json_t *answer = party_answer(&party, index);
        assert_int_equal(json_number_at(produced_partition(&world, answer, "orders", 0), "ErrorCode"), 87);
        assert_int_equal(json_number_at(produced_partition(&world, answer, "orders", 1), "ErrorCode"), 87);
        assert_int_equal(json_number_at(produced_partition(&world, answer, "orders", 2), "ErrorCode"), 0);
        json_decref(answer);
    }
    assert_int_equal(world.refusal_count, 0);
    byte_string_free(&batch);
    party_free(&party);
    world_free(&world);
}

static void batches_of_one_connection_are_one_stream(void **state)
{
    (void)state;
    struct relay_world world;
    struct relay_party party;
    world_init(&world);
    party_init(&party, &world);
    struct byte_string batch = world_batch(&world, 2, -1, 0);
    const struct produce_item item = { "orders", 1, ITEM_BATCH, byte_string_slice(&batch) };
    for (int i = 0; i < 5; i++) {
        party_send(&party, API_PRODUCE, 6, produce_body(&world, 1, &item, 1));
    }
    party_run(&party);
    for (size_t i = 0; i < 5; i++) {
        struct batch stored = world_stored(&world, "orders", 1, i);
        struct envelope e = world_envelope(&stored);
        assert_int_equal(e.header.sequence, i);
        assert_true(place_equal(&e.header.place, &(struct place){ world_place(&world, "orders", 1).topic, 1 }));
        assert_true(slice_equal_text(e.header.topic_name, "orders"));
        assert_int_equal(e.header.principal.size, 0);
    }
    byte_string_free(&batch);
    party_free(&party);
    world_free(&world);
}

static void the_principal_is_in_the_envelope_when_policy_says_so(void **state)
{
    (void)state;
    struct relay_world world;
    struct relay_party party;
    world_init(&world);
    world.worker.principal_in_envelope = true;
    party_init_as(&party, &world, "User:CN=alice", false);
    struct byte_string batch = world_batch(&world, 2, -1, 0);
    const struct produce_item item = { "orders", 1, ITEM_BATCH, byte_string_slice(&batch) };
    party_send(&party, API_PRODUCE, 6, produce_body(&world, 1, &item, 1));
    party_run(&party);
    struct batch stored = world_stored(&world, "orders", 1, 0);
    assert_true(slice_equal_text(world_envelope(&stored).header.principal, "User:CN=alice"));
    byte_string_free(&batch);
    party_free(&party);
    world_free(&world);
}

/* All that was sent before anything was answered, answers in order. */
static void converse(struct relay_party *party, int16_t produce_version, int16_t fetch_version)
{
    struct byte_string batch = world_batch(party->world, 2, 7000, 0), other = world_batch(party->world, 1, -1, 0);
    const struct produce_item items[] = {
        { "orders", 0, ITEM_BATCH, byte_string_slice(&batch) },
        { "plain", 1, ITEM_BATCH, byte_string_slice(&other) },
    };
    const struct fetch_item wanted[] = { { "orders", 0, 0 }, { "plain", 1, 0 } };
    party_send(party, API_FIND_COORDINATOR, 4, json_of("{'CoordinatorKeys': ['g']}"));
    party_send(party, API_PRODUCE, produce_version, produce_body(party->world, -1, items, 2));
    party_send(party, API_PRODUCE, produce_version, produce_body(party->world, 0, &items[1], 1));
    party_send(party, API_FETCH, fetch_version, fetch_body(party->world, wanted, 2));
    byte_string_free(&batch);
    byte_string_free(&other);
    party_run(party);
    assert_int_equal(party->error, SIGNET_OK);
    assert_int_equal(party_answer_count(party), 3);
}

static void converse_in_old_versions(struct relay_party *party)
{
    converse(party, 3, 4);
}

static void converse_in_flexible_versions(struct relay_party *party)
{
    converse(party, 9, 12);
}

static void converse_by_id(struct relay_party *party)
{
    world_vouch(party->world, "plain");
    converse(party, 13, 18);
}

static void cuts_do_not_matter(void **state)
{
    (void)state;
    assert_true(conversation_is_the_same_however_cut("old versions", converse_in_old_versions));
    assert_true(conversation_is_the_same_however_cut("flexible versions", converse_in_flexible_versions));
    assert_true(conversation_is_the_same_however_cut("by id", converse_by_id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_version_brings_back_what_was_produced),
        cmocka_unit_test(acknowledgements_are_as_asked),
        cmocka_unit_test(answers_say_where),
        cmocka_unit_test(records_that_are_not_there_pass),
        cmocka_unit_test(batches_of_one_connection_are_one_stream),
        cmocka_unit_test(the_principal_is_in_the_envelope_when_policy_says_so),
        cmocka_unit_test(cuts_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
