/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ahead of judging: the CRCs and seal ids of batches that are there whole are
 * computed several at a time, which hashes faster than one by one, and by the
 * crew while a large response is still coming.  Nothing is decided here:
 * judging finds its sums done, and does those that it does not find itself.
 */
#ifndef SIGNET_SEAL_AHEAD_H
#define SIGNET_SEAL_AHEAD_H

#include "base/crew.h"
#include "seal/envelope.h"

struct ahead_digest {
    struct batch batch;
    bool crc_matches;
    const uint8_t *ciphertext; /* of the envelope whose seal id this is; NULL: none was found in place */
    uint8_t seal_id[SEAL_ID_BYTES];
};

/* Of one response, or of one run of records after the other. */
struct ahead;

/* `crew` may be NULL.  Batches of fewer bytes than that are left alone.  NULL when memory is out. */
struct ahead *ahead_new(struct crew *crew, size_t batch_bytes_min);
/* Gives up what has not been begun, and waits for the rest; takes NULL. */
void ahead_free(struct ahead *ahead);

/*
 * The records of one partition, or the beginning of them.  To be called with
 * more again, and with partitions in the order of their addresses; the bytes
 * must neither move nor change until ahead_finish.
 */
void ahead_see(struct ahead *ahead, struct slice records);
/* Waits for all that was seen. */
void ahead_finish(struct ahead *ahead);
/* After ahead_finish, and only without a crew: forgets all that was seen, and is as new. */
void ahead_clear(struct ahead *ahead);
/* After ahead_finish: the digest of the batch at that address, or NULL.  Asked for in the order of addresses it is found at once. */
const struct ahead_digest *ahead_find(struct ahead *ahead, const uint8_t *batch);

#endif
