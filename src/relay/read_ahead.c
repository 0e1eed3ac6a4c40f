/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/read_ahead.h"

#include <stdlib.h>

#include "relay/conversation.h"

enum {
    /* A number no client would send by accident, to be told in a broker's log. */
    READ_AHEAD_CORRELATION_ID = 0x41484541,
    /* Of all memory for frames: the rest is for what clients have asked for. */
    READ_AHEAD_SHARE = 4,
    SIZE_FIELD_BYTES = 4,
    BEHIND_CORRELATION_ID = REQUEST_CORRELATION_AT + 4,
};

static struct read_ahead *ensure(struct relay *relay)
{
    if (!relay->read_ahead && (relay->read_ahead = calloc(1, sizeof *relay->read_ahead))) {
        relay->read_ahead->in_a_row_wanted = READ_AHEAD_IN_A_ROW_MIN;
        gather_init(&relay->read_ahead->reply, &relay->worker->budget);
    }
    return relay->read_ahead;
}

/* Sent to the broker, and the client has not asked for it. */
static bool is_ahead(const struct read_ahead *a)
{
    return a->state == READ_AHEAD_SENT || a->state == READ_AHEAD_HELD;
}

static int32_t session_epoch(const struct read_ahead *a)
{
    return a->shape.session_epoch_at ? (int32_t)load_u32(a->request + a->shape.session_epoch_at) : -1;
}

static void release_promise(struct relay *relay)
{
    relay->worker->read_ahead_bytes -= relay->read_ahead->promised_bytes;
    relay->read_ahead->promised_bytes = 0;
}

void read_ahead_arrived(struct relay *relay)
{
    release_promise(relay);
}

void read_ahead_drop(struct relay *relay, bool in_vain)
{
    struct read_ahead *a = relay->read_ahead;
    if (!a || !is_ahead(a)) {
        return;
    }
    if (a->state == READ_AHEAD_SENT) {
        in_flight_find(&relay->in_flight, IN_FLIGHT_AHEAD)->kind = IN_FLIGHT_UNWANTED;
    }
    gather_clear(&a->reply);
    relay->reading.overtaken |= session_epoch(a) > 0;
    relay->worker->read_ahead_count--;
    counter_add(&relay->worker->counters.read_ahead_dropped, 1);
    a->state = READ_AHEAD_IDLE;
    a->in_a_row = 0;
    if (in_vain && a->in_a_row_wanted < READ_AHEAD_IN_A_ROW_MAX) {
        a->in_a_row_wanted *= 2;
    }
}

void read_ahead_free(struct relay *relay)
{
    struct read_ahead *a = relay->read_ahead;
    if (!a) {
        return;
    }
    if (is_ahead(a)) {
        relay->worker->read_ahead_count--;
        counter_add(&relay->worker->counters.read_ahead_dropped, 1);
    }
    release_promise(relay);
    gather_free(&a->reply);
    free(a);
    relay->read_ahead = NULL;
}

/* Foretelling */

void read_ahead_note(struct exchange *x, const struct fetch_shape *shape, const struct topic_ref *topic)
{
    struct relay *relay = x->relay;
    bool fits = shape->partitions == 1 && !shape->forgets && x->frame->size <= READ_AHEAD_REQUEST_BYTES_MAX;
    bool opens = topic->policy && policy_opens(topic->policy) && !topic_id_is_zero(&topic->id);
    struct read_ahead *a = fits && opens ? ensure(relay) : relay->read_ahead;
    if (!a) {
        return;
    }
    a->state = fits && opens ? READ_AHEAD_ASKED : READ_AHEAD_IDLE;
    if (a->state == READ_AHEAD_ASKED) {
        memcpy(a->request, x->frame->data, x->frame->size);
        a->request_size = x->frame->size;
        a->shape = *shape;
        a->place = (struct place){ topic->id, shape->partition };
        a->called = topic->by_id ? (struct topic_name){ 0 } : topic->name;
    }
}

/* There is more where this came from, which will be read from where this ended. */
static bool has_more(const struct read_ahead *a, const struct fetched *fetched)
{
    int32_t most =
        a->shape.partition_bytes_max < a->shape.bytes_max ? a->shape.partition_bytes_max : a->shape.bytes_max;
    bool full = most > 0 && fetched->records_bytes >= (size_t)most / 2;
    return fetched->partitions == 1 && fetched->good && !fetched->bad && full &&
           place_equal(&fetched->place, &a->place) && fetched->readable_end > fetched->next_offset;
}

/* As KIP-227 says how a session goes on; without one the fields stay as they are. */
static bool foretell_session(struct read_ahead *a, int32_t session_id)
{
    int32_t epoch = session_epoch(a);
    if (session_id == 0) {
        return epoch <= 0;
    }
    if (epoch < 0) {
        return false;
    }
    store_u32(a->request + a->shape.session_id_at, (uint32_t)session_id);
    store_u32(a->request + a->shape.session_epoch_at, epoch == INT32_MAX ? 1 : (uint32_t)epoch + 1);
    return true;
}

/* The client has been given the answer to `request`: what will it ask for next? */
static void foretell(struct relay *relay, struct read_ahead *a)
{
    bool foretold = has_more(a, &a->fetched) && foretell_session(a, a->fetched.session_id);
    a->state = foretold ? READ_AHEAD_EXPECTED : READ_AHEAD_IDLE;
    if (foretold) {
        store_u64(a->request + a->shape.fetch_offset_at, (uint64_t)a->fetched.next_offset);
        a->expected_since_ms = relay->now_ms;
    }
}

/* All but the correlation id. */
static bool is_expected(const struct read_ahead *a, const struct frame *frame)
{
    return frame->size == a->request_size && memcmp(frame->data, a->request, REQUEST_CORRELATION_AT) == 0 &&
           memcmp(frame->data + BEHIND_CORRELATION_ID, a->request + BEHIND_CORRELATION_ID,
                  a->request_size - BEHIND_CORRELATION_ID) == 0;
}

static bool within(int64_t since_ms, int64_t now_ms, int64_t most_ms)
{
    return now_ms >= since_ms && now_ms - since_ms <= most_ms;
}

/* Asking */

/* Between the steps of a (re-)authentication brokers take nothing else. */
static bool is_authenticating(const struct relay *relay)
{
    return relay->sasl_in_flight || (relay->sasl.mechanism != SASL_NONE && !relay->sasl.authenticated);
}

/* A client that names the topic would have it looked up first, if that was too long ago. */
static bool topic_is_certain(const struct relay *relay, const struct read_ahead *a)
{
    const struct topic_view *view = topics_find_name(&relay->topics, topic_name_slice(&a->called));
    bool fresh = topic_view_is_fresh(view, relay->now_ms) && topic_id_equal(&view->id, &a->place.topic);
    return a->called.size == 0 || fresh;
}

static bool memory_allows(const struct relay_worker *worker, size_t more)
{
    size_t most = worker->budget.limit_bytes / READ_AHEAD_SHARE,
           taken = worker->budget.used_bytes + worker->read_ahead_bytes;
    return taken <= most && more <= most - taken;
}

static bool is_time_to_send(const struct relay *relay)
{
    const struct read_ahead *a = relay->read_ahead;
    return a && a->state == READ_AHEAD_EXPECTED && a->in_a_row >= a->in_a_row_wanted && !relay->failed &&
           within(a->expected_since_ms, relay->now_ms, READ_AHEAD_SOON_MS) && !relay->worker->restrained &&
           !a->fetched.throttled && !is_authenticating(relay) && topic_is_certain(relay, a) &&
           memory_allows(relay->worker, a->fetched.records_bytes);
}

static struct in_flight_entry *expect_answer(struct relay *relay, const struct read_ahead *a)
{
    struct in_flight_entry *entry = in_flight_push(&relay->in_flight);
    if (entry) {
        entry->kind = IN_FLIGHT_AHEAD;
        entry->api_key = API_FETCH;
        entry->version = (int16_t)load_u16(a->request + REQUEST_VERSION_AT);
        entry->correlation_id = READ_AHEAD_CORRELATION_ID;
        entry->read_committed = a->shape.read_committed;
    }
    return entry;
}

static signet_error put_request(struct gather *out, const struct read_ahead *a)
{
    uint8_t *room = gather_room(out, SIZE_FIELD_BYTES + a->request_size);
    if (!room) {
        return out->error;
    }
    store_u32(room, (uint32_t)a->request_size);
    memcpy(room + SIZE_FIELD_BYTES, a->request, a->request_size);
    store_u32(room + SIZE_FIELD_BYTES + REQUEST_CORRELATION_AT, READ_AHEAD_CORRELATION_ID);
    return SIGNET_OK;
}

signet_error read_ahead_send(struct relay *relay)
{
    struct read_ahead *a = relay->read_ahead;
    struct reading_partition *reading = is_time_to_send(relay) ? reading_find(&relay->reading, &a->place) : NULL;
    if (!reading) {
        return SIGNET_OK;
    }
    if (!expect_answer(relay, a) || put_request(&relay->out[RELAY_BROKER], a)) {
        return relay_fail(relay, SIGNET_ERROR_OUT_OF_MEMORY, "out of memory");
    }
    reading->fetch_offset = a->fetched.next_offset;
    a->state = READ_AHEAD_SENT;
    a->promised_bytes = a->fetched.records_bytes;
    relay->worker->read_ahead_bytes += a->promised_bytes;
    relay->worker->read_ahead_count++;
    counter_add(&relay->worker->counters.read_ahead, 1);
    return SIGNET_OK;
}

/* Answering */

/* The client waits for the answer that has come. */
static signet_error fill(struct relay *relay, struct read_ahead *a)
{
    struct in_flight_entry *entry = in_flight_find(&relay->in_flight, IN_FLIGHT_CLAIMED);
    store_u32(a->correlation_at, (uint32_t)entry->correlation_id);
    entry->kind = IN_FLIGHT_ANSWERED;
    gather_init(&entry->reply, &relay->worker->budget);
    gather_splice(&entry->reply, &a->reply);
    foretell(relay, a);
    return entry->reply.error;
}

signet_error read_ahead_answered(struct exchange *x, const struct fetched *fetched)
{
    struct relay *relay = x->relay;
    struct read_ahead *a = relay->read_ahead;
    bool ours = x->entry->kind == IN_FLIGHT_AHEAD;
    if (!ours && (!a || a->state != READ_AHEAD_ASKED)) {
        return SIGNET_OK;
    }
    a->fetched = *fetched;
    if (!ours) {
        foretell(relay, a);
        return SIGNET_OK;
    }
    a->correlation_at = x->frame->data + RESPONSE_CORRELATION_AT;
    a->rules = relay->worker->rules;
    if (a->state == READ_AHEAD_CLAIMED) {
        return fill(relay, a);
    }
    a->state = READ_AHEAD_HELD;
    return SIGNET_OK;
}

/* The request at hand is answered by what is held. */
static signet_error give(struct exchange *x, struct read_ahead *a)
{
    store_u32(a->correlation_at, (uint32_t)x->request.correlation_id);
    signet_error error = exchange_answer(x, &a->reply);
    foretell(x->relay, a);
    return error ? error : read_ahead_send(x->relay);
}

/* It will be answered by what is under way. */
static signet_error wait_for(struct exchange *x, struct read_ahead *a)
{
    struct in_flight_entry *entry = exchange_expect(x);
    if (!entry) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    entry->kind = IN_FLIGHT_CLAIMED;
    a->state = READ_AHEAD_CLAIMED;
    x->relay->fetch_in_flight = true;
    return SIGNET_OK;
}

static void note_how_it_came(const struct relay *relay, struct read_ahead *a, bool as_expected)
{
    bool soon = within(a->expected_since_ms, relay->now_ms, READ_AHEAD_SOON_MS);
    a->in_a_row = as_expected && soon ? a->in_a_row + 1 : 0;
}

bool read_ahead_claim(struct exchange *x, signet_error *ret_error)
{
    struct relay *relay = x->relay;
    struct read_ahead *a = relay->read_ahead;
    if (!a || (a->state != READ_AHEAD_EXPECTED && !is_ahead(a))) {
        return false;
    }
    bool as_expected = is_expected(a, x->frame);
    note_how_it_came(relay, a, as_expected);
    if (a->state == READ_AHEAD_HELD && a->rules != relay->worker->rules) {
        read_ahead_drop(relay, false);
    } else if (!as_expected) {
        read_ahead_drop(relay, true);
    }
    if (!as_expected || !is_ahead(a)) {
        a->state = READ_AHEAD_IDLE;
        return false;
    }
    a->in_a_row_wanted -= a->in_a_row_wanted > READ_AHEAD_IN_A_ROW_MIN;
    relay->worker->read_ahead_count--;
    *ret_error = a->state == READ_AHEAD_HELD ? give(x, a) : wait_for(x, a);
    return true;
}

void relay_give_way(struct relay *relay)
{
    read_ahead_drop(relay, false);
}

void relay_sweep(struct relay *relay, int64_t now_ms)
{
    const struct read_ahead *a = relay->read_ahead;
    if (a && a->state == READ_AHEAD_HELD && !within(a->expected_since_ms, now_ms, READ_AHEAD_HOLD_MS)) {
        read_ahead_drop(relay, true);
    }
}
