/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verify_print.h"

#include <inttypes.h>

#include <jansson.h>

#include "base/utc.h"
#include "cli/report_print.h"
#include "cli/told.h"
#include "crypto/encoding.h"
#include "verify/totals.h"

static void print_flaws(FILE *out, const struct survey *survey, const struct flaws *flaws, enum flaw_kind kind,
                        bool colour)
{
    for (size_t i = 0; i < flaws->count; i++) {
        if (flaws->items[i].kind == kind) {
            struct told told;
            told_of_flaw(survey, &flaws->items[i], &told);
            told_print(out, &told, colour);
        }
    }
}

static void print_writers(FILE *out, const struct verify_result *result, const struct trust *trust)
{
    char text[SHOWN_BYTES];
    const char *before = "writers     ";
    for (size_t i = 0; i < trust->writer_count && result->writer_batches; i++) {
        if (result->writer_batches[i] > 0) {
            fprintf(out, "%s%s (%" PRIu64 " batches)", before, shown_text(trust->writers[i].name, text),
                    result->writer_batches[i]);
            before = ", ";
        }
    }
    if (*before == ',') {
        fputc('\n', out);
    }
}

static void print_summary(FILE *out, const struct verify_result *result, const struct trust *trust)
{
    struct totals t = totals_of(result);
    char from[UTC_TEXT_BYTES], to[UTC_TEXT_BYTES];
    fprintf(out, "partitions  %" PRIu64 " verified", t.sealed);
    fprintf(out,
            "; not looked into: %" PRIu64 " left in clear by policy, %" PRIu64 " internal, %" PRIu64 " put aside\n",
            t.clear, t.internal, result->aside);
    fprintf(out, "batches     %" PRIu64 " in %" PRIu64 " segments, %" PRIu64 " records\n", t.batches, t.segments,
            t.records);
    fprintf(out,
            "verdicts    %" PRIu64 " authentic, %" PRIu64 " clear, %" PRIu64 " control, %" PRIu64 " accepted, %" PRIu64
            " bad\n",
            t.verdicts[VERDICT_AUTHENTIC], t.verdicts[VERDICT_CLEAR], t.verdicts[VERDICT_CONTROL], t.accepted, t.bad);
    if (t.verdicts[VERDICT_AUTHENTIC] > 0) {
        fprintf(out, "sealed      %s to %s\n", utc_text(t.first_seal_ms, from), utc_text(t.last_seal_ms, to));
    }
    print_writers(out, result, trust);
    fprintf(out, "result      %s\n",
            result->bad       ? "NOT INTACT: see the findings below"
            : result->unknown ? "COULD NOT TELL for all: see below"
            : t.sealed == 0   ? "nothing was verified"
                              : "intact, as far as there is something; what was cut off at the end no log can tell");
}

void verify_print(FILE *out, const struct verify_result *result, const struct trust *trust)
{
    bool colour = is_in_colour(out);
    print_summary(out, result, trust);
    for (int kind = FLAW_BAD; kind <= FLAW_NOTE; kind++) {
        print_flaws(out, NULL, &result->flaws, (enum flaw_kind)kind, colour);
        for (size_t i = 0; i < result->count; i++) {
            print_flaws(out, &result->surveys[i], &result->surveys[i].flaws, (enum flaw_kind)kind, colour);
        }
    }
    for (size_t i = 0; i < result->count; i++) {
        char text[SHOWN_BYTES];
        if (result->surveys[i].flaws.left_out > 0) {
            fprintf(out, "%s-%d: %" PRIu64 " more findings are not shown\n", shown_text(result->surveys[i].topic, text),
                    (int)result->surveys[i].partition, result->surveys[i].flaws.left_out);
        }
    }
}

static json_t *offset_json(int64_t offset)
{
    return offset < 0 ? json_null() : json_integer(offset);
}

struct json_t *verify_flaw_json(const struct survey *survey, const struct flaw *flaw)
{
    char hex[2 * WRITER_KEY_BYTES + 1], text[SHOWN_BYTES];
    const char *meaning = flaw_meaning(flaw);
    hex_encode(slice_of(flaw->writer, WRITER_KEY_BYTES), hex);
    return json_pack(
        "{s:s, s:s?, s:s?, s:s?, s:o, s:o, s:o, s:o, s:o, s:I, s:s?, s:s?, s:o, s:o, s:s, s:s?}", "kind",
        flaw_kind_word(flaw->kind), "verdict", meaning ? flaw_text(flaw) : NULL, "meaning", meaning, "topic",
        survey ? survey->topic : NULL, "partition", survey ? json_integer(survey->partition) : json_null(),
        "first-offset", offset_json(flaw->first_offset), "last-offset", offset_json(flaw->last_offset),
        "expected-offset", offset_json(flaw->expected_offset), "missed-offset", offset_json(flaw->missed_offset),
        "batches", (json_int_t)flaw->batches, "writer", flaw->writer_name, "writer-key", flaw->has_writer ? hex : NULL,
        "first-seal-time-ms", flaw->has_writer ? json_integer(flaw->seal_time_ms) : json_null(), "last-seal-time-ms",
        flaw->has_writer ? json_integer(flaw->seal_time_last_ms) : json_null(), "text", shown_text(flaw->text, text),
        "hint", flaw_hint(flaw));
}

static void add_flaws(json_t *list, const struct survey *survey, const struct flaws *flaws)
{
    for (size_t i = 0; i < flaws->count; i++) {
        json_array_append_new(list, verify_flaw_json(survey, &flaws->items[i]));
    }
}

static json_t *verdicts_json(const struct totals *t)
{
    json_t *object = json_object();
    for (size_t v = 0; v < VERDICT_COUNT; v++) {
        json_object_set_new(object, verdict_word((enum verdict)v), json_integer((json_int_t)t->verdicts[v]));
    }
    return object;
}

static json_t *writers_json(const struct verify_result *result, const struct trust *trust)
{
    json_t *object = json_object();
    for (size_t i = 0; i < trust->writer_count && result->writer_batches; i++) {
        if (result->writer_batches[i] > 0) {
            json_object_set_new(object, trust->writers[i].name, json_integer((json_int_t)result->writer_batches[i]));
        }
    }
    return object;
}

struct json_t *verify_json(const struct verify_result *result, const struct trust *trust)
{
    struct totals t = totals_of(result);
    json_t *list = json_array();
    add_flaws(list, NULL, &result->flaws);
    for (size_t i = 0; i < result->count; i++) {
        add_flaws(list, &result->surveys[i], &result->surveys[i].flaws);
    }
    bool sealed = t.verdicts[VERDICT_AUTHENTIC] > 0;
    return json_pack("{s:b, s:b, s:{s:I, s:I, s:I, s:I}, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:I}", "intact",
                     !result->bad && !result->unknown, "bad", result->bad, "partitions", "verified",
                     (json_int_t)t.sealed, "clear", (json_int_t)t.clear, "internal", (json_int_t)t.internal, "aside",
                     (json_int_t)result->aside, "segments", (json_int_t)t.segments, "batches", (json_int_t)t.batches,
                     "records", (json_int_t)t.records, "accepted", (json_int_t)t.accepted, "verdicts",
                     verdicts_json(&t), "writers", writers_json(result, trust), "first-seal-time-ms",
                     sealed ? json_integer(t.first_seal_ms) : json_null(), "last-seal-time-ms",
                     sealed ? json_integer(t.last_seal_ms) : json_null(), "findings", list, "findings-left-out",
                     (json_int_t)t.findings_left_out);
}
