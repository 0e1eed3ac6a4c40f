/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of the ledger (spec/ledger.md, section 4): the leaves of one
 * interval between the frontier before them and the signed checkpoint after.
 * A record that has been read is only well-formed; nothing in it is believed
 * until ledger_record_verify has said that its writer signed it.
 */
#ifndef SIGNET_SEAL_LEDGER_RECORD_H
#define SIGNET_SEAL_LEDGER_RECORD_H

#include "seal/checkpoint.h"
#include "seal/ledger_leaf.h"
#include "seal/ledger_origin.h"
#include "seal/merkle.h"

enum {
    LEDGER_RECORD_VERSION = 1,
    LEDGER_RECORD_SUITE = 1,
};

struct ledger_record {
    uint64_t number;
    uint64_t first; /* index of the first leaf */
    uint32_t leaf_count;
    struct slice frontier; /* before it */
    struct slice leaves;   /* a u16 size before each */
    struct ledger_interval last;
    bool closes;
    struct checkpoint_note note;
    struct ledger_origin origin;
};

/* UNSUPPORTED for another version or suite; else MALFORMED unless it is well-formed.  Slices borrow `bytes`. */
signet_error ledger_record_read(struct slice bytes, struct ledger_record *ret_record);
/* REFUSED unless the writer in its origin signed it and the leaves give its root.  Then `ret_root_before` is that of the leaves before it. */
signet_error ledger_record_verify(const struct ledger_record *record, uint8_t ret_root_before[SHA256_BYTES]);

/* The leaves of a record, one after the other: false at the end.  Starts as reader_over(record->leaves); what was read is well-formed. */
bool ledger_record_next(struct reader *leaves, struct ledger_leaf *ret_leaf);

/*
 * A log as its writer makes it: begin a record, add leaves, end it, and begin
 * the next.  Everything stands in memory of the caller's.
 */
struct ledger_log {
    const struct signing_key *key;
    uint8_t origin[LEDGER_ORIGIN_BYTES_MAX];
    size_t origin_size;
    struct merkle_frontier frontier;
    uint64_t number; /* of the record that is being made */
    struct writer w; /* over its bytes */
    size_t count_at;
    uint32_t leaf_count;
};

/* An empty log; `key` is borrowed.  LIMIT for a cluster id that no origin has. */
signet_error ledger_log_init(struct ledger_log *log, struct slice cluster_id,
                             const uint8_t instance[LEDGER_INSTANCE_BYTES], const struct signing_key *key);
/* NO_SPACE when `size` has no room for any leaf.  No more than LEDGER_RECORD_BYTES_MAX of it are used. */
signet_error ledger_log_begin(struct ledger_log *log, void *memory, size_t size);
/* Any leaf but an interval or a closing, which are MALFORMED.  NO_SPACE when the record must end first; it is as it was then. */
signet_error ledger_log_add(struct ledger_log *log, const struct ledger_leaf *leaf);
/* `last` is an interval or a closing, and gets the record's number.  `ret_record` is the record, in the memory it began with. */
signet_error ledger_log_end(struct ledger_log *log, const struct ledger_leaf *last, struct slice *ret_record);

#endif
