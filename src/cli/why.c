/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/why.h"

#include <inttypes.h>

#include <jansson.h>

#include "cli/json_print.h"
#include "cli/report_print.h"
#include "cli/told.h"
#include "cli/verify_print.h"
#include "cli/why_json.h"
#include "verify/verify.h"

struct telling {
    const struct why *why;
    bool met, bad, failed; /* a batch has the offset; something is wrong with it; not all was told */
};

static bool print_item(const struct why *why, json_t *object)
{
    if (!why->json) {
        json_print(object);
        return true;
    }
    return json_dumpf(object, stdout, JSON_COMPACT | JSON_ENSURE_ASCII) == 0 && putchar('\n') != EOF;
}

/* Takes over the reference. */
static void tell_item(struct telling *self, json_t *object)
{
    if (!object || !print_item(self->why, object)) {
        self->failed = true;
    }
    json_decref(object);
}

/* Each batch that has the offset: of an attacker's log there may be several. */
static void tell_batch(void *context, const struct judge_run *run, const struct judged *item)
{
    struct telling *self = context;
    int64_t base = item->batch.header.base_offset, offset = self->why->offset;
    int64_t last = item->unframed ? base : batch_last_offset(&item->batch.header);
    if (offset < base || offset > last) {
        return;
    }
    self->met = true;
    self->bad = self->bad || (!verdict_is_good(item->verdict) && !item->exception);
    tell_item(self, why_json(run, item));
}

/* About the offset, or about the whole. */
static bool is_about(const struct flaw *flaw, int64_t offset)
{
    bool missing = flaw->expected_offset >= 0 && offset >= flaw->expected_offset && offset < flaw->first_offset;
    bool inside = offset >= flaw->first_offset && (flaw->last_offset < 0 || offset <= flaw->last_offset);
    return flaw->first_offset < 0 || missing || inside || flaw->missed_offset == offset;
}

static void tell_flaw(struct telling *self, const struct survey *survey, const struct flaw *flaw)
{
    self->bad = self->bad || flaw->kind == FLAW_BAD;
    self->failed = self->failed || flaw->kind == FLAW_UNKNOWN;
    if (self->why->json) {
        json_t *finding = verify_flaw_json(survey, flaw);
        tell_item(self, json_pack("{s:s, s:o}", "kind", "finding", "finding", finding));
    } else {
        struct told told;
        told_of_flaw(survey, flaw, &told);
        told_print(stdout, &told, is_in_colour(stdout));
    }
}

static void tell_flaws(struct telling *self, const struct survey *survey, const struct flaws *flaws)
{
    for (size_t i = 0; i < flaws->count; i++) {
        if (is_about(&flaws->items[i], self->why->offset)) {
            tell_flaw(self, survey, &flaws->items[i]);
        }
    }
}

static void tell_findings(struct telling *self, const struct verify_result *result)
{
    for (size_t i = 0; i < result->count; i++) {
        tell_flaws(self, &result->surveys[i], &result->surveys[i].flaws);
    }
    if (!self->met) {
        complain(NULL, "no batch that could be judged has offset %" PRId64, self->why->offset);
    }
}

static bool is_one_partition(const struct verify_result *result)
{
    if (result->count != 1) {
        complain("give the folder of a partition, or a segment in it", "--why is about one partition");
        return false;
    }
    if (result->surveys[0].scope != SURVEY_SEALED) {
        complain(NULL, "this topic is left in clear by policy, or is the brokers' own: there is no verdict");
        return false;
    }
    return true;
}

static enum exit_code judge(struct telling *self, const struct knowledge *k, const char *path)
{
    const struct verify_request request = {
        .trust = &k->trust,
        .policy = &k->policy,
        .append_skew_ms = APPEND_SKEW_MS,
        .threads = 1,
        .watch = tell_batch,
        .watch_context = self,
    };
    struct verify_result result = { 0 };
    signet_error error = verify_add(&request, path, &result);
    bool judged = !error && is_one_partition(&result);
    error = judged ? verify_run(&request, &result) : error;
    tell_flaws(self, NULL, &result.flaws);
    if (error) {
        complain(NULL, "not judged: %s", signet_error_text(error));
    } else if (judged) {
        tell_findings(self, &result);
    }
    verify_result_free(&result);
    bool answered = judged && !error && self->met && !self->failed;
    return self->bad ? EXIT_FINDING : answered ? EXIT_GOOD : EXIT_NO_ANSWER;
}

enum exit_code why_tell(struct why *why, const char *path)
{
    struct telling self = { .why = why };
    struct knowledge k = { 0 };
    enum exit_code code = knowledge_load(&why->source, &k);
    code = code ? code : judge(&self, &k, path);
    knowledge_free(&k);
    return code;
}
