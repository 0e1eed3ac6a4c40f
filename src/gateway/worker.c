/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/worker.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "gateway/log.h"
#include "gateway/session.h"
#include "keys/unwrap_cache.h"

enum {
    SWEEP_MS = 1000,
    /* What one Fetch may take of a worker's memory. */
    FETCH_SHARE = 8,
    KEPT_SHARE = 8, /* of the budget may be kept beside it */
    FETCH_BYTES_MIN = 1024 * 1024,
    FETCH_BYTES_MAX = 16 * 1024 * 1024,
    /* What can happen with every connection is told no more often than this. */
    TELL_AGAIN_MS = 10 * 1000,
};

static struct aead_key *find_key(void *context, const struct envelope *envelope)
{
    struct worker *worker = context;
    unwrap_cache_set_time(worker->unwrap_cache, wall_clock_ms());
    return unwrap_cache_find(worker->unwrap_cache, envelope);
}

/* What the keys of a generation become here; made whole before anything in use is touched. */
struct keyring {
    struct recipient *recipients;
    struct recipient_key *recipient_keys;
    struct data_keys *data_keys;
    struct unwrap_cache *unwrap_cache;
};

static void keyring_free(struct keyring *ring)
{
    data_keys_free(ring->data_keys);
    unwrap_cache_free(ring->unwrap_cache);
    free(ring->recipients);
    free(ring->recipient_keys);
}

static bool copy_keys(const struct material *material, struct keyring *ring)
{
    ring->recipients = calloc(material->recipient_count + 1, sizeof *ring->recipients);
    ring->recipient_keys = calloc(material->recipient_key_count + 1, sizeof *ring->recipient_keys);
    if (!ring->recipients || !ring->recipient_keys) {
        return false;
    }
    for (size_t i = 0; i < material->recipient_count; i++) {
        memcpy(ring->recipients[i].public_key, material->recipients[i].bytes, BOX_PUBLIC_BYTES);
    }
    for (size_t i = 0; i < material->recipient_key_count; i++) {
        const struct secret_key *key = material->recipient_keys[i];
        memcpy(ring->recipient_keys[i].public_key, key->public_half.bytes, BOX_PUBLIC_BYTES);
        ring->recipient_keys[i].secret = key->bytes;
    }
    return true;
}

static bool keyring_make(const struct generation *g, struct keyring *ring)
{
    const struct material *material = g->material;
    const struct data_key_policy policy = {
        .age_ms_max = g->config->data_keys.max_age_ms,
        .bytes_max = g->config->data_keys.max_bytes,
        .batches_max = g->config->data_keys.max_batches,
    };
    *ring = (struct keyring){ 0 };
    bool seals = material->signing_key && material->recipient_count > 0;
    if (copy_keys(material, ring)) {
        ring->data_keys = seals ? data_keys_new(&policy, ring->recipients, material->recipient_count) : NULL;
        ring->unwrap_cache = unwrap_cache_new(ring->recipient_keys, material->recipient_key_count);
    }
    if (!ring->unwrap_cache || (seals && !ring->data_keys)) {
        keyring_free(ring);
        return false;
    }
    return true;
}

static struct keyring keyring_of(const struct worker *worker)
{
    return (struct keyring){ worker->recipients, worker->recipient_keys, worker->relay.data_keys,
                             worker->unwrap_cache };
}

static void use_rules(struct worker *worker, const struct generation *g)
{
    struct relay_worker *relay = &worker->relay;
    const struct material *material = g->material;
    relay->policy = g->policy;
    relay->opener.trust = &material->trust;
    relay->sealer.cluster_id = slice_of_text(material->trust.cluster_id);
    relay->sealer.signing_key = material->signing_key;
    memcpy(relay->sealer.writer, material->writer.bytes, sizeof relay->sealer.writer);
    relay->fetch_refusal_error = g->config->fetch_refusal_error;
    relay->principal_in_envelope = g->config->principal_in_envelope;
    relay->rules++;
}

/* Takes over the reference. */
static signet_error use_generation(struct worker *worker, struct generation *g)
{
    struct keyring ring, before = keyring_of(worker);
    if (!keyring_make(g, &ring)) {
        generation_release(g);
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    worker->recipients = ring.recipients;
    worker->recipient_keys = ring.recipient_keys;
    worker->relay.data_keys = ring.data_keys;
    worker->unwrap_cache = ring.unwrap_cache;
    use_rules(worker, g);
    keyring_free(&before);
    opener_free(&worker->relay.opener); /* what it has of the last keys */
    generation_release(worker->generation);
    worker->generation = g;
    return SIGNET_OK;
}

/* While some wait for memory, whoever has kept it for longest without getting on ends; one at a time, so that no more do than it takes. */
static void make_room(struct worker *worker)
{
    struct session *slowest = NULL;
    int64_t most_ms = worker->plant->config->limits.handshake_ms;
    for (struct session *s = worker->sessions; worker->starved > 0 && s; s = session_next(s)) {
        int64_t stalled_ms = session_stalled_ms(s, loop_now_ms(worker->loop));
        if (stalled_ms > most_ms) {
            most_ms = stalled_ms;
            slowest = s;
        }
    }
    if (slowest) {
        session_make_room(slowest); /* and when those who wait have tried again, the next */
    }
}

static void sweep(void *context)
{
    struct worker *worker = context;
    atomic_store(&worker->memory_bytes, worker->relay.budget.used_bytes + worker->relay.budget.kept_bytes);
    budget_sweep(&worker->relay.budget);
    log_limit_sweep(&worker->log_limit, loop_now_ms(worker->loop));
    for (struct session *s = worker->sessions, *next; s; s = next) {
        next = session_next(s);
        session_sweep(s, loop_now_ms(worker->loop));
    }
    make_room(worker);
}

static void retry(void *context)
{
    struct worker *worker = context;
    worker->retry_is_due = false;
    worker->short_bytes = 0;
    for (struct session *s = worker->sessions, *next; s; s = next) {
        next = session_next(s);
        session_retry(s);
    }
    make_room(worker);
}

void worker_restrain(struct worker *worker)
{
    worker->relay.restrained = worker->draining || worker->starved > 0;
}

void worker_memory_was_short(struct worker *worker)
{
    size_t used = worker->relay.budget.used_bytes;
    worker->short_bytes = used > worker->short_bytes ? used : worker->short_bytes;
    for (struct session *s = worker->sessions; worker->relay.read_ahead_count > 0 && s; s = session_next(s)) {
        session_give_way(s);
    }
    if (worker->relay.budget.used_bytes < used) {
        worker_memory_was_freed(worker);
    }
}

void worker_memory_was_freed(struct worker *worker)
{
    bool more = worker->relay.budget.used_bytes < worker->short_bytes;
    if (worker->starved > 0 && more && !worker->retry_is_due) {
        worker->retry_is_due = true;
        loop_defer(worker->loop, &worker->retry);
    }
}

static void close_listeners(struct worker *worker)
{
    for (size_t i = 0; worker->listeners && i < worker->plant->gate_count; i++) {
        listener_close(worker->listeners[i]);
        worker->listeners[i] = NULL;
    }
}

static void drain(void *context)
{
    struct worker *worker = context;
    worker->draining = true;
    worker_restrain(worker);
    close_listeners(worker);
    atomic_fetch_sub(&worker->plant->listening, 1);
    for (struct session *s = worker->sessions, *next; s; s = next) {
        next = session_next(s);
        session_drain(s);
    }
}

static void stop(void *context)
{
    struct worker *worker = context;
    close_listeners(worker);
    timer_stop(worker->sweep);
    for (struct session *s = worker->sessions, *next; s; s = next) {
        next = session_next(s);
        session_abandon(s);
    }
    loop_stop(worker->loop);
}

static void reload(void *context)
{
    struct worker *worker = context;
    struct generation *g = atomic_exchange(&worker->next_generation, NULL);
    if (g && use_generation(worker, g)) {
        log_event(LOG_ERROR, "reload-failed", NULL);
    }
}

/* A listener's context: which gate. */
struct gate_context {
    struct worker *worker;
    const struct gate *gate;
};

static bool is_time_to_tell(const struct worker *worker, int64_t *told_ms)
{
    int64_t now_ms = loop_now_ms(worker->loop);
    if (*told_ms != 0 && now_ms - *told_ms < TELL_AGAIN_MS) {
        return false;
    }
    *told_ms = now_ms;
    return true;
}

static atomic_uint *connections_by(const struct plant *plant, const struct gate *gate)
{
    return &plant->listener_connections[gate->listener - plant->config->listeners];
}

void worker_connection_began(struct worker *worker, const struct gate *gate)
{
    atomic_fetch_add(&worker->plant->connections, 1);
    atomic_fetch_add(connections_by(worker->plant, gate), 1);
}

void worker_connection_ended(struct worker *worker, const struct gate *gate)
{
    atomic_fetch_sub(&worker->plant->connections, 1);
    atomic_fetch_sub(connections_by(worker->plant, gate), 1);
}

static void tell_full(const struct gate *gate, uint32_t connections, const char *why)
{
    const struct log_field fields[] = {
        LOG_TEXT_FIELD("listener", slice_of_text(gate->listener->name)),
        LOG_NUMBER_FIELD("connections", connections),
        LOG_TEXT_FIELD("why", slice_of_text(why)),
        { 0 },
    };
    log_event(LOG_WARNING, "connections-full", fields);
}

static bool may_accept(void *context)
{
    const struct gate_context *at = context;
    const struct plant *plant = at->worker->plant;
    uint32_t all = plant->config->limits.connections, own = at->gate->listener->connections;
    bool full = atomic_load(&plant->connections) >= all;
    bool listener_full = own > 0 && atomic_load(connections_by(plant, at->gate)) >= own;
    if (full && is_time_to_tell(at->worker, &at->worker->told_full_ms)) {
        tell_full(at->gate, all, "limits.connections is reached; others wait until some have ended");
    } else if (!full && listener_full && is_time_to_tell(at->worker, &at->worker->told_full_ms)) {
        tell_full(at->gate, own, "the listener's own connections are reached; others wait until some have ended");
    }
    return !full && !listener_full;
}

static void accepted(void *context, int descriptor, const struct endpoint *peer)
{
    struct gate_context *at = context;
    session_begin(at->worker, at->gate, descriptor, peer);
}

static void shortage(void *context, int system_error)
{
    struct worker *worker = ((struct gate_context *)context)->worker;
    const struct log_field fields[] = { LOG_TEXT_FIELD("why", slice_of_text(strerror(system_error))), { 0 } };
    if (is_time_to_tell(worker, &worker->told_shortage_ms)) {
        log_event(LOG_ERROR, "accept-failed", fields);
    }
}

static signet_error listen_on_all(struct worker *worker)
{
    struct plant *plant = worker->plant;
    worker->listeners = calloc(plant->gate_count, sizeof(struct listener *));
    worker->gate_contexts = calloc(plant->gate_count, sizeof *worker->gate_contexts);
    if (!worker->listeners || !worker->gate_contexts) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < plant->gate_count; i++) {
        worker->gate_contexts[i] = (struct gate_context){ worker, &plant->gates[i] };
        const struct listener_handler handler = { may_accept, accepted, shortage, &worker->gate_contexts[i] };
        signet_error error = listener_new(worker->loop, plant->gates[i].descriptor, &handler, &worker->listeners[i]);
        if (error) {
            return error;
        }
    }
    return SIGNET_OK;
}

static int32_t fetch_bytes(size_t budget)
{
    size_t share = budget / FETCH_SHARE;
    share = share < FETCH_BYTES_MIN ? FETCH_BYTES_MIN : share;
    return (int32_t)(share < FETCH_BYTES_MAX ? share : FETCH_BYTES_MAX);
}

static size_t kept_bytes(size_t budget, uint32_t workers)
{
    size_t share = KEPT_BYTES_PROCESS_MAX / workers;
    share = share < budget / KEPT_SHARE ? share : budget / KEPT_SHARE;
    return share < KEPT_BYTES_MAX ? share : KEPT_BYTES_MAX;
}

static signet_error init_relay(struct worker *worker, uint32_t workers)
{
    const struct config *config = worker->plant->config;
    struct relay_worker *relay = &worker->relay;
    compression_init(&worker->compression);
    relay->shared = worker->plant->shared;
    relay->budget.limit_bytes = config->limits.memory_bytes / workers;
    relay->budget.kept_bytes_max = kept_bytes(relay->budget.limit_bytes, workers);
    relay->frame_bytes_max = config->limits.frame_bytes;
    relay->fetch_bytes_max = fetch_bytes(relay->budget.limit_bytes);
    relay->append_skew_ms = APPEND_SKEW_MS;
    relay->hooks = session_hooks;
    relay->sealer.zstd = zstd_frame_new();
    relay->opener = (struct opener){
        .codecs = { relay->sealer.zstd, &worker->compression, &relay->budget },
        .keys = { find_key, worker },
        .crew = relay->shared.crew,
    };
    return relay->sealer.zstd ? SIGNET_OK : SIGNET_ERROR_OUT_OF_MEMORY;
}

signet_error worker_init(struct worker *worker, struct plant *plant, uint32_t workers, struct generation *generation)
{
    *worker = (struct worker){ .plant = plant };
    worker->retry = (struct job){ .run = retry, .context = worker };
    worker->drain_order = (struct job){ .run = drain, .context = worker };
    worker->stop_order = (struct job){ .run = stop, .context = worker };
    worker->reload_order = (struct job){ .run = reload, .context = worker };
    signet_error error = loop_new(&worker->loop);
    error = error ? error : init_relay(worker, workers);
    error = error ? error : use_generation(worker, generation_retain(generation));
    error = error ? error : timer_new(worker->loop, sweep, worker, &worker->sweep);
    return error ? error : listen_on_all(worker);
}

static void *run(void *context)
{
    struct worker *worker = context;
    loop_run(worker->loop);
    return NULL;
}

signet_error worker_start(struct worker *worker)
{
    timer_repeat(worker->sweep, SWEEP_MS);
    atomic_fetch_add(&worker->plant->listening, 1);
    worker->started = thread_start(&worker->thread, run, worker);
    return worker->started ? SIGNET_OK : SIGNET_ERROR_SYSTEM;
}

void worker_drain(struct worker *worker)
{
    loop_post(worker->loop, &worker->drain_order);
}

void worker_stop(struct worker *worker)
{
    loop_post(worker->loop, &worker->stop_order);
}

void worker_reload(struct worker *worker, struct generation *generation)
{
    struct generation *unused = atomic_exchange(&worker->next_generation, generation_retain(generation));
    if (unused) {
        generation_release(unused); /* the order is still under way and will find the newer one */
    } else {
        loop_post(worker->loop, &worker->reload_order);
    }
}

void worker_join(struct worker *worker)
{
    if (worker->started) {
        pthread_join(worker->thread, NULL);
        worker->started = false;
    }
}

void worker_free(struct worker *worker)
{
    struct keyring ring = keyring_of(worker);
    close_listeners(worker);
    timer_free(worker->sweep);
    loop_free(worker->loop);
    keyring_free(&ring);
    opener_free(&worker->relay.opener);
    zstd_frame_free(worker->relay.sealer.zstd);
    compression_free(&worker->compression);
    log_limit_end(&worker->log_limit);
    budget_trim(&worker->relay.budget);
    generation_release(atomic_exchange(&worker->next_generation, NULL));
    generation_release(worker->generation);
    free(worker->listeners);
    free(worker->gate_contexts);
}
