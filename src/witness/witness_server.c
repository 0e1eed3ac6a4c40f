/* SPDX-License-Identifier: Apache-2.0 */
#include "witness/witness_server.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "gateway/log_limit.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/timer.h"
#include "witness/witness.h"
#include "witness/witness_page.h"

enum { SWEEP_MS = 1000 };

struct witness_server {
    struct witness witness;
    struct loop *loop; /* the main thread's: signals */
    struct timer *sweep;
    struct http_server *http;
    pthread_mutex_t lock; /* of what follows */
    struct log_limit limit;
};

/* What the one who runs a witness or a log must know, and what only shows that somebody knocked. */
static enum log_level level_of(enum witness_answer answer)
{
    switch (answer) {
    case WITNESS_FORK:
    case WITNESS_DAMAGED:
    case WITNESS_NOT_STORED:
        return LOG_ERROR;
    case WITNESS_UNPROVEN:
    case WITNESS_SHRUNK:
    case WITNESS_FULL:
        return LOG_WARNING;
    default:
        return LOG_DEBUG;
    }
}

static void tell(struct witness_server *server, const struct witness_reply *reply)
{
    const struct log_field fields[] = {
        LOG_TEXT_FIELD("answer", slice_of_text(witness_answer_word(reply->answer))),
        LOG_TEXT_FIELD("origin", reply->origin),
        LOG_TEXT_FIELD("why", slice_of_text(reply->system_error ? strerror(reply->system_error) : "")),
        LOG_NUMBER_FIELD("size", (int64_t)reply->size),
        LOG_NUMBER_FIELD("known-size", (int64_t)reply->known),
        { 0 },
    };
    const struct log_line line = { level_of(reply->answer), "checkpoint", fields, 3, { 0 } };
    if (line.level == LOG_DEBUG) {
        log_event(LOG_DEBUG, line.event, fields);
        return;
    }
    pthread_mutex_lock(&server->lock);
    log_limit_tell(&server->limit, &line, monotonic_clock_ms());
    pthread_mutex_unlock(&server->lock);
}

static struct http_answer add_checkpoint(struct witness_server *server, const struct http_request *request)
{
    struct witness_reply reply;
    char size[32];
    if (strcmp(request->method, "POST") != 0) {
        return http_text(405, "POST only\n");
    }
    witness_judge(&server->witness, request->body, wall_clock_ms(), &reply);
    tell(server, &reply);
    unsigned status = witness_answer_status(reply.answer);
    if (reply.answer == WITNESS_COSIGNED) {
        return http_text(status, reply.cosignature);
    }
    if (reply.answer == WITNESS_OTHER_SIZE || reply.answer == WITNESS_FORK) {
        snprintf(size, sizeof size, "%llu\n", (unsigned long long)reply.known);
        return (struct http_answer){ status, "text/x.tlog.size", strdup(size) };
    }
    return http_text(status, witness_answer_text(reply.answer));
}

static struct http_answer answer(void *context, const struct http_request *request)
{
    struct witness_server *server = context;
    struct http_answer refused;
    if (strcmp(request->path, "/add-checkpoint") == 0) {
        return add_checkpoint(server, request);
    }
    if (http_refuse_method(request, &refused)) {
        return refused;
    }
    if (strcmp(request->path, "/metrics") == 0) {
        return (struct http_answer){ 200, "text/plain; version=0.0.4; charset=utf-8",
                                     witness_as_prometheus(&server->witness) };
    }
    if (strcmp(request->path, "/healthz") == 0) {
        return http_text(200, "ok\n");
    }
    if (strcmp(request->path, "/") == 0) {
        return (struct http_answer){ 200, "text/html; charset=utf-8", witness_as_page(&server->witness) };
    }
    return http_text(404, "there are /add-checkpoint, /, /metrics and /healthz\n");
}

static void end(void *context)
{
    struct witness_server *server = context;
    loop_stop(server->loop);
}

static void sweep(void *context)
{
    struct witness_server *server = context;
    pthread_mutex_lock(&server->lock);
    log_limit_sweep(&server->limit, monotonic_clock_ms());
    pthread_mutex_unlock(&server->lock);
}

static signet_error start_loop(struct witness_server *server)
{
    signal(SIGPIPE, SIG_IGN);
    signet_error error = loop_new(&server->loop);
    error = error ? error : loop_on_signal(server->loop, SIGTERM, end, server);
    error = error ? error : loop_on_signal(server->loop, SIGINT, end, server);
    error = error ? error : timer_new(server->loop, sweep, server, &server->sweep);
    if (!error) {
        timer_repeat(server->sweep, SWEEP_MS);
    }
    return error;
}

static signet_error start_http(struct witness_server *server, struct cause *ret_cause)
{
    const struct witness_config *config = server->witness.config;
    const struct http_server_options options = {
        .address = &config->address,
        .handle = answer,
        .context = server,
        .threads = WITNESS_THREADS < config->connections_max ? WITNESS_THREADS : config->connections_max,
        .connections_max = config->connections_max,
        .body_bytes_max = SUBMISSION_BYTES_MAX,
    };
    return http_server_start(&options, &server->http, ret_cause);
}

static void tell_ready(const struct witness_server *server)
{
    char address[ADDRESS_TEXT_BYTES], key[WITNESS_KEY_TEXT_BYTES];
    address_text(&server->witness.config->address, address);
    witness_key_format(&server->witness.config->key, key);
    const struct log_field fields[] = {
        LOG_TEXT_FIELD("address", slice_of_text(address)),
        LOG_TEXT_FIELD("key", slice_of(key, strlen(key) - 1)),
        LOG_NUMBER_FIELD("logs", witness_store_count(server->witness.store)),
        { 0 },
    };
    log_event(LOG_INFO, "listening", fields);
}

signet_error witness_run(const struct witness_config *config, struct cause *ret_cause)
{
    struct witness_server server = { .witness.config = config };
    const struct witness_store_limits limits = { config->logs_max, config->logs_per_writer_max };
    ret_cause->text[0] = '\0';
    pthread_mutex_init(&server.lock, NULL);
    log_configure(config->log_level, config->log_format);
    signet_error error = witness_store_open(config->directory, limits, &server.witness.store, ret_cause);
    error = error ? error : start_loop(&server);
    error = error ? error : start_http(&server, ret_cause);
    if (!error) {
        tell_ready(&server);
        loop_run(server.loop);
        log_event(LOG_INFO, "ended", NULL);
    }
    http_server_stop(server.http);
    log_limit_end(&server.limit);
    timer_free(server.sweep);
    loop_free(server.loop);
    witness_store_close(server.witness.store);
    pthread_mutex_destroy(&server.lock);
    return error;
}
