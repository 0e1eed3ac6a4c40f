/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates and TLS keys that a configuration names, looked at before
 * anything is started: readable, whole, in date, belonging together, strong
 * enough for the TLS library, for the hosts that clients are told, and keys
 * for nobody else to read.  Nothing of that is kept; net/ loads them itself.
 */
#ifndef SIGNET_GATEWAY_TLS_FILES_H
#define SIGNET_GATEWAY_TLS_FILES_H

#include "gateway/config.h"
#include "net/tls.h"

/* Findings go to `report`; `now_ms` is Unix time. */
void tls_files_check(const struct config *config, int64_t now_ms, struct report *report);

/* What a listener, or all connections to brokers, do TLS with: NULL where it is not enabled.  Errors are those of net/tls.h. */
signet_error tls_files_load_server(const struct config_server_tls *tls, struct tls_context **ret_context,
                                   struct cause *ret_cause);
signet_error tls_files_load_client(const struct config_client_tls *tls, struct tls_context **ret_context,
                                   struct cause *ret_cause);

#endif
