/* SPDX-License-Identifier: Apache-2.0 */
/* What a verification's surveys come to. */
#ifndef SIGNET_VERIFY_TOTALS_H
#define SIGNET_VERIFY_TOTALS_H

#include "verify/verify.h"

struct totals {
    uint64_t sealed, clear, internal; /* partitions, by scope */
    uint64_t segments, batches, records;
    uint64_t accepted, bad; /* batches with a bad verdict: those that are accepted, and the others */
    uint64_t verdicts[VERDICT_COUNT];
    int64_t first_seal_ms, last_seal_ms; /* with authentic batches */
    uint64_t findings_left_out;
};
struct totals totals_of(const struct verify_result *result);

#endif
