/* SPDX-License-Identifier: Apache-2.0 */
/* What is sent again as the same bytes, and what of earlier batches is told in the next seal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "relay_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { PRODUCER = 7000 };

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

/* The client connects anew. */
static void reconnect(struct scene *s)
{
    party_free(&s->party);
    party_init(&s->party, &s->world);
}

/* A producer's batch. */
struct mail {
    const char *topic;
    int32_t partition, count;
    int64_t producer_id;
    int16_t epoch;
    int32_t sequence;
    uint8_t mark; /* another content when another */
};

static const struct mail usual = { "orders", 0, 2, PRODUCER, 0, 10, 0 };

static struct byte_string batch_of(struct scene *s, const struct mail *mail)
{
    struct byte_string batch = world_batch(&s->world, mail->count, mail->producer_id, mail->sequence);
    store_u16(batch.data + 51, mail->producer_id < 0 ? UINT16_MAX : (uint16_t)mail->epoch);
    batch.data[batch.size - 2] ^= mail->mark;
    fixture_fix_crc(batch.data, batch.size);
    return batch;
}

/* Sends it and returns what the broker saw in its place. */
static struct byte_string send_mail(struct scene *s, const struct mail *mail, int16_t acks)
{
    struct byte_string batch = batch_of(s, mail);
    const struct produce_item item = { mail->topic, mail->partition, ITEM_BATCH, byte_string_slice(&batch) };
    party_send(&s->party, API_PRODUCE, 9, produce_body(&s->world, acks, &item, 1));
    party_run(&s->party);
    assert_string_equal(relay_fault(s->party.relay), "no fault");
    byte_string_free(&batch);
    const struct fake_request *seen = fake_broker_latest(&s->world.broker, API_PRODUCE);
    return json_bytes_at(seen->body, "TopicData/0/PartitionData/0/Records");
}

static bool same_bytes(struct byte_string *a, struct byte_string *b)
{
    bool same = slice_equal(byte_string_slice(a), byte_string_slice(b));
    byte_string_free(a);
    byte_string_free(b);
    return same;
}

/* The broker stores it, and the connection breaks before the answer. */
static struct byte_string lose(struct scene *s, const struct mail *mail, int16_t acks)
{
    struct byte_string first = send_mail(s, &usual, acks); /* so that look-ups are done */
    byte_string_free(&first);
    s->world.broker.silent = true;
    first = send_mail(s, mail, acks);
    s->world.broker.silent = false;
    reconnect(s);
    return first;
}

static const struct mail lost = { "orders", 0, 2, PRODUCER, 0, 12, 0 };

static void a_lost_batch_is_sent_again_as_it_was(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    struct byte_string first = lose(&s, &lost, -1);
    struct byte_string again = send_mail(&s, &lost, -1);
    assert_true(same_bytes(&first, &again));
    json_t *answer = party_answer(&s.party, 0); /* the broker has it once */
    assert_int_equal(json_number_at(produced_partition(&s.world, answer, "orders", 0), "BaseOffset"), 2);
    assert_int_equal(fake_broker_topic(&s.world.broker, "orders")->partitions[0].next_offset, 4);
    json_decref(answer);
    const struct fetch_item item = { "orders", 0, 0 };
    party_send(&s.party, API_FETCH, 12, fetch_body(&s.world, &item, 1));
    party_run(&s.party);
    assert_int_equal(s.world.finding_count, 0);
    end(&s);
}

static void losses_can_repeat_and_an_answer_ends_them(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    struct byte_string first = lose(&s, &lost, -1);
    for (int i = 0; i < 3; i++) {
        struct byte_string copy = { 0 }, again = lose(&s, &lost, -1);
        byte_string_add(&copy, byte_string_slice(&first));
        assert_true(same_bytes(&copy, &again));
    }
    struct byte_string answered = send_mail(&s, &lost, -1);
    struct byte_string anew = send_mail(&s, &lost, -1);
    assert_true(same_bytes(&first, &answered));
    struct byte_string once_more = send_mail(&s, &lost, -1);
    assert_false(same_bytes(&anew, &once_more));
    end(&s);
}

struct error_case {
    int16_t code;
    bool unknown; /* whether it was stored */
};

static const struct error_case errors[] = {
    { 6, true },   { 7, true },   { 20, true },   { 56, true },  { -1, true },  { 2, false },
    { 3, false },  { 10, false }, { 19, false },  { 29, false }, { 45, false }, { 46, false },
    { 47, false }, { 87, false }, { 100, false }, { 0, false },
};

static void errors_that_leave_it_open_are_losses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(errors); i++) {
        struct scene s;
        begin(&s);
        struct fake_partition *partition = &fake_broker_topic(&s.world.broker, "orders")->partitions[0];
        partition->produce_error = errors[i].code;
        struct byte_string first = send_mail(&s, &lost, -1);
        partition->produce_error = 0;
        reconnect(&s);
        struct byte_string again = send_mail(&s, &lost, -1);
        if (same_bytes(&first, &again) != errors[i].unknown) {
            fail_msg("error %d", errors[i].code);
        }
        end(&s);
    }
}

struct other_case {
    const char *label;
    struct mail mail;
};

static const struct other_case others[] = {
    { "another topic", { "orders-eu", 0, 2, PRODUCER, 0, 12, 0 } },
    { "another partition", { "orders", 1, 2, PRODUCER, 0, 12, 0 } },
    { "another producer", { "orders", 0, 2, PRODUCER + 1, 0, 12, 0 } },
    { "another epoch", { "orders", 0, 2, PRODUCER, 1, 12, 0 } },
    { "another sequence", { "orders", 0, 2, PRODUCER, 0, 13, 0 } },
    { "another number of records", { "orders", 0, 3, PRODUCER, 0, 12, 0 } },
    { "another content", { "orders", 0, 2, PRODUCER, 0, 12, 1 } },
};

static void what_differs_is_sealed_anew(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(others); i++) {
        struct scene s;
        begin(&s);
        struct byte_string first = lose(&s, &lost, -1);
        struct byte_string other = send_mail(&s, &others[i].mail, -1);
        if (slice_equal(byte_string_slice(&first), byte_string_slice(&other))) {
            fail_msg("%s", others[i].label);
        }
        struct byte_string again = send_mail(&s, &lost, -1); /* and what was lost is still there */
        byte_string_free(&other);
        assert_true(same_bytes(&first, &again));
        end(&s);
    }
}

static void without_a_producer_id_it_is_sealed_anew(void **state)
{
    (void)state;
    static const struct mail anonymous = { "orders", 0, 2, -1, 0, 0, 0 };
    struct scene s;
    begin(&s);
    struct byte_string first = lose(&s, &anonymous, -1);
    struct byte_string again = send_mail(&s, &anonymous, -1);
    assert_false(same_bytes(&first, &again));
    end(&s);
}

static void what_asks_for_no_answer_is_not_kept(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    struct byte_string first = lose(&s, &lost, 0);
    struct byte_string again = send_mail(&s, &lost, 0);
    assert_false(same_bytes(&first, &again));
    end(&s);
}

static void what_is_old_is_forgotten(void **state)
{
    (void)state;
    static const int64_t ages[] = { RESEND_AGE_MS_MAX, RESEND_AGE_MS_MAX + 1 };
    for (size_t i = 0; i < COUNT(ages); i++) {
        struct scene s;
        begin(&s);
        struct byte_string first = lose(&s, &lost, -1);
        s.world.now_ms += ages[i];
        struct byte_string again = send_mail(&s, &lost, -1);
        assert_int_equal(same_bytes(&first, &again), i == 0);
        end(&s);
    }
}

static void when_memory_is_short_nothing_is_kept(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    s.world.worker.budget.limit_bytes = 1;
    struct byte_string first = lose(&s, &lost, -1);
    struct byte_string again = send_mail(&s, &lost, -1);
    assert_false(same_bytes(&first, &again));
    end(&s);
}

/* The store itself */

static struct resend_key key_of(uint32_t number)
{
    struct resend_key key = { .producer_id = 1, .crc = number };
    memset(key.place.topic.bytes, 1, TOPIC_ID_BYTES);
    return key;
}

static void keep(struct resends *resends, struct budget *budget, uint32_t number, size_t size)
{
    static const uint8_t seal_id[SEAL_ID_BYTES] = { 1 }, producer[PRODUCER_HASH_BYTES] = { 2 };
    struct resend_key key = key_of(number);
    struct gather bytes;
    gather_init(&bytes, budget);
    memset(gather_room(&bytes, size), (int)number, size);
    resends_keep(resends, &key, seal_id, producer, &bytes, 0);
    gather_free(&bytes);
}

static bool take(struct resends *resends, uint32_t number, size_t size)
{
    struct resend_batch batch;
    struct resend_key key = key_of(number);
    if (!resends_take(resends, &key, 0, &batch)) {
        return false;
    }
    assert_int_equal(batch.size, size);
    assert_int_equal(batch.bytes[size - 1], (uint8_t)number);
    free(batch.bytes);
    return true;
}

static void what_is_kept_is_bounded_and_the_oldest_go(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20, FIT = RESEND_BYTES_MAX / SIZE };
    struct budget budget = { .limit_bytes = SIZE_MAX };
    struct resends *resends = resends_new(NULL);
    for (uint32_t i = 0; i < FIT + 4; i++) {
        keep(resends, &budget, i, SIZE);
    }
    keep(resends, &budget, 5, SIZE); /* again, which makes it the newest */
    for (uint32_t i = 0; i < 4; i++) {
        assert_false(take(resends, i, SIZE));
    }
    keep(resends, &budget, 100, SIZE);
    assert_false(take(resends, 4, SIZE));
    assert_true(take(resends, 5, SIZE));
    assert_false(take(resends, 5, SIZE));
    assert_true(take(resends, FIT + 3, SIZE));
    keep(resends, &budget, 101, RESEND_BYTES_MAX + 1);
    assert_false(take(resends, 101, RESEND_BYTES_MAX + 1));
    assert_true(take(resends, 100, SIZE));
    resends_free(resends);
    assert_int_equal(budget.used_bytes, 0);
}

static void every_order_of_taking_leaves_the_rest(void **state)
{
    (void)state;
    enum { MANY = 5000, STEP = 1777 };
    struct budget budget = { .limit_bytes = SIZE_MAX };
    struct resends *resends = resends_new(NULL);
    for (uint32_t i = 0; i < MANY; i++) {
        keep(resends, &budget, i, 9);
    }
    for (uint32_t i = 0; i < MANY; i++) {
        uint32_t number = i * STEP % MANY;
        assert_true(take(resends, number, 9));
        assert_false(take(resends, number, 9));
    }
    resends_free(resends);
}

/* Acknowledged predecessors */

static struct envelope stored_envelope(struct scene *s, size_t index)
{
    struct batch stored = world_stored(&s->world, "orders", 0, index);
    return world_envelope(&stored);
}

static size_t listed(struct scene *s, size_t index)
{
    return stored_envelope(s, index).header.predecessors.size / PREDECESSOR_BYTES;
}

static void send_and_forget(struct scene *s, int32_t sequence, int64_t producer_id, int16_t acks)
{
    const struct mail mail = { "orders", 0, 2, producer_id, 0, sequence, 0 };
    struct byte_string bytes = send_mail(s, &mail, acks);
    byte_string_free(&bytes);
}

static void check_listed(struct scene *s, size_t index, size_t place, size_t earlier)
{
    struct batch batch = world_stored(&s->world, "orders", 0, earlier);
    struct envelope e = world_envelope(&batch);
    uint8_t seal_id[SEAL_ID_BYTES], producer[PRODUCER_HASH_BYTES];
    envelope_seal_id(e.header_bytes, e.ciphertext, e.tag, seal_id);
    producer_hash(&batch.header, producer);
    struct predecessor p = predecessor_at(stored_envelope(s, index).header.predecessors, place);
    assert_int_equal(p.base_offset, batch.header.base_offset);
    assert_memory_equal(p.seal_prefix, seal_id, SEAL_PREFIX_BYTES);
    assert_memory_equal(p.producer, producer, PRODUCER_HASH_BYTES);
}

static void an_acknowledged_batch_is_told_of_until_that_is_acknowledged(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    send_and_forget(&s, 0, PRODUCER, -1);
    send_and_forget(&s, 2, PRODUCER, -1);
    reconnect(&s); /* by whichever connection the next one comes */
    send_and_forget(&s, 4, PRODUCER, 1);
    send_and_forget(&s, 6, PRODUCER, -1);
    send_and_forget(&s, 8, -1, -1);
    send_and_forget(&s, 0, -1, 0);
    send_and_forget(&s, 0, -1, -1);
    static const size_t counts[] = { 0, 1, 1, 1, 1, 1, 1 };
    for (size_t i = 0; i < COUNT(counts); i++) {
        if (listed(&s, i) != counts[i]) {
            fail_msg("batch %zu lists %zu", i, listed(&s, i));
        }
    }
    check_listed(&s, 1, 0, 0);
    check_listed(&s, 2, 0, 1);
    check_listed(&s, 3, 0, 1); /* 2 was acknowledged by one broker alone */
    check_listed(&s, 4, 0, 3);
    check_listed(&s, 5, 0, 4);
    check_listed(&s, 6, 0, 4); /* and 5 by nobody */
    end(&s);
}

static void a_batch_lists_all_since_the_last(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    send_and_forget(&s, 0, PRODUCER, -1); /* looks the topic up */
    s.party.broker_is_away = true;
    for (int32_t i = 1; i < 4; i++) {
        const struct mail mail = { "orders", 0, 2, PRODUCER, 0, 2 * i, 0 };
        struct byte_string batch = batch_of(&s, &mail);
        const struct produce_item item = { "orders", 0, ITEM_BATCH, byte_string_slice(&batch) };
        party_send(&s.party, API_PRODUCE, 9, produce_body(&s.world, -1, &item, 1));
        byte_string_free(&batch);
    }
    party_run(&s.party); /* sealed, and nothing is answered yet */
    s.party.broker_is_away = false;
    party_run(&s.party);
    send_and_forget(&s, 8, PRODUCER, -1);
    assert_int_equal(listed(&s, 1), 1);
    assert_int_equal(listed(&s, 2), 0);
    assert_int_equal(listed(&s, 3), 0);
    assert_int_equal(listed(&s, 4), 3);
    for (size_t i = 0; i < 3; i++) {
        check_listed(&s, 4, i, i + 1);
    }
    const struct fetch_item item = { "orders", 0, 0 };
    party_send(&s.party, API_FETCH, 12, fetch_body(&s.world, &item, 1));
    party_run(&s.party);
    assert_int_equal(s.world.finding_count, 0);
    end(&s);
}

static void what_was_sent_again_is_told_of_too(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    struct byte_string first = lose(&s, &lost, -1);
    struct byte_string again = send_mail(&s, &lost, -1);
    assert_true(same_bytes(&first, &again));
    send_and_forget(&s, 14, PRODUCER, -1);
    assert_int_equal(listed(&s, 2), 2);
    check_listed(&s, 2, 0, 0); /* nobody knew what became of the batch that listed it */
    check_listed(&s, 2, 1, 1);
    end(&s);
}

static void errors_are_not_told_of(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    struct fake_partition *partition = &fake_broker_topic(&s.world.broker, "orders")->partitions[0];
    partition->produce_error = 7;
    partition->stores_anyway = true;
    send_and_forget(&s, 0, PRODUCER, -1);
    partition->produce_error = 0;
    send_and_forget(&s, 2, PRODUCER, -1);
    assert_int_equal(listed(&s, 1), 0);
    end(&s);
}

struct ending {
    const char *label;
    int16_t error_code;
    bool stored, answered;
};

static const struct ending endings[] = {
    { "refused for now", KAFKA_NOT_ENOUGH_REPLICAS, false, true },
    { "refused for good", KAFKA_INVALID_RECORD, false, true },
    { "outcome unknown, not stored", KAFKA_NOT_LEADER_OR_FOLLOWER, false, true },
    { "outcome unknown, stored", KAFKA_REQUEST_TIMED_OUT, true, true },
    { "connection lost", 0, true, false },
};

/* The batch that says what must stand before it ends as the case says, and another comes instead. */
static void check_ending(const struct ending *c)
{
    struct scene s;
    begin(&s);
    struct fake_partition *partition = &fake_broker_topic(&s.world.broker, "orders")->partitions[0];
    send_and_forget(&s, 0, PRODUCER, -1);
    partition->produce_error = c->error_code;
    partition->stores_anyway = c->stored;
    s.world.broker.silent = !c->answered;
    send_and_forget(&s, 2, -1, -1); /* without a producer id it is sealed anew */
    partition->produce_error = 0;
    s.world.broker.silent = false;
    reconnect(&s);
    send_and_forget(&s, 2, -1, -1);
    size_t latest = c->stored ? 2 : 1;
    if (listed(&s, latest) != 1) {
        fail_msg("%s: %zu are listed", c->label, listed(&s, latest));
    }
    check_listed(&s, latest, 0, 0);
    end(&s);
}

static void a_list_that_was_not_acknowledged_is_told_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(endings); i++) {
        check_ending(&endings[i]);
    }
}

/* The broker refuses the batch that lists another, removes that one, and puts the next in its place. */
static void refusing_the_list_hides_no_removal(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    struct fake_partition *partition = &fake_broker_topic(&s.world.broker, "orders")->partitions[0];
    send_and_forget(&s, 0, PRODUCER, -1);
    partition->produce_error = KAFKA_NOT_ENOUGH_REPLICAS;
    send_and_forget(&s, 2, PRODUCER, -1);
    partition->produce_error = 0;
    byte_string_free(&partition->log);
    partition->next_offset = 0;
    send_and_forget(&s, 2, PRODUCER, -1);
    const struct fetch_item item = { "orders", 0, 0 };
    party_send(&s.party, API_FETCH, 12, fetch_body(&s.world, &item, 1));
    party_run(&s.party);
    assert_int_equal(s.world.finding_count, 1);
    assert_int_equal(s.world.findings[0].verdict, VERDICT_REMOVED);
    end(&s);
}

static struct place place_of(uint32_t number)
{
    struct place place = { .partition = (int32_t)number };
    memset(place.topic.bytes, 1, TOPIC_ID_BYTES);
    return place;
}

static struct listing *take_of(struct acknowledged *acknowledged, uint32_t number)
{
    struct place place = place_of(number);
    return acknowledged_take(acknowledged, &place);
}

static void add_of(struct acknowledged *acknowledged, uint32_t number, int64_t base_offset)
{
    struct place place = place_of(number);
    acknowledged_add(acknowledged, &place, &(struct predecessor){ .base_offset = base_offset });
}

static void check_run(const struct listing *listing, int64_t first, size_t count)
{
    assert_int_equal(listing->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(listing->predecessors[i].base_offset, first + (int64_t)i);
    }
}

static void of_more_than_fit_the_latest_are_told(void **state)
{
    (void)state;
    struct acknowledged *acknowledged = acknowledged_new();
    for (int64_t i = 0; i < PREDECESSORS_MAX + 5; i++) {
        add_of(acknowledged, 3, i);
    }
    struct listing *taken = take_of(acknowledged, 3);
    check_run(taken, 5, PREDECESSORS_MAX);
    assert_null(take_of(acknowledged, 3));
    free(taken);
    acknowledged_free(acknowledged);
}

struct give_back_case {
    int64_t taken, since; /* how many */
    int64_t first;        /* of those that are there then */
};

static const struct give_back_case give_backs[] = {
    { 1, 0, 0 },
    { 3, 2, 0 },
    { PREDECESSORS_MAX, 0, 0 },
    { PREDECESSORS_MAX, 1, 1 },
    { PREDECESSORS_MAX - 1, 1, 0 },
    { 2, PREDECESSORS_MAX - 1, 1 },
    { 2, PREDECESSORS_MAX, 2 },
};

static void what_is_given_back_stands_before_what_came_since(void **state)
{
    (void)state;
    struct acknowledged *acknowledged = acknowledged_new();
    for (size_t i = 0; i < COUNT(give_backs); i++) {
        const struct give_back_case *c = &give_backs[i];
        for (int64_t k = 0; k < c->taken; k++) {
            add_of(acknowledged, 3, k);
        }
        struct listing *taken = take_of(acknowledged, 3);
        for (int64_t k = 0; k < c->since; k++) {
            add_of(acknowledged, 3, c->taken + k);
        }
        acknowledged_give_back(acknowledged, taken);
        taken = take_of(acknowledged, 3);
        check_run(taken, c->first, (size_t)(c->taken + c->since - c->first));
        free(taken);
    }
    acknowledged_give_back(acknowledged, NULL);
    acknowledged_free(acknowledged);
}

static void partitions_nobody_writes_to_make_room(void **state)
{
    (void)state;
    struct acknowledged *acknowledged = acknowledged_new();
    struct listing *back = NULL;
    size_t left = 0;
    for (uint32_t i = 0; i < ACKNOWLEDGED_PARTITIONS_MAX + 100; i++) {
        add_of(acknowledged, i, 1);
        if (i % 1000 == 0) {
            acknowledged_give_back(acknowledged, back); /* takes another's place too */
            back = take_of(acknowledged, i);
            assert_int_equal(back->count, 1);
        }
    }
    free(back);
    for (uint32_t i = 0; i < ACKNOWLEDGED_PARTITIONS_MAX + 100; i++) {
        struct listing *taken = take_of(acknowledged, i);
        left += taken != NULL;
        free(taken);
    }
    assert_in_range(left, ACKNOWLEDGED_PARTITIONS_MAX - 100, ACKNOWLEDGED_PARTITIONS_MAX);
    acknowledged_free(acknowledged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_batch_is_sent_again_as_it_was),
        cmocka_unit_test(losses_can_repeat_and_an_answer_ends_them),
        cmocka_unit_test(errors_that_leave_it_open_are_losses),
        cmocka_unit_test(what_differs_is_sealed_anew),
        cmocka_unit_test(without_a_producer_id_it_is_sealed_anew),
        cmocka_unit_test(what_asks_for_no_answer_is_not_kept),
        cmocka_unit_test(what_is_old_is_forgotten),
        cmocka_unit_test(when_memory_is_short_nothing_is_kept),
        cmocka_unit_test(what_is_kept_is_bounded_and_the_oldest_go),
        cmocka_unit_test(every_order_of_taking_leaves_the_rest),
        cmocka_unit_test(an_acknowledged_batch_is_told_of_until_that_is_acknowledged),
        cmocka_unit_test(a_batch_lists_all_since_the_last),
        cmocka_unit_test(what_was_sent_again_is_told_of_too),
        cmocka_unit_test(errors_are_not_told_of),
        cmocka_unit_test(a_list_that_was_not_acknowledged_is_told_again),
        cmocka_unit_test(refusing_the_list_hides_no_removal),
        cmocka_unit_test(of_more_than_fit_the_latest_are_told),
        cmocka_unit_test(what_is_given_back_stands_before_what_came_since),
        cmocka_unit_test(partitions_nobody_writes_to_make_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
