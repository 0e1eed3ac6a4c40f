/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/told.h"

#include <inttypes.h>

#include "base/utc.h"
#include "crypto/encoding.h"

static void take_survey(const struct survey *survey, struct told *t)
{
    char topic[SHOWN_BYTES / 2];
    t->survey = survey;
    if (survey) {
        escape_text(slice_of_text(survey->topic), 0, topic, sizeof topic);
        snprintf(t->place, sizeof t->place, "%s-%d", topic, (int)survey->partition);
    }
}

static void take_range(const char *noun, int64_t first, int64_t last, struct told *t)
{
    if (last > first) {
        snprintf(t->range, sizeof t->range, "%ss %" PRId64 "-%" PRId64, noun, first, last);
    } else {
        snprintf(t->range, sizeof t->range, "%s %" PRId64 "%s", noun, first, last < 0 ? " on" : "");
    }
}

static void take_times(const char *what, int64_t first_ms, int64_t last_ms, struct told *t)
{
    char from[UTC_TEXT_BYTES], to[UTC_TEXT_BYTES];
    snprintf(t->time, sizeof t->time, "%s %s to %s", what, utc_text(first_ms, from), utc_text(last_ms, to));
}

void told_of_flaw(const struct survey *survey, const struct flaw *flaw, struct told *ret_told)
{
    struct told t = {
        .kind = flaw->kind, .word = flaw_text(flaw), .meaning = flaw_meaning(flaw), .hint = flaw_hint(flaw)
    };
    take_survey(survey, &t);
    shown_text(flaw->text, t.text);
    if (flaw->first_offset >= 0) {
        take_range("offset", flaw->first_offset, flaw->last_offset, &t);
    }
    if (flaw->has_writer) {
        char hex[2 * WRITER_KEY_BYTES + 1];
        hex_encode(slice_of(flaw->writer, WRITER_KEY_BYTES), hex);
        shown_text(flaw->writer_name ? flaw->writer_name : hex, t.writer);
        take_times("sealed", flaw->seal_time_ms, flaw->seal_time_last_ms, &t);
    }
    if (flaw->expected_offset >= 0) {
        snprintf(t.details[0], sizeof t.details[0], "expected was offset %" PRId64, flaw->expected_offset);
    }
    if (flaw->missed_offset >= 0) {
        snprintf(t.details[1], sizeof t.details[1], "acknowledged, and not where it was: the batch at offset %" PRId64,
                 flaw->missed_offset);
    }
    *ret_told = t;
}

void told_of_ledger(const struct ledger_finding *finding, struct told *ret_told)
{
    const struct flaw_word *word = ledger_word_of(finding->word);
    struct told t = { .kind = word->kind, .word = word->text, .meaning = word->meaning, .hint = word->hint };
    char time[UTC_TEXT_BYTES];
    if (finding->path) {
        shown_text(finding->path, t.place);
    }
    if (finding->has_records) {
        take_range("record", (int64_t)finding->first_record, (int64_t)finding->last_record, &t);
    }
    shown_text(finding->text, t.text);
    if (finding->origin[0]) {
        snprintf(t.writer, sizeof t.writer, "of the log %s", finding->origin);
    }
    if (finding->time_ms >= 0) {
        snprintf(t.time, sizeof t.time, "at %s, as its writer says", utc_text(finding->time_ms, time));
    }
    *ret_told = t;
}

void told_of_holding(const struct survey *surveys, const struct holding_finding *finding, struct told *ret_told)
{
    const struct flaw_word *word = holding_word_of(finding->word);
    struct told t = { .kind = word->kind, .word = word->text, .meaning = word->meaning, .hint = word->hint };
    take_survey(&surveys[finding->survey], &t);
    take_range("offset", finding->first, finding->last, &t);
    snprintf(t.text, sizeof t.text, "%" PRIu64 " %s", finding->count, finding->count == 1 ? "batch" : "batches");
    if (finding->writer) {
        shown_text(finding->writer->name, t.writer);
        take_times(finding->stored ? "sealed" : "entered", finding->first_ms, finding->last_ms, &t);
    }
    if (finding->word == HOLDING_MOVED) {
        struct told to = { 0 };
        take_survey(&surveys[finding->moved_survey], &to);
        snprintf(t.details[0], sizeof t.details[0], "now in %.900s from offset %" PRId64, to.place,
                 finding->moved_offset);
    }
    if (finding->acks_one) {
        snprintf(t.details[1], sizeof t.details[1],
                 "acks=1 permits it: a leader that fails loses what followers do not have yet");
    }
    *ret_told = t;
}

static void print_line(FILE *out, const char *text)
{
    if (text && text[0]) {
        fprintf(out, "    %s\n", text);
    }
}

void told_print(FILE *out, const struct told *t, bool colour)
{
    static const char *const colours[] = { "\033[1;31m", "\033[1;33m", "", "" };
    fprintf(out, "%s%s%s:", colour ? colours[t->kind] : "", t->word, colour ? "\033[0m" : "");
    fprintf(out, "%s%s%s%s%s\n", t->place[0] ? " " : "", t->place, t->range[0] ? " " : "", t->range,
            t->kind == FLAW_ACCEPTED ? ", accepted by the trust file" : "");
    print_line(out, t->meaning);
    print_line(out, t->text);
    if (t->writer[0]) {
        fprintf(out, "    writer %s%s%s\n", t->writer, t->time[0] ? ", " : "", t->time);
    } else {
        print_line(out, t->time);
    }
    for (size_t i = 0; i < sizeof t->details / sizeof *t->details; i++) {
        print_line(out, t->details[i]);
    }
    if (t->hint) {
        fprintf(out, "    hint: %s\n", t->hint);
    }
}
