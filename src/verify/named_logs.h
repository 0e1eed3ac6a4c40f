/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logs as other logs name them: in a retirement, or as the log that was before
 * (spec/ledger.md, sections 3.1 and 3.7).  Held against the logs that were
 * given they show what is not there: a log's end, or all of it.
 */
#ifndef SIGNET_VERIFY_NAMED_LOGS_H
#define SIGNET_VERIFY_NAMED_LOGS_H

#include "crypto/sign.h"
#include "seal/trust.h"
#include "verify/ledger_finding.h"

struct ledger_logs_policy {
    int64_t now_ms;
    uint32_t stale_intervals; /* > 0 */
    int64_t retention_ms;     /* for how long ledgers are kept; 0: for ever, so that each is read from its start */
    struct slice cluster_id;  /* from which the origins of logs follow that nobody gave */
};

struct named_log {
    uint8_t writer[WRITER_KEY_BYTES], instance[LEDGER_INSTANCE_BYTES];
    uint64_t size; /* it has so many leaves at least */
    uint8_t root[SHA256_BYTES];
    int64_t time_ms; /* of who names it */
    bool retires;
    bool given; /* some record of it was */
};

/* Starts as all zero. */
struct named_logs {
    struct named_log *items;
    size_t count, capacity;
};

/* LIMIT, OUT_OF_MEMORY. */
signet_error named_logs_add(struct named_logs *logs, const struct named_log *named);
/* After the last one. */
void named_logs_sort(struct named_logs *logs);
/* Once they are sorted: all that name that log stand in a row, ascending by size.  NULL when there is none. */
const struct named_log *named_logs_find(const struct named_logs *logs, const uint8_t writer[WRITER_KEY_BYTES],
                                        const uint8_t instance[LEDGER_INSTANCE_BYTES], size_t *ret_count);
void named_logs_mark_given(struct named_logs *logs, const uint8_t writer[WRITER_KEY_BYTES],
                           const uint8_t instance[LEDGER_INSTANCE_BYTES]);
/* Each log that was not given, once. */
void named_logs_tell_absent(const struct named_logs *logs, const struct ledger_logs_policy *policy,
                            struct ledger_findings *findings);
void named_logs_free(struct named_logs *logs);

/* Are records of that time to be there still? */
bool ledger_is_kept(const struct ledger_logs_policy *policy, int64_t time_ms);

#endif
