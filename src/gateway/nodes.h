/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the brokers are: node id to address, as configured or as learnt from
 * Metadata passing by.  One for the process; any thread.
 */
#ifndef SIGNET_GATEWAY_NODES_H
#define SIGNET_GATEWAY_NODES_H

#include "base/error.h"
#include "gateway/config.h"
#include "net/address.h"

struct nodes;

/* Starts with the configured ones, which stay whatever brokers say.  NULL when memory is out. */
struct nodes *nodes_new(const struct config_cluster *cluster);
/* Takes NULL. */
void nodes_free(struct nodes *nodes);

/* LIMIT past NODES_MAX; MALFORMED when it is no address. */
signet_error nodes_learn(struct nodes *nodes, int32_t id, struct slice host, int32_t port);
bool nodes_find(struct nodes *nodes, int32_t id, struct address *ret_address);

#endif
