/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Following one partition as a reader sees it: do batches follow one another,
 * is what was acknowledged where it was, does a stream go forward only
 * (spec/sealed-batch.md, section 8.3).
 *
 * The rule to keep: memory is bounded, and what has been forgotten is never
 * held against the log.  A refused batch leaves no trace here, so that asking
 * again gives the same answer.
 */
#ifndef SIGNET_SEAL_FOLLOW_H
#define SIGNET_SEAL_FOLLOW_H

#include "seal/envelope.h"
#include "seal/verdict.h"

enum { STREAM_NAME_BYTES = 16 };

/* A batch that was read. */
struct met {
    int64_t base_offset, last_offset;
    uint8_t seal_prefix[SEAL_PREFIX_BYTES]; /* zero for markers and clear batches, all ones where nothing is known */
    uint8_t producer[PRODUCER_HASH_BYTES];
};

struct met_stream {
    uint8_t name[STREAM_NAME_BYTES]; /* of writer and stream id, so that no writer can speak for another's stream */
    uint64_t sequence;               /* highest seen, and where */
    int64_t base_offset;
    uint64_t met;  /* bit k: sequence - 1 - k was met */
    uint32_t used; /* for forgetting the one not seen longest */
};

struct follow {
    struct met *ring; /* contiguous batches, oldest at `first` */
    uint32_t first, count, capacity;
    struct met_stream *streams;
    uint32_t stream_count, clock;
    size_t stream_capacity;
};

/* The batches of one response, in order. */
struct follow_pass {
    int64_t expected; /* next base offset; before the first batch the fetch offset */
    bool started;
    bool subset; /* a share group: no claim of continuity or absence */
    /* The batch before was passed by, and is not believed where it ends: where it begins, and what was expected there. */
    bool doubted;
    int64_t doubted_base, doubted_expected;
};

struct follow_batch {
    int64_t base_offset, last_offset;
    const struct envelope_header *header; /* NULL for markers and clear batches */
    const uint8_t *seal_id;               /* with `header` */
    bool unknown;                         /* accepted, but not authentic: only its offsets are remembered */
};

struct follow_finding {
    int64_t expected_offset;                    /* wrong offset: what should have come; else -1 */
    int64_t missed_offset;                      /* removed: the offset where something else is or nothing; else -1 */
    const struct accepted_exception *exception; /* by which the verdict is accepted; NULL when it is not */
};

/* Where to look for exceptions; it may be NULL in what follows. */
struct follow_exceptions {
    const struct trust *trust;
    const struct place *place;
    struct slice topic_name;
};

/* Starts as all zero. */
void follow_free(struct follow *f);

/*
 * Whether the batch may stand here: VERDICT_AUTHENTIC, or WRONG_OFFSET, REMOVED,
 * OUT_OF_ORDER, REPLAYED.  Of several, the first that is not accepted; if all
 * are, REPLAYED or else the first.
 */
enum verdict follow_check(const struct follow *f, const struct follow_pass *pass, const struct follow_batch *batch,
                          const struct follow_exceptions *exceptions, struct follow_finding *ret_finding);
/* For a batch that is to be replaced: it goes on where the one before it ended, or that it does not has been accepted. */
bool follow_goes_on(const struct follow *f, const struct follow_pass *pass, const struct follow_batch *batch,
                    const struct follow_exceptions *exceptions);

/* The batch stands here and has been accepted.  Out of memory only makes it forget. */
void follow_accept(struct follow *f, struct follow_pass *pass, const struct follow_batch *batch);

/*
 * The batch stands here and has been refused, but the reader goes on: only its
 * offsets are remembered.  Since nobody vouches for them, the next one may
 * also begin within it, or where it would if this one stood in its place or
 * did not stand there.
 */
void follow_pass_by(struct follow *f, struct follow_pass *pass, const struct follow_batch *batch);

/* Bytes held. */
size_t follow_memory(const struct follow *f);

#endif
