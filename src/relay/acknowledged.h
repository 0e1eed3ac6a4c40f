/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this process has learnt about batches acknowledged with acks=all and not
 * yet told: each is listed once, in the next seal for its partition on any
 * connection (spec/sealed-batch.md, section 8.3).
 *
 * One for the process; every function may be called by any thread.
 */
#ifndef SIGNET_RELAY_ACKNOWLEDGED_H
#define SIGNET_RELAY_ACKNOWLEDGED_H

#include "seal/envelope.h"

struct acknowledged;

/* NULL when memory is out. */
struct acknowledged *acknowledged_new(void);
/* Takes NULL. */
void acknowledged_free(struct acknowledged *acknowledged);

/* Out of memory, or past a limit, some are forgotten: less is proven, nothing is wrong. */
void acknowledged_add(struct acknowledged *acknowledged, const struct place *place,
                      const struct predecessor *predecessor);
/* Takes at most PREDECESSORS_MAX, oldest first; returns how many. */
size_t acknowledged_take(struct acknowledged *acknowledged, const struct place *place,
                         struct predecessor ret_predecessors[PREDECESSORS_MAX]);

#endif
