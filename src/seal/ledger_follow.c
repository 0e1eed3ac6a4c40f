/* SPDX-License-Identifier: Apache-2.0 */
#include "seal/ledger_follow.h"

static bool same_state(const struct ledger_point *point, uint64_t size, const uint8_t root[SHA256_BYTES])
{
    return point->size == size && memcmp(point->root, root, SHA256_BYTES) == 0;
}

/* Every record has a leaf, so that the numbers between two leave room for at least as many leaves. */
static bool may_precede(uint64_t number, uint64_t size, uint64_t later_number, uint64_t later_first)
{
    return later_first >= size && later_first - size >= later_number - number - 1;
}

static void remember(struct ledger_follow *f, const struct ledger_record *record)
{
    if (f->count == LEDGER_POINTS_MAX) {
        f->count--;
        memmove(&f->points[0], &f->points[1], f->count * sizeof f->points[0]);
    }
    struct ledger_point *point = &f->points[f->count++];
    point->number = record->number;
    point->size = record->note.checkpoint.size;
    memcpy(point->root, record->note.checkpoint.root, SHA256_BYTES);
    f->closed = record->closes;
    f->time_ms = record->last.time_ms;
}

static enum ledger_step step_ahead(const struct ledger_follow *f, const struct ledger_record *record,
                                   const uint8_t root_before[SHA256_BYTES])
{
    const struct ledger_point *last = &f->points[f->count - 1];
    if (f->closed) {
        return LEDGER_FORKED;
    }
    if (record->number - last->number == 1) {
        return same_state(last, record->first, root_before) ? LEDGER_FOLLOWS : LEDGER_FORKED;
    }
    return may_precede(last->number, last->size, record->number, record->first) ? LEDGER_GAP : LEDGER_FORKED;
}

/* Against the one of its number, or those on either side of it. */
static enum ledger_step step_back(const struct ledger_follow *f, const struct ledger_record *record,
                                  const uint8_t root_before[SHA256_BYTES])
{
    const struct checkpoint *checkpoint = &record->note.checkpoint;
    size_t at = 0;
    while (f->points[at].number < record->number) {
        at++;
    }
    const struct ledger_point *next = &f->points[at], *before = at ? next - 1 : NULL;
    if (next->number == record->number) {
        return same_state(next, checkpoint->size, checkpoint->root) ? LEDGER_REPEATED : LEDGER_FORKED;
    }
    if (record->closes || !may_precede(record->number, checkpoint->size, next->number, next->size - 1)) {
        return LEDGER_FORKED;
    }
    if (before && record->number - before->number == 1) {
        return same_state(before, record->first, root_before) ? LEDGER_EARLIER : LEDGER_FORKED;
    }
    bool fits = !before || may_precede(before->number, before->size, record->number, record->first);
    return fits ? LEDGER_EARLIER : LEDGER_FORKED;
}

enum ledger_step ledger_follow(struct ledger_follow *f, const struct ledger_record *record,
                               const uint8_t root_before[SHA256_BYTES], uint64_t *ret_missed)
{
    const struct ledger_point *last = f->count ? &f->points[f->count - 1] : NULL;
    enum ledger_step step = LEDGER_FOLLOWS;
    *ret_missed = 0;
    if (last && record->number <= last->number) {
        return step_back(f, record, root_before);
    }
    if (last) {
        step = step_ahead(f, record, root_before);
    }
    if (step == LEDGER_GAP) {
        *ret_missed = record->number - last->number - 1;
    }
    if (step != LEDGER_FORKED) {
        remember(f, record);
    }
    return step;
}
