/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transactions that are open in a partition, by producer and in the order in
 * which they began, as a broker keeps them (ProducerStateManager.java).  Memory
 * is bounded: nobody honest has so many open at once.
 */
#ifndef SIGNET_VERIFY_ONGOING_H
#define SIGNET_VERIFY_ONGOING_H

#include "kafka/batch.h"
#include "relay/slots.h"

struct ongoing_transaction {
    int64_t producer_id;
    int64_t first_offset, last_offset; /* of its first batch; of the last record of its last batch so far */
    int16_t producer_epoch;            /* of that batch */
    /* Its own. */
    bool open;
    uint32_t before, after; /* places of its neighbours among those open */
};

/* Starts as all zero. */
struct ongoing {
    struct ongoing_transaction *items; /* those that have ended too, as long as there is room */
    size_t count, capacity, open;
    struct slots slots;
    uint32_t oldest, newest; /* with `open` > 0 */
};

/* A transactional batch with data.  LIMIT when too many are open; OUT_OF_MEMORY. */
signet_error ongoing_add(struct ongoing *ongoing, const struct batch_header *batch);
/* Until the next call of another function; NULL when it has none open. */
const struct ongoing_transaction *ongoing_find(const struct ongoing *ongoing, int64_t producer_id);
/* Where the oldest one of any other producer began; -1 when there is none. */
int64_t ongoing_oldest_but(const struct ongoing *ongoing, int64_t producer_id);
void ongoing_end(struct ongoing *ongoing, int64_t producer_id);
/* Forgets all and keeps the memory. */
void ongoing_clear(struct ongoing *ongoing);
void ongoing_free(struct ongoing *ongoing);

#endif
