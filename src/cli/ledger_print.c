/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ledger_print.h"

#include <inttypes.h>

#include <jansson.h>

#include "base/utc.h"
#include "cli/report_print.h"
#include "cli/told.h"

static const char *result_text(const struct ledger_source *s)
{
    if (s->findings.bad) {
        return "THE ACCOUNT IS IN DOUBT: see the findings below";
    }
    if (s->findings.unknown) {
        return "COULD NOT TELL for all: see below";
    }
    return s->logs.lines.count > 0 ? "intact, and going on or ended" : "no record was found";
}

static void print_summary(FILE *out, const struct ledger_source *s)
{
    char from[UTC_TEXT_BYTES], to[UTC_TEXT_BYTES];
    fprintf(out, "ledger      %zu logs, %" PRIu64 " authentic records, %" PRIu64 " batches entered\n", s->logs.count,
            s->logs.lines.count, s->logs.batches);
    if (s->logs.lines.count > 0) {
        fprintf(out, "recorded    %s to %s\n", utc_text(s->logs.first_ms, from), utc_text(s->logs.last_ms, to));
    }
    fprintf(out, "account     %s\n", result_text(s));
}

void ledger_print(FILE *out, const struct ledger_source *s)
{
    bool colour = is_in_colour(out);
    print_summary(out, s);
    for (int kind = FLAW_BAD; kind <= FLAW_NOTE; kind++) {
        for (size_t i = 0; i < s->findings.count; i++) {
            if (ledger_word_of(s->findings.items[i].word)->kind == (enum flaw_kind)kind) {
                struct told told;
                told_of_ledger(&s->findings.items[i], &told);
                told_print(out, &told, colour);
            }
        }
    }
    if (s->findings.left_out > 0) {
        fprintf(out, "ledger: %" PRIu64 " more findings are not shown\n", s->findings.left_out);
    }
}

static json_t *finding_json(const struct ledger_finding *f)
{
    const struct flaw_word *word = ledger_word_of(f->word);
    char path[SHOWN_BYTES], text[SHOWN_BYTES];
    return json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:o, s:o, s:I, s:o, s:s, s:s?}", "kind", flaw_kind_word(word->kind),
                     "word", word->text, "meaning", word->meaning, "path", f->path ? shown_text(f->path, path) : NULL,
                     "log", f->origin[0] ? f->origin : NULL, "first-record",
                     f->has_records ? json_integer((json_int_t)f->first_record) : json_null(), "last-record",
                     f->has_records ? json_integer((json_int_t)f->last_record) : json_null(), "records",
                     (json_int_t)f->count, "time-ms", f->time_ms >= 0 ? json_integer(f->time_ms) : json_null(), "text",
                     shown_text(f->text, text), "hint", word->hint);
}

struct json_t *ledger_json(const struct ledger_source *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->findings.count; i++) {
        json_array_append_new(list, finding_json(&s->findings.items[i]));
    }
    bool any = s->logs.lines.count > 0;
    return json_pack("{s:b, s:I, s:I, s:I, s:o, s:o, s:o, s:I}", "intact",
                     any && !s->findings.bad && !s->findings.unknown, "logs", (json_int_t)s->logs.count, "records",
                     (json_int_t)s->logs.lines.count, "batches", (json_int_t)s->logs.batches, "first-time-ms",
                     any ? json_integer(s->logs.first_ms) : json_null(), "last-time-ms",
                     any ? json_integer(s->logs.last_ms) : json_null(), "findings", list, "findings-left-out",
                     (json_int_t)s->findings.left_out);
}
