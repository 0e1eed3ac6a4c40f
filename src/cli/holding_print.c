/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/holding_print.h"

#include <inttypes.h>

#include <jansson.h>

#include "cli/report_print.h"
#include "cli/told.h"

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

void holding_print(FILE *out, const struct holding *h, const struct verify_result *disks)
{
    bool colour = is_in_colour(out);
    print_summary(out, h);
    for (int kind = FLAW_BAD; kind <= FLAW_NOTE; kind++) {
        for (size_t i = 0; i < h->count; i++) {
            if (holding_word_of(h->findings[i].word)->kind == (enum flaw_kind)kind) {
                struct told told;
                told_of_holding(disks->surveys, &h->findings[i], &told);
                told_print(out, &told, colour);
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
    const struct flaw_word *word = holding_word_of(f->word);
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:I, s:I, s:I, s:b, s:o, s:s?, s:s, s:I, s:I, s:s?}", "kind",
                     flaw_kind_word(word->kind), "word", word->text, "meaning", word->meaning, "topic", survey->topic,
                     "partition", (int)survey->partition, "first-offset", (json_int_t)f->first, "last-offset",
                     (json_int_t)f->last, "batches", (json_int_t)f->count, "acks-1-permits-it", f->acks_one, "moved-to",
                     moved_json(f, disks), "writer", f->writer ? f->writer->name : NULL, "times",
                     f->stored ? "sealed" : "entered", "first-time-ms", (json_int_t)f->first_ms, "last-time-ms",
                     (json_int_t)f->last_ms, "hint", word->hint);
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
