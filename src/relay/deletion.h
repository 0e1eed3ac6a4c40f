/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a DeleteRecords or DeleteTopics that has not been answered asks of
 * sealed topics, so that what the broker acknowledges is entered into the
 * ledger (spec/ledger.md, section 3.5) under the topic's id of that moment,
 * and nothing that nobody asked for.
 */
#ifndef SIGNET_RELAY_DELETION_H
#define SIGNET_RELAY_DELETION_H

#include "base/block.h"
#include "relay/directory.h"
#include "relay/slots.h"
#include "seal/envelope.h"

struct deletion {
    struct topic_name topic;
    struct place place; /* of a whole topic: partition 0 */
    bool answered;
};

struct deletions {
    struct budget *budget; /* charged for the table */
    struct deletion *asked;
    size_t count, capacity;
    struct slots slots;
};

/* NULL when memory is out. */
struct deletions *deletions_new(struct budget *budget);
/* Takes NULL. */
void deletions_free(struct deletions *deletions);
/* Found again by the id if `by_id`, else by the name.  False when memory is out. */
bool deletions_add(struct deletions *deletions, const struct topic_name *topic, const struct place *place, bool by_id);
/* By name, or where that has no such row by id; NULL when it was not asked for. */
struct deletion *deletions_find(const struct deletions *deletions, const struct topic_id *id, struct slice name,
                                int32_t partition);

#endif
