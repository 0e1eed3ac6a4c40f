/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/zstd_frame.h"

#include <stdlib.h>
#include <zstd.h>

enum {
    WINDOW_LOG = 17,
    LEVEL = 3, /* higher levels save less than a tenth of a byte per stub */
};

/* Magic; no content size, checksum or dictionary; window 2^17 (RFC 8878, 3.1.1.1). */
static const uint8_t frame_header[ZSTD_FRAME_HEADER_BYTES] = { 0x28, 0xb5, 0x2f, 0xfd, 0x00, (WINDOW_LOG - 10) << 3 };

struct zstd_frame {
    ZSTD_CCtx *compress;
    ZSTD_DCtx *decompress;
};

static bool configure(struct zstd_frame *zstd)
{
    return zstd->compress && zstd->decompress &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(zstd->compress, ZSTD_c_compressionLevel, LEVEL)) &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(zstd->compress, ZSTD_c_windowLog, WINDOW_LOG)) &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(zstd->compress, ZSTD_c_contentSizeFlag, 0));
}

struct zstd_frame *zstd_frame_new(void)
{
    struct zstd_frame *zstd = calloc(1, sizeof *zstd);
    if (!zstd) {
        return NULL;
    }
    zstd->compress = ZSTD_createCCtx();
    zstd->decompress = ZSTD_createDCtx();
    if (!configure(zstd)) {
        zstd_frame_free(zstd);
        return NULL;
    }
    return zstd;
}

void zstd_frame_free(struct zstd_frame *zstd)
{
    if (!zstd) {
        return;
    }
    ZSTD_freeCCtx(zstd->compress);
    ZSTD_freeDCtx(zstd->decompress);
    free(zstd);
}

void zstd_frame_write_header(uint8_t ret_bytes[ZSTD_FRAME_HEADER_BYTES])
{
    memcpy(ret_bytes, frame_header, sizeof frame_header);
}

/* Block headers are little-endian: last block in bit 0, type in bits 1-2 (0 raw), size above (RFC 8878, 3.1.1.2). */
void zstd_frame_write_raw_header(size_t size, uint8_t ret_bytes[ZSTD_BLOCK_HEADER_BYTES])
{
    size_t header = size << 3;
    ret_bytes[0] = (uint8_t)header;
    ret_bytes[1] = (uint8_t)(header >> 8);
    ret_bytes[2] = (uint8_t)(header >> 16);
}

size_t zstd_frame_tail_bound(size_t size)
{
    return ZSTD_compressBound(size);
}

signet_error zstd_frame_compress_tail(struct zstd_frame *zstd, struct slice tail, uint8_t *room, size_t *ret_size)
{
    size_t size = ZSTD_compress2(zstd->compress, room, zstd_frame_tail_bound(tail.size), tail.data, tail.size);
    if (ZSTD_isError(size) || size < ZSTD_FRAME_HEADER_BYTES || room[4] != 0x00) {
        return SIGNET_ERROR_CRYPTO;
    }
    memmove(room, room + ZSTD_FRAME_HEADER_BYTES, size - ZSTD_FRAME_HEADER_BYTES);
    *ret_size = size - ZSTD_FRAME_HEADER_BYTES;
    return SIGNET_OK;
}

bool zstd_frame_split(struct slice frame, struct zstd_split *ret_split)
{
    const size_t content_at = ZSTD_FRAME_HEADER_BYTES + ZSTD_BLOCK_HEADER_BYTES;
    if (frame.size <= content_at || memcmp(frame.data, frame_header, sizeof frame_header) != 0) {
        return false;
    }
    const uint8_t *at = frame.data + ZSTD_FRAME_HEADER_BYTES;
    size_t header = at[0] | ((size_t)at[1] << 8) | ((size_t)at[2] << 16);
    size_t size = header >> 3;
    if ((header & 7) != 0 || size > ZSTD_BLOCK_BYTES_MAX || size >= frame.size - content_at) {
        return false;
    }
    *ret_split = (struct zstd_split){
        .raw_at = content_at,
        .raw_size = size,
        .tail = slice_of(frame.data + content_at + size, frame.size - content_at - size),
    };
    return true;
}

static size_t feed(struct zstd_frame *zstd, ZSTD_outBuffer *out, struct slice bytes)
{
    ZSTD_inBuffer in = { bytes.data, bytes.size, 0 };
    size_t left = 1;
    while (in.pos < in.size && left != 0) {
        size_t before = in.pos, room = out->pos;
        left = ZSTD_decompressStream(zstd->decompress, out, &in);
        bool stuck = in.pos == before && out->pos == room;
        if (ZSTD_isError(left) || stuck) {
            return SIZE_MAX;
        }
    }
    return in.pos == in.size ? left : SIZE_MAX;
}

signet_error zstd_frame_decompress_tail(struct zstd_frame *zstd, struct slice tail, uint8_t *ret_bytes, size_t size)
{
    ZSTD_outBuffer out = { ret_bytes, size, 0 };
    ZSTD_DCtx_reset(zstd->decompress, ZSTD_reset_session_only);
    size_t left = feed(zstd, &out, slice_of(frame_header, sizeof frame_header));
    if (left == SIZE_MAX || feed(zstd, &out, tail) != 0 || out.pos != size) {
        return SIGNET_ERROR_MALFORMED;
    }
    return SIGNET_OK;
}
