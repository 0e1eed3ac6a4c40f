/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaws: what a verification has to tell of one partition, or of a folder.
 * Equal ones in a row are one flaw with more offsets, so that a disk full of
 * damage is a page and not a book.
 */
#ifndef SIGNET_VERIFY_FLAW_H
#define SIGNET_VERIFY_FLAW_H

#include "seal/judge.h"

enum flaw_kind {
    FLAW_BAD,      /* proof that something is wrong */
    FLAW_UNKNOWN,  /* it could not be told whether something is */
    FLAW_ACCEPTED, /* bad, but the trust file accepts it */
    FLAW_NOTE,     /* nothing is wrong, but whoever reads it should know */
};

/* "could not tell" */
const char *flaw_kind_word(enum flaw_kind kind);

/* A word of the spec for what was found, as people are told it. */
struct flaw_word {
    const char *text;
    enum flaw_kind kind;
    const char *meaning, *hint; /* what to do about it; NULL when there is nothing */
};

/* What to do, wherever it is the same. */
#define FLAW_HINT_COPIES "keep copies of these files from every replica before anything else, and compare them"
#define FLAW_HINT_WRITER "if that writer is yours, correct the trust file; if not, somebody else wrote here"
#define FLAW_HINT_NEWER  "verify with a newer version of this program"

struct flaw {
    enum flaw_kind kind;
    enum verdict verdict;                   /* of BAD and ACCEPTED */
    int64_t first_offset, last_offset;      /* -1: not of certain offsets, or with a first one, of all behind it */
    int64_t expected_offset, missed_offset; /* of the first batch; else -1 */
    size_t batches;
    const char *writer_name; /* from the trust file, which must outlive it; NULL: not known */
    bool has_writer;         /* the envelope names one: */
    uint8_t writer[WRITER_KEY_BYTES];
    int64_t seal_time_ms, seal_time_last_ms; /* with a writer: as it claims */
    char text[200];                          /* what there is to say beyond the verdict; may be empty */
};

struct flaws {
    struct flaw *items;
    size_t count, capacity;
    uint64_t left_out; /* beyond the limit: counted, not kept */
    bool bad, unknown; /* some are, kept or not */
};
void flaws_free(struct flaws *flaws);

/* Its word, its meaning (NULL: its text has it all) and what to do about it (NULL: nothing). */
const char *flaw_text(const struct flaw *flaw);
const char *flaw_meaning(const struct flaw *flaw);
const char *flaw_hint(const struct flaw *flaw);

/* One about no offset and no batch. */
static inline struct flaw flaw_of(enum flaw_kind kind)
{
    return (
        struct flaw){ .kind = kind, .first_offset = -1, .last_offset = -1, .expected_offset = -1, .missed_offset = -1 };
}

/* Merged with the last if they are alike and stand together.  OUT_OF_MEMORY counts it as left out. */
void flaws_add(struct flaws *flaws, const struct flaw *flaw);
/* One about no batch.  The text may hold bytes that others chose. */
void flaws_say(struct flaws *flaws, enum flaw_kind kind, int64_t first_offset, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
