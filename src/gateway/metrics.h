/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway in numbers: as Prometheus reads them (text format 0.0.4), and as a page for people. */
#ifndef SIGNET_GATEWAY_METRICS_H
#define SIGNET_GATEWAY_METRICS_H

#include "gateway/worker.h"

struct metrics_source {
    const struct plant *plant;
    const struct worker *workers;
    uint32_t worker_count;
};

/* The caller frees; NULL when memory is out. */
char *metrics_as_prometheus(const struct metrics_source *source);
/* One page of HTML that renews itself. */
char *metrics_as_page(const struct metrics_source *source);

#endif
