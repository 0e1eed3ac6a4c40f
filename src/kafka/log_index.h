/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What brokers keep beside a segment: where offsets and times are in it, which
 * transactions were aborted, and producers' state at its start (OffsetIndex,
 * TimeIndex, AbortedTxn, ProducerStateManager.java).  Entries of one size, one
 * after the other; only producers' state has a header, and a checksum.
 *
 * The rule to keep: a broker makes all of these anew from the segments, so
 * that nothing in them is known better than there.
 */
#ifndef SIGNET_KAFKA_LOG_INDEX_H
#define SIGNET_KAFKA_LOG_INDEX_H

#include "base/cursor.h"

enum log_index_kind {
    LOG_INDEX_NONE,
    LOG_INDEX_OFFSETS,   /* .index */
    LOG_INDEX_TIMES,     /* .timeindex */
    LOG_INDEX_ABORTED,   /* .txnindex */
    LOG_INDEX_PRODUCERS, /* .snapshot */
};

struct log_index_name {
    enum log_index_kind kind;
    int64_t base_offset; /* as the first 20 digits of the name say; -1 when it does not begin so */
};
/* By the end of the name, behind which .deleted, .cleaned and .swap may stand; what is before it may be anything. */
struct log_index_name log_index_name_parse(struct slice name);

enum {
    OFFSET_ENTRY_BYTES = 8,
    TIME_ENTRY_BYTES = 12,
    ABORTED_ENTRY_BYTES = 34,
    PRODUCERS_HEADER_BYTES = 10,
    PRODUCER_ENTRY_BYTES = 46,
    PRODUCERS_CRC_FROM = 6, /* the checksum covers from here to the end */
    LOG_INDEX_ENTRY_BYTES_MAX = PRODUCER_ENTRY_BYTES,
};
/* Bytes of one entry; 0 for LOG_INDEX_NONE. */
size_t log_index_entry_bytes(enum log_index_kind kind);

struct offset_entry {
    int32_t relative_offset; /* to the base offset */
    int32_t position;        /* in the segment */
};

struct time_entry {
    int64_t timestamp_ms;
    int32_t relative_offset;
};

/* An aborted transaction whose marker is in the segment. */
struct aborted_entry {
    int16_t version; /* 0 */
    int64_t producer_id;
    int64_t first_offset, last_offset; /* of its first batch, and of its marker */
    int64_t last_stable_offset;        /* when it was aborted */
};

struct producers_header {
    int16_t version; /* 1 */
    uint32_t crc;
    int32_t count;
};

struct producer_entry {
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t last_sequence; /* -1: it has written nothing but markers */
    int64_t last_offset;   /* -1 the same */
    int32_t offset_delta;  /* from the first to the last offset of its last batch */
    int64_t timestamp_ms;
    int32_t coordinator_epoch;
    int64_t current_transaction; /* the first offset of the one that is open; -1 none */
};

/* Each takes exactly the bytes of one entry, all of which are lawful. */
struct offset_entry offset_entry_read(struct slice bytes);
struct time_entry time_entry_read(struct slice bytes);
struct aborted_entry aborted_entry_read(struct slice bytes);
struct producers_header producers_header_read(struct slice bytes);
struct producer_entry producer_entry_read(struct slice bytes);

#endif
