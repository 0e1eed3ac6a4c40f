/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outer batch as it comes back from a broker: finding the envelope in it,
 * whatever codec a broker has put around it, and checking that nothing else
 * has changed but what a broker may change (spec/sealed-batch.md, sections 4
 * and 8.2).
 */
#ifndef SIGNET_SEAL_OUTER_H
#define SIGNET_SEAL_OUTER_H

#include "base/block.h"
#include "kafka/compression.h"
#include "kafka/zstd_frame.h"
#include "seal/envelope.h"

enum timestamp_type {
    TIMESTAMP_CREATE_TIME,
    TIMESTAMP_LOG_APPEND_TIME,
};

/* The contexts of libraries that reading may need; one thread at a time. */
struct outer_codecs {
    struct zstd_frame *zstd;
    struct compression *compression;
    struct budget *budget;
};

/* Record 0 and what stands behind it. */
struct outer_content {
    struct block *owner; /* holds one reference: where the envelope lies, in place or decompressed */
    uint8_t *value;      /* record 0's value, with room for a batch header before it is opened */
    size_t value_size;   /* 0 when null or empty */
    bool bare;           /* record 0 has attributes 0, offset delta 0, null key, no headers, and the shortest varints */
    int64_t timestamp_delta;
    struct slice stubs;      /* the records behind it, uncompressed; or */
    struct slice stubs_tail; /* the blocks of a zstd frame that decompress to them */
};

/*
 * Finds record 0 of `batch`, which lies in `owner`.  MALFORMED as rule 4 says;
 * LIMIT when it decompresses to more than a sealed batch can (section 4).
 */
signet_error outer_read(const struct outer_codecs *codecs, struct block *owner, const struct batch *batch,
                        struct outer_content *ret_content);
void outer_content_free(struct outer_content *content);

/* Record 0's value where it lies in the batch itself: no codec, or a frame as a sealer writes it.  Needs no contexts. */
bool outer_value_in_place(const struct batch *batch, struct slice *ret_value);

/* Rule 11: the field of section 8.2 that a broker may not have changed so, and NULL when there is none. */
const char *outer_fault(const struct outer_codecs *codecs, const struct batch *batch,
                        const struct outer_content *content, const struct envelope_header *header,
                        enum timestamp_type type, int64_t append_skew_ms);

#endif
