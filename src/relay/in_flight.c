/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/in_flight.h"

#include <stdlib.h>

static struct in_flight_entry *at(const struct in_flight *q, size_t index)
{
    return &q->entries[(q->first + index) % q->capacity];
}

static bool grow(struct in_flight *q)
{
    size_t capacity = q->capacity ? q->capacity * 2 : 4;
    struct in_flight_entry *entries = calloc(capacity, sizeof *entries);
    if (!entries) {
        return false;
    }
    for (size_t i = 0; i < q->count; i++) {
        entries[i] = *at(q, i);
    }
    free(q->entries);
    q->entries = entries;
    q->first = 0;
    q->capacity = capacity;
    return true;
}

struct in_flight_entry *in_flight_push(struct in_flight *q)
{
    if (q->count == q->capacity && !grow(q)) {
        return NULL;
    }
    struct in_flight_entry *entry = at(q, q->count++);
    *entry = (struct in_flight_entry){ 0 };
    return entry;
}

struct in_flight_entry *in_flight_head(const struct in_flight *q)
{
    return q->count ? at(q, 0) : NULL;
}

struct in_flight_entry *in_flight_find(const struct in_flight *q, enum in_flight_kind kind)
{
    for (size_t i = 0; i < q->count; i++) {
        if (at(q, i)->kind == kind) {
            return at(q, i);
        }
    }
    return NULL;
}

void in_flight_pop(struct in_flight *q)
{
    q->first = (q->first + 1) % q->capacity;
    q->count--;
}

void in_flight_free(struct in_flight *q)
{
    free(q->entries);
    *q = (struct in_flight){ 0 };
}
