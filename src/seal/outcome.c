/* SPDX-License-Identifier: Apache-2.0 */
#include "seal/outcome.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/limits.h"

void outcomes_free(struct outcomes *o)
{
    free(o->open);
    *o = (struct outcomes){ 0 };
}

static int by_first_offset(const void *a, const void *b)
{
    const struct aborted_transaction *x = a, *y = b;
    return (x->first_offset > y->first_offset) - (x->first_offset < y->first_offset);
}

void outcome_pass_begin(struct outcome_pass *pass, struct aborted_transaction *list, size_t count)
{
    if (count > 1) {
        qsort(list, count, sizeof *list, by_first_offset);
    }
    *pass = (struct outcome_pass){ .list = list, .count = count };
}

/* Entries up to `offset` take effect; an entry is in effect while its first_offset is at or before, until its marker. */
static void take_effect(struct outcome_pass *pass, int64_t offset)
{
    while (pass->next < pass->count && pass->list[pass->next].first_offset <= offset) {
        pass->next++;
    }
}

static bool in_effect(const struct outcome_pass *pass, int64_t producer_id)
{
    for (size_t i = 0; i < pass->next; i++) {
        if (pass->list[i].producer_id == producer_id) {
            return true;
        }
    }
    return false;
}

/* An abort marker ends every entry of its producer that is in effect. */
static void end_effect(struct outcome_pass *pass, int64_t producer_id)
{
    size_t kept = 0;
    for (size_t i = 0; i < pass->count; i++) {
        if (i < pass->next && pass->list[i].producer_id == producer_id) {
            continue;
        }
        pass->list[kept++] = pass->list[i];
    }
    pass->next -= pass->count - kept;
    pass->count = kept;
}

static struct open_transaction *find_open(const struct outcomes *o, int64_t producer_id)
{
    for (size_t i = 0; i < o->count; i++) {
        if (o->open[i].producer_id == producer_id) {
            return &o->open[i];
        }
    }
    return NULL;
}

static struct open_transaction *add_open(struct outcomes *o, int64_t producer_id)
{
    if (o->count == OPEN_TRANSACTIONS_MAX) {
        return NULL;
    }
    struct open_transaction *open = array_with_room(o->open, o->count, &o->capacity, sizeof *open, 4);
    if (!open) {
        return NULL;
    }
    o->open = open;
    o->open[o->count] = (struct open_transaction){ .producer_id = producer_id };
    return &o->open[o->count++];
}

void outcome_data(struct outcomes *o, struct outcome_pass *pass, int64_t producer_id, int64_t last_offset)
{
    take_effect(pass, last_offset);
    struct open_transaction *open = find_open(o, producer_id);
    open = open ? open : add_open(o, producer_id);
    if (!open) {
        return;
    }
    bool listed = in_effect(pass, producer_id);
    open->listed |= listed;
    open->unlisted |= !listed;
}

bool outcome_marker(struct outcomes *o, struct outcome_pass *pass, int64_t producer_id, int64_t offset, bool commit)
{
    take_effect(pass, offset);
    const struct open_transaction *open = find_open(o, producer_id);
    bool agrees = commit ? !in_effect(pass, producer_id) && !(open && open->listed) : !(open && open->unlisted);
    if (!agrees) {
        return false;
    }
    if (!commit) {
        end_effect(pass, producer_id);
    }
    outcome_forget(o, producer_id);
    return true;
}

void outcome_forget(struct outcomes *o, int64_t producer_id)
{
    struct open_transaction *open = find_open(o, producer_id);
    if (open) {
        *open = o->open[--o->count];
    }
}
