/* SPDX-License-Identifier: Apache-2.0 */
/* Share groups: what is not delivered is not acquired, so that nobody acknowledges what nobody has seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "relay_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { RECORDS = 3 /* of every batch here */ };

struct scene {
    struct relay_world world;
    struct relay_party party;
    struct seal_stream stream;
    const char *answers; /* AcquiredRecords */
};

static void begin(struct scene *s)
{
    world_init(&s->world);
    party_init(&s->party, &s->world);
    seal_stream_init(&s->stream);
}

static void end(struct scene *s)
{
    party_free(&s->party);
    world_free(&s->world);
}

/* Batches of orders/0: `s` sealed, `c` in clear, each with three records. */
static void store(struct scene *s, const char *batches)
{
    struct byte_string plain = world_batch(&s->world, RECORDS, -1, 0);
    for (; *batches; batches++) {
        if (*batches == 's') {
            world_store_sealed(&s->world, "orders", 0, &s->stream, byte_string_slice(&plain), NULL, 0);
        } else {
            fake_partition_append(&fake_broker_topic(&s->world.broker, "orders")->partitions[0],
                                  byte_string_slice(&plain));
        }
    }
    byte_string_free(&plain);
}

static void set_acquired(void *context, const struct fake_request *request, json_t *response)
{
    const struct scene *s = context;
    if (request->api_key != API_SHARE_FETCH) {
        return;
    }
    json_t *acquired = json_array();
    const char *at = s->answers;
    for (long long first, last; sscanf(at, "%lld-%lld", &first, &last) == 2;) {
        json_array_append_new(acquired, json_of("{'FirstOffset': %lld, 'LastOffset': %lld, 'DeliveryCount': %d}", first,
                                                last, (int)json_array_size(acquired) + 1));
        at += strcspn(at, " ");
        at += strspn(at, " ");
    }
    json_set(response, "Responses/0/Partitions/0/AcquiredRecords", acquired);
}

/* One ShareFetch of topic/0; its answer's only partition, to be released with the answer. */
static json_t *share_fetch(struct scene *s, int16_t version, const char *topic, json_t **ret_answer)
{
    const struct fetch_item item = { topic, 0, 0 };
    size_t index = party_send(&s->party, API_SHARE_FETCH, version, share_fetch_body(&s->world, &item, 1));
    party_run(&s->party);
    assert_string_equal(relay_fault(s->party.relay), "no fault");
    *ret_answer = party_answer(&s->party, index);
    return json_at(*ret_answer, "Responses/0/Partitions/0");
}

/* "0-2:1 6-8:1": ranges and how often they have been delivered. */
static void describe_acquired(json_t *partition, char *ret_text, size_t size)
{
    json_t *acquired = json_at(partition, "AcquiredRecords");
    *ret_text = '\0';
    for (size_t i = 0; i < json_array_size(acquired); i++) {
        json_t *range = json_array_get(acquired, i);
        size_t used = strlen(ret_text);
        snprintf(ret_text + used, size - used, "%s%lld-%lld:%lld", i ? " " : "",
                 (long long)json_number_at(range, "FirstOffset"), (long long)json_number_at(range, "LastOffset"),
                 (long long)json_number_at(range, "DeliveryCount"));
    }
}

static size_t batches_in(json_t *partition)
{
    struct byte_string bytes = json_bytes(json_object_get(partition, "Records"));
    struct slice records = byte_string_slice(&bytes);
    size_t count = 0;
    for (struct batch batch; batch_read(records, &batch) == SIGNET_OK; count++) {
        records = slice_of(records.data + batch.bytes.size, records.size - batch.bytes.size);
    }
    byte_string_free(&bytes);
    return count;
}

struct acquired_case {
    const char *label, *batches, *answered, *acquired;
    int64_t code;
    size_t delivered;
};

static const struct acquired_case acquired_cases[] = {
    { "all good", "sss", "0-8", "0-8:1", 0, 3 },
    { "one bad in the middle", "scs", "0-8", "0-2:1 6-8:1", 0, 2 },
    { "first and last bad", "csc", "0-8", "3-5:1", 0, 1 },
    { "two bad ones", "scscs", "0-14", "0-2:1 6-8:1 12-14:1", 0, 3 },
    { "parts of batches", "scscs", "1-13", "1-2:1 6-8:1 12-13:1", 0, 3 },
    { "several ranges", "scscs", "0-2 3-5 6-14", "0-2:1 6-8:3 12-14:3", 0, 3 },
    { "across both ends of a bad one", "scscs", "2-6", "2-2:1 6-6:1", 0, 3 },
    { "only bad ones acquired", "scs", "3-5", "", 0, 2 },
    { "within a bad one", "scs", "4-4", "", 0, 2 },
    { "one record each", "s", "0-0 1-1 2-2", "0-0:1 1-1:2 2-2:3", 0, 1 },
    { "beyond what was sent", "s", "1-900 901-910", "1-2:1", 0, 1 },
    { "nothing acquired", "s", "", "", 0, 1 },
    { "all bad", "cc", "0-5", "", 2, 0 },
    { "back to the start", "sss", "0-2 0-2", "0-2:1", 0, 3 },
    { "backwards", "sss", "6-8 3-5 0-2", "6-8:1", 0, 3 },
    { "overlapping", "sss", "0-5 4-8", "0-5:1", 0, 3 },
    { "ends before it begins", "sss", "5-2 6-8", "6-8:2", 0, 3 },
    { "negative", "sss", "-5-1 2-3", "2-3:2", 0, 3 },
    { "without end", "scs", "0-9223372036854775807 9-10", "0-2:1 6-8:1", 0, 2 },
};

static void only_what_is_delivered_is_acquired(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(acquired_cases); i++) {
        for (int16_t version = 1; version <= 2; version++) {
            const struct acquired_case *c = &acquired_cases[i];
            struct scene s;
            char text[512];
            json_t *answer;
            begin(&s);
            s.answers = c->answered;
            s.world.broker.edit = set_acquired;
            s.world.broker.context = &s;
            store(&s, c->batches);
            json_t *partition = share_fetch(&s, version, "orders", &answer);
            describe_acquired(partition, text, sizeof text);
            if (strcmp(text, c->acquired) != 0 || json_number_at(partition, "ErrorCode") != c->code ||
                batches_in(partition) != c->delivered) {
                fail_msg("%s: error %ld, %zu batches, acquired %s", c->label,
                         (long)json_number_at(partition, "ErrorCode"), batches_in(partition), text);
            }
            json_decref(answer);
            end(&s);
        }
    }
}

static void a_refused_batch_is_refused_again(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    store(&s, "scs");
    for (int i = 0; i < 3; i++) {
        char text[512];
        json_t *answer, *partition = share_fetch(&s, 1, "orders", &answer);
        describe_acquired(partition, text, sizeof text);
        assert_string_equal(text, "0-2:1 6-8:1");
        json_decref(answer);
    }
    assert_int_equal(s.world.finding_count, 3);
    end(&s);
}

/* Lies */

static void take_records_away(void *context, const struct fake_request *request, json_t *response)
{
    (void)context;
    if (request->api_key == API_SHARE_FETCH) {
        json_object_del(json_at(response, "Responses/0/Partitions/0"), "Records");
    }
}

static void records_that_did_not_come_are_not_acquired(void **state)
{
    (void)state;
    struct scene s;
    char text[512];
    json_t *answer;
    begin(&s);
    store(&s, "ss");
    s.world.broker.edit = take_records_away;
    describe_acquired(share_fetch(&s, 2, "orders", &answer), text, sizeof text);
    assert_string_equal(text, "");
    json_decref(answer);
    end(&s);
}

static void rename_topic(void *context, const struct fake_request *request, json_t *response)
{
    (void)context;
    if (request->api_key == API_SHARE_FETCH) {
        json_set(response, "Responses/0/TopicId", json_string("12345678901234567890123456789012"));
    }
}

static void an_unknown_topic_gives_nothing(void **state)
{
    (void)state;
    struct scene s;
    char text[512];
    json_t *answer;
    begin(&s);
    store(&s, "ss");
    s.world.broker.edit = rename_topic;
    json_t *partition = share_fetch(&s, 1, "orders", &answer);
    describe_acquired(partition, text, sizeof text);
    assert_string_equal(text, "");
    assert_int_equal(json_number_at(partition, "ErrorCode"), KAFKA_UNKNOWN_TOPIC_ID);
    assert_int_equal(batches_in(partition), 0);
    json_decref(answer);
    end(&s);
}

static void repeat_acquired(void *context, const struct fake_request *request, json_t *response)
{
    (void)context;
    if (request->api_key != API_SHARE_FETCH) {
        return;
    }
    json_t *acquired = json_array();
    for (int i = 0; i < 5000; i++) {
        json_array_append_new(acquired, json_of("{'FirstOffset': 0, 'LastOffset': 1000000}"));
    }
    json_set(response, "Responses/0/Partitions/0/AcquiredRecords", acquired);
}

/* Each of five thousand ranges would be cut into thirty. */
static void an_answer_cannot_grow_without_bound(void **state)
{
    (void)state;
    struct scene s;
    json_t *answer;
    char batches[61];
    begin(&s);
    for (size_t i = 0; i < sizeof batches; i++) {
        batches[i] = i % 2 ? 'c' : 's';
    }
    batches[60] = '\0';
    store(&s, batches);
    s.world.broker.edit = repeat_acquired;
    json_t *partition = share_fetch(&s, 1, "orders", &answer);
    assert_int_equal(json_array_size(json_at(partition, "AcquiredRecords")), 30);
    json_decref(answer);
    end(&s);
}

/* What is not opened */

static void a_topic_in_clear_that_is_vouched_for_passes_as_it_is(void **state)
{
    (void)state;
    struct scene s;
    char text[512];
    json_t *answer;
    begin(&s);
    world_vouch(&s.world, "plain");
    struct byte_string plain = world_batch(&s.world, RECORDS, -1, 0);
    fake_partition_append(&fake_broker_topic(&s.world.broker, "plain")->partitions[0], byte_string_slice(&plain));
    s.answers = "0-2 0-2 7-9";
    s.world.broker.edit = set_acquired;
    s.world.broker.context = &s;
    json_t *partition = share_fetch(&s, 1, "plain", &answer);
    describe_acquired(partition, text, sizeof text);
    assert_string_equal(text, "0-2:1 0-2:2 7-9:3");
    assert_int_equal(batches_in(partition), 1);
    json_decref(answer);
    byte_string_free(&plain);
    end(&s);
}

static void no_more_is_asked_for_than_can_be_held(void **state)
{
    (void)state;
    for (int16_t version = 1; version <= 2; version++) {
        struct scene s;
        json_t *answer;
        begin(&s);
        share_fetch(&s, version, "orders", &answer);
        json_decref(answer);
        json_t *seen = fake_broker_latest(&s.world.broker, API_SHARE_FETCH)->body;
        assert_int_equal(json_number_at(seen, "MaxBytes"), WORLD_FETCH_BYTES_MAX);
        end(&s);
    }
}

static void conversation_with_a_bad_batch(struct relay_party *party)
{
    struct seal_stream stream;
    struct byte_string plain = world_batch(party->world, 1, -1, 0);
    seal_stream_init(&stream);
    world_store_sealed(party->world, "orders", 0, &stream, byte_string_slice(&plain), NULL, 0);
    fake_partition_append(&fake_broker_topic(&party->world->broker, "orders")->partitions[0],
                          byte_string_slice(&plain));
    const struct fetch_item item = { "orders", 0, 0 };
    party_send(party, API_SHARE_FETCH, 1, share_fetch_body(party->world, &item, 1));
    party_send(party, API_SHARE_FETCH, 2, share_fetch_body(party->world, &item, 1));
    party_run(party);
    byte_string_free(&plain);
    assert_int_equal(party_answer_count(party), 2);
}

static void cuts_do_not_matter(void **state)
{
    (void)state;
    assert_true(conversation_is_the_same_however_cut("a bad batch", conversation_with_a_bad_batch));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_delivered_is_acquired),
        cmocka_unit_test(a_refused_batch_is_refused_again),
        cmocka_unit_test(records_that_did_not_come_are_not_acquired),
        cmocka_unit_test(an_unknown_topic_gives_nothing),
        cmocka_unit_test(an_answer_cannot_grow_without_bound),
        cmocka_unit_test(a_topic_in_clear_that_is_vouched_for_passes_as_it_is),
        cmocka_unit_test(no_more_is_asked_for_than_can_be_held),
        cmocka_unit_test(cuts_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
