/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A witness: it cosigns a checkpoint of a log only if that extends the one
 * before, and has it on disk before it says so (spec/ledger.md, section 5.1).
 * What it answers to a submission is here; how that comes is in
 * witness/witness_server.h.
 */
#ifndef SIGNET_WITNESS_WITNESS_H
#define SIGNET_WITNESS_WITNESS_H

#include <stdatomic.h>

#include "witness/submission.h"
#include "witness/witness_config.h"
#include "witness/witness_store.h"

/* Word, status of HTTP, what is told with it. */
#define WITNESS_ANSWERS(X)                                                               \
    X(COSIGNED, "cosigned", 200, "")                                                     \
    X(MALFORMED, "malformed", 400, "this is no submission of a checkpoint\n")            \
    X(SHRUNK, "shrunk", 400, "the old size is above that of the checkpoint\n")           \
    X(UNKNOWN_LOG, "unknown-log", 404, "the log is of no writer that is trusted here\n") \
    X(UNSIGNED, "unsigned", 403, "the checkpoint has no good signature of its log\n")    \
    X(OTHER_SIZE, "other-size", 409, "")                                                 \
    X(FORK, "fork", 409, "")                                                             \
    X(UNPROVEN, "unproven", 422, "the proof does not lead from the old size to this\n")  \
    X(FULL, "full", 507, "there is no room for another log\n")                           \
    X(DAMAGED, "damaged", 500, "what is remembered of this log is damaged\n")            \
    X(NOT_STORED, "not-stored", 500, "the checkpoint could not be stored\n")

enum witness_answer {
#define X(name, word, status, text) WITNESS_##name,
    WITNESS_ANSWERS(X)
#undef X
        WITNESS_ANSWER_COUNT
};

struct witness {
    const struct witness_config *config;
    struct witness_store *store;
    atomic_ullong answers[WITNESS_ANSWER_COUNT];
};

struct witness_reply {
    enum witness_answer answer;
    struct slice origin; /* in the body; empty when it has none */
    uint64_t known,
        size; /* leaves: what was cosigned last, with OTHER_SIZE, FORK, UNPROVEN and COSIGNED; and the checkpoint's */
    int system_error;                                 /* with NOT_STORED and DAMAGED */
    char cosignature[COSIGNATURE_LINE_BYTES_MAX + 1]; /* with COSIGNED: a line */
};

/* Of one body of add-checkpoint, at that time.  Any thread. */
void witness_judge(struct witness *witness, struct slice body, int64_t now_ms, struct witness_reply *ret_reply);

/* "other-size" */
const char *witness_answer_word(enum witness_answer answer);
unsigned witness_answer_status(enum witness_answer answer);
/* With a line end; empty where the answer has something else to tell. */
const char *witness_answer_text(enum witness_answer answer);

#endif
