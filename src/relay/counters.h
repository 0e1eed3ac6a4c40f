/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker's conversations have done, counted by its thread and read by
 * any.  Each count only grows.
 */
#ifndef SIGNET_RELAY_COUNTERS_H
#define SIGNET_RELAY_COUNTERS_H

#include <stdatomic.h>

#include "seal/verdict.h"

typedef atomic_ullong counter;

struct relay_counters {
    counter requests, look_ups;
    counter batches_sealed, bytes_sealed, batches_resent;
    counter batches_opened, bytes_opened;
    counter read_ahead, read_ahead_dropped; /* answers */
    counter produce_refused;
    counter findings[VERDICT_COUNT]; /* batches with a bad verdict, accepted ones too */
    counter faults;                  /* conversations that ended in one */
};

/* Only the owner adds, so nothing has to be locked. */
static inline void counter_add(counter *c, unsigned long long amount)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + amount, memory_order_relaxed);
}

static inline unsigned long long counter_read(const counter *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

#endif
