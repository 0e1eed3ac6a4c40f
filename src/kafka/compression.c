/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/compression.h"

#include <limits.h>
#include <lz4frame.h>
#include <snappy-c.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/cursor.h"

enum {
    GZIP_WINDOW_BITS = 15 + 16, /* zlib's way to ask for a gzip header and trailer */
    GZIP_MEMORY_LEVEL = 8,
    ZSTD_LEVEL = 3, /* Kafka's default */
    XERIAL_VERSIONS_BYTES = 8,
};

/* SnappyCodec.java of snappy-java; two versions follow, then blocks with their lengths. */
static const uint8_t xerial_magic[] = { 0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0 };

void compression_init(struct compression *c)
{
    *c = (struct compression){ 0 };
}

void compression_free(struct compression *c)
{
    ZSTD_freeDCtx(c->zstd_decoder);
    ZSTD_freeCCtx(c->zstd_encoder);
    LZ4F_freeDecompressionContext(c->lz4_decoder);
    if (c->gzip_decoder) {
        inflateEnd(c->gzip_decoder);
    }
    free(c->gzip_decoder);
    compression_init(c);
}

/* gzip */

static signet_error gzip_ready(struct compression *c)
{
    if (c->gzip_decoder) {
        inflateReset(c->gzip_decoder);
        return SIGNET_OK;
    }
    z_stream *stream = calloc(1, sizeof *stream);
    if (!stream || inflateInit2(stream, GZIP_WINDOW_BITS) != Z_OK) {
        free(stream);
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    c->gzip_decoder = stream;
    return SIGNET_OK;
}

static signet_error gzip_error(const z_stream *stream, int result)
{
    switch (result) {
    case Z_STREAM_END:
        return stream->avail_in > 0 ? SIGNET_ERROR_TRAILING : SIGNET_OK;
    case Z_OK:
    case Z_BUF_ERROR:
        return stream->avail_out == 0 ? SIGNET_ERROR_LIMIT : SIGNET_ERROR_TRUNCATED;
    case Z_MEM_ERROR:
        return SIGNET_ERROR_OUT_OF_MEMORY;
    default:
        return SIGNET_ERROR_MALFORMED;
    }
}

static signet_error gzip_decompress(struct compression *c, struct slice input, uint8_t *memory, size_t size,
                                    size_t *ret_used)
{
    signet_error error = gzip_ready(c);
    if (error) {
        return error;
    }
    z_stream *stream = c->gzip_decoder;
    stream->next_in = (z_const Bytef *)input.data;
    stream->avail_in = (uInt)input.size;
    stream->next_out = memory;
    stream->avail_out = (uInt)size;
    error = gzip_error(stream, inflate(stream, Z_FINISH));
    if (!error) {
        *ret_used = size - stream->avail_out;
    }
    return error;
}

static signet_error gzip_compress(struct slice input, uint8_t *memory, size_t size, size_t *ret_used)
{
    z_stream stream = { .next_in = (z_const Bytef *)input.data,
                        .avail_in = (uInt)input.size,
                        .next_out = memory,
                        .avail_out = (uInt)size };
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW_BITS, GZIP_MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    int result = deflate(&stream, Z_FINISH);
    deflateEnd(&stream);
    if (result != Z_STREAM_END) {
        return SIGNET_ERROR_NO_SPACE;
    }
    *ret_used = size - stream.avail_out;
    return SIGNET_OK;
}

/* snappy */

static signet_error snappy_block(struct slice block, uint8_t *memory, size_t size, size_t *ret_used)
{
    size_t used;
    if (snappy_uncompressed_length((const char *)block.data, block.size, &used) != SNAPPY_OK) {
        return SIGNET_ERROR_MALFORMED;
    }
    if (used > size) {
        return SIGNET_ERROR_LIMIT;
    }
    used = size;
    if (snappy_uncompress((const char *)block.data, block.size, (char *)memory, &used) != SNAPPY_OK) {
        return SIGNET_ERROR_MALFORMED;
    }
    *ret_used = used;
    return SIGNET_OK;
}

static signet_error snappy_framed(struct reader r, uint8_t *memory, size_t size, size_t *ret_used)
{
    size_t used = 0;
    read_bytes(&r, XERIAL_VERSIONS_BYTES);
    while (!r.error && reader_left(&r) > 0) {
        struct slice block = read_bytes(&r, read_u32(&r));
        size_t block_used = 0;
        signet_error error = r.error ? r.error : snappy_block(block, memory + used, size - used, &block_used);
        if (error) {
            return error;
        }
        used += block_used;
    }
    if (!r.error) {
        *ret_used = used;
    }
    return r.error;
}

static signet_error snappy_decompress(struct slice input, uint8_t *memory, size_t size, size_t *ret_used)
{
    struct reader r = reader_over(input);
    if (slice_equal(read_bytes(&r, sizeof xerial_magic), slice_of(xerial_magic, sizeof xerial_magic))) {
        return snappy_framed(r, memory, size, ret_used);
    }
    return snappy_block(input, memory, size, ret_used);
}

static signet_error plain_snappy_compress(struct slice input, uint8_t *memory, size_t size, size_t *ret_used)
{
    size_t used = size;
    if (snappy_compress((const char *)input.data, input.size, (char *)memory, &used) != SNAPPY_OK) {
        return SIGNET_ERROR_NO_SPACE;
    }
    *ret_used = used;
    return SIGNET_OK;
}

/* lz4 */

static signet_error lz4_ready(struct compression *c)
{
    if (c->lz4_decoder) {
        LZ4F_resetDecompressionContext(c->lz4_decoder);
        return SIGNET_OK;
    }
    return LZ4F_isError(LZ4F_createDecompressionContext(&c->lz4_decoder, LZ4F_VERSION)) ? SIGNET_ERROR_OUT_OF_MEMORY
                                                                                        : SIGNET_OK;
}

static signet_error lz4_decompress(struct compression *c, struct slice input, uint8_t *memory, size_t size,
                                   size_t *ret_used)
{
    signet_error error = lz4_ready(c);
    if (error) {
        return error;
    }
    const LZ4F_decompressOptions_t options = { .stableDst = 1 };
    size_t in = 0, out = 0, hint = 1;
    while (hint > 0) {
        size_t in_step = input.size - in;
        size_t out_step = size - out;
        hint = LZ4F_decompress(c->lz4_decoder, memory + out, &out_step, input.data + in, &in_step, &options);
        if (LZ4F_isError(hint)) {
            return SIGNET_ERROR_MALFORMED;
        }
        if (hint > 0 && in_step == 0 && out_step == 0) {
            return out == size ? SIGNET_ERROR_LIMIT : SIGNET_ERROR_TRUNCATED;
        }
        in += in_step;
        out += out_step;
    }
    if (in < input.size) {
        return SIGNET_ERROR_TRAILING;
    }
    *ret_used = out;
    return SIGNET_OK;
}

static signet_error lz4_compress(struct slice input, uint8_t *memory, size_t size, size_t *ret_used)
{
    size_t used = LZ4F_compressFrame(memory, size, input.data, input.size, NULL);
    if (LZ4F_isError(used)) {
        return SIGNET_ERROR_NO_SPACE;
    }
    *ret_used = used;
    return SIGNET_OK;
}

/* zstd */

static signet_error zstd_error(size_t result)
{
    switch (ZSTD_getErrorCode(result)) {
    case ZSTD_error_no_error:
        return SIGNET_OK;
    case ZSTD_error_dstSize_tooSmall:
        return SIGNET_ERROR_LIMIT;
    case ZSTD_error_srcSize_wrong:
        return SIGNET_ERROR_TRUNCATED;
    case ZSTD_error_memory_allocation:
        return SIGNET_ERROR_OUT_OF_MEMORY;
    default:
        return SIGNET_ERROR_MALFORMED;
    }
}

static signet_error zstd_decompress(struct compression *c, struct slice input, uint8_t *memory, size_t size,
                                    size_t *ret_used)
{
    if (!c->zstd_decoder && !(c->zstd_decoder = ZSTD_createDCtx())) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    size_t frame = ZSTD_findFrameCompressedSize(input.data, input.size);
    if (ZSTD_isError(frame)) {
        return zstd_error(frame);
    }
    if (frame < input.size) {
        return SIGNET_ERROR_TRAILING;
    }
    size_t used = ZSTD_decompressDCtx(c->zstd_decoder, memory, size, input.data, input.size);
    if (ZSTD_isError(used)) {
        return zstd_error(used);
    }
    *ret_used = used;
    return SIGNET_OK;
}

static signet_error zstd_compress(struct compression *c, struct slice input, uint8_t *memory, size_t size,
                                  size_t *ret_used)
{
    if (!c->zstd_encoder && !(c->zstd_encoder = ZSTD_createCCtx())) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    size_t used = ZSTD_compressCCtx(c->zstd_encoder, memory, size, input.data, input.size, ZSTD_LEVEL);
    if (ZSTD_isError(used)) {
        signet_error error = zstd_error(used);
        return error == SIGNET_ERROR_LIMIT ? SIGNET_ERROR_NO_SPACE : error;
    }
    *ret_used = used;
    return SIGNET_OK;
}

/* All of them */

static signet_error copy(struct slice input, uint8_t *memory, size_t size, size_t *ret_used)
{
    if (input.size > size) {
        return SIGNET_ERROR_LIMIT;
    }
    if (input.size > 0) {
        memcpy(memory, input.data, input.size);
    }
    *ret_used = input.size;
    return SIGNET_OK;
}

/* The libraries count in 32 bits here and there, and want pointers even to nothing. */
static bool usable(struct slice *input, uint8_t **memory, size_t *size)
{
    static uint8_t nothing[1];
    input->data = input->data ? input->data : nothing;
    *memory = *memory ? *memory : nothing;
    *size = *size > INT_MAX ? INT_MAX : *size;
    return input->size <= INT_MAX;
}

signet_error records_decompress(struct compression *c, enum batch_codec codec, struct slice input, uint8_t *ret_memory,
                                size_t size, size_t *ret_used)
{
    if (!usable(&input, &ret_memory, &size)) {
        return SIGNET_ERROR_LIMIT;
    }
    switch (codec) {
    case BATCH_CODEC_NONE:
        return copy(input, ret_memory, size, ret_used);
    case BATCH_CODEC_GZIP:
        return gzip_decompress(c, input, ret_memory, size, ret_used);
    case BATCH_CODEC_SNAPPY:
        return snappy_decompress(input, ret_memory, size, ret_used);
    case BATCH_CODEC_LZ4:
        return lz4_decompress(c, input, ret_memory, size, ret_used);
    case BATCH_CODEC_ZSTD:
        return zstd_decompress(c, input, ret_memory, size, ret_used);
    default:
        return SIGNET_ERROR_UNSUPPORTED;
    }
}

signet_error records_compress(struct compression *c, enum batch_codec codec, struct slice input, uint8_t *ret_memory,
                              size_t size, size_t *ret_used)
{
    if (!usable(&input, &ret_memory, &size)) {
        return SIGNET_ERROR_LIMIT;
    }
    switch (codec) {
    case BATCH_CODEC_NONE:
        return copy(input, ret_memory, size, ret_used) ? SIGNET_ERROR_NO_SPACE : SIGNET_OK;
    case BATCH_CODEC_GZIP:
        return gzip_compress(input, ret_memory, size, ret_used);
    case BATCH_CODEC_SNAPPY:
        return plain_snappy_compress(input, ret_memory, size, ret_used);
    case BATCH_CODEC_LZ4:
        return lz4_compress(input, ret_memory, size, ret_used);
    case BATCH_CODEC_ZSTD:
        return zstd_compress(c, input, ret_memory, size, ret_used);
    default:
        return SIGNET_ERROR_UNSUPPORTED;
    }
}

size_t records_compressed_max(enum batch_codec codec, size_t input_size)
{
    switch (codec) {
    case BATCH_CODEC_GZIP:
        return compressBound(input_size) + 18; /* a gzip header and trailer are that much larger than zlib's */
    case BATCH_CODEC_SNAPPY:
        return snappy_max_compressed_length(input_size);
    case BATCH_CODEC_LZ4:
        return LZ4F_compressFrameBound(input_size, NULL);
    case BATCH_CODEC_ZSTD:
        return ZSTD_compressBound(input_size);
    default:
        return input_size;
    }
}
