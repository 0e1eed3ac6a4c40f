/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/session_body.h"

static void connect_next(struct session *s);

static void close_broker(struct session *s)
{
    watch_close(s->ends[RELAY_BROKER].watch);
    s->ends[RELAY_BROKER].watch = NULL;
}

void session_leave_broker(struct session *s, const char *why)
{
    session_tell(s, LOG_WARNING, "broker-failed", why);
    if (!upstream_has_another(&s->upstream) || s->left) {
        session_finish(s);
        return;
    }
    resolution_cancel(s->resolution);
    s->resolution = NULL;
    close_broker(s);
    session_find_broker(s);
}

void session_leave_endpoint(struct session *s, const char *why)
{
    if (!upstream_has_endpoint(&s->upstream)) {
        session_leave_broker(s, why);
        return;
    }
    session_tell(s, LOG_DEBUG, "broker-failed", why);
    close_broker(s);
    connect_next(s);
}

/* A broker that is reached and then fails does so at its other addresses too. */
static void broker_failed(struct session *s)
{
    struct cause cause;
    const struct connection *connection = watch_connection(s->ends[RELAY_BROKER].watch);
    signet_error error = connection_error(connection);
    connection_cause(connection, &cause);
    if (error == SIGNET_ERROR_SYSTEM || error == SIGNET_ERROR_CLOSED) {
        session_leave_endpoint(s, cause.text);
    } else {
        session_leave_broker(s, cause.text);
    }
}

static void broker_ready(void *context, unsigned events)
{
    struct session *s = ((struct end *)context)->session;
    if (s->state != SESSION_CONNECTING) {
        session_relay_ready(s, RELAY_BROKER, events);
        return;
    }
    struct watch *watch = s->ends[RELAY_BROKER].watch;
    enum io_outcome outcome = connection_handshake(watch_connection(watch));
    if (outcome == IO_DONE) {
        session_begin_relaying(s);
    } else if (outcome == IO_WOULD_BLOCK) {
        watch_want(watch, WATCH_READ);
    } else {
        broker_failed(s);
    }
}

static void open_broker(struct session *s, int descriptor, const struct endpoint *endpoint)
{
    struct connection *connection = NULL;
    struct end *end = &s->ends[RELAY_BROKER];
    const struct watch_handler handler = { broker_ready, session_watch_closed, end };
    struct tls_context *tls = tls_slot_get(&s->worker->plant->cluster_tls);
    signet_error error = connection_connecting(descriptor, endpoint, tls, s->upstream.broker.host, &connection);
    tls_context_release(tls);
    error = error ? error : watch_new(s->worker->loop, connection, &handler, &end->watch);
    if (error) {
        connection_free(connection);
        session_fail(s, LOG_WARNING, "broker-failed", signet_error_text(error));
        return;
    }
    s->open_watches++;
    s->state = SESSION_CONNECTING;
    s->deadline_ms = loop_now_ms(s->worker->loop) + s->worker->plant->config->limits.connect_ms;
    watch_want(end->watch, WATCH_WRITE);
}

static void connect_next(struct session *s)
{
    int descriptor = -1;
    struct endpoint endpoint;
    struct cause cause;
    if (upstream_connect(&s->upstream, &descriptor, &endpoint, &cause)) {
        session_leave_broker(s, cause.text);
    } else {
        open_broker(s, descriptor, &endpoint);
    }
}

static void resolved(void *context, const struct resolution_answer *answer)
{
    struct session *s = context;
    s->resolution = NULL;
    if (answer->error || answer->count == 0) {
        session_leave_broker(s, answer->cause.text);
        return;
    }
    upstream_resolved(&s->upstream, answer);
    connect_next(s);
}

void session_find_broker(struct session *s)
{
    s->state = SESSION_FINDING;
    s->deadline_ms = loop_now_ms(s->worker->loop) + s->worker->plant->config->limits.connect_ms;
    upstream_choose(&s->upstream, s->worker->plant, s->node);
    signet_error error = resolution_begin(s->worker->loop, &s->upstream.broker, resolved, s, &s->resolution);
    if (error) {
        session_leave_broker(s, signet_error_text(error));
    }
}
