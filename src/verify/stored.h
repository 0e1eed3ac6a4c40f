/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What surveys found, batch by batch, kept to be held against the entries of
 * ledgers: offsets, seal and verdict, and nothing of the content.
 */
#ifndef SIGNET_VERIFY_STORED_H
#define SIGNET_VERIFY_STORED_H

#include <pthread.h>

#include "seal/judge.h"
#include "verify/spool.h"

struct stored_batch {
    int64_t first, last; /* offsets */
    int64_t seal_time_ms;
    uint32_t survey,
        writer; /* their numbers among the surveys and in the trust file; of a writer with `authentic` only */
    uint8_t seal_id[SEAL_ID_BYTES];
    uint8_t producer[PRODUCER_HASH_BYTES];
    bool sealed, authentic, bad;
    bool right, resolved;           /* by an entry */
    int64_t reach_bad, reach_known; /* the last offset of any up to here that is bad, or that an entry made right */
};

/* Where a seal is. */
struct stored_seal {
    uint8_t seal_id[SEAL_ID_BYTES];
    uint32_t survey;
    bool right; /* of the first one in a survey: some of them is */
    int64_t first, last;
};

/* Surveys of several threads add to it. */
struct stored {
    pthread_mutex_t lock;
    struct spool batches, seals;
    signet_error error; /* the first one; then there is less than was found */
};

void stored_init(struct stored *stored);
void stored_add(struct stored *stored, uint32_t survey, const struct trust *trust, const struct judged *judged);
/* Offsets where nothing but damage was found; `last` may be INT64_MAX. */
void stored_add_damage(struct stored *stored, uint32_t survey, int64_t first, int64_t last);
/* After the last one: batches by survey and offset, seals by seal, survey and offset.  SYSTEM with errno. */
signet_error stored_sort(struct stored *stored);
int stored_seal_compare(const void *a, const void *b);
void stored_free(struct stored *stored);

#endif
