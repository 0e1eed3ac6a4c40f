/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way to a broker: the address of the node that a client wants or, for
 * want of it, those to start from in turn; and of each the endpoints that its
 * name resolves to.  Who connects, and what becomes of it, is the session's.
 */
#ifndef SIGNET_GATEWAY_UPSTREAM_H
#define SIGNET_GATEWAY_UPSTREAM_H

#include "gateway/worker.h"
#include "net/resolution.h"

/* Starts as all zero. */
struct upstream {
    struct address broker;
    bool provisional;            /* the node's address was not known: this may be another broker */
    size_t server, servers_left; /* which of those to start from, and how many more there are if it fails */
    struct resolution_answer found;
    size_t next_endpoint;
};

/* The first time, and again when `broker` has failed: the next one.  `node` is -1 when any will do. */
void upstream_choose(struct upstream *u, struct plant *plant, int32_t node);
/* Is there another one to choose? */
bool upstream_has_another(const struct upstream *u);

/* What `broker` resolves to. */
void upstream_resolved(struct upstream *u, const struct resolution_answer *answer);
bool upstream_has_endpoint(const struct upstream *u);
/* Begins to connect to the next endpoint that takes a socket.  SYSTEM with a cause when none is left; there was one. */
signet_error upstream_connect(struct upstream *u, int *ret_descriptor, struct endpoint *ret_endpoint,
                              struct cause *ret_cause);

/* Where the node is may have been learnt since, by this session or by any other: is `broker` not it? */
bool upstream_is_misplaced(struct upstream *u, struct nodes *nodes, int32_t node);

#endif
