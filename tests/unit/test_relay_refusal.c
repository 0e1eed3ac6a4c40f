/* SPDX-License-Identifier: Apache-2.0 */
/* What a producer is refused: the code and the reason in its place, and everything else goes through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "relay_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { RECORDS = 2 };

/* A good batch made bad. */
typedef void damage(struct byte_string *batch);

static void fix_crc(struct byte_string *batch)
{
    fixture_fix_crc(batch->data, batch->size);
}

static void set_attributes(struct byte_string *batch, uint16_t attributes)
{
    store_u16(batch->data + BATCH_CRC_START, attributes);
    fix_crc(batch);
}

static void set_count(struct byte_string *batch, int32_t last_offset_delta, int32_t count)
{
    store_u32(batch->data + 23, (uint32_t)last_offset_delta);
    store_u32(batch->data + 57, (uint32_t)count);
    fix_crc(batch);
}

static void flip_a_bit(struct byte_string *batch)
{
    batch->data[batch->size - 3] ^= 4;
}

static void make_magic_1(struct byte_string *batch)
{
    batch->data[BATCH_MAGIC_AT] = 1;
}

static void make_magic_0(struct byte_string *batch)
{
    batch->data[BATCH_MAGIC_AT] = 0;
}

static void make_magic_3(struct byte_string *batch)
{
    batch->data[BATCH_MAGIC_AT] = 3;
}

static void set_base_offset(struct byte_string *batch)
{
    batch->data[7] = 5;
}

static void set_control(struct byte_string *batch)
{
    set_attributes(batch, BATCH_CONTROL);
}

static void set_transactional_control(struct byte_string *batch)
{
    set_attributes(batch, BATCH_CONTROL | BATCH_TRANSACTIONAL);
}

static void set_log_append_time(struct byte_string *batch)
{
    set_attributes(batch, BATCH_LOG_APPEND_TIME);
}

static void set_delete_horizon(struct byte_string *batch)
{
    set_attributes(batch, BATCH_DELETE_HORIZON);
}

static void set_unused_bit(struct byte_string *batch)
{
    set_attributes(batch, 0x8000);
}

static void set_codec_5(struct byte_string *batch)
{
    set_attributes(batch, 5);
}

static void count_nothing(struct byte_string *batch)
{
    set_count(batch, -1, 0);
}

static void count_less(struct byte_string *batch)
{
    set_count(batch, RECORDS - 1, RECORDS - 1 + 2);
}

static void count_too_many(struct byte_string *batch)
{
    set_count(batch, BATCH_RECORDS_MAX, BATCH_RECORDS_MAX + 1);
}

static void cut_a_byte(struct byte_string *batch)
{
    batch->size--;
}

static void add_a_byte(struct byte_string *batch)
{
    byte_string_room(batch, 1);
}

static void double_it(struct byte_string *batch)
{
    struct byte_string copy = { 0 };
    byte_string_add(&copy, byte_string_slice(batch));
    byte_string_add(batch, byte_string_slice(&copy));
    byte_string_free(&copy);
}

static void leave_the_header(struct byte_string *batch)
{
    batch->size = BATCH_HEADER_BYTES;
    store_u32(batch->data + 8, BATCH_HEADER_BYTES - BATCH_LENGTH_END);
    fix_crc(batch);
}

static void leave_a_byte(struct byte_string *batch)
{
    batch->size = 1;
}

static void shorten_the_length(struct byte_string *batch)
{
    store_u32(batch->data + 8, 48);
}

static void negate_the_length(struct byte_string *batch)
{
    store_u32(batch->data + 8, UINT32_MAX);
}

struct refusal_case {
    const char *label;
    damage *damage;
    int16_t code;
    const char *why;
};

static const struct refusal_case refusals[] = {
    { "a bit flipped", flip_a_bit, 2, "checksum" },
    { "magic 1", make_magic_1, 87, "magic 2" },
    { "magic 0", make_magic_0, 87, "magic 2" },
    { "magic 3", make_magic_3, 87, "magic 2" },
    { "base offset 5", set_base_offset, 87, "malformed" },
    { "control batch", set_control, 87, "malformed" },
    { "transaction marker", set_transactional_control, 87, "malformed" },
    { "log append time", set_log_append_time, 32, "LogAppendTime" },
    { "delete horizon", set_delete_horizon, 87, "malformed" },
    { "attribute bit 15", set_unused_bit, 87, "malformed" },
    { "codec 5", set_codec_5, 87, "malformed" },
    { "no records", count_nothing, 87, "malformed" },
    { "counts that differ", count_less, 87, "malformed" },
    { "ten million and one records", count_too_many, 10, "more records" },
    { "a byte missing", cut_a_byte, 87, "malformed" },
    { "a byte too many", add_a_byte, 87, "malformed" },
    { "two batches", double_it, 87, "malformed" },
    { "nothing behind the header", leave_the_header, 87, "malformed" },
    { "one byte", leave_a_byte, 87, "malformed" },
    { "length below the header's", shorten_the_length, 87, "malformed" },
    { "negative length", negate_the_length, 87, "malformed" },
};

static void check_good(struct relay_world *world, json_t *answer, const char *topic, int32_t partition)
{
    json_t *good = produced_partition(world, answer, topic, partition);
    assert_int_equal(json_number_at(good, "ErrorCode"), 0);
    assert_int_equal(json_number_at(good, "BaseOffset"), 0);
}

static void refuse(const struct refusal_case *c, int16_t version)
{
    struct relay_world world;
    struct relay_party party;
    world_init(&world);
    world_vouch(&world, "plain");
    party_init(&party, &world);
    struct byte_string good = world_batch(&world, RECORDS, -1, 0), bad = world_batch(&world, RECORDS, -1, 0);
    c->damage(&bad);
    const struct produce_item items[] = {
        { "orders", 1, ITEM_BATCH, byte_string_slice(&good) },
        { "orders", 0, ITEM_BATCH, byte_string_slice(&bad) },
        { "plain", 0, ITEM_BATCH, byte_string_slice(&good) },
        { "orders-eu", 2, ITEM_BATCH, byte_string_slice(&good) },
    };
    party_send(&party, API_PRODUCE, version, produce_body(&world, -1, items, COUNT(items)));
    party_run(&party);
    assert_int_equal(party.error, SIGNET_OK);
    json_t *seen = fake_broker_latest(&world.broker, API_PRODUCE)->body;
    assert_string_equal(json_text_at(seen, "TopicData/0/PartitionData/1/Records"), "");
    json_t *answer = party_answer(&party, 0);
    json_t *refused = json_at(answer, "Responses/0/PartitionResponses/1");
    if (json_number_at(refused, "ErrorCode") != c->code) {
        fail_msg("%s, version %d: %ld", c->label, version, (long)json_number_at(refused, "ErrorCode"));
    }
    assert_int_equal(json_number_at(refused, "Index"), 0);
    assert_int_equal(json_number_at(refused, "BaseOffset"), -1);
    if (version >= 8) {
        assert_non_null(strstr(json_text_at(refused, "ErrorMessage"), c->why));
    }
    check_good(&world, answer, "orders", 1);
    check_good(&world, answer, "plain", 0);
    check_good(&world, answer, "orders-eu", 2);
    assert_int_equal(world.refusal_count, 1);
    assert_int_equal(world.refusals[0].error_code, c->code);
    assert_int_equal(world.refusals[0].partition, 0);
    assert_non_null(strstr(world.refusals[0].why, c->why));
    json_decref(answer);
    byte_string_free(&good);
    byte_string_free(&bad);
    party_free(&party);
    world_free(&world);
}

static void what_cannot_be_sealed_is_refused_in_its_place(void **state)
{
    (void)state;
    static const int16_t versions[] = { 3, 7, 8, 9, 12, 13 };
    for (size_t i = 0; i < COUNT(refusals); i++) {
        for (size_t v = 0; v < COUNT(versions); v++) {
            refuse(&refusals[i], versions[v]);
        }
    }
}

/* Partitions of one topic, one after another, refused for one reason. */
static void what_is_refused_alike_is_told_once(void **state)
{
    (void)state;
    struct relay_world world;
    struct relay_party party;
    world_init(&world);
    party_init(&party, &world);
    struct byte_string good = world_batch(&world, RECORDS, -1, 0), bad = world_batch(&world, RECORDS, -1, 0);
    struct byte_string old = world_batch(&world, RECORDS, -1, 0);
    flip_a_bit(&bad);
    make_magic_1(&old);
    const struct produce_item items[] = {
        { "orders", 2, ITEM_BATCH, byte_string_slice(&bad) },
        { "orders", 0, ITEM_BATCH, byte_string_slice(&bad) },
        { "orders", 1, ITEM_BATCH, byte_string_slice(&old) },
        { "orders-eu", 0, ITEM_BATCH, byte_string_slice(&old) },
        { "orders-eu", 1, ITEM_BATCH, byte_string_slice(&old) },
        { "orders-eu", 2, ITEM_BATCH, byte_string_slice(&good) },
    };
    party_send(&party, API_PRODUCE, 9, produce_body(&world, -1, items, COUNT(items)));
    party_run(&party);
    assert_int_equal(party.error, SIGNET_OK);
    static const struct world_refusal told[] = {
        { .topic = "orders", .partition = 2, .partitions = 2, .error_code = 2 },
        { .topic = "orders", .partition = 1, .partitions = 1, .error_code = 87 },
        { .topic = "orders-eu", .partition = 0, .partitions = 2, .error_code = 87 },
    };
    assert_int_equal(world.refusal_count, COUNT(told));
    for (size_t i = 0; i < COUNT(told); i++) {
        assert_string_equal(world.refusals[i].topic, told[i].topic);
        assert_int_equal(world.refusals[i].partition, told[i].partition);
        assert_int_equal(world.refusals[i].partitions, told[i].partitions);
        assert_int_equal(world.refusals[i].error_code, told[i].error_code);
    }
    byte_string_free(&good);
    byte_string_free(&bad);
    byte_string_free(&old);
    party_free(&party);
    world_free(&world);
}

/* One batch for one partition, and what became of it. */
static json_t *produce_one(struct relay_party *party, int16_t version, int16_t acks, const char *topic,
                           struct slice records)
{
    const struct produce_item item = { topic, 0, ITEM_BATCH, records };
    size_t index = party_send(party, API_PRODUCE, version, produce_body(party->world, acks, &item, 1));
    party_run(party);
    return index == SIZE_MAX || party->error ? NULL : party_answer(party, index);
}

static void without_an_answer_a_refusal_ends_the_conversation(void **state)
{
    (void)state;
    struct relay_world world;
    struct relay_party party;
    world_init(&world);
    party_init(&party, &world);
    struct byte_string bad = world_batch(&world, RECORDS, -1, 0);
    flip_a_bit(&bad);
    produce_one(&party, 9, 0, "orders", byte_string_slice(&bad));
    assert_int_equal(party.error, SIGNET_ERROR_REFUSED);
    assert_non_null(strstr(relay_fault(party.relay), "acks=0"));
    assert_int_equal(fake_broker_count(&world.broker, API_PRODUCE), 0);
    assert_false(relay_wants(party.relay, RELAY_CLIENT));
    byte_string_free(&bad);
    party_free(&party);
    world_free(&world);
}

struct broker_case {
    const char *label;
    int16_t broker_code, code;
    bool bad;
    const char *message; /* part of it */
};

/* What the broker says of a partition, and what the client hears of it. */
static const struct broker_case broker_cases[] = {
    { "a denial of what was refused here", 29, 29, true, "as the broker says" },
    { "a denial", 29, 29, false, "as the broker says" },
    { "a sealed batch that the broker finds invalid", 87, 87, false, "compacted" },
    { "a sealed batch that is too large", 10, 10, false, "as the broker says" },
    { "not enough replicas", 19, 19, false, "as the broker says" },
};

static void the_brokers_word_is_kept(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(broker_cases); i++) {
        const struct broker_case *c = &broker_cases[i];
        struct relay_world world;
        struct relay_party party;
        world_init(&world);
        party_init(&party, &world);
        fake_broker_topic(&world.broker, "orders")->partitions[0].produce_error = c->broker_code;
        struct byte_string batch = world_batch(&world, RECORDS, -1, 0);
        if (c->bad) {
            flip_a_bit(&batch);
        }
        json_t *answer = produce_one(&party, 8, 1, "orders", byte_string_slice(&batch));
        json_t *partition = produced_partition(&world, answer, "orders", 0);
        if (json_number_at(partition, "ErrorCode") != c->code ||
            !strstr(json_text_at(partition, "ErrorMessage"), c->message)) {
            fail_msg("%s: %ld, %s", c->label, (long)json_number_at(partition, "ErrorCode"),
                     json_text_at(partition, "ErrorMessage"));
        }
        bool told = c->bad || c->broker_code == 87;
        assert_int_equal(world.refusal_count, told ? 1 : 0);
        assert_int_equal(world.refusals[0].hint[0] != '\0', !c->bad && told);
        json_decref(answer);
        byte_string_free(&batch);
        party_free(&party);
        world_free(&world);
    }
}

static void claim_success(void *context, const struct fake_request *request, json_t *response)
{
    (void)context;
    if (request->api_key == API_PRODUCE) {
        json_set(response, "Responses/0/PartitionResponses/0/ErrorCode", json_integer(0));
        json_set(response, "Responses/0/PartitionResponses/0/BaseOffset", json_integer(4711));
    }
}

static void what_was_not_sent_is_never_called_stored(void **state)
{
    (void)state;
    struct relay_world world;
    struct relay_party party;
    world_init(&world);
    party_init(&party, &world);
    world.broker.edit = claim_success;
    struct byte_string batch = world_batch(&world, RECORDS, -1, 0);
    flip_a_bit(&batch);
    json_t *answer = produce_one(&party, 9, -1, "orders", byte_string_slice(&batch));
    json_t *partition = produced_partition(&world, answer, "orders", 0);
    assert_int_equal(json_number_at(partition, "ErrorCode"), 2);
    assert_int_equal(json_number_at(partition, "BaseOffset"), -1);
    json_decref(answer);
    byte_string_free(&batch);
    party_free(&party);
    world_free(&world);
}

static void a_gateway_without_keys_seals_nothing(void **state)
{
    (void)state;
    struct relay_world world;
    struct relay_party party;
    world_init(&world);
    world.worker.data_keys = NULL;
    world_vouch(&world, "plain");
    party_init(&party, &world);
    struct byte_string batch = world_batch(&world, RECORDS, -1, 0);
    json_t *answer = produce_one(&party, 13, -1, "orders", byte_string_slice(&batch));
    assert_int_equal(json_number_at(produced_partition(&world, answer, "orders", 0), "ErrorCode"), 44);
    json_decref(answer);
    answer = produce_one(&party, 13, -1, "plain", byte_string_slice(&batch));
    assert_int_equal(json_number_at(produced_partition(&world, answer, "plain", 0), "ErrorCode"), 0);
    json_decref(answer);
    assert_int_equal(slice_count(byte_string_slice(&party.out[RELAY_BROKER]), slice_of_text(WORLD_MARKER)), RECORDS);
    byte_string_free(&batch);
    party_free(&party);
    world_free(&world);
}

/* A recipient whose key no data key can be wrapped for. */
static void while_keys_are_away_the_producer_is_to_try_again(void **state)
{
    (void)state;
    struct relay_world world;
    struct relay_party party;
    const struct data_key_policy policy = { .age_ms_max = 1000, .bytes_max = 1000, .batches_max = 1000 };
    const struct recipient nobody = { { 0 } };
    world_init(&world);
    struct data_keys *keys = world.worker.data_keys = data_keys_new(&policy, &nobody, 1);
    party_init(&party, &world);
    struct byte_string batch = world_batch(&world, RECORDS, -1, 0);
    json_t *answer = produce_one(&party, 9, -1, "orders", byte_string_slice(&batch));
    assert_int_equal(json_number_at(produced_partition(&world, answer, "orders", 0), "ErrorCode"), 19);
    assert_int_equal(slice_count(byte_string_slice(&party.out[RELAY_BROKER]), slice_of_text(WORLD_MARKER)), 0);
    json_decref(answer);
    byte_string_free(&batch);
    party_free(&party);
    world_free(&world);
    data_keys_free(keys);
}

struct unknown_case {
    int16_t version, code;
};

static const struct unknown_case unknown_topics[] = { { 3, 3 }, { 8, 3 }, { 9, 3 }, { 12, 3 }, { 13, 100 } };

static void unknown_topics_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(unknown_topics); i++) {
        struct relay_world world;
        struct relay_party party;
        world_init(&world);
        party_init(&party, &world);
        struct byte_string batch = world_batch(&world, RECORDS, -1, 0);
        json_t *answer =
            produce_one(&party, unknown_topics[i].version, -1, "orders-of-nobody", byte_string_slice(&batch));
        json_t *partition = produced_partition(&world, answer, "orders-of-nobody", 0);
        assert_int_equal(json_number_at(partition, "ErrorCode"), unknown_topics[i].code);
        assert_int_equal(world.refusals[0].error_code, unknown_topics[i].code);
        assert_int_equal(slice_count(byte_string_slice(&party.out[RELAY_BROKER]), slice_of_text(WORLD_MARKER)), 0);
        json_decref(answer);
        byte_string_free(&batch);
        party_free(&party);
        world_free(&world);
    }
}

/* A broker stores the last and answers once: what would be told of the first would be false. */
static void a_partition_stands_in_a_request_once(void **state)
{
    (void)state;
    struct relay_world world;
    struct byte_string batch;
    world_init(&world);
    world_vouch(&world, "plain");
    batch = world_batch(&world, RECORDS, -1, 0);
    const struct produce_item items[] = {
        { "orders", 0, ITEM_BATCH, byte_string_slice(&batch) },
        { "plain", 0, ITEM_BATCH, byte_string_slice(&batch) },
        { "orders", 0, ITEM_BATCH, byte_string_slice(&batch) },
    };
    for (int16_t version = 3; version <= 13; version++) {
        struct relay_party party;
        party_init(&party, &world);
        party_send(&party, API_PRODUCE, version, produce_body(&world, -1, items, COUNT(items)));
        party_run(&party);
        assert_int_equal(party.error, SIGNET_ERROR_PROTOCOL);
        party_free(&party);
    }
    assert_int_equal(fake_broker_count(&world.broker, API_PRODUCE), 0);
    byte_string_free(&batch);
    world_free(&world);
}

/* Eight bytes each, and a row of some hundred for what becomes of them. */
static void send_scraps(struct relay_party *party, size_t count)
{
    struct produce_item *items = calloc(count, sizeof *items);
    assert_non_null(items);
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct produce_item){ "orders", (int32_t)i, ITEM_BATCH, slice_of("?", 1) };
    }
    party_send(party, API_PRODUCE, 3, produce_body(party->world, 1, items, count));
    free(items);
}

static void partitions_of_a_request_have_a_limit(void **state)
{
    (void)state;
    struct relay_world world;
    struct relay_party party;
    world_init(&world);
    party_init(&party, &world);
    send_scraps(&party, CONNECTION_PARTITIONS_MAX + 1);
    party_run(&party);
    assert_int_equal(party.error, SIGNET_ERROR_LIMIT);
    assert_int_equal(fake_broker_count(&world.broker, API_PRODUCE), 0);
    party_free(&party);
    world_free(&world);
}

static void partitions_in_flight_have_a_limit(void **state)
{
    (void)state;
    struct relay_world world;
    struct relay_party party;
    world_init(&world);
    party_init(&party, &world);
    world.broker.silent = true;
    world.broker.tolerant = true;
    struct fake_topic *orders = fake_broker_topic(&world.broker, "orders");
    directory_learn(world.worker.shared.directory, &orders->id, slice_of_text("orders"));
    party_run(&party);
    size_t each = CONNECTION_PARTITIONS_MAX / 2, before = world.worker.budget.used_bytes;
    world.broker.silent = false;
    send_scraps(&party, 1); /* looks the topic up */
    party_run(&party);
    world.broker.silent = true;
    for (int i = 0; i < 4; i++) {
        send_scraps(&party, each);
    }
    party_run(&party);
    assert_int_equal(relay_in_flight(party.relay), 2);
    assert_true(world.worker.budget.used_bytes - before > 2 * each * 100);
    assert_false(relay_wants(party.relay, RELAY_CLIENT));
    party_free(&party);
    world_free(&world);
}

static void refusing_conversation(struct relay_party *party)
{
    struct byte_string good = world_batch(party->world, 1, -1, 0), bad = world_batch(party->world, 1, -1, 0);
    flip_a_bit(&bad);
    const struct produce_item items[] = {
        { "orders", 1, ITEM_BATCH, byte_string_slice(&bad) },
        { "orders", 0, ITEM_BATCH, byte_string_slice(&good) },
    };
    party_send(party, API_PRODUCE, 9, produce_body(party->world, -1, items, 2));
    party_send(party, API_PRODUCE, 12, produce_body(party->world, 0, &items[1], 1));
    party_send(party, API_PRODUCE, 12, produce_body(party->world, 0, &items[0], 1));
    party_run(party);
    byte_string_free(&good);
    byte_string_free(&bad);
    assert_int_equal(party->error, SIGNET_ERROR_REFUSED);
}

static void cuts_do_not_matter(void **state)
{
    (void)state;
    assert_true(conversation_is_the_same_however_cut("refusals", refusing_conversation));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_sealed_is_refused_in_its_place),
        cmocka_unit_test(what_is_refused_alike_is_told_once),
        cmocka_unit_test(without_an_answer_a_refusal_ends_the_conversation),
        cmocka_unit_test(the_brokers_word_is_kept),
        cmocka_unit_test(what_was_not_sent_is_never_called_stored),
        cmocka_unit_test(a_gateway_without_keys_seals_nothing),
        cmocka_unit_test(while_keys_are_away_the_producer_is_to_try_again),
        cmocka_unit_test(unknown_topics_are_refused),
        cmocka_unit_test(a_partition_stands_in_a_request_once),
        cmocka_unit_test(partitions_of_a_request_have_a_limit),
        cmocka_unit_test(partitions_in_flight_have_a_limit),
        cmocka_unit_test(cuts_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
