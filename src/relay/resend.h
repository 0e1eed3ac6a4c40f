/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealed batches whose outcome nobody knows: the connection broke, or the
 * broker answered that it cannot tell.  When the producer sends the same batch
 * again, over whichever connection, it must go out as the very same bytes, or
 * a broker that has the first would acknowledge one seal and store another.
 *
 * One for the process, bounded in bytes and age; any thread.
 */
#ifndef SIGNET_RELAY_RESEND_H
#define SIGNET_RELAY_RESEND_H

#include "base/gather.h"
#include "relay/ledger_entries.h"

/* What makes it the same batch; there is none without a producer id. */
struct resend_key {
    struct place place;
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t base_sequence;
    int32_t record_count;
    uint32_t crc; /* of the producer's own batch */
};

struct resend_batch {
    uint8_t seal_id[SEAL_ID_BYTES];
    uint8_t producer[PRODUCER_HASH_BYTES];
    uint8_t *bytes; /* sealed; owned */
    size_t size;
};

struct resends;

/* NULL when memory is out.  What is forgotten without having been sent again is lost to the ledger, which may be NULL. */
struct resends *resends_new(struct ledger_entries *ledger);
/* Takes NULL.  All of it is forgotten. */
void resends_free(struct resends *resends);

/* Keeps a copy of `sealed`; false when there is no memory for it. */
bool resends_keep(struct resends *resends, const struct resend_key *key, const uint8_t seal_id[SEAL_ID_BYTES],
                  const uint8_t producer[PRODUCER_HASH_BYTES], const struct gather *sealed, int64_t now_ms);
/* Takes it out: `ret_batch->bytes` is the caller's to free.  False when there is none. */
bool resends_take(struct resends *resends, const struct resend_key *key, int64_t now_ms,
                  struct resend_batch *ret_batch);

#endif
