/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transaction outcomes as a read_committed reader is told them: the broker's
 * list of aborted transactions held against the markers in the log
 * (spec/sealed-batch.md, section 8.3, last part).  The list is applied as
 * Kafka's own consumer does (CompletedFetch.java): in particular a commit
 * marker does not end an entry, for else an entry slipped in before it would
 * make a consumer skip what follows.
 */
#ifndef SIGNET_SEAL_OUTCOME_H
#define SIGNET_SEAL_OUTCOME_H

#include "base/error.h"
#include "base/slice.h"

struct aborted_transaction {
    int64_t producer_id, first_offset;
};

struct open_transaction {
    int64_t producer_id;
    bool listed;   /* some of its batches were in effect of an entry of the list */
    bool unlisted; /* some were not */
};

/* Of one partition, from response to response.  Starts as all zero. */
struct outcomes {
    struct open_transaction *open;
    size_t count, capacity;
};
void outcomes_free(struct outcomes *o);

/* Of one response.  `list` is sorted in place. */
struct outcome_pass {
    struct aborted_transaction *list;
    size_t count, next;
};
void outcome_pass_begin(struct outcome_pass *pass, struct aborted_transaction *list, size_t count);

/* A transactional batch with data.  Forgets (and claims nothing of) transactions beyond the limit. */
void outcome_data(struct outcomes *o, struct outcome_pass *pass, int64_t producer_id, int64_t last_offset);
/* A marker; false when it contradicts the list, and then it counts as not seen, so that it contradicts the next time too. */
bool outcome_marker(struct outcomes *o, struct outcome_pass *pass, int64_t producer_id, int64_t offset, bool commit);
/* The producer's transaction is over, whatever its marker said. */
void outcome_forget(struct outcomes *o, int64_t producer_id);

#endif
