/* SPDX-License-Identifier: Apache-2.0 */
/* What `signet verify` was asked and what it found, for those who tell it: on a terminal, to programs, in a report. */
#ifndef SIGNET_CLI_VERIFY_ANSWERS_H
#define SIGNET_CLI_VERIFY_ANSWERS_H

#include "cli/knowledge.h"
#include "cli/told.h"
#include "verify/ledger_source.h"

struct json_t;

enum { LEDGER_PATHS_MAX = 1000 };

/* As the command line has it, which outlives it. */
struct verify_question {
    struct knowledge_source known;
    char **paths; /* of folders and segments */
    size_t path_count;
    const char *ledgers[LEDGER_PATHS_MAX];
    size_t ledger_count;
    uint32_t stale_intervals;
    int64_t ledger_retention_ms;           /* 0: for ever; -1: not understood */
    int64_t retention_ms, retention_bytes; /* 0: not pinned; -1: not understood */
    bool json;
    const char *html; /* file; NULL: none */
};

/* What was found, as far as it was asked for. */
struct verify_answers {
    bool has_disks, has_ledgers;
    struct verify_result disks;
    struct ledger_source ledgers;
    struct stored stored;
    struct holding holding; /* with both */
    int64_t began_ms, ended_ms;
};

enum exit_code verify_answers_code(const struct verify_answers *answers);
/* One sentence that says what it comes to, for somebody who reads no further. */
void verify_answers_sentence(const struct verify_answers *answers, char ret_sentence[SHOWN_BYTES]);
/* Of that kind: kept, and left out. */
uint64_t verify_answers_count(const struct verify_answers *answers, enum flaw_kind kind);
uint64_t verify_answers_left_out(const struct verify_answers *answers);

typedef void told_hook(void *context, const struct told *told);
/* The findings of one kind, those of disks before those of ledgers and of what was held against them. */
void verify_answers_each(const struct verify_answers *answers, enum flaw_kind kind, told_hook *hook, void *context);

/* One object; NULL when memory is out. */
struct json_t *verify_answers_json(const struct verify_answers *answers, const struct trust *trust);

#endif
