/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounded cursors over memory, big-endian as Kafka writes (protocol guide,
 * "Protocol Primitive Types").  A cursor keeps its first error and from then
 * on reads zeros and writes nothing, so that a codec reads straight down and
 * is checked once, at the end.
 */
#ifndef SIGNET_BASE_CURSOR_H
#define SIGNET_BASE_CURSOR_H

#include "base/error.h"
#include "base/slice.h"

struct reader {
    const uint8_t *at, *end; /* at <= end */
    signet_error error;
};

struct writer {
    uint8_t *start, *at, *end; /* start <= at <= end */
    signet_error error;
};

static inline struct reader reader_over(struct slice input)
{
    return (struct reader){ .at = input.data, .end = input.data + input.size };
}

static inline struct writer writer_over(void *memory, size_t size)
{
    return (struct writer){ .start = memory, .at = memory, .end = (uint8_t *)memory + size };
}

static inline size_t reader_left(const struct reader *r)
{
    return (size_t)(r->end - r->at);
}

static inline size_t writer_used(const struct writer *w)
{
    return (size_t)(w->at - w->start);
}

static inline struct slice writer_slice(const struct writer *w)
{
    return slice_of(w->start, writer_used(w));
}

static inline void reader_fail(struct reader *r, signet_error error)
{
    if (!r->error) {
        r->error = error;
    }
    r->at = r->end;
}

/* Reading.  Each returns 0, or an empty slice, once the cursor has failed. */
struct slice read_bytes(struct reader *r, size_t size);
/* Copies them; nothing once the cursor has failed. */
void read_array(struct reader *r, uint8_t *ret, size_t size);
uint8_t read_u8(struct reader *r);
int8_t read_i8(struct reader *r);
uint16_t read_u16(struct reader *r);
int16_t read_i16(struct reader *r);
uint32_t read_u32(struct reader *r);
int32_t read_i32(struct reader *r);
uint64_t read_u64(struct reader *r);
int64_t read_i64(struct reader *r);
/* Unsigned varint of at most 32 bits (5 bytes); longer is MALFORMED. */
uint32_t read_uvarint(struct reader *r);
/* Zigzag varint of 32 bits, and varlong of 64, as in a record (KIP-98). */
int32_t read_varint(struct reader *r);
int64_t read_varlong(struct reader *r);

/* Writing.  NO_SPACE when the memory is too small; nothing is written past its end. */
void write_bytes(struct writer *w, struct slice bytes);
void write_u8(struct writer *w, uint8_t value);
void write_u16(struct writer *w, uint16_t value);
void write_i16(struct writer *w, int16_t value);
void write_u32(struct writer *w, uint32_t value);
void write_i32(struct writer *w, int32_t value);
void write_u64(struct writer *w, uint64_t value);
void write_i64(struct writer *w, int64_t value);
void write_uvarint(struct writer *w, uint32_t value);
void write_varint(struct writer *w, int32_t value);
void write_varlong(struct writer *w, int64_t value);
/* Room for `size` bytes to be filled in by the caller, or NULL. */
uint8_t *write_room(struct writer *w, size_t size);

/* Bytes that a value takes. */
size_t uvarint_size(uint32_t value);
size_t varint_size(int32_t value);
size_t varlong_size(int64_t value);

/* Fixed positions, for patching; the caller has checked the bounds. */
uint16_t load_u16(const uint8_t *at);
uint32_t load_u32(const uint8_t *at);
uint64_t load_u64(const uint8_t *at);
void store_u16(uint8_t *at, uint16_t value);
void store_u32(uint8_t *at, uint32_t value);
void store_u64(uint8_t *at, uint64_t value);

#endif
