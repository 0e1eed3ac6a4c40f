/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leaves of the ledger (spec/ledger.md, section 3): what a writer says that
 * it saw acknowledged.  One layout a kind, no optional parts: what is read is
 * written again as the same bytes, and what no reader would take is not written.
 */
#ifndef SIGNET_SEAL_LEDGER_LEAF_H
#define SIGNET_SEAL_LEDGER_LEAF_H

#include "base/cursor.h"
#include "base/limits.h"
#include "kafka/batch.h"
#include "kafka/topic.h"
#include "seal/envelope.h"

enum {
    LEDGER_LEAF_VERSION = 1,
    LEDGER_INSTANCE_BYTES = 16,
    LEDGER_BATCH_LEAF_BYTES = 93, /* the one kind that there are many of */
};

enum ledger_kind {
    LEDGER_OPENING = 1,
    LEDGER_TOPIC,
    LEDGER_BATCH,
    LEDGER_OUTCOME,
    LEDGER_RECORDS_DELETED,
    LEDGER_TOPIC_DELETED,
    LEDGER_INTERVAL,
    LEDGER_CLOSING,
    LEDGER_RETIREMENT,
};

/* Why something could not be entered (section 3.6). */
enum ledger_loss {
    LEDGER_LOSS_ACKS_ZERO,
    LEDGER_LOSS_NO_OFFSET,
    LEDGER_LOSS_UNKNOWN_OUTCOME,
    LEDGER_LOSS_NO_ROOM,
    LEDGER_LOSS_COUNT,
};

struct ledger_opening {
    int64_t time_ms;
    uint32_t interval_ms;
    struct slice cluster_id;
    bool has_previous;
    uint8_t previous_writer[WRITER_KEY_BYTES], previous_instance[LEDGER_INSTANCE_BYTES];
    uint64_t previous_size;
    uint8_t previous_root[SHA256_BYTES];
};

struct ledger_topic {
    struct topic_id id;
    struct slice name;
};

struct ledger_batch {
    struct place place;
    int64_t base_offset;
    int32_t last_offset_delta;
    int8_t acks; /* 1 or -1 */
    bool transactional;
    uint8_t seal_id[SEAL_ID_BYTES];
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t base_sequence;
    int64_t timestamp_ms;
    uint32_t stored_bytes;
};

struct ledger_outcome {
    int64_t time_ms;
    int64_t producer_id;
    int16_t producer_epoch;
    bool commit;
    int64_t next_producer_id; /* -1: the answer had none, and no epoch */
    int16_t next_producer_epoch;
    struct slice transactional_id; /* its first 255 bytes */
};

struct ledger_deletion {
    int64_t time_ms;
    struct place place;    /* no partition when a topic was deleted: 0 */
    int64_t low_watermark; /* 0 when a topic was deleted */
};

struct ledger_interval {
    uint64_t record;
    int64_t time_ms;
    uint64_t lost[LEDGER_LOSS_COUNT];
};

struct ledger_retirement {
    int64_t time_ms;
    uint8_t instance[LEDGER_INSTANCE_BYTES];
    uint64_t size;
    uint8_t root[SHA256_BYTES];
    struct slice reason;
};

struct ledger_leaf {
    enum ledger_kind kind;
    union {
        struct ledger_opening opening;
        struct ledger_topic topic;
        struct ledger_batch batch;
        struct ledger_outcome outcome;
        struct ledger_deletion deletion; /* of records or of a topic */
        struct ledger_interval interval; /* of a closing too */
        struct ledger_retirement retirement;
    };
};

/* The last leaf of a record, and of none else. */
static inline bool ledger_kind_is_last(enum ledger_kind kind)
{
    return kind == LEDGER_INTERVAL || kind == LEDGER_CLOSING;
}

/* MALFORMED unless every byte is accounted for.  Slices borrow `bytes`. */
signet_error ledger_leaf_read(struct slice bytes, struct ledger_leaf *ret_leaf);
/* MALFORMED for what ledger_leaf_read would not take; NO_SPACE.  Never more than LEDGER_LEAF_BYTES_MAX bytes. */
signet_error ledger_leaf_write(struct writer *w, const struct ledger_leaf *leaf);

#endif
