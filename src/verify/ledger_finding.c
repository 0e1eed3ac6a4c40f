/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/ledger_finding.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

static const struct flaw_word words[] = {
#define X(name, text, kind, meaning, hint) { text, kind, meaning, hint },
    LEDGER_WORDS(X)
#undef X
};

const struct flaw_word *ledger_word_of(enum ledger_word word)
{
    return &words[word];
}

static bool goes_on(const struct ledger_finding *last, const struct ledger_finding *next)
{
    bool alike = last->word == next->word && last->path == next->path && strcmp(last->origin, next->origin) == 0 &&
                 last->has_records == next->has_records;
    bool in_a_row = !next->has_records ? next->path != NULL : next->first_record - last->last_record <= 1;
    return alike && in_a_row && strcmp(last->text, next->text) == 0;
}

void ledger_findings_add(struct ledger_findings *f, const struct ledger_finding *finding)
{
    f->bad |= words[finding->word].kind == FLAW_BAD;
    f->unknown |= words[finding->word].kind == FLAW_UNKNOWN;
    if (f->count > 0 && goes_on(&f->items[f->count - 1], finding)) {
        f->items[f->count - 1].last_record = finding->last_record;
        f->items[f->count - 1].count += finding->count;
        return;
    }
    struct ledger_finding *items =
        f->count < FLAWS_MAX ? array_with_room(f->items, f->count, &f->capacity, sizeof *items, 8) : NULL;
    if (!items) {
        f->left_out++;
        return;
    }
    f->items = items;
    items[f->count++] = *finding;
}

void ledger_findings_free(struct ledger_findings *f)
{
    free(f->items);
    *f = (struct ledger_findings){ 0 };
}
