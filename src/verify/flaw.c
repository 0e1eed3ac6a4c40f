/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/flaw.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"

const char *flaw_kind_word(enum flaw_kind kind)
{
    static const char *const words[] = { "bad", "could not tell", "accepted", "note" };
    return words[kind];
}

static bool has_verdict(const struct flaw *flaw)
{
    return flaw->kind == FLAW_BAD || flaw->kind == FLAW_ACCEPTED;
}

const char *flaw_text(const struct flaw *flaw)
{
    return has_verdict(flaw) ? verdict_word(flaw->verdict) : flaw_kind_word(flaw->kind);
}

const char *flaw_meaning(const struct flaw *flaw)
{
    return has_verdict(flaw) ? verdict_meaning(flaw->verdict) : NULL;
}

const char *flaw_hint(const struct flaw *flaw)
{
    if (flaw->kind == FLAW_UNKNOWN) {
        return "this part was not verified: make it readable, and verify again";
    }
    if (flaw->kind != FLAW_BAD) {
        return NULL;
    }
    switch (flaw->verdict) {
    case VERDICT_UNKNOWN_WRITER:
    case VERDICT_NOT_TRUSTED:
        return FLAW_HINT_WRITER;
    case VERDICT_UNSEALED:
        return "if these are from before the topic was sealed, give its cut-over in the trust file";
    case VERDICT_UNSUPPORTED:
        return FLAW_HINT_NEWER;
    default:
        return FLAW_HINT_COPIES;
    }
}

void flaws_free(struct flaws *flaws)
{
    free(flaws->items);
    *flaws = (struct flaws){ 0 };
}

static bool are_alike(const struct flaw *a, const struct flaw *b)
{
    return a->kind == b->kind && a->verdict == b->verdict && a->has_writer == b->has_writer &&
           memcmp(a->writer, b->writer, WRITER_KEY_BYTES) == 0 && strcmp(a->text, b->text) == 0;
}

/* What stands behind another, or begins within it. */
static bool stand_together(const struct flaw *a, const struct flaw *b)
{
    return a->first_offset >= 0 && a->last_offset >= a->first_offset && b->first_offset > a->first_offset &&
           b->first_offset - 1 <= a->last_offset && b->last_offset >= a->last_offset;
}

void flaws_add(struct flaws *flaws, const struct flaw *flaw)
{
    flaws->bad = flaws->bad || flaw->kind == FLAW_BAD;
    flaws->unknown = flaws->unknown || flaw->kind == FLAW_UNKNOWN;
    struct flaw *last = flaws->count > 0 ? &flaws->items[flaws->count - 1] : NULL;
    if (last && flaws->left_out == 0 && are_alike(last, flaw) && stand_together(last, flaw)) {
        last->last_offset = flaw->last_offset;
        last->batches += flaw->batches;
        last->seal_time_ms = flaw->seal_time_ms < last->seal_time_ms ? flaw->seal_time_ms : last->seal_time_ms;
        last->seal_time_last_ms =
            flaw->seal_time_last_ms > last->seal_time_last_ms ? flaw->seal_time_last_ms : last->seal_time_last_ms;
        return;
    }
    struct flaw *items = flaws->count < FLAWS_MAX
                             ? array_with_room(flaws->items, flaws->count, &flaws->capacity, sizeof *items, 4)
                             : NULL;
    if (!items) {
        flaws->left_out++;
        return;
    }
    flaws->items = items;
    items[flaws->count++] = *flaw;
}

void flaws_say(struct flaws *flaws, enum flaw_kind kind, int64_t first_offset, const char *format, ...)
{
    struct flaw flaw = flaw_of(kind);
    flaw.first_offset = first_offset;
    va_list values;
    va_start(values, format);
    vsnprintf(flaw.text, sizeof flaw.text, format, values);
    va_end(values);
    flaws_add(flaws, &flaw);
}
