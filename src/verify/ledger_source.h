/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ledgers in files, read for their words (spec/ledger.md, sections 4 and 6):
 * every record is judged on its own, and what is authentic goes to its log.
 * Files are only read; their writer may be at work.
 */
#ifndef SIGNET_VERIFY_LEDGER_SOURCE_H
#define SIGNET_VERIFY_LEDGER_SOURCE_H

#include "verify/ledger_logs.h"

/* Starts as all zero but for the trust, which is borrowed. */
struct ledger_source {
    const struct trust *trust;
    struct ledger_logs logs;
    struct ledger_findings findings;
    char **paths; /* of all files, which findings borrow */
    size_t path_count, path_capacity;
    uint8_t *window;
};

/* The word of one record by rules 1 to 8.  `ret_record` is filled from rule 4 on, `ret_root_before` and `ret_writer` from rule 7 on. */
enum ledger_word ledger_judge_record(struct slice bytes, const struct trust *trust, struct ledger_record *ret_record,
                                     uint8_t ret_root_before[SHA256_BYTES], const struct trusted_writer **ret_writer);

/* A file, or the files of a folder that are named `*.ledger`.  What is wrong with them is in the findings.  OUT_OF_MEMORY; SYSTEM and LIMIT as ledger_logs_add. */
signet_error ledger_source_add(struct ledger_source *source, const char *path);
/* After the last path.  SYSTEM with errno. */
signet_error ledger_source_judge(struct ledger_source *source, const struct ledger_logs_policy *policy);
void ledger_source_free(struct ledger_source *source);

#endif
