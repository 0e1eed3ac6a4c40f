/* SPDX-License-Identifier: Apache-2.0 */
/* Where clients are told that a node is, and which node a client that asks for a name means. */
#ifndef SIGNET_GATEWAY_ADVERTISED_H
#define SIGNET_GATEWAY_ADVERTISED_H

#include "gateway/config.h"

/* False when this listener has no address for that node. */
bool advertised_address(const struct config_advertised *advertised, int32_t node, char ret_host[256],
                        int32_t *ret_port);
/* -1 when the name (SNI, lower case; NULL for none) is no node's. */
int32_t advertised_node(const struct config_advertised *advertised, const char *server_name);

#endif
