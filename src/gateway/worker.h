/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker: one thread, one event loop, and everything that its sessions share
 * without locks.  Workers share only what locks itself (the relay's shared
 * parts, the nodes) and what never changes (configuration, material).
 */
#ifndef SIGNET_GATEWAY_WORKER_H
#define SIGNET_GATEWAY_WORKER_H

#include <pthread.h>
#include <stdatomic.h>

#include "gateway/gates.h"
#include "gateway/generation.h"
#include "gateway/ledger_publisher.h"
#include "gateway/log_limit.h"
#include "gateway/nodes.h"
#include "net/listener.h"
#include "net/timer.h"
#include "net/tls.h"
#include "relay/relay.h"

/* What all workers see. */
struct plant {
    const struct config *config; /* of the first generation: listeners and limits stay */
    struct nodes *nodes;
    struct ledger_publisher *ledger; /* NULL: none is kept */
    struct relay_shared shared;
    struct gate *gates;
    size_t gate_count;
    struct tls_slot *listener_tls; /* one for each of config->listeners */
    struct tls_slot cluster_tls;
    atomic_bool draining;
    atomic_uint connections;           /* of all workers, against limits.connections */
    atomic_uint *listener_connections; /* the same, one for each of config->listeners */
    atomic_uint listening;             /* workers that take connections from the gates */
    atomic_uint next_bootstrap;
};

struct session;
struct gate_context;

struct worker {
    struct plant *plant;
    pthread_t thread;
    struct loop *loop;
    struct relay_worker relay;
    struct compression compression;
    struct unwrap_cache *unwrap_cache;
    struct generation *generation; /* in use; one reference */
    struct recipient *recipients;  /* of the generation, as the relay's parts want them */
    struct recipient_key *recipient_keys;
    struct listener **listeners; /* one for each gate */
    struct gate_context *gate_contexts;
    bool started;
    struct session *sessions; /* doubly linked */
    size_t session_count;
    struct timer *sweep; /* looks for idle and late sessions once a second */
    struct job retry;    /* for sessions that wait for memory */
    size_t starved;      /* sessions that wait for memory */
    size_t short_bytes;  /* the most that was in use when one of them was refused more */
    bool retry_is_due;
    bool draining;
    struct log_limit log_limit;
    counter client_failures, broker_failures;         /* connections */
    int64_t told_full_ms, told_shortage_ms;           /* loop time */
    atomic_ullong memory_bytes;                       /* of relay.budget, as of the last sweep; for other threads */
    struct job drain_order, stop_order, reload_order; /* from the gateway's thread */
    _Atomic(struct generation *) next_generation;     /* with reload_order; one reference */
};

/* SYSTEM, OUT_OF_MEMORY, CRYPTO. */
signet_error worker_init(struct worker *worker, struct plant *plant, uint32_t workers, struct generation *generation);
/* Starts the thread. */
signet_error worker_start(struct worker *worker);
/* Any thread: take no more connections, and end each session when it has nothing in flight. */
void worker_drain(struct worker *worker);
/* Any thread: end now. */
void worker_stop(struct worker *worker);
void worker_join(struct worker *worker);
/* After worker_join, or when it was never started. */
void worker_free(struct worker *worker);

/* Any thread: another generation from the next turn on.  Takes a reference of its own. */
void worker_reload(struct worker *worker, struct generation *generation);

/* The worker's thread: a client's connection came in by that gate, and has closed again. */
void worker_connection_began(struct worker *worker, const struct gate *gate);
void worker_connection_ended(struct worker *worker, const struct gate *gate);

/* The worker's thread: whether anything may be read ahead has changed. */
void worker_restrain(struct worker *worker);
/* The worker's thread: a session was refused memory; what was read ahead for others is dropped. */
void worker_memory_was_short(struct worker *worker);
/* The worker's thread: sessions that were refused memory try again at the end of the turn, if there is more of it now. */
void worker_memory_was_freed(struct worker *worker);

#endif
