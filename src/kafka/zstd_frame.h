/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A zstd frame (RFC 8878) whose first part is stored raw and whose tail is
 * compressed.  Sealed batches are such frames: the envelope is noise, and to
 * run it through a compressor would cost more than all the cryptography; the
 * stubs behind it are nearly all alike.
 *
 * The frame has a window of 128 KiB, no checksum and no content size.  Raw
 * blocks leave a decoder's state alone, so blocks that were compressed on
 * their own can follow them.
 */
#ifndef SIGNET_KAFKA_ZSTD_FRAME_H
#define SIGNET_KAFKA_ZSTD_FRAME_H

#include "base/error.h"
#include "base/slice.h"

enum {
    ZSTD_FRAME_HEADER_BYTES = 6,
    ZSTD_BLOCK_HEADER_BYTES = 3,
    ZSTD_BLOCK_BYTES_MAX = 128 * 1024,
};

/* Contexts of the library; one thread at a time. */
struct zstd_frame;
struct zstd_frame *zstd_frame_new(void);
/* Takes NULL. */
void zstd_frame_free(struct zstd_frame *zstd);

void zstd_frame_write_header(uint8_t ret_bytes[ZSTD_FRAME_HEADER_BYTES]);
/* The header of a raw block of `size` bytes that is not the last; size <= ZSTD_BLOCK_BYTES_MAX. */
void zstd_frame_write_raw_header(size_t size, uint8_t ret_bytes[ZSTD_BLOCK_HEADER_BYTES]);

/* Room that zstd_frame_compress_tail needs for `size` bytes. */
size_t zstd_frame_tail_bound(size_t size);
/* Compresses `tail` into the blocks that end a frame; `room` has zstd_frame_tail_bound bytes. */
signet_error zstd_frame_compress_tail(struct zstd_frame *zstd, struct slice tail, uint8_t *room, size_t *ret_size);

/* What zstd_frame_split found. */
struct zstd_split {
    size_t raw_at, raw_size; /* content of the first block */
    struct slice tail;       /* the blocks after it */
};
/* False unless the frame has the header above, a raw first block and more behind it. */
bool zstd_frame_split(struct slice frame, struct zstd_split *ret_split);
/*
 * Decompresses a tail whose size is known: exactly `size` bytes must come out
 * and all of it must go in, or it is MALFORMED.
 */
signet_error zstd_frame_decompress_tail(struct zstd_frame *zstd, struct slice tail, uint8_t *ret_bytes, size_t size);

#endif
