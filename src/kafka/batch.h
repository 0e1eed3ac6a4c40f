/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header of a record batch, magic 2 (KIP-98; DefaultRecordBatch.java), and
 * the walk from one batch to the next.  The records behind it are not looked
 * into here.
 */
#ifndef SIGNET_KAFKA_BATCH_H
#define SIGNET_KAFKA_BATCH_H

#include "base/cursor.h"

enum {
    BATCH_HEADER_BYTES = 61,
    BATCH_LENGTH_END = 12, /* BatchLength counts from here */
    BATCH_CRC_START = 21,  /* the CRC covers from here to the end */
    BATCH_MAGIC_AT = 16,
};

enum batch_attribute {
    BATCH_CODEC_MASK = 0x07,
    BATCH_LOG_APPEND_TIME = 0x08,
    BATCH_TRANSACTIONAL = 0x10,
    BATCH_CONTROL = 0x20,
    BATCH_DELETE_HORIZON = 0x40,
};

enum batch_codec {
    BATCH_CODEC_NONE,
    BATCH_CODEC_GZIP,
    BATCH_CODEC_SNAPPY,
    BATCH_CODEC_LZ4,
    BATCH_CODEC_ZSTD,
    BATCH_CODEC_COUNT,
};

struct batch_header {
    int64_t base_offset;
    int32_t leader_epoch;
    uint32_t crc;
    int16_t attributes;
    int32_t last_offset_delta;
    int64_t base_timestamp, max_timestamp; /* Unix ms, -1 none */
    int64_t producer_id;                   /* -1 none */
    int16_t producer_epoch;
    int32_t base_sequence;
    int32_t record_count;
};

struct batch {
    struct batch_header header;
    struct slice bytes;   /* all of it, header included */
    struct slice records; /* what follows the header */
};

/*
 * Reads the first batch of `input`.  TRUNCATED when it is not all there,
 * UNSUPPORTED when the magic is not 2, MALFORMED when its length is impossible.
 */
signet_error batch_read(struct slice input, struct batch *ret_batch);
/* The magic byte of the first batch, or -1 when there are too few bytes to have one. */
int batch_magic(struct slice input);

bool batch_crc_matches(const struct batch *batch);

/* The fields from Attributes to RecordCount, as they stand in a header and wherever else they are carried. */
void batch_read_fields(struct reader *r, struct batch_header *header);
void batch_write_fields(struct writer *w, const struct batch_header *header);

/* Writes the header of a batch whose records have `records_size` bytes; the CRC is taken from `header`. */
void batch_write_header(const struct batch_header *header, size_t records_size, uint8_t ret_bytes[BATCH_HEADER_BYTES]);
/* Puts `crc` into a header that has been written. */
void batch_patch_crc(uint8_t header[BATCH_HEADER_BYTES], uint32_t crc);

static inline int64_t batch_last_offset(const struct batch_header *header)
{
    return (int64_t)((uint64_t)header->base_offset + (uint64_t)(int64_t)header->last_offset_delta);
}

/* CRC-32C over pieces: start, add each in turn, finish. */
static inline uint32_t crc32c_start(void)
{
    return UINT32_MAX;
}
uint32_t crc32c_add(uint32_t state, struct slice bytes);
static inline uint32_t crc32c_finish(uint32_t state)
{
    return ~state;
}
static inline uint32_t crc32c(struct slice bytes)
{
    return crc32c_finish(crc32c_add(crc32c_start(), bytes));
}

#endif
