/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A watch polls a connection on a loop and owns it.  What is wanted is only
 * noted; the system is told at the end of the turn, and only of a change.
 * What TLS wants for itself (to read before it can write, bytes that it holds
 * already) is seen to here: WATCH_READ means that a read is worth trying.
 *
 * The rule to keep: call watch_want after reading, writing or shaking hands,
 * also when the wish is the same.  It costs nothing, and TLS may need another
 * event than before.  After CLOSED want no WATCH_READ: it would be told in
 * every turn.
 */
#ifndef SIGNET_NET_WATCH_H
#define SIGNET_NET_WATCH_H

#include "net/connection.h"
#include "net/loop.h"

enum watch_event {
    WATCH_READ = 1,
    WATCH_WRITE = 2,
    WATCH_HANGUP = 4, /* the peer sends no more; told once, also when nothing is read */
};

struct watch;

/* `events` is of what is wanted.  While hands are shaken it is READ and WRITE at once. */
typedef void watch_ready_fn(void *context, unsigned events);

struct watch_handler {
    watch_ready_fn *on_ready;
    job_fn *on_closed; /* the last call: the connection is gone, and the watch is not to be used; may be NULL */
    void *context;
};

/* Nothing is wanted yet.  The connection is taken on success only.  OUT_OF_MEMORY, or SYSTEM with errno. */
signet_error watch_new(struct loop *loop, struct connection *connection, const struct watch_handler *handler,
                       struct watch **ret_watch);
/* Replaces what was wanted.  An unestablished connection is polled for its handshake whenever anything is wanted. */
void watch_want(struct watch *watch, unsigned events);
unsigned watch_wanted(const struct watch *watch);
struct connection *watch_connection(struct watch *watch);
/* No on_ready from now on; at the end of the turn the connection is freed and on_closed called.  May be called again before that; takes NULL. */
void watch_close(struct watch *watch);

#endif
