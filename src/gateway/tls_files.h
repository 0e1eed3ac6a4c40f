/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates and TLS keys that a configuration names, looked at before
 * anything is started: readable, whole, in date, belonging together, and keys
 * for nobody else to read.  Nothing is kept; net/ loads them itself.
 */
#ifndef SIGNET_GATEWAY_TLS_FILES_H
#define SIGNET_GATEWAY_TLS_FILES_H

#include "gateway/config.h"

/* Findings go to `report`; `now_ms` is Unix time. */
void tls_files_check(const struct config *config, int64_t now_ms, struct report *report);

#endif
