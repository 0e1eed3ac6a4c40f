/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/gateway.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "crypto/secret_memory.h"
#include "gateway/config_restart.h"
#include "gateway/log.h"
#include "gateway/status_server.h"
#include "gateway/tls_files.h"
#include "gateway/worker.h"

enum { DRAIN_LOOK_MS = 50 };

struct gateway {
    const char *config_path;
    struct generation *generation; /* the first: its configuration alone once the workers have its keys */
    struct plant plant;
    struct worker *workers;
    uint32_t worker_count, workers_made;
    struct metrics_source metrics;
    struct status_server *status;
    struct loop *loop; /* the main thread's: signals and draining */
    struct timer *drain_timer;
    int64_t drain_deadline_ms;
    bool stopping;
};

static signet_error start_tls(struct gateway *g, struct cause *ret_cause)
{
    const struct config *config = g->generation->config;
    struct tls_context *context = NULL;
    g->plant.listener_tls = calloc(config->listener_count, sizeof *g->plant.listener_tls);
    if (!g->plant.listener_tls) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < config->listener_count; i++) {
        tls_slot_init(&g->plant.listener_tls[i], NULL);
    }
    tls_slot_init(&g->plant.cluster_tls, NULL);
    signet_error error = tls_files_load_client(&config->cluster.tls, &context, ret_cause);
    tls_slot_put(&g->plant.cluster_tls, context);
    for (size_t i = 0; !error && i < config->listener_count; i++) {
        error = tls_files_load_server(&config->listeners[i].tls, &context, ret_cause);
        tls_slot_put(&g->plant.listener_tls[i], context);
    }
    return error;
}

static signet_error start_ledger(struct gateway *g, struct cause *ret_cause)
{
    const struct config_ledger *config = &g->generation->config->ledger;
    signet_error error = config_keeps_ledger(config)
                             ? ledger_publisher_start(config, g->generation->material, &g->plant.ledger, ret_cause)
                             : SIGNET_OK;
    if (!error && g->plant.ledger) {
        g->plant.shared.ledger = ledger_publisher_entries(g->plant.ledger);
    }
    return error;
}

static signet_error start_plant(struct gateway *g, struct cause *ret_cause)
{
    struct plant *plant = &g->plant;
    plant->config = g->generation->config;
    plant->listener_connections = calloc(plant->config->listener_count, sizeof *plant->listener_connections);
    plant->nodes = nodes_new(&plant->config->cluster);
    plant->shared.directory = directory_new();
    plant->shared.acknowledged = acknowledged_new();
    if (!plant->listener_connections || !plant->nodes || !plant->shared.directory || !plant->shared.acknowledged) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    signet_error error = start_tls(g, ret_cause);
    error = error ? error : gates_open(plant->config, &plant->gates, &plant->gate_count, ret_cause);
    error = error ? error : start_ledger(g, ret_cause); /* after what fails more often: each start begins a log */
    plant->shared.resends = error ? NULL : resends_new(plant->shared.ledger);
    return error || plant->shared.resends ? error : SIGNET_ERROR_OUT_OF_MEMORY;
}

/* As many descriptors as the system lets us have: each connection takes two, the client's and the broker's. */
static void raise_descriptor_limit(const struct config *config)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return;
    }
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max / 2 < config->limits.connections) {
        const struct log_field fields[] = {
            LOG_NUMBER_FIELD("limit", (int64_t)limit.rlim_max),
            LOG_NUMBER_FIELD("connections", config->limits.connections),
            LOG_TEXT_FIELD("why", slice_of_text("limits.connections allows more than there are descriptors for")),
            LOG_TEXT_FIELD("hint", slice_of_text("raise the hard limit (ulimit -Hn, LimitNOFILE), or lower the other")),
            { 0 },
        };
        log_event(LOG_WARNING, "few-descriptors", fields);
    }
}

static uint32_t count_workers(const struct config *config)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (config->workers > 0) {
        return config->workers;
    }
    return processors > 0 ? (uint32_t)processors : 1;
}

/* Whoever asks for one worker wants no more than one processor to be busy.  Without a crew everything goes on, slower. */
static void start_crew(struct plant *plant, uint32_t workers)
{
    size_t threads = workers - 1 < CREW_THREADS_MAX ? workers - 1 : CREW_THREADS_MAX;
    plant->shared.crew = threads > 0 ? crew_new(threads) : NULL;
}

/* `signet check` tells it too, where the configuration says how many workers there are. */
static void tell_share(const struct config *config, uint32_t workers)
{
    uint64_t share = config->limits.memory_bytes / workers;
    const struct log_field fields[] = {
        LOG_NUMBER_FIELD("workers", workers),
        LOG_NUMBER_FIELD("share-bytes", (int64_t)share),
        LOG_NUMBER_FIELD("frame-bytes", config->limits.frame_bytes),
        LOG_TEXT_FIELD("why", slice_of_text("frames larger than a worker's share of limits.memory pass only while it "
                                            "has nothing else to do")),
        LOG_TEXT_FIELD("hint", slice_of_text("raise limits.memory, or lower workers or limits.frame-bytes")),
        { 0 },
    };
    if (share < config->limits.frame_bytes) {
        log_event(config_share_is_small(config, share) ? LOG_WARNING : LOG_INFO, "small-share", fields);
    }
}

static signet_error make_workers(struct gateway *g)
{
    g->worker_count = count_workers(g->generation->config);
    tell_share(g->generation->config, g->worker_count);
    g->workers = calloc(g->worker_count, sizeof *g->workers);
    signet_error error = g->workers ? SIGNET_OK : SIGNET_ERROR_OUT_OF_MEMORY;
    start_crew(&g->plant, g->worker_count);
    for (; !error && g->workers_made < g->worker_count; g->workers_made++) {
        error = worker_init(&g->workers[g->workers_made], &g->plant, g->worker_count, g->generation);
    }
    return error;
}

static signet_error start_workers(struct gateway *g)
{
    signet_error error = SIGNET_OK;
    for (uint32_t i = 0; !error && i < g->worker_count; i++) {
        error = worker_start(&g->workers[i]);
    }
    return error;
}

static signet_error start_status(struct gateway *g, struct cause *ret_cause)
{
    const struct address *address = &g->generation->config->status_address;
    g->metrics = (struct metrics_source){ &g->plant, g->workers, g->worker_count };
    return g->generation->config->has_status_address
               ? status_server_start(address, &g->metrics, &g->plant.draining, &g->status, ret_cause)
               : SIGNET_OK;
}

/* It is for the operator to decide whether that is bad: swap may be encrypted, or not there. */
static void tell_swappable(void)
{
    if (secret_memory_may_be_swapped()) {
        const struct log_field fields[] = {
            LOG_TEXT_FIELD("why", slice_of_text("the system has refused to lock memory for keys")),
            LOG_TEXT_FIELD("hint", slice_of_text("raise the limit of locked memory (ulimit -l, LimitMEMLOCK)")),
            { 0 },
        };
        log_event(LOG_WARNING, "keys-may-be-swapped", fields);
    }
}

static void tell_report(const struct report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct finding *finding = &report->findings[i];
        const struct log_field fields[] = {
            LOG_TEXT_FIELD("file", slice_of_text(finding->file ? finding->file : "")),
            LOG_NUMBER_FIELD("line", finding->line),
            LOG_TEXT_FIELD("what", slice_of_text(finding->text)),
            LOG_TEXT_FIELD("hint", slice_of_text(finding->hint ? finding->hint : "")),
            { 0 },
        };
        log_event(finding->severity == SEVERITY_ERROR ? LOG_ERROR : LOG_WARNING, "configuration", fields);
    }
}

/* The running one's, where what needs a restart has changed: another port's certificates, or none, are not for this one. */
static signet_error next_listener_tls(struct gateway *g, const struct config *config, size_t index,
                                      struct tls_context **ret_context, struct cause *ret_cause)
{
    const struct config_listener *next = config_same_listener(&g->plant.config->listeners[index], config);
    if (next) {
        return tls_files_load_server(&next->tls, ret_context, ret_cause);
    }
    *ret_context = tls_slot_get(&g->plant.listener_tls[index]);
    return SIGNET_OK;
}

static signet_error next_cluster_tls(struct gateway *g, const struct config *config, struct tls_context **ret_context,
                                     struct cause *ret_cause)
{
    if (config_same_brokers(g->plant.config, config)) {
        return tls_files_load_client(&config->cluster.tls, ret_context, ret_cause);
    }
    *ret_context = tls_slot_get(&g->plant.cluster_tls);
    return SIGNET_OK;
}

/* Everything is made before anything is put to use. */
static signet_error reload_tls(struct gateway *g, const struct config *config, struct cause *ret_cause)
{
    size_t count = g->plant.config->listener_count, made = 0;
    struct tls_context *cluster = NULL, **contexts = calloc(count, sizeof(struct tls_context *));
    signet_error error = contexts ? SIGNET_OK : SIGNET_ERROR_OUT_OF_MEMORY;
    error = error ? error : next_cluster_tls(g, config, &cluster, ret_cause);
    for (; !error && made < count; made++) {
        error = next_listener_tls(g, config, made, &contexts[made], ret_cause);
    }
    if (!error) {
        tls_slot_put(&g->plant.cluster_tls, cluster);
        cluster = NULL;
    }
    for (size_t i = 0; i < made; i++) {
        if (error) {
            tls_context_release(contexts[i]);
        } else {
            tls_slot_put(&g->plant.listener_tls[i], contexts[i]);
        }
    }
    tls_context_release(cluster);
    free(contexts);
    return error;
}

static void tell_restart(void *context, const char *key, const char *listener, const char *change)
{
    char why[64];
    (void)context;
    snprintf(why, sizeof why, "it %s, which takes a restart to count", change);
    const struct log_field fields[] = {
        LOG_TEXT_FIELD("key", slice_of_text(key)),
        LOG_TEXT_FIELD("listener", slice_of_text(listener ? listener : "")),
        LOG_TEXT_FIELD("why", slice_of_text(why)),
        { 0 },
    };
    log_event(LOG_WARNING, "restart-needed", fields);
}

/* Without an identity nothing more is sealed, and the log stays the last writer's. */
static void reload_ledger(struct gateway *g, const struct material *material)
{
    if (g->plant.ledger && material->signing_key && !ledger_publisher_reload(g->plant.ledger, material)) {
        log_event(LOG_ERROR, "reload-failed", NULL);
    }
}

static void reload(void *context)
{
    struct gateway *g = context;
    struct generation *next = NULL;
    struct report report = { 0 };
    struct cause cause = { "" };
    signet_error error = generation_load(g->config_path, wall_clock_ms(), &next, &report);
    tell_report(&report);
    report_free(&report);
    error = error ? error : reload_tls(g, next->config, &cause);
    if (error) {
        const char *why = cause.text[0] ? cause.text : signet_error_text(error);
        const struct log_field fields[] = { LOG_TEXT_FIELD("why", slice_of_text(why)), { 0 } };
        log_event(LOG_ERROR, "reload-refused", fields);
        generation_release(next);
        return;
    }
    config_tell_restart(g->plant.config, next->config, tell_restart, NULL);
    log_configure(next->config->log.level, next->config->log.format);
    tell_swappable();
    for (uint32_t i = 0; i < g->worker_count; i++) {
        worker_reload(&g->workers[i], next);
    }
    reload_ledger(g, next->material);
    generation_release(next);
    log_event(LOG_INFO, "reloaded", NULL);
}

/* Orders are given once: a signal can come again before the workers have heeded the first. */
static void stop_all(struct gateway *g)
{
    if (g->stopping) {
        return;
    }
    g->stopping = true;
    for (uint32_t i = 0; i < g->workers_made; i++) {
        if (g->workers[i].started) {
            worker_stop(&g->workers[i]);
        }
    }
    if (g->loop) {
        loop_stop(g->loop);
    }
}

/* Clients that come now are refused at once, rather than left waiting, so that they go elsewhere. */
static void look_whether_drained(void *context)
{
    struct gateway *g = context;
    if (atomic_load(&g->plant.listening) == 0) {
        gates_stop(g->plant.gates, g->plant.gate_count);
    }
    bool late = loop_now_ms(g->loop) > g->drain_deadline_ms;
    if (late || atomic_load(&g->plant.connections) == 0) {
        log_event(LOG_INFO, late ? "drain-ended" : "drained", NULL);
        stop_all(g);
    }
}

static void end(void *context)
{
    struct gateway *g = context;
    if (timer_is_set(g->drain_timer)) {
        stop_all(g);
        return;
    }
    log_event(LOG_INFO, "draining", NULL);
    atomic_store(&g->plant.draining, true);
    g->drain_deadline_ms = loop_now_ms(g->loop) + g->generation->config->limits.drain_ms;
    for (uint32_t i = 0; i < g->worker_count; i++) {
        worker_drain(&g->workers[i]);
    }
    timer_repeat(g->drain_timer, DRAIN_LOOK_MS);
}

static signet_error heed_signals(struct gateway *g)
{
    signal(SIGPIPE, SIG_IGN);
    signet_error error = timer_new(g->loop, look_whether_drained, g, &g->drain_timer);
    error = error ? error : loop_on_signal(g->loop, SIGTERM, end, g);
    error = error ? error : loop_on_signal(g->loop, SIGINT, end, g);
    return error ? error : loop_on_signal(g->loop, SIGHUP, reload, g);
}

static void tell_ready(const struct gateway *g)
{
    char text[ADDRESS_TEXT_BYTES];
    for (size_t i = 0; i < g->plant.config->listener_count; i++) {
        const struct config_listener *listener = &g->plant.config->listeners[i];
        address_text(&listener->address, text);
        const struct log_field fields[] = {
            LOG_TEXT_FIELD("listener", slice_of_text(listener->name)),
            LOG_TEXT_FIELD("address", slice_of_text(text)),
            LOG_TEXT_FIELD("clients-known-by", slice_of_text(clients_known_by_word(listener->clients_known_by))),
            LOG_NUMBER_FIELD("workers", g->worker_count),
            { 0 },
        };
        log_event(LOG_INFO, "listening", fields);
    }
}

static void free_plant(struct gateway *g)
{
    struct plant *plant = &g->plant;
    for (size_t i = 0; plant->listener_tls && i < g->generation->config->listener_count; i++) {
        tls_slot_free(&plant->listener_tls[i]);
    }
    if (plant->listener_tls) {
        tls_slot_free(&plant->cluster_tls);
    }
    free(plant->listener_tls);
    free(plant->listener_connections);
    gates_close(plant->gates, plant->gate_count);
    nodes_free(plant->nodes);
    directory_free(plant->shared.directory);
    acknowledged_free(plant->shared.acknowledged);
    resends_free(plant->shared.resends);
    ledger_publisher_stop(plant->ledger); /* after all who enter anything: what resends gave up is lost to it */
    crew_free(plant->shared.crew);
}

/* Arenas for each thread, and blocks kept for later, would be most of a small gateway's memory. */
static void tune_memory(void)
{
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_MMAP_THRESHOLD, 256 * 1024);
    mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
}

signet_error gateway_run(const char *config_path, struct generation *generation, struct cause *ret_cause)
{
    struct gateway g = { .config_path = config_path, .generation = generation_retain_config(generation) };
    ret_cause->text[0] = '\0';
    tune_memory();
    log_configure(generation->config->log.level, generation->config->log.format);
    raise_descriptor_limit(generation->config);
    signet_error error = loop_new(&g.loop);
    error = error ? error : start_plant(&g, ret_cause);
    error = error ? error : heed_signals(&g);
    error = error ? error : make_workers(&g);
    generation_release(generation); /* its keys are the workers', who give them up at a reload */
    error = error ? error : start_status(&g, ret_cause);
    error = error ? error : start_workers(&g); /* last: no client is let in by a gateway that cannot start */
    if (!error) {
        tell_swappable();
        tell_ready(&g);
        loop_run(g.loop);
    } else {
        stop_all(&g);
    }
    status_server_stop(g.status);
    for (uint32_t i = 0; i < g.workers_made; i++) {
        worker_join(&g.workers[i]);
        worker_free(&g.workers[i]);
    }
    free(g.workers);
    timer_free(g.drain_timer);
    free_plant(&g);
    loop_free(g.loop);
    generation_release_config(g.generation);
    return error;
}
