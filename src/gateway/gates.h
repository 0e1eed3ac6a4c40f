/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gates: every address that the gateway listens on.  Each listener has one for
 * bootstrap and one for every node that clients may be sent to: a port, or a
 * path with the node's number behind it.
 */
#ifndef SIGNET_GATEWAY_GATES_H
#define SIGNET_GATEWAY_GATES_H

#include "gateway/config.h"
#include "net/cause.h"

/* A descriptor that is listened on, and what a connection on it is for. */
struct gate {
    const struct config_listener *listener;
    int descriptor; /* -1: stopped */
    int32_t node;   /* -1: bootstrap, or by name */
};

/* All or none.  SYSTEM with a cause that names the address, OUT_OF_MEMORY. */
signet_error gates_open(const struct config *config, struct gate **ret_gates, size_t *ret_count,
                        struct cause *ret_cause);
/* Refuses new connections from now on; who came in by a gate may still look at it.  No loop may listen any more. */
void gates_stop(struct gate *gates, size_t count);
/* Takes NULL. */
void gates_close(struct gate *gates, size_t count);

#endif
