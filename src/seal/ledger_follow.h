/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Following one log of the ledger from record to record (spec/ledger.md,
 * section 6, "One log").  Only authentic records of its origin are given to
 * it.  Memory is bounded: of what was forgotten nothing is claimed.
 */
#ifndef SIGNET_SEAL_LEDGER_FOLLOW_H
#define SIGNET_SEAL_LEDGER_FOLLOW_H

#include "seal/ledger_record.h"

enum ledger_step {
    LEDGER_FOLLOWS,  /* the first that was met, or the next */
    LEDGER_REPEATED, /* met before, and the same: no finding */
    LEDGER_EARLIER, /* of a number below the last that is not remembered: believed, and nothing is claimed of its place */
    LEDGER_GAP,     /* authentic, but records before it are absent */
    LEDGER_FORKED, /* contradicts what the same log said: not believed, and not remembered */
};

struct ledger_point {
    uint64_t number, size; /* of the record, and the leaves up to its end */
    uint8_t root[SHA256_BYTES];
};

/* Starts as all zero. */
struct ledger_follow {
    struct ledger_point points[LEDGER_POINTS_MAX]; /* the last ones, ascending by number */
    size_t count;
    bool closed;
    int64_t time_ms; /* in the last record */
};

/* `root_before` is what ledger_record_verify gave.  With LEDGER_GAP, `ret_missed` is how many records are absent; else it is 0. */
enum ledger_step ledger_follow(struct ledger_follow *follow, const struct ledger_record *record,
                               const uint8_t root_before[SHA256_BYTES], uint64_t *ret_missed);

#endif
