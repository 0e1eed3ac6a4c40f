/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is stored, held against what ledgers say was acknowledged
 * (spec/ledger.md, sections 7.1 and 7.2), place by place.
 *
 * The rule to keep: nothing is called absent in a place that was not read
 * from its start to its end, and nothing at all is said of one that was not
 * looked at.
 */
#ifndef SIGNET_VERIFY_HOLDING_H
#define SIGNET_VERIFY_HOLDING_H

#include "verify/ledger_logs.h"
#include "verify/verify.h"

/* Word, text, what it is to whoever asked, meaning, hint. */
#define HOLDING_WORDS(X)                                                                                            \
    X(RIGHT, "right", FLAW_NOTE, "stored as it was acknowledged", NULL)                                             \
    X(RESOLVED, "resolved duplicate", FLAW_NOTE, "another seal of the same batch is stored", NULL)                  \
    X(DELETED, "deleted", FLAW_NOTE, "a client deleted it through a gateway", NULL)                                 \
    X(EXPIRED, "expired", FLAW_NOTE, "old enough, or enough behind it, for the pinned retention", NULL)             \
    X(MOVED, "moved", FLAW_BAD, "acknowledged here, and stored elsewhere", FLAW_HINT_COPIES)                        \
    X(ROLLED_BACK, "rolled back", FLAW_BAD, "its offsets were given again: the log was put back to an older state", \
      FLAW_HINT_COPIES)                                                                                             \
    X(ALTERED, "altered", FLAW_BAD, "something else that no reader takes stands where it was acknowledged",         \
      FLAW_HINT_COPIES)                                                                                             \
    X(TRUNCATED, "truncated", FLAW_BAD, "acknowledged, and the log ends before it", FLAW_HINT_COPIES)               \
    X(MISSING, "missing", FLAW_BAD, "acknowledged, and not stored",                                                 \
      "if retention took it, say how long the topic keeps: --retention-ms or --retention-bytes; if "                \
      "not, " FLAW_HINT_COPIES)                                                                                     \
    X(UNREAD, "unread", FLAW_NOTE, "not all of its place could be read", NULL)                                      \
    X(EXTRA, "extra", FLAW_BAD, "stored at another offset of its place too", FLAW_HINT_COPIES)                      \
    X(NOT_YET, "not yet", FLAW_NOTE, "stored since its writer's last record", NULL)                                 \
    X(NOT_COVERED, "not covered", FLAW_NOTE, "authentic, and in no account that was given",                         \
      "acks=0, a gateway that was killed, or a part of the ledger that was not given leaves that")

enum holding_word {
#define X(name, text, kind, meaning, hint) HOLDING_##name,
    HOLDING_WORDS(X)
#undef X
        HOLDING_WORD_COUNT
};
const struct flaw_word *holding_word_of(enum holding_word word);

/* A run of entries, or of stored batches, of one word. */
struct holding_finding {
    enum holding_word word;
    uint32_t survey; /* its number */
    bool acks_one;   /* acks=1 permits it */
    int64_t first, last;
    uint64_t count;
    const struct trusted_writer *writer; /* as the entry or the seal has it */
    bool stored;                         /* a batch that is stored, and no entry */
    int64_t first_ms, last_ms;           /* when they were entered, or as their seals claim */
    uint32_t moved_survey;               /* moved only: where the first one is */
    int64_t moved_offset;
};

struct holding_request {
    const struct trust *trust;
    struct ledger_logs *logs; /* judged; entries and names are sorted in place */
    struct stored *stored;    /* sorted in place */
    const struct survey *surveys;
    size_t survey_count;
    int64_t now_ms;
    int64_t retention_ms;     /* of topics whose policy pins none; 0: not pinned */
    uint64_t retention_bytes; /* the same */
};

/* Starts as all zero. */
struct holding {
    struct holding_finding *findings;
    size_t count, capacity;
    uint64_t left_out; /* beyond FLAWS_MAX: counted, not kept */
    uint64_t words[HOLDING_WORD_COUNT];
    uint64_t elsewhere; /* entries of places that were not looked at */
    bool bad;
};

/* OUT_OF_MEMORY; SYSTEM with errno. */
signet_error holding_run(const struct holding_request *request, struct holding *holding);
void holding_free(struct holding *holding);

#endif
