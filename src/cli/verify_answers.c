/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verify_answers.h"

#include <inttypes.h>

#include <jansson.h>

#include "cli/holding_print.h"
#include "cli/ledger_print.h"
#include "cli/verify_print.h"
#include "verify/totals.h"

static bool any_verified(const struct verify_result *result)
{
    for (size_t i = 0; i < result->count; i++) {
        if (result->surveys[i].scope == SURVEY_SEALED) {
            return true;
        }
    }
    return false;
}

static enum exit_code code_of_disks(const struct verify_result *result)
{
    return result->bad ? EXIT_FINDING : result->unknown || !any_verified(result) ? EXIT_NO_ANSWER : EXIT_GOOD;
}

static enum exit_code code_of_ledgers(const struct ledger_source *ledgers)
{
    const struct ledger_findings *f = &ledgers->findings;
    return f->bad ? EXIT_FINDING : f->unknown || ledgers->logs.lines.count == 0 ? EXIT_NO_ANSWER : EXIT_GOOD;
}

static enum exit_code worst(enum exit_code a, enum exit_code b)
{
    if (a == EXIT_FINDING || b == EXIT_FINDING) {
        return EXIT_FINDING;
    }
    return a ? a : b;
}

enum exit_code verify_answers_code(const struct verify_answers *a)
{
    enum exit_code code = worst(a->has_disks ? code_of_disks(&a->disks) : EXIT_GOOD,
                                a->has_ledgers ? code_of_ledgers(&a->ledgers) : EXIT_GOOD);
    return a->holding.bad ? EXIT_FINDING : code;
}

static const char *good_sentence(const struct verify_answers *a)
{
    if (!a->has_disks) {
        return "The ledgers are a whole account of what was acknowledged. What is stored was not looked at.";
    }
    if (!a->has_ledgers) {
        return "Intact: all that is stored where it must be sealed is as trusted writers sealed it. What was cut off "
               "at the "
               "end of a log shows only against a ledger, and none was given.";
    }
    return "Intact: all that is stored where it must be sealed is as trusted writers sealed it, and nothing that the "
           "ledgers "
           "say was acknowledged there is known to be gone.";
}

void verify_answers_sentence(const struct verify_answers *a, char ret_sentence[SHOWN_BYTES])
{
    enum exit_code code = verify_answers_code(a);
    uint64_t bad = verify_answers_count(a, FLAW_BAD);
    if (code == EXIT_FINDING) {
        snprintf(ret_sentence, SHOWN_BYTES,
                 "Not intact: %" PRIu64
                 " finding%s below prove%s that something is not as it was written, or as it was "
                 "acknowledged.",
                 bad, bad == 1 ? "" : "s", bad == 1 ? "s" : "");
    } else if (code == EXIT_NO_ANSWER && a->has_disks && !any_verified(&a->disks)) {
        snprintf(ret_sentence, SHOWN_BYTES, "Nothing was verified: nothing that must be sealed was found.");
    } else if (code == EXIT_NO_ANSWER) {
        snprintf(ret_sentence, SHOWN_BYTES,
                 "Not proven: nothing bad was found, but not everything could be looked at, and that is not the same "
                 "as good.");
    } else {
        snprintf(ret_sentence, SHOWN_BYTES, "%s", good_sentence(a));
    }
}

static void each_flaw(const struct survey *survey, const struct flaws *flaws, enum flaw_kind kind, told_hook *hook,
                      void *context)
{
    struct told told;
    for (size_t i = 0; i < flaws->count; i++) {
        if (flaws->items[i].kind == kind) {
            told_of_flaw(survey, &flaws->items[i], &told);
            hook(context, &told);
        }
    }
}

void verify_answers_each(const struct verify_answers *a, enum flaw_kind kind, told_hook *hook, void *context)
{
    struct told told;
    each_flaw(NULL, &a->disks.flaws, kind, hook, context);
    for (size_t i = 0; i < a->disks.count; i++) {
        each_flaw(&a->disks.surveys[i], &a->disks.surveys[i].flaws, kind, hook, context);
    }
    for (size_t i = 0; i < a->ledgers.findings.count; i++) {
        if (ledger_word_of(a->ledgers.findings.items[i].word)->kind == kind) {
            told_of_ledger(&a->ledgers.findings.items[i], &told);
            hook(context, &told);
        }
    }
    for (size_t i = 0; i < a->holding.count; i++) {
        if (holding_word_of(a->holding.findings[i].word)->kind == kind) {
            told_of_holding(a->disks.surveys, &a->holding.findings[i], &told);
            hook(context, &told);
        }
    }
}

static void count_one(void *context, const struct told *told)
{
    uint64_t *count = context;
    (void)told;
    ++*count;
}

uint64_t verify_answers_count(const struct verify_answers *a, enum flaw_kind kind)
{
    uint64_t count = 0;
    verify_answers_each(a, kind, count_one, &count);
    return count;
}

uint64_t verify_answers_left_out(const struct verify_answers *a)
{
    return totals_of(&a->disks).findings_left_out + a->ledgers.findings.left_out + a->holding.left_out;
}

static json_t *json_with_ledgers(const struct verify_answers *a, const struct trust *trust)
{
    enum exit_code code = verify_answers_code(a);
    json_t *answer = a->has_disks ? verify_json(&a->disks, trust) : json_object();
    bool made = answer && json_object_set_new(answer, "intact", json_boolean(code == EXIT_GOOD)) == 0 &&
                json_object_set_new(answer, "bad", json_boolean(code == EXIT_FINDING)) == 0 &&
                json_object_set_new(answer, "ledger", ledger_json(&a->ledgers)) == 0;
    bool held = made && a->has_disks;
    made = held ? json_object_set_new(answer, "entries", holding_json(&a->holding, &a->disks)) == 0 : made;
    if (!made) {
        json_decref(answer);
    }
    return made ? answer : NULL;
}

struct json_t *verify_answers_json(const struct verify_answers *a, const struct trust *trust)
{
    return a->has_ledgers ? json_with_ledgers(a, trust) : verify_json(&a->disks, trust);
}
