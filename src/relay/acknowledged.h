/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this process has learnt about batches acknowledged with acks=all: each
 * is listed in the next seal for its partition on any connection, and in the
 * one after that again until a seal that lists it was itself acknowledged with
 * acks=all (spec/sealed-batch.md, section 8.3).
 *
 * One for the process; every function may be called by any thread.
 */
#ifndef SIGNET_RELAY_ACKNOWLEDGED_H
#define SIGNET_RELAY_ACKNOWLEDGED_H

#include "seal/envelope.h"

struct acknowledged;

/* What one seal lists. */
struct listing {
    struct listing *next; /* for the table */
    struct place place;
    size_t count;
    struct predecessor predecessors[PREDECESSORS_MAX]; /* the oldest first */
};

/* NULL when memory is out. */
struct acknowledged *acknowledged_new(void);
/* Takes NULL. */
void acknowledged_free(struct acknowledged *acknowledged);

/* Out of memory, or past a limit, some are forgotten: less is proven, nothing is wrong. */
void acknowledged_add(struct acknowledged *acknowledged, const struct place *place,
                      const struct predecessor *predecessor);
/* All that waits for that partition: the caller's to free or to give back.  NULL when there is nothing. */
struct listing *acknowledged_take(struct acknowledged *acknowledged, const struct place *place);
/* The seal that listed it was not acknowledged: the next one lists it too.  Takes NULL. */
void acknowledged_give_back(struct acknowledged *acknowledged, struct listing *listing);

#endif
