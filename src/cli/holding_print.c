/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/holding_print.h"

#include <inttypes.h>

#include <jansson.h>

#include "cli/report_print.h"
#include "cli/shown.h"

static void print_summary(FILE *out, const struct holding *h)
{
    const uint64_t *n = h->words;
    fprintf(out, "entries     %" PRIu64 " stored as acknowledged, %" PRIu64 " deleted, %" PRIu64 " expired\n",
            n[HOLDING_RIGHT] + n[HOLDING_RESOLVED], n[HOLDING_DELETED], n[HOLDING_EXPIRED]);
    if (h->elsewhere + n[HOLDING_UNREAD] > 0) {
        fprintf(out, "unsaid      %" PRIu64 " entries are of partitions not given here, %" PRIu64 " of unread parts\n",
                h->elsewhere, n[HOLDING_UNREAD]);
    }
    if (n[HOLDING_NOT_YET] > 0) {
        fprintf(out, "not yet     %" PRIu64 " batches were stored since the last record\n", n[HOLDING_NOT_YET]);
    }
    fprintf(out, "held        %s\n",
            h->bad ? "WHAT IS STORED IS NOT WHAT WAS ACKNOWLEDGED: see the findings below"
                   : "nothing acknowledged is known to be gone");
}

static void print_place(FILE *out, const struct survey *survey)
{
    char text[SHOWN_BYTES];
    fprintf(out, " %s-%d", shown_text(survey->topic, text), (int)survey->partition);
}

static void print_finding(FILE *out, const struct holding_finding *f, const struct verify_result *disks, bool colour)
{
    bool bad = holding_word_of(f->word)->kind == FLAW_BAD;
    fprintf(out, "%s%s%s:", colour && bad ? "\033[1;31m" : "", holding_word_of(f->word)->text,
            colour && bad ? "\033[0m" : "");
    print_place(out, &disks->surveys[f->survey]);
    fprintf(out, " offsets %" PRId64 "-%" PRId64 "\n    %" PRIu64 " batches: %s\n", f->first, f->last, f->count,
            holding_word_of(f->word)->meaning);
    if (f->word == HOLDING_MOVED) {
        fputs("    now in", out);
        print_place(out, &disks->surveys[f->moved_survey]);
        fprintf(out, " from offset %" PRId64 "\n", f->moved_offset);
    }
    if (f->acks_one) {
        fputs("    acks=1 permits it: a leader that fails loses what followers do not have yet\n", out);
    }
    if (holding_word_of(f->word)->hint) {
        fprintf(out, "    hint: %s\n", holding_word_of(f->word)->hint);
    }
}

void holding_print(FILE *out, const struct holding *h, const struct verify_result *disks)
{
    bool colour = is_in_colour(out);
    print_summary(out, h);
    for (int kind = FLAW_BAD; kind <= FLAW_NOTE; kind++) {
        for (size_t i = 0; i < h->count; i++) {
            if (holding_word_of(h->findings[i].word)->kind == (enum flaw_kind)kind) {
                print_finding(out, &h->findings[i], disks, colour);
            }
        }
    }
    if (h->left_out > 0) {
        fprintf(out, "entries: %" PRIu64 " more findings are not shown\n", h->left_out);
    }
}

static json_t *moved_json(const struct holding_finding *f, const struct verify_result *disks)
{
    const struct survey *to = &disks->surveys[f->moved_survey];
    return f->word != HOLDING_MOVED ? json_null()
                                    : json_pack("{s:s, s:i, s:I}", "topic", to->topic, "partition", (int)to->partition,
                                                "offset", (json_int_t)f->moved_offset);
}

static json_t *finding_json(const struct holding_finding *f, const struct verify_result *disks)
{
    const struct survey *survey = &disks->surveys[f->survey];
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:I, s:I, s:I, s:b, s:o}", "kind",
                     holding_word_of(f->word)->kind == FLAW_BAD ? "bad" : "note", "word",
                     holding_word_of(f->word)->text, "meaning", holding_word_of(f->word)->meaning, "topic",
                     survey->topic, "partition", (int)survey->partition, "first-offset", (json_int_t)f->first,
                     "last-offset", (json_int_t)f->last, "batches", (json_int_t)f->count, "acks-1-permits-it",
                     f->acks_one, "moved-to", moved_json(f, disks));
}

struct json_t *holding_json(const struct holding *h, const struct verify_result *disks)
{
    json_t *list = json_array(), *words = json_object();
    for (size_t i = 0; i < h->count; i++) {
        json_array_append_new(list, finding_json(&h->findings[i], disks));
    }
    for (int i = 0; i < HOLDING_WORD_COUNT; i++) {
        json_object_set_new(words, holding_word_of((enum holding_word)i)->text, json_integer((json_int_t)h->words[i]));
    }
    return json_pack("{s:b, s:o, s:I, s:o, s:I}", "bad", h->bad, "words", words, "elsewhere", (json_int_t)h->elsewhere,
                     "findings", list, "findings-left-out", (json_int_t)h->left_out);
}
