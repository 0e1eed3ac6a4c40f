/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What reading ledgers has to tell (spec/ledger.md, sections 6 and 7.4), by
 * the words of the spec.  Equal ones in a row are one finding with more
 * records, so that a folder full of damage is a page and not a book.
 */
#ifndef SIGNET_VERIFY_LEDGER_FINDING_H
#define SIGNET_VERIFY_LEDGER_FINDING_H

#include "seal/ledger_origin.h"
#include "verify/flaw.h"

/* Word, text, what it is to whoever asked, meaning, hint. */
#define LEDGER_WORDS(X)                                                                                               \
    X(AUTHENTIC, "authentic", FLAW_NOTE, "its writer signed it", NULL)                                                \
    X(MALFORMED_RECORD, "malformed record", FLAW_UNKNOWN, "it is no record of a ledger",                              \
      "restore this file from another copy; nothing in it is an account of anybody")                                  \
    X(UNSUPPORTED_RECORD, "unsupported record", FLAW_UNKNOWN, "its version or suite is not known here",               \
      FLAW_HINT_NEWER)                                                                                                \
    X(FOREIGN_LEDGER, "foreign ledger", FLAW_UNKNOWN, "it is about another cluster",                                  \
      "give the ledgers of the cluster that the trust file names")                                                    \
    X(UNKNOWN_WRITER, "unknown writer", FLAW_UNKNOWN, "its writer is not in the trust file", FLAW_HINT_WRITER)        \
    X(ALTERED_RECORD, "altered record", FLAW_UNKNOWN, "it is not what its writer signed",                             \
      "keep this file, and restore the ledger from another copy")                                                     \
    X(WRITER_NOT_TRUSTED, "writer not trusted", FLAW_UNKNOWN, "its writer was revoked, or not valid at its time",     \
      "if that writer was trusted at that time, correct the trust file")                                              \
    X(FORKED, "forked ledger", FLAW_BAD, "its writer signed two accounts that exclude each other",                    \
      "was a process or a snapshot of it copied, or the key stolen?  Keep all copies, and exchange the writer's key") \
    X(GAP, "ledger gap", FLAW_UNKNOWN, "a part of the account is not there",                                          \
      "give the ledger's other files too, or restore them from another copy")                                         \
    X(HEAD_GONE, "ledger head gone", FLAW_UNKNOWN, "the beginning of the account is not there",                       \
      "give the ledger's older files too; if they were removed, say for how long ledgers are kept: "                  \
      "--ledger-retention-ms")                                                                                        \
    X(STALE, "stale ledger", FLAW_BAD, "its writer neither went on nor ended it",                                     \
      "is that gateway running?  If so, this ledger is held back or an old copy; if not, start it or retire the log") \
    X(RETIRED_ALIVE, "retired alive", FLAW_BAD, "it was declared over, and went on: the retirement is void",          \
      "find out who retired it; its process was taken for dead")                                                      \
    X(DAMAGED, "could not tell", FLAW_UNKNOWN, "a part of it could not be read",                                      \
      "restore this file from another copy, and verify again")                                                        \
    X(HEAD_EXPIRED, "ledger head expired", FLAW_NOTE, "the beginning of the account is older than ledgers are kept",  \
      NULL)                                                                                                           \
    X(CLOCK_BACK, "clock stepped back", FLAW_NOTE, "a record's time is before that of the one before it", NULL)       \
    X(CLOCK_AHEAD, "clock ahead", FLAW_NOTE, "a record's time is more than ten minutes ahead of the time here",       \
      "are the clocks right, that gateway's and this machine's?  Whether its log is stale goes by them")              \
    X(TORN, "note", FLAW_NOTE, "its end is torn: a crash leaves that, or its writer is at work", NULL)

enum ledger_word {
#define X(name, text, kind, meaning, hint) LEDGER_WORD_##name,
    LEDGER_WORDS(X)
#undef X
};

struct ledger_finding {
    enum ledger_word word;
    const char *path;                         /* of the file; NULL: it is about a log */
    char origin[LEDGER_ORIGIN_BYTES_MAX + 1]; /* empty: of no certain log */
    bool has_records;
    uint64_t first_record, last_record; /* numbers, inclusive; only with has_records */
    uint64_t count;                     /* of records that it is said of; absent ones too */
    int64_t time_ms;                    /* as the writer claims; -1: not known */
    char text[200];                     /* what there is to say beyond the meaning; may be empty */
};

struct ledger_findings {
    struct ledger_finding *items;
    size_t count, capacity;
    uint64_t left_out; /* beyond FLAWS_MAX: counted, not kept */
    bool bad, unknown; /* some are, kept or not */
};

const struct flaw_word *ledger_word_of(enum ledger_word word);

/* Merged with the last if both are one word about records of one log and file, in a row.  `path` is borrowed.  OUT_OF_MEMORY counts it as left out. */
void ledger_findings_add(struct ledger_findings *findings, const struct ledger_finding *finding);
void ledger_findings_free(struct ledger_findings *findings);

#endif
