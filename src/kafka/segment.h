/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log directories and segments as brokers leave them on disk (LocalLog.java,
 * LogFileUtils.java, FileRecords.java): what a name means, what the small text
 * files say, and where batches begin and end in a segment.  No file is opened
 * here: names and bytes come in.
 *
 * The rule to keep: whoever wrote these files may be hostile.  Nothing here
 * believes a length before it has been held against what is there.
 */
#ifndef SIGNET_KAFKA_SEGMENT_H
#define SIGNET_KAFKA_SEGMENT_H

#include "kafka/batch.h"

enum log_file_kind {
    LOG_FILE_OTHER,
    LOG_FILE_SEGMENT,  /* NNNNNNNNNNNNNNNNNNNN.log */
    LOG_FILE_INDEX,    /* .index, .timeindex, .txnindex: made anew by the broker when they are missing */
    LOG_FILE_SNAPSHOT, /* .snapshot: producers' state */
    LOG_FILE_PASSING,  /* .deleted, .cleaned, .swap: on its way out, or in */
    LOG_FILE_METADATA, /* partition.metadata */
    LOG_FILE_EPOCHS,   /* leader-epoch-checkpoint */
};

struct log_file_name {
    enum log_file_kind kind;
    int64_t base_offset; /* of those that are named after it; else -1 */
};
struct log_file_name log_file_name_parse(struct slice name);

enum log_folder_kind {
    LOG_FOLDER_OTHER,
    LOG_FOLDER_PARTITION, /* topic-partition */
    LOG_FOLDER_DELETED,   /* topic-partition.id-delete: about to go */
    LOG_FOLDER_FUTURE,    /* -future: a copy on its way to another disk */
    LOG_FOLDER_STRAY,     /* -stray: of a partition that this broker no longer has */
    LOG_FOLDER_KNOWN,     /* a folder that brokers or file systems keep beside partitions */
};

struct log_folder_name {
    enum log_folder_kind kind;
    struct slice topic; /* borrowed from the name */
    int32_t partition;  /* -1 with an empty topic where the name says none */
};
/* A topic's name may have dashes in it: the last one counts. */
struct log_folder_name log_folder_name_parse(struct slice name);

/* partition.metadata: the topic id as text, base64url.  MALFORMED; UNSUPPORTED for another version. */
signet_error partition_metadata_read(struct slice text, struct slice *ret_topic_id);
/* meta.properties: the cluster's id.  MALFORMED when there is none. */
signet_error meta_properties_read(struct slice text, struct slice *ret_cluster_id);

/* What stands behind the whole batches at the beginning of a window. */
enum segment_rest {
    SEGMENT_MORE,   /* a batch that the window does not hold whole, but the file does */
    SEGMENT_END,    /* nothing: the file ends there */
    SEGMENT_TORN,   /* a batch that would end behind the end of the file */
    SEGMENT_ZEROS,  /* zeros as far as the window goes: room made beforehand */
    SEGMENT_BROKEN, /* no batch of magic 2 begins there */
};

struct segment_frame {
    size_t whole_bytes; /* whole batches */
    size_t batches;
    enum segment_rest rest;
    size_t next_bytes;   /* MORE: bytes of the batch behind them, or of its header while that is not there */
    int64_t next_offset; /* its BaseOffset, or what stands there; -1 when there are too few bytes */
};

/* How much to take at a time; at least one batch is taken whatever its size. */
struct segment_portion {
    size_t batches_max;
    size_t content_bytes_max; /* what a batch may come to when it is decompressed, going by its sizes */
};

/* `window` begins where a batch should, `left_bytes` before the end of the file.  Looks at headers only. */
void segment_frame(struct slice window, uint64_t left_bytes, const struct segment_portion *portion,
                   struct segment_frame *ret_frame);
/* The bytes that a batch and what comes out of it can take at most, when it is a sealed one. */
size_t segment_batch_content_max(const struct batch_header *header, size_t batch_bytes);

/*
 * The next batch behind a place where none begins: the first position from
 * `from` on with a header that makes sense, offsets within [low, high], and
 * the right CRC, whole in the window.  Spends at most *crc_bytes on CRCs, so
 * that nobody can make it look at the same bytes without end.
 */
bool segment_find(struct slice window, size_t from, int64_t low, int64_t high, size_t *crc_bytes, size_t *ret_at);

#endif
