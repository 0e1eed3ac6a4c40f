/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kafka's four codecs over the records section of a batch.  Used only where
 * somebody must look inside; sealing and opening leave compressed records as
 * they are.
 *
 * The rule to keep: the caller gives the memory and with it the most that comes
 * out, so that a small batch cannot grow without bound.  A section is one frame
 * of its codec, whole and with nothing behind it.
 */
#ifndef SIGNET_KAFKA_COMPRESSION_H
#define SIGNET_KAFKA_COMPRESSION_H

#include "base/error.h"
#include "base/slice.h"
#include "kafka/batch.h"

/* Contexts of the libraries, made when first needed and kept for the next batch.  One thread at a time. */
struct compression {
    struct ZSTD_DCtx_s *zstd_decoder;
    struct ZSTD_CCtx_s *zstd_encoder;
    struct LZ4F_dctx_s *lz4_decoder;
    struct z_stream_s *gzip_decoder;
};

void compression_init(struct compression *c);
void compression_free(struct compression *c);

/*
 * LIMIT when more than `size` bytes would come out; TRUNCATED, TRAILING or
 * MALFORMED for data that is not a whole frame; UNSUPPORTED for a codec that
 * Kafka does not have.  Snappy is read as Java writes it (in the framing of
 * xerial) and as others do (one plain block).
 */
signet_error records_decompress(struct compression *c, enum batch_codec codec, struct slice input, uint8_t *ret_memory,
                                size_t size, size_t *ret_used);

/* NO_SPACE when `size` is too small; records_compressed_max bytes always do.  Snappy is written as one plain block. */
signet_error records_compress(struct compression *c, enum batch_codec codec, struct slice input, uint8_t *ret_memory,
                              size_t size, size_t *ret_used);
size_t records_compressed_max(enum batch_codec codec, size_t input_size);

#endif
