/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The broker's list of aborted transactions (.txnindex), computed again from
 * batches and markers while a log is read, and held against the file
 * (spec/ledger.md, section 7.3).  What it lists decides what readers of
 * committed data get.
 *
 * A broker writes a marker first and its line in the list then, and it may do
 * so while both are read.  The rule to keep: a line counts as one too many
 * only when it was there before the segment's size was asked for, and as
 * missing only when it is not there after all of the segment was read.
 */
#ifndef SIGNET_VERIFY_ABORTED_LIST_H
#define SIGNET_VERIFY_ABORTED_LIST_H

#include "kafka/log_index.h"
#include "verify/disk.h"
#include "verify/entry_file.h"
#include "verify/flaw.h"
#include "verify/ongoing.h"

/* A line that there must be, or may be. */
struct awaited_line {
    int64_t producer_id;
    int64_t first, last;   /* offsets; `first` is -1 where the transaction began before what was read */
    int64_t stable;        /* the last stable offset, or one above it */
    bool optional;         /* the marker may be of no transaction */
    bool may_begin_before; /* what was read, whatever `first` says */
};

/* A producer of which the list has a transaction that began before what was read: only its first one may be that. */
struct early_producer {
    int64_t producer_id;
    bool ended;
};

/* A line's last stable offset beyond its marker when nothing was open: right for a follower that got the beginning of the next
 * transaction in the same answer, so long as none begins below it. */
struct claimed_stable {
    int64_t stable, first, last; /* the highest such offset; its line */
};

/* Starts as all zero but for its first four members. */
struct aborted_list {
    const struct trust *trust;
    const struct place *place;
    struct slice topic_name;
    int folder;
    struct flaws flaws; /* what was found */
    /* Its own: since the log was followed without a hole, */
    int64_t start;
    unsigned starts;
    bool lost; /* it is followed no more, which has been told */
    struct ongoing ongoing;
    struct early_producer *early; /* by producer */
    size_t early_count, early_capacity;
    bool early_lost;
    struct claimed_stable claimed;
    uint64_t low_stable; /* lines with a last stable offset below the one computed */
    /* and of the segment at hand. */
    const struct segments *segments;
    size_t index;
    int file;             /* -1: there is none (yet) */
    bool skipped;         /* it cannot be read, which has been told */
    uint64_t known_bytes; /* its size before the segment's was asked for */
    struct entry_file entries;
    bool has_next;
    struct aborted_entry next;
    uint64_t next_at; /* its position */
    struct awaited_line *awaited;
    size_t awaited_count, awaited_capacity;
};

/* Before the segment is opened. */
void aborted_list_open(struct aborted_list *list, const struct segments *segments, size_t index);
/* What was before `offset` is not known: the log begins there, or a part of it was damaged.  Within a segment. */
void aborted_list_start(struct aborted_list *list, int64_t offset);
/* Each batch: one with data, or a marker. */
void aborted_list_data(struct aborted_list *list, const struct batch_header *batch);
void aborted_list_marker(struct aborted_list *list, const struct batch_header *batch, bool commit);

/* A segment that was read to its end, when it was so long. */
struct aborted_list_segment {
    int file;
    uint64_t bytes;
    bool last;   /* the broker may be writing to it */
    int64_t end; /* the offset behind its last batch */
    int64_t now_ms;
};
/* `segment` is NULL when it was not read to its end: then nothing is said. */
void aborted_list_close(struct aborted_list *list, const struct aborted_list_segment *segment);
/* After the last segment: what was found is added to `flaws`. */
void aborted_list_finish(struct aborted_list *list, struct flaws *flaws);

#endif
