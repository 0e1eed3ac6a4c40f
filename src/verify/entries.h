/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entries of ledgers in the order of places: those that are believed, of
 * those alike the one of most weight (spec/ledger.md, section 7).
 *
 * The rule to keep: what a writer says of a topic counts only when the trust
 * file lets it write that topic.
 */
#ifndef SIGNET_VERIFY_ENTRIES_H
#define SIGNET_VERIFY_ENTRIES_H

#include "verify/ledger_logs.h"

struct entries {
    const struct ledger_logs *logs;
    struct ledger_entry *items; /* by place: batches by offset, then deletions */
    size_t count;
    const struct seen_name *names; /* by topic id */
    size_t name_count;
};

/* Of logs that have been judged; entries and names lie in their spools, and are sorted there.  SYSTEM with errno. */
signet_error entries_open(struct ledger_logs *logs, struct entries *ret_entries);
/* The first one that is not before the place. */
size_t entries_find(const struct entries *entries, const struct place *place);
/*
 * Somebody entered that the topic was deleted, who may write each topic that
 * believed leaves name by that id, of which there is one: an id alone says
 * nothing about which topic it is.
 */
bool entries_topic_deleted(const struct entries *entries, const struct topic_id *topic);

/* By topic id and partition. */
int place_compare(const struct place *a, const struct place *b);

#endif
