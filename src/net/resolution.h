/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an address to endpoints, without making the loop wait: names go to the
 * system's resolver on a thread of the pool.  Those who want the same name at
 * the same time share one question, so that a thousand clients that come back
 * at once cost no more than one; nothing is remembered after its answer.  One
 * that takes too long is cancelled by its owner's timer.
 */
#ifndef SIGNET_NET_RESOLUTION_H
#define SIGNET_NET_RESOLUTION_H

#include "net/endpoint.h"
#include "net/loop.h"

enum {
    /* Endpoints of one name that are tried. */
    RESOLUTION_ENDPOINTS_MAX = 8,
};

struct resolution;

struct resolution_answer {
    struct endpoint endpoints[RESOLUTION_ENDPOINTS_MAX]; /* in the order in which to try them */
    size_t count;                                        /* at least one unless there is an error */
    signet_error error;                                  /* SYSTEM: not found, or the resolver failed */
    struct cause cause;
};

/* `answer` is gone after the call, and so is the resolution. */
typedef void resolution_fn(void *context, const struct resolution_answer *answer);

/* `on_answer` is called once, never from inside this function.  OUT_OF_MEMORY or SYSTEM: it will not be. */
signet_error resolution_begin(struct loop *loop, const struct address *address, resolution_fn *on_answer, void *context,
                              struct resolution **ret_resolution);
/* `on_answer` will not be called.  Takes NULL. */
void resolution_cancel(struct resolution *resolution);

/* Any thread: is one of the pool still asking, although all loops are freed?  exit() would wait for it, _exit() does not. */
bool resolution_is_asking(void);

#endif
