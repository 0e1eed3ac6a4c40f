/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gateway as a whole: opens its gates, runs its workers, and heeds signals.
 * SIGTERM and SIGINT drain and end it (a second one ends it now); SIGHUP reads
 * configuration, keys, trust file and certificates again.
 */
#ifndef SIGNET_GATEWAY_GATEWAY_H
#define SIGNET_GATEWAY_GATEWAY_H

#include "gateway/generation.h"
#include "net/cause.h"

/* Takes over `generation`.  Returns when it has been told to end; `ret_cause` says why it could not start. */
signet_error gateway_run(const char *config_path, struct generation *generation, struct cause *ret_cause);

#endif
