/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a gateway tells over HTTP: /metrics for Prometheus, /healthz for load
 * balancers (200, or 503 while draining), and / for people.  It has a thread of
 * its own, answers GET and HEAD alone, and tells nothing that is secret; but it is meant
 * for the operators' network.
 */
#ifndef SIGNET_GATEWAY_STATUS_SERVER_H
#define SIGNET_GATEWAY_STATUS_SERVER_H

#include <stdatomic.h>

#include "gateway/metrics.h"
#include "net/address.h"
#include "net/cause.h"

struct status_server;

/* `source` and `draining` are borrowed.  SYSTEM with a cause. */
signet_error status_server_start(const struct address *address, const struct metrics_source *source,
                                 const atomic_bool *draining, struct status_server **ret_server,
                                 struct cause *ret_cause);
/* Takes NULL. */
void status_server_stop(struct status_server *server);

#endif
