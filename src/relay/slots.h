/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots: where in an array something stands, found by its hash.  What peers
 * can make long (topics, partitions) is not to be searched from end to end for
 * every one of them.  Nothing is taken out again but everything at once.
 */
#ifndef SIGNET_RELAY_SLOTS_H
#define SIGNET_RELAY_SLOTS_H

#include "base/slice.h"

#define SLOT_NONE UINT32_MAX

struct slot {
    uint32_t hash;
    uint32_t place; /* one more, so that 0 is empty */
};

/* Open addressing, at most half full.  Starts as all zero. */
struct slots {
    struct slot *slots;
    uint32_t count, capacity;
};

void slots_free(struct slots *slots);
/* Forgets all and keeps the memory. */
void slots_clear(struct slots *slots);

uint32_t slots_hash(struct slice key, uint32_t more);
/* The place that `is_it` recognises among those of that hash; SLOT_NONE when there is none. */
uint32_t slots_find(const struct slots *slots, uint32_t hash, bool (*is_it)(const void *context, uint32_t place),
                    const void *context);
/* False when memory is out. */
bool slots_add(struct slots *slots, uint32_t hash, uint32_t place);

#endif
