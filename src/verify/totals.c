/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/totals.h"

struct totals totals_of(const struct verify_result *result)
{
    struct totals t = { .findings_left_out = result->flaws.left_out };
    for (size_t i = 0; i < result->count; i++) {
        const struct survey *s = &result->surveys[i];
        t.sealed += s->scope == SURVEY_SEALED;
        t.clear += s->scope == SURVEY_CLEAR;
        t.internal += s->scope == SURVEY_INTERNAL;
        t.segments += s->segments;
        t.batches += s->batches;
        t.records += s->records;
        t.accepted += s->accepted;
        t.findings_left_out += s->flaws.left_out;
        if (s->verdicts[VERDICT_AUTHENTIC] > 0) {
            bool first = t.verdicts[VERDICT_AUTHENTIC] == 0;
            t.first_seal_ms = first || s->first_seal_ms < t.first_seal_ms ? s->first_seal_ms : t.first_seal_ms;
            t.last_seal_ms = first || s->last_seal_ms > t.last_seal_ms ? s->last_seal_ms : t.last_seal_ms;
        }
        for (size_t v = 0; v < VERDICT_COUNT; v++) {
            t.verdicts[v] += s->verdicts[v];
            t.bad += verdict_is_good((enum verdict)v) ? 0 : s->verdicts[v];
        }
    }
    t.bad -= t.accepted;
    return t;
}
