/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "consumer_scene.h"

const struct consumer_kind consumer_kinds[CONSUMER_KINDS] = { { 4, false }, { 7, true },   { 11, false },
                                                              { 12, true }, { 13, false }, { 17, true } };

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

void consumer_begin(struct consumer *c, int16_t version, bool in_session, size_t batches)
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

void consumer_end(struct consumer *c)
{
    const struct relay_worker *worker = &c->s.world.worker;
    assert_string_equal(relay_fault(c->s.party.relay), "no fault");
    relay_free(c->s.party.relay, c->s.world.now_ms);
    c->s.party.relay = NULL;
    assert_int_equal(worker->read_ahead_count, 0);
    assert_int_equal(worker->read_ahead_bytes, 0);
    assert_int_equal(worker->budget.used_bytes, 0);
    fetch_scene_end(&c->s);
}

size_t consumer_ahead(const struct consumer *c)
{
    return (size_t)counter_read(&c->s.world.worker.counters.read_ahead);
}

size_t consumer_dropped(const struct consumer *c)
{
    return (size_t)counter_read(&c->s.world.worker.counters.read_ahead_dropped);
}

size_t consumer_fetches(const struct consumer *c)
{
    return fake_broker_count(&c->s.world.broker, API_FETCH);
}

json_t *consumer_body(struct consumer *c, const struct fetch_item *items, size_t count)
{
    json_t *body = fetch_body(&c->s.world, items, count);
    json_set(body, "Topics/0/Partitions/0/PartitionMaxBytes", json_integer(c->bytes_max));
    json_set(body, "IsolationLevel", json_integer(c->read_committed));
    json_set(body, "SessionId", json_integer(c->session_id));
    json_set(body, "SessionEpoch", json_integer(c->epoch));
    return body;
}

size_t consumer_ask(struct consumer *c)
{
    const struct fetch_item item = { "orders", 0, c->offset };
    return party_send(&c->s.party, API_FETCH, c->version, consumer_body(c, &item, 1));
}

size_t consumer_ask_and_run(struct consumer *c)
{
    size_t index = consumer_ask(c);
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

void consumer_take(struct consumer *c, const char *label, size_t index)
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

void consumer_take_error(struct consumer *c, size_t index, int64_t code)
{
    json_t *answer = party_answer(&c->s.party, index);
    note_session(c, answer);
    assert_int_equal(json_number_at(fetched_partition(&c->s.world, answer, "orders", 0), "ErrorCode"), code);
    json_decref(answer);
}

void consumer_take_session_error(struct consumer *c, size_t index, int64_t code)
{
    json_t *answer = party_answer(&c->s.party, index);
    assert_int_equal(json_number_at(answer, "ErrorCode"), code);
    assert_int_equal(json_array_size(json_at(answer, "Responses")), 0);
    c->epoch = 0;
    json_decref(answer);
}

void consumer_read_on(struct consumer *c, const char *label, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        consumer_take(c, label, consumer_ask_and_run(c));
    }
}

void consumer_read_elsewhere(struct consumer *c, const char *label, int64_t offset)
{
    c->offset = offset;
    size_t before = consumer_fetches(c), index = consumer_ask_and_run(c);
    if (c->in_session) {
        consumer_take_session_error(c, index, KAFKA_INVALID_FETCH_SESSION_EPOCH);
        assert_int_equal(consumer_fetches(c), before); /* whatever the broker would have said */
        index = consumer_ask_and_run(c);
    }
    consumer_take(c, label, index);
}

void consumer_warm_up(struct consumer *c)
{
    consumer_read_on(c, "before", CONSUMER_WARM - 1);
    c->away_after = 1;
    consumer_read_on(c, "the first", 1);
    assert_int_equal(consumer_ahead(c), 1);
    assert_int_equal(consumer_fetches(c), CONSUMER_WARM);
}

void consumer_broker_comes_back(struct consumer *c)
{
    c->s.party.broker_is_away = false;
    party_run(&c->s.party);
}
