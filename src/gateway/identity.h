/* SPDX-License-Identifier: Apache-2.0 */
/* Who a client is before it has said anything, by what its listener goes by (spec/threat-model.md, "Who may ask"). */
#ifndef SIGNET_GATEWAY_IDENTITY_H
#define SIGNET_GATEWAY_IDENTITY_H

#include "gateway/config.h"
#include "net/connection.h"

/*
 * False: nobody we may serve.  `ret_principal` has `size` bytes; it is empty
 * when the client is let in without a name, or has yet to authenticate.
 */
bool identity_of_client(const struct config_listener *listener, const struct connection *connection,
                        char *ret_principal, size_t size);
/* Must the brokers say who the client is? */
bool identity_is_the_brokers(const struct config_listener *listener);

#endif
