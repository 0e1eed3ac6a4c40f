/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes an entry of the ledger and is no batch: only what was asked for, under the id of that moment, and acknowledged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/encoding.h"
#include "relay_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

struct scene {
    struct relay_world world;
    struct relay_party party;
    struct ledger_entries *ledger;
    int16_t api_key;    /* to which */
    const char *answer; /* the broker says this; %s is the id of "orders" */
};

static void hear_of_many(void *context)
{
    (void)context;
}

static json_t *answer(void *context, const struct fake_request *request)
{
    struct scene *s = context;
    char id[2 * TOPIC_ID_BYTES + 1];
    if (request->api_key != s->api_key) {
        return NULL;
    }
    const struct topic_id *orders = &fake_broker_topic(&s->world.broker, "orders")->id;
    hex_encode(slice_of(orders->bytes, sizeof orders->bytes), id);
    return json_of(s->answer, id);
}

static void begin(struct scene *s)
{
    static const struct ledger_entries_options options = { 64 * 1024, true, 32 * 1024, hear_of_many, NULL };
    *s = (struct scene){ .ledger = ledger_entries_new(&options) };
    world_init(&s->world);
    s->world.worker.shared.ledger = s->ledger;
    s->world.broker.answer = answer;
    s->world.broker.context = s;
    party_init(&s->party, &s->world);
}

static void end(struct scene *s)
{
    party_free(&s->party);
    world_free(&s->world);
    ledger_entries_free(s->ledger);
}

/* The only leaf of that kind; how many there are. */
static size_t entered(struct scene *s, enum ledger_kind kind, struct ledger_leaf *ret_leaf)
{
    struct ledger_taken taken = { 0 };
    struct slice bytes;
    struct ledger_leaf leaf;
    size_t count = 0;
    ledger_entries_take(s->ledger, false, &taken);
    for (; ledger_taken_next(&taken, &bytes); ledger_taken_drop(&taken)) {
        assert_int_equal(ledger_leaf_read(bytes, &leaf), SIGNET_OK);
        if (leaf.kind == kind) {
            *ret_leaf = leaf; /* but for its slices */
            count++;
        }
    }
    ledger_taken_release(s->ledger, &taken);
    return count;
}

struct deletion_case {
    const char *label;
    int16_t api_key, version;
    const char *body, *answer;
    size_t entries;
};

#define SHORTEN "{'Topics': [{'Name': 'orders', 'Partitions': [{'PartitionIndex': 1, 'Offset': 7}]}]}"
#define SHORTENED(name, index, mark, error)                                                               \
    "{'Topics': [{'Name': '" name "', 'Partitions': [{'PartitionIndex': " index ", 'LowWatermark': " mark \
    ", 'ErrorCode': " error "}]}]}"

static const struct deletion_case deletions[] = {
    { "records", API_DELETE_RECORDS, 2, SHORTEN, SHORTENED("orders", "1", "7", "0"), 1 },
    { "refused", API_DELETE_RECORDS, 2, SHORTEN, SHORTENED("orders", "1", "-1", "1"), 0 },
    { "refused, with a mark", API_DELETE_RECORDS, 1, SHORTEN, SHORTENED("orders", "1", "7", "1"), 0 },
    { "another partition", API_DELETE_RECORDS, 2, SHORTEN, SHORTENED("orders", "2", "7", "0"), 0 },
    { "another topic", API_DELETE_RECORDS, 2, SHORTEN, SHORTENED("orders-eu", "1", "7", "0"), 0 },
    { "no mark", API_DELETE_RECORDS, 2, SHORTEN, SHORTENED("orders", "1", "-1", "0"), 0 },
    { "said twice", API_DELETE_RECORDS, 0, SHORTEN,
      "{'Topics': [{'Name': 'orders', 'Partitions': [{'PartitionIndex': 1, 'LowWatermark': 7},"
      " {'PartitionIndex': 1, 'LowWatermark': 9}]}]}",
      1 },
    { "nothing said", API_DELETE_RECORDS, 2, SHORTEN, "{'Topics': []}", 0 },
    { "records in clear", API_DELETE_RECORDS, 2,
      "{'Topics': [{'Name': 'plain', 'Partitions': [{'PartitionIndex': 1, 'Offset': 7}]}]}",
      SHORTENED("plain", "1", "7", "0"), 0 },
    { "a topic that is not there", API_DELETE_RECORDS, 2,
      "{'Topics': [{'Name': 'orders-raw-not', 'Partitions': [{'PartitionIndex': 1, 'Offset': 7}]}]}",
      SHORTENED("orders-raw-not", "1", "7", "0"), 0 },
    { "a topic", API_DELETE_TOPICS, 5, "{'TopicNames': ['orders']}", "{'Responses': [{'Name': 'orders'}]}", 1 },
    { "a topic, refused", API_DELETE_TOPICS, 5, "{'TopicNames': ['orders']}",
      "{'Responses': [{'Name': 'orders', 'ErrorCode': 29}]}", 0 },
    { "a topic and its id", API_DELETE_TOPICS, 6, "{'Topics': [{'Name': 'orders'}]}",
      "{'Responses': [{'Name': 'orders', 'TopicId': '%s'}]}", 1 },
    { "a topic and another id", API_DELETE_TOPICS, 6, "{'Topics': [{'Name': 'orders'}]}",
      "{'Responses': [{'Name': 'orders', 'TopicId': '000102030405060708090a0b0c0d0e0f'}]}", 0 },
    { "another topic than the one asked for", API_DELETE_TOPICS, 5, "{'TopicNames': ['orders']}",
      "{'Responses': [{'Name': 'orders-eu'}]}", 0 },
};

static void check_deletion(const struct deletion_case *c)
{
    struct scene s;
    struct ledger_leaf leaf = { 0 };
    begin(&s);
    s.api_key = c->api_key;
    s.answer = c->answer;
    party_send(&s.party, c->api_key, c->version, json_of("%s", c->body));
    party_run(&s.party);
    assert_string_equal(relay_fault(s.party.relay), "no fault");
    assert_int_equal(party_answer_count(&s.party), 1);
    size_t count = entered(&s, c->api_key == API_DELETE_TOPICS ? LEDGER_TOPIC_DELETED : LEDGER_RECORDS_DELETED, &leaf);
    if (count != c->entries) {
        fail_msg("%s: %zu entries", c->label, count);
    }
    if (count > 0) {
        bool records = c->api_key == API_DELETE_RECORDS;
        assert_true(topic_id_equal(&leaf.deletion.place.topic, &fake_broker_topic(&s.world.broker, "orders")->id));
        assert_int_equal(leaf.deletion.place.partition, records ? 1 : 0);
        assert_int_equal(leaf.deletion.low_watermark, records ? 7 : 0);
        assert_int_equal(leaf.deletion.time_ms, s.world.now_ms);
    }
    end(&s);
}

static void what_was_asked_for_and_deleted(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(deletions); i++) {
        check_deletion(&deletions[i]);
    }
}

struct end_case {
    int16_t version;
    const char *body, *answer;
    size_t entries;
    int64_t next_producer_id;
};

#define END "{'TransactionalId': 'tx', 'ProducerId': 7000, 'ProducerEpoch': 3, 'Committed': true}"

static const struct end_case ends[] = {
    { 5, END, "{'ProducerId': 7001, 'ProducerEpoch': 0}", 1, 7001 },
    { 4, END, "{}", 1, -1 },
    { 0, END, "{}", 1, -1 },
    { 5, END, "{'ErrorCode': 51, 'ProducerId': -1, 'ProducerEpoch': -1}", 0, -1 },
    { 3, END, "{'ErrorCode': 47}", 0, -1 },
};

static void ends_of_transactions(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ends); i++) {
        struct scene s;
        struct ledger_leaf leaf = { 0 };
        begin(&s);
        s.api_key = API_END_TXN;
        s.answer = ends[i].answer;
        party_send(&s.party, API_END_TXN, ends[i].version, json_of("%s", ends[i].body));
        party_run(&s.party);
        assert_int_equal(party_answer_count(&s.party), 1);
        assert_int_equal(entered(&s, LEDGER_OUTCOME, &leaf), ends[i].entries);
        if (ends[i].entries) {
            assert_int_equal(leaf.outcome.producer_id, 7000);
            assert_int_equal(leaf.outcome.producer_epoch, 3);
            assert_true(leaf.outcome.commit);
            assert_int_equal(leaf.outcome.next_producer_id, ends[i].next_producer_id);
        }
        end(&s);
    }
}

/* A connection that ends before the answer has said nothing. */
static void unanswered(void **state)
{
    (void)state;
    struct scene s;
    struct ledger_leaf leaf = { 0 };
    begin(&s);
    s.world.broker.silent = true;
    party_send(&s.party, API_END_TXN, 5, json_of("%s", END));
    party_send(&s.party, API_DELETE_TOPICS, 6, json_of("{'Topics': []}"));
    party_run(&s.party);
    assert_int_equal(party_answer_count(&s.party), 0);
    assert_int_equal(entered(&s, LEDGER_OUTCOME, &leaf), 0);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_asked_for_and_deleted),
        cmocka_unit_test(ends_of_transactions),
        cmocka_unit_test(unanswered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
