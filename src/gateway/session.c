/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/session_body.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "gateway/advertised.h"
#include "gateway/identity.h"
#include "gateway/log.h"
#include "net/watch.h"

enum {
    READS_PER_TURN = 8, /* one session's share of a turn */
    PIECES_PER_WRITE = 64,
    ORIGIN_BYTES_MAX = ENDPOINT_NETWORK_BYTES + CAUSE_BYTES,
    LINGER_MS = 2000, /* clients and brokers close as soon as they see the end */
    DISCARD_BYTES = 4096,
};

static void turn(struct session *s);

struct session *session_next(const struct session *session)
{
    return session->next;
}

static struct slice principal_of(const struct session *s)
{
    return s->relay ? relay_principal(s->relay) : slice_of(NULL, 0);
}

static bool is_of_broker(const char *event)
{
    return strcmp(event, "broker-failed") == 0;
}

/* What limits to the log may keep out of it is counted. */
static void count_failure(struct worker *worker, const char *event)
{
    if (is_of_broker(event)) {
        counter_add(&worker->broker_failures, 1);
    } else if (strcmp(event, "client-failed") == 0 || strcmp(event, "client-refused") == 0) {
        counter_add(&worker->client_failures, 1);
    }
}

/*
 * What makes two lines of sessions alike: the reason, less the client's port
 * where that is in it; and the client's network, unless it is the broker's doing.
 */
static struct slice origin_of(const struct session *s, const char *event, const char *why, char ret[ORIGIN_BYTES_MAX])
{
    size_t network = is_of_broker(event) ? 0 : sizeof s->network;
    const char *peer = strstr(why, s->peer);
    int before = peer ? (int)(peer - why) : (int)strlen(why);
    const char *after = peer ? peer + strlen(s->peer) : "";
    memcpy(ret, s->network, network);
    (void)snprintf(ret + network, ORIGIN_BYTES_MAX - network, "%.*s%s", before, why, after);
    return slice_of(ret, network + strlen(ret + network));
}

void session_tell(const struct session *s, enum log_level level, const char *event, const char *why)
{
    char origin[ORIGIN_BYTES_MAX];
    const struct log_field fields[] = {
        LOG_TEXT_FIELD("listener", slice_of_text(s->gate->listener->name)),
        LOG_NUMBER_FIELD("node", s->node),
        LOG_TEXT_FIELD("client", slice_of_text(s->peer)),
        LOG_TEXT_FIELD("principal", principal_of(s)),
        LOG_TEXT_FIELD("why", slice_of_text(why)),
        { 0 },
    };
    const struct log_line line = { level, event, fields, .alike = 2, .origin = origin_of(s, event, why, origin) };
    if (level > LOG_WARNING) {
        log_event(level, event, fields);
    } else {
        count_failure(s->worker, event);
        log_limit_tell(&s->worker->log_limit, &line, loop_now_ms(s->worker->loop));
    }
}

static void unlink_session(struct session *s)
{
    *s->back = s->next;
    if (s->next) {
        s->next->back = s->back;
    }
    s->worker->session_count--;
    worker_connection_ended(s->worker, s->gate);
}

void session_watch_closed(void *context)
{
    struct end *end = context;
    struct session *s = end->session;
    if (--s->open_watches == 0) {
        unlink_session(s);
        free(s);
    }
}

static void note_starved(struct session *s, bool starved)
{
    if (starved != s->starved) {
        s->starved = starved;
        s->worker->starved += starved ? 1 : (size_t)-1;
        worker_restrain(s->worker);
    }
    patience_starved(&s->patience, starved, loop_now_ms(s->worker->loop));
    if (starved) {
        worker_memory_was_short(s->worker);
    }
}

/* Only the connections are left. */
static void end_conversation(struct session *s)
{
    note_starved(s, false);
    relay_free(s->relay, wall_clock_ms());
    s->relay = NULL;
    resolution_cancel(s->resolution);
    s->resolution = NULL;
    worker_memory_was_freed(s->worker);
}

/* Everything closes at the end of the turn; the session goes with its last connection. */
void session_finish(struct session *s)
{
    if (s->state != SESSION_ENDED) {
        s->state = SESSION_ENDED;
        end_conversation(s);
        watch_close(s->ends[RELAY_CLIENT].watch);
        watch_close(s->ends[RELAY_BROKER].watch);
    }
}

/* Tells the peer of the end, and drops what it still sends until it closes too. */
static void linger(struct session *s, struct end *end)
{
    uint8_t unwanted[DISCARD_BYTES];
    size_t got;
    struct connection *connection = watch_connection(end->watch);
    enum io_outcome told = connection_finish(connection), outcome = told;
    for (int reads = 0; outcome == IO_DONE && reads < READS_PER_TURN; reads++) {
        outcome = connection_read(connection, unwanted, sizeof unwanted, &got);
    }
    end->ended = end->ended || outcome == IO_CLOSED || outcome == IO_FAILED;
    watch_want(end->watch, end->ended ? 0 : told == IO_DONE ? WATCH_READ : WATCH_WRITE);
    if (s->ends[RELAY_CLIENT].ended && s->ends[RELAY_BROKER].ended) {
        session_finish(s);
    }
}

/*
 * The end of a session that has not failed, once all has been sent.  To close
 * while something comes in resets the peer, which destroys what is still on
 * its way to it.
 */
static void take_leave(struct session *s)
{
    end_conversation(s);
    s->state = SESSION_LINGERING;
    s->deadline_ms = loop_now_ms(s->worker->loop) + LINGER_MS;
    for (int side = 0; side < 2 && s->state == SESSION_LINGERING; side++) {
        linger(s, &s->ends[side]);
    }
}

void session_fail(struct session *s, enum log_level level, const char *event, const char *why)
{
    if (s->state != SESSION_ENDED) {
        session_tell(s, level, event, why);
    }
    session_finish(s);
}

static bool was_closed(const struct session *s, enum relay_side side)
{
    return connection_error(watch_connection(s->ends[side].watch)) == SIGNET_ERROR_CLOSED;
}

static void fail_connection(struct session *s, enum relay_side side)
{
    struct cause cause;
    connection_cause(watch_connection(s->ends[side].watch), &cause);
    session_fail(s, was_closed(s, side) ? LOG_DEBUG : LOG_WARNING,
                 side == RELAY_CLIENT ? "client-failed" : "broker-failed", cause.text);
}

/* A client that is gone may have sent something just before, with acks=0, that has not gone out yet. */
static bool survives_failure(struct session *s, enum relay_side side)
{
    if (side == RELAY_BROKER || !was_closed(s, side)) {
        fail_connection(s, side);
        return false;
    }
    struct cause cause;
    connection_cause(watch_connection(s->ends[side].watch), &cause);
    session_tell(s, LOG_DEBUG, "client-failed", cause.text);
    s->left = s->ends[side].ended = s->ends[side].gone = true;
    return true;
}

/* Gives what is pending a moment to leave, then ends. */
static void flush_and_finish(struct session *s)
{
    if (s->state == SESSION_RELAYING) {
        s->state = SESSION_FLUSHING;
        s->ends[RELAY_CLIENT].ended = s->ends[RELAY_CLIENT].ended || s->left;
        s->deadline_ms = loop_now_ms(s->worker->loop) + s->worker->plant->config->limits.handshake_ms;
    }
}

static bool map_address(void *context, int32_t node, struct slice host, int32_t port, char ret_host[256],
                        int32_t *ret_port)
{
    struct session *s = context;
    if (nodes_learn(s->worker->plant->nodes, node, host, port)) {
        return false;
    }
    return advertised_address(&s->gate->listener->advertised, node, ret_host, ret_port);
}

static void batch_refused(void *context, const struct open_finding *finding)
{
    struct session *s = context;
    const struct refused_client client = { principal_of(s), slice_of_text(s->peer) };
    refusal_log_batch(&s->worker->log_limit, finding, &client, loop_now_ms(s->worker->loop));
}

static void request_refused(void *context, const struct request_refusal *refusal)
{
    struct session *s = context;
    const struct refused_client client = { principal_of(s), slice_of_text(s->peer) };
    refusal_log_request(&s->worker->log_limit, refusal, &client, loop_now_ms(s->worker->loop));
}

static void authenticated(void *context, struct slice principal)
{
    (void)principal;
    session_tell(context, LOG_INFO, "authenticated", "the broker accepted the client's SASL exchange");
}

const struct relay_hooks session_hooks = { map_address, batch_refused, request_refused, authenticated };

static unsigned long long requests(const struct session *s)
{
    return counter_read(&s->worker->relay.counters.requests);
}

/* Whether the bytes just taken completed a request shows in what they led to; one may be answered at once, from what is held. */
static void note_request(struct session *s, size_t in_flight_before, unsigned long long requests_before)
{
    bool whole = relay_in_flight(s->relay) != in_flight_before || requests(s) != requests_before ||
                 relay_pending(s->relay, RELAY_BROKER) > 0;
    patience_request(&s->patience, whole, loop_now_ms(s->worker->loop));
}

/* Reads what has come, as long as there is something and it may be taken. */
static void pump(struct session *s, enum relay_side side)
{
    struct end *end = &s->ends[side];
    for (int reads = 0; reads < READS_PER_TURN && !end->ended; reads++) {
        uint8_t *at;
        size_t room, got = 0;
        if (relay_room(s->relay, side, &at, &room)) {
            session_fail(s, LOG_ERROR, "out-of-memory", relay_fault(s->relay));
            return;
        }
        if (room == 0) {
            return;
        }
        enum io_outcome outcome = connection_read(watch_connection(end->watch), at, room, &got);
        if (outcome == IO_FAILED) {
            (void)survives_failure(s, side);
            return;
        }
        end->ended = outcome == IO_CLOSED;
        if (outcome != IO_DONE) {
            return;
        }
        patience_active(&s->patience, loop_now_ms(s->worker->loop));
        size_t in_flight = relay_in_flight(s->relay);
        unsigned long long before = requests(s);
        if (relay_received(s->relay, side, got, wall_clock_ms())) {
            session_tell(s, LOG_WARNING, "conversation-ended", relay_fault(s->relay));
            flush_and_finish(s);
            return;
        }
        if (side == RELAY_CLIENT) {
            note_request(s, in_flight, before);
        }
        if (got < room && !connection_has_pending(watch_connection(end->watch))) {
            return;
        }
    }
}

/* Writes what waits, as far as the peer takes it; false when the session has ended. */
static bool write_pending(struct session *s, enum relay_side side, size_t *ret_sent)
{
    struct end *end = &s->ends[side];
    struct iovec pieces[PIECES_PER_WRITE];
    while (relay_pending(s->relay, side) > 0 && !end->gone) {
        size_t count = relay_peek(s->relay, side, pieces, PIECES_PER_WRITE), sent = 0;
        enum io_outcome outcome = connection_write(watch_connection(end->watch), pieces, count, &sent);
        if (outcome == IO_FAILED) {
            return survives_failure(s, side);
        }
        if (outcome == IO_WOULD_BLOCK) {
            return true;
        }
        relay_sent(s->relay, side, sent);
        *ret_sent += sent;
    }
    return true;
}

/* The same, and what a client that is gone would have got is dropped. */
static bool flush(struct session *s, enum relay_side side, bool *ret_sent)
{
    size_t sent = 0;
    int64_t now_ms = loop_now_ms(s->worker->loop);
    if (!write_pending(s, side, &sent)) {
        return false;
    }
    if (sent > 0) {
        patience_active(&s->patience, now_ms);
    }
    if (s->ends[side].gone) {
        sent += relay_pending(s->relay, side);
        relay_sent(s->relay, side, relay_pending(s->relay, side));
    }
    patience_output(&s->patience, side, relay_pending(s->relay, side), sent, now_ms);
    *ret_sent |= sent > 0;
    return true;
}

/* Room in one side's output lets the frames that wait on the other go on. */
static bool flush_both(struct session *s)
{
    for (bool sent = true; sent;) {
        sent = false;
        if (!flush(s, RELAY_BROKER, &sent) || !flush(s, RELAY_CLIENT, &sent)) {
            return false;
        }
        if (sent && s->state == SESSION_RELAYING &&
            (relay_received(s->relay, RELAY_BROKER, 0, wall_clock_ms()) ||
             relay_received(s->relay, RELAY_CLIENT, 0, wall_clock_ms()))) {
            session_tell(s, LOG_WARNING, "conversation-ended", relay_fault(s->relay));
            flush_and_finish(s);
        }
    }
    return true;
}

/* Both outputs are empty, or nobody is left to take what is in them. */
static bool is_flushed(const struct session *s)
{
    bool client_done = relay_pending(s->relay, RELAY_CLIENT) == 0 || s->ends[RELAY_CLIENT].ended;
    bool broker_done = relay_pending(s->relay, RELAY_BROKER) == 0 || s->ends[RELAY_BROKER].ended;
    return client_done && broker_done;
}

static bool may_leave(const struct session *s)
{
    bool wanted = s->misplaced || s->worker->draining;
    return wanted && relay_in_flight(s->relay) == 0 && is_flushed(s);
}

/* A client that is not read from is watched for its leaving. */
static unsigned wishes(const struct session *s, enum relay_side side)
{
    unsigned want = relay_pending(s->relay, side) > 0 ? WATCH_WRITE : 0;
    bool reads = s->state == SESSION_RELAYING && !s->ends[side].ended && relay_wants(s->relay, side);
    bool client_holds_back = side == RELAY_CLIENT && (s->worker->draining || s->misplaced);
    if (reads && !client_holds_back) {
        return want | WATCH_READ;
    }
    return side == RELAY_CLIENT ? want | WATCH_HANGUP : want;
}

/* A client that has left may have sent something just before, with acks=0: it still goes to the broker. */
static bool has_ended(const struct session *s)
{
    return s->ends[RELAY_BROKER].ended || (s->ends[RELAY_CLIENT].ended && !relay_holds_request(s->relay));
}

static void turn(struct session *s)
{
    if (!flush_both(s) || s->state == SESSION_ENDED) {
        return;
    }
    worker_memory_was_freed(s->worker);
    s->misplaced = s->misplaced || upstream_is_misplaced(&s->upstream, s->worker->plant->nodes, s->node);
    if (s->state == SESSION_RELAYING && has_ended(s)) {
        flush_and_finish(s);
    }
    if ((s->state == SESSION_FLUSHING && is_flushed(s)) || may_leave(s)) {
        take_leave(s);
        return;
    }
    note_starved(s, relay_is_starved(s->relay, RELAY_CLIENT) || relay_is_starved(s->relay, RELAY_BROKER));
    watch_want(s->ends[RELAY_CLIENT].watch, wishes(s, RELAY_CLIENT));
    watch_want(s->ends[RELAY_BROKER].watch, wishes(s, RELAY_BROKER));
}

void session_relay_ready(struct session *s, enum relay_side side, unsigned events)
{
    if (s->state == SESSION_LINGERING) {
        linger(s, &s->ends[side]);
        return;
    }
    if ((events & WATCH_READ) && s->state == SESSION_RELAYING) {
        pump(s, side);
    }
    if (events & WATCH_HANGUP) {
        s->left = true;
        s->ends[side].ended = s->ends[side].ended || s->state == SESSION_FLUSHING;
    }
    if (s->state != SESSION_ENDED) {
        turn(s);
    }
}

void session_begin_relaying(struct session *s)
{
    int64_t now_ms = loop_now_ms(s->worker->loop);
    s->state = SESSION_RELAYING;
    s->deadline_ms = now_ms + s->worker->plant->config->limits.handshake_ms;
    patience_active(&s->patience, now_ms);
    session_tell(s, LOG_DEBUG, "connected", connection_protocol(watch_connection(s->ends[RELAY_BROKER].watch)));
    turn(s);
}

static void greeted(struct session *s)
{
    char principal[PRINCIPAL_BYTES_MAX + 1];
    struct watch *watch = s->ends[RELAY_CLIENT].watch;
    if (!identity_of_client(s->gate->listener, watch_connection(watch), principal, sizeof principal)) {
        session_fail(s, LOG_WARNING, "client-refused", "the client is not known by what this listener goes by");
        return;
    }
    const char *name = connection_server_name(watch_connection(watch));
    s->node = s->gate->node >= 0 ? s->gate->node : advertised_node(&s->gate->listener->advertised, name);
    const struct relay_client client = {
        .principal = slice_of_text(principal),
        .must_authenticate = identity_is_the_brokers(s->gate->listener),
        .context = s,
    };
    s->relay = relay_new(&s->worker->relay, &client);
    if (!s->relay) {
        session_fail(s, LOG_ERROR, "out-of-memory", "no memory for another session");
        return;
    }
    if (client.principal.size > 0) {
        session_tell(s, LOG_INFO, "authenticated", "the client showed a certificate of tls.client-ca");
    }
    watch_want(watch, WATCH_HANGUP);
    session_find_broker(s);
}

static void client_ready(void *context, unsigned events)
{
    struct session *s = ((struct end *)context)->session;
    struct watch *watch = s->ends[RELAY_CLIENT].watch;
    if (s->state >= SESSION_RELAYING) {
        session_relay_ready(s, RELAY_CLIENT, events);
    } else if (s->state != SESSION_GREETING) {
        s->left = s->left || (events & WATCH_HANGUP); /* what it sent before still goes out: nobody answers acks=0 */
    } else {
        enum io_outcome outcome = connection_handshake(watch_connection(watch));
        if (outcome == IO_DONE) {
            greeted(s);
        } else if (outcome == IO_WOULD_BLOCK) {
            watch_want(watch, WATCH_READ);
        } else {
            fail_connection(s, RELAY_CLIENT);
        }
    }
}

static void link_session(struct session *s)
{
    struct worker *worker = s->worker;
    s->next = worker->sessions;
    s->back = &worker->sessions;
    if (s->next) {
        s->next->back = &s->next;
    }
    worker->sessions = s;
    worker->session_count++;
}

static signet_error open_client(struct session *s, int descriptor, const struct endpoint *peer)
{
    struct plant *plant = s->worker->plant;
    size_t index = (size_t)(s->gate->listener - plant->config->listeners);
    struct connection *connection = NULL;
    struct end *end = &s->ends[RELAY_CLIENT];
    const struct watch_handler handler = { client_ready, session_watch_closed, end };
    struct tls_context *tls = tls_slot_get(&plant->listener_tls[index]);
    signet_error error = connection_accepted(descriptor, peer, tls, &connection);
    tls_context_release(tls);
    error = error ? error : watch_new(s->worker->loop, connection, &handler, &end->watch);
    if (error) {
        connection_free(connection);
    }
    return error;
}

void session_begin(struct worker *worker, const struct gate *gate, int descriptor, const struct endpoint *peer)
{
    struct session *s = calloc(1, sizeof *s);
    if (!s) {
        close(descriptor);
        return;
    }
    s->worker = worker;
    s->gate = gate;
    s->node = gate->node;
    s->ends[RELAY_CLIENT].session = s->ends[RELAY_BROKER].session = s;
    s->deadline_ms = loop_now_ms(worker->loop) + worker->plant->config->limits.handshake_ms;
    endpoint_text(peer, s->peer);
    endpoint_network(peer, s->network);
    signet_error error = open_client(s, descriptor, peer);
    if (error) {
        session_tell(s, LOG_ERROR, "client-failed", signet_error_text(error));
        free(s);
        return;
    }
    worker_connection_began(worker, gate);
    s->open_watches = 1;
    link_session(s);
    client_ready(&s->ends[RELAY_CLIENT], WATCH_READ);
}

void session_retry(struct session *s)
{
    if (s->state != SESSION_RELAYING || !s->starved) {
        return;
    }
    for (int side = 0; side < 2 && s->state == SESSION_RELAYING; side++) {
        if (relay_is_starved(s->relay, (enum relay_side)side)) {
            pump(s, (enum relay_side)side);
        }
    }
    if (s->state != SESSION_ENDED) {
        turn(s);
    }
}

void session_give_way(struct session *s)
{
    if (s->relay) {
        relay_give_way(s->relay);
    }
}

void session_drain(struct session *s)
{
    if (s->state == SESSION_RELAYING || s->state == SESSION_FLUSHING) {
        turn(s);
    } else if (s->state != SESSION_LINGERING) {
        session_finish(s);
    }
}

void session_abandon(struct session *s)
{
    session_finish(s);
}
