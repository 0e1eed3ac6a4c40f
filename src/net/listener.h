/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A listener takes connections from a listening descriptor on one loop.
 * Several loops each have a listener on the same descriptor: a loop takes one
 * connection a turn, so that those with nothing to do take most.
 *
 * The descriptor stays its opener's, who closes it (socket_close_listening)
 * when every loop has closed its listener.
 */
#ifndef SIGNET_NET_LISTENER_H
#define SIGNET_NET_LISTENER_H

#include "net/endpoint.h"
#include "net/loop.h"

enum {
    /* How long no connection is taken when descriptors or memory are short, or the owner wants no more. */
    LISTENER_PAUSE_MS = 100,
};

struct listener;

struct listener_handler {
    /* May one more be taken?  No: asked again after a pause.  NULL: always. */
    bool (*may_accept)(void *context);
    /* The descriptor is the callee's. */
    void (*on_accepted)(void *context, int descriptor, const struct endpoint *peer);
    /* Accepting failed for want of something (errno value) and is paused.  May be NULL. */
    void (*on_shortage)(void *context, int system_error);
    void *context;
};

/* OUT_OF_MEMORY, or SYSTEM with errno. */
signet_error listener_new(struct loop *loop, int descriptor, const struct listener_handler *handler,
                          struct listener **ret_listener);
/* Ends a pause now, as when a connection has closed. */
void listener_resume(struct listener *listener);
/* No callback from now on, and the descriptor is not polled any more.  Takes NULL. */
void listener_close(struct listener *listener);

#endif
