/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/slots.h"

#include <stdlib.h>

#include "crypto/table_hash.h"

void slots_free(struct slots *slots)
{
    free(slots->slots);
    *slots = (struct slots){ 0 };
}

void slots_clear(struct slots *slots)
{
    if (slots->count > 0) {
        memset(slots->slots, 0, slots->capacity * sizeof *slots->slots);
    }
    slots->count = 0;
}

uint32_t slots_hash(struct slice key, uint32_t more)
{
    return (uint32_t)table_hash(key, more);
}

uint32_t slots_find(const struct slots *slots, uint32_t hash, bool (*is_it)(const void *context, uint32_t place),
                    const void *context)
{
    if (slots->count == 0) {
        return SLOT_NONE;
    }
    uint32_t mask = slots->capacity - 1;
    for (uint32_t at = hash & mask; slots->slots[at].place != 0; at = (at + 1) & mask) {
        const struct slot *slot = &slots->slots[at];
        if (slot->hash == hash && is_it(context, slot->place - 1)) {
            return slot->place - 1;
        }
    }
    return SLOT_NONE;
}

static void put(struct slots *slots, struct slot slot)
{
    uint32_t at = slot.hash & (slots->capacity - 1);
    while (slots->slots[at].place != 0) {
        at = (at + 1) & (slots->capacity - 1);
    }
    slots->slots[at] = slot;
}

static bool grow(struct slots *slots)
{
    struct slots grown = { .count = slots->count, .capacity = slots->capacity ? slots->capacity * 2 : 8 };
    grown.slots = calloc(grown.capacity, sizeof *grown.slots);
    if (!grown.slots) {
        return false;
    }
    for (uint32_t i = 0; i < slots->capacity; i++) {
        if (slots->slots[i].place != 0) {
            put(&grown, slots->slots[i]);
        }
    }
    free(slots->slots);
    *slots = grown;
    return true;
}

bool slots_add(struct slots *slots, uint32_t hash, uint32_t place)
{
    if (2 * (slots->count + 1) > slots->capacity && !grow(slots)) {
        return false;
    }
    put(slots, (struct slot){ hash, place + 1 });
    slots->count++;
    return true;
}
