/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/ongoing.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/limits.h"

struct search {
    const struct ongoing *ongoing;
    int64_t producer_id;
};

static uint32_t hash(int64_t producer_id)
{
    return slots_hash(slice_of(&producer_id, sizeof producer_id), 0);
}

static bool is_of(const void *context, uint32_t place)
{
    const struct search *search = context;
    return search->ongoing->items[place].producer_id == search->producer_id;
}

/* Open or not. */
static uint32_t find(const struct ongoing *o, int64_t producer_id)
{
    const struct search search = { o, producer_id };
    return slots_find(&o->slots, hash(producer_id), is_of, &search);
}

/* Those that are open, in their order, at the front; `items` has room for them. */
static bool keep_open(struct ongoing *o, struct ongoing_transaction *items)
{
    uint32_t at = o->oldest, kept = 0;
    slots_clear(&o->slots);
    for (; kept < o->open; kept++) {
        items[kept] = o->items[at];
        at = items[kept].after;
        items[kept].before = kept - 1;
        items[kept].after = kept + 1;
        if (!slots_add(&o->slots, hash(items[kept].producer_id), kept)) {
            return false;
        }
    }
    o->oldest = 0;
    o->newest = kept - 1;
    return true;
}

/* Room for one item more: by leaving out those that have ended, or with more memory. */
static signet_error make_room(struct ongoing *o)
{
    if (o->count < o->capacity) {
        return SIGNET_OK;
    }
    size_t capacity = 2 * o->open + 64;
    struct ongoing_transaction *items = malloc(capacity * sizeof *items);
    if (!items || !keep_open(o, items)) {
        free(items);
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    free(o->items);
    o->items = items;
    o->capacity = capacity;
    o->count = o->open;
    return SIGNET_OK;
}

static signet_error place_of(struct ongoing *o, int64_t producer_id, uint32_t *ret_place)
{
    *ret_place = find(o, producer_id);
    if (*ret_place != SLOT_NONE) {
        return SIGNET_OK;
    }
    signet_error error = o->open == ONGOING_TRANSACTIONS_MAX ? SIGNET_ERROR_LIMIT : make_room(o);
    if (error || !slots_add(&o->slots, hash(producer_id), (uint32_t)o->count)) {
        return error ? error : SIGNET_ERROR_OUT_OF_MEMORY;
    }
    *ret_place = (uint32_t)o->count++;
    o->items[*ret_place] = (struct ongoing_transaction){ .producer_id = producer_id };
    return SIGNET_OK;
}

static void begin(struct ongoing *o, uint32_t place, int64_t first_offset)
{
    struct ongoing_transaction *t = &o->items[place];
    t->open = true;
    t->first_offset = first_offset;
    t->before = o->newest;
    if (o->open > 0) {
        o->items[o->newest].after = place;
    } else {
        o->oldest = place;
    }
    o->newest = place;
    o->open++;
}

signet_error ongoing_add(struct ongoing *o, const struct batch_header *batch)
{
    uint32_t place;
    signet_error error = place_of(o, batch->producer_id, &place);
    if (error) {
        return error;
    }
    if (!o->items[place].open) {
        begin(o, place, batch->base_offset);
    }
    o->items[place].last_offset = batch_last_offset(batch);
    o->items[place].producer_epoch = batch->producer_epoch;
    return SIGNET_OK;
}

const struct ongoing_transaction *ongoing_find(const struct ongoing *o, int64_t producer_id)
{
    uint32_t place = find(o, producer_id);
    return place != SLOT_NONE && o->items[place].open ? &o->items[place] : NULL;
}

int64_t ongoing_oldest_but(const struct ongoing *o, int64_t producer_id)
{
    if (o->open == 0) {
        return -1;
    }
    const struct ongoing_transaction *oldest = &o->items[o->oldest];
    if (oldest->producer_id != producer_id) {
        return oldest->first_offset;
    }
    return o->open > 1 ? o->items[oldest->after].first_offset : -1;
}

void ongoing_end(struct ongoing *o, int64_t producer_id)
{
    uint32_t place = find(o, producer_id);
    if (place == SLOT_NONE || !o->items[place].open) {
        return;
    }
    struct ongoing_transaction *t = &o->items[place];
    if (place == o->oldest) {
        o->oldest = t->after;
    } else {
        o->items[t->before].after = t->after;
    }
    if (place == o->newest) {
        o->newest = t->before;
    } else {
        o->items[t->after].before = t->before;
    }
    t->open = false;
    o->open--;
}

void ongoing_clear(struct ongoing *o)
{
    slots_clear(&o->slots);
    o->count = o->open = 0;
}

void ongoing_free(struct ongoing *o)
{
    slots_free(&o->slots);
    free(o->items);
    *o = (struct ongoing){ 0 };
}
