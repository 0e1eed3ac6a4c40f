/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What brokers acknowledged and no record of the ledger says yet: leaves in
 * the order in which they were seen, and counts of what could not be entered
 * (spec/ledger.md, section 3).
 *
 * One for the process, bounded in bytes; every function may be called by any
 * thread, and takes NULL for a process without a ledger.
 *
 * The rule to keep: what was reserved before a batch was sent has room when
 * the batch is acknowledged.
 */
#ifndef SIGNET_RELAY_LEDGER_ENTRIES_H
#define SIGNET_RELAY_LEDGER_ENTRIES_H

#include "relay/directory.h"
#include "seal/ledger_leaf.h"

struct ledger_entries_options {
    size_t bytes_max; /* of leaves; as many again and a little more may be taken while they are written */
    bool refuse;      /* when they are full: nothing can be reserved.  Else what does not fit is counted as lost */
    size_t many;      /* bytes */
    /* Called once `many` are waiting, by whoever added the last, outside of any lock. */
    void (*are_many)(void *context);
    void *context;
};

struct ledger_entries;

/* NULL when memory is out. */
struct ledger_entries *ledger_entries_new(const struct ledger_entries_options *options);
void ledger_entries_free(struct ledger_entries *entries);

/* Room for the entry of a batch that is about to be sent.  False: it must not be. */
bool ledger_entries_reserve(struct ledger_entries *entries);
/* For one that is not entered after all. */
void ledger_entries_release(struct ledger_entries *entries);
/* Gives the room back that was reserved for it.  Its topic gets a leaf before it, if this log has none yet. */
void ledger_entries_batch(struct ledger_entries *entries, const struct ledger_batch *batch, struct slice topic_name);
/* Of records or of a topic, which gets a leaf before it too. */
void ledger_entries_deletion(struct ledger_entries *entries, enum ledger_kind kind,
                             const struct ledger_deletion *deletion, struct slice topic_name);
/* Any other. */
void ledger_entries_add(struct ledger_entries *entries, const struct ledger_leaf *leaf);
/* What can never be entered. */
void ledger_entries_lose(struct ledger_entries *entries, enum ledger_loss reason, uint64_t count);

/* Leaves as they stand in a record, a u16 size before each. */
struct ledger_chunk {
    struct ledger_chunk *next;
    size_t filled, taken;
    uint8_t bytes[32 * 1024 - 32];
};

struct ledger_taken {
    struct ledger_chunk *chunks;
    size_t dropped; /* bytes whose room is still taken */
    uint64_t lost[LEDGER_LOSS_COUNT];
};

/*
 * Moves everything there is behind what `taken` has.  With `ends_log` the
 * leaves to come are another log's, and name their topics again.
 */
void ledger_entries_take(struct ledger_entries *entries, bool ends_log, struct ledger_taken *taken);
/* The oldest of them, encoded; false when there is none.  It stays until ledger_taken_drop. */
bool ledger_taken_next(struct ledger_taken *taken, struct slice *ret_leaf);
void ledger_taken_drop(struct ledger_taken *taken);
/* Gives back the room of what was dropped. */
void ledger_taken_release(struct ledger_entries *entries, struct ledger_taken *taken);
void ledger_taken_free(struct ledger_taken *taken);

struct ledger_entries_state {
    size_t bytes;                              /* waiting or taken, reserved ones included */
    bool full;                                 /* nothing more can be reserved, or is entered */
    uint64_t entered, lost[LEDGER_LOSS_COUNT]; /* since the process began */
};
void ledger_entries_look(struct ledger_entries *entries, struct ledger_entries_state *ret_state);

#endif
