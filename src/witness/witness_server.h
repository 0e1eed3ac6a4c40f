/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A witness over HTTP: POST /add-checkpoint as C2SP tlog-witness has it, and
 * GET for /metrics, /healthz, and / for people.
 */
#ifndef SIGNET_WITNESS_WITNESS_SERVER_H
#define SIGNET_WITNESS_WITNESS_SERVER_H

#include "net/cause.h"
#include "witness/witness_config.h"

/* Until SIGTERM or SIGINT.  SYSTEM with a cause; OUT_OF_MEMORY. */
signet_error witness_run(const struct witness_config *config, struct cause *ret_cause);

#endif
