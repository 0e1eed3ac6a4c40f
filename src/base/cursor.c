/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cursor.h"

enum {
    UVARINT_BYTES_MAX = 5,
    VARLONG_BYTES_MAX = 10,
};

uint16_t load_u16(const uint8_t *at)
{
    return (uint16_t)((at[0] << 8) | at[1]);
}

uint32_t load_u32(const uint8_t *at)
{
    return ((uint32_t)load_u16(at) << 16) | load_u16(at + 2);
}

uint64_t load_u64(const uint8_t *at)
{
    return ((uint64_t)load_u32(at) << 32) | load_u32(at + 4);
}

void store_u16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

void store_u32(uint8_t *at, uint32_t value)
{
    store_u16(at, (uint16_t)(value >> 16));
    store_u16(at + 2, (uint16_t)value);
}

void store_u64(uint8_t *at, uint64_t value)
{
    store_u32(at, (uint32_t)(value >> 32));
    store_u32(at + 4, (uint32_t)value);
}

struct slice read_bytes(struct reader *r, size_t size)
{
    if (size > reader_left(r)) {
        reader_fail(r, SIGNET_ERROR_TRUNCATED);
        return (struct slice){ 0 };
    }
    struct slice bytes = slice_of(r->at, size);
    r->at += size;
    return bytes;
}

void read_array(struct reader *r, uint8_t *ret, size_t size)
{
    struct slice bytes = read_bytes(r, size);
    if (bytes.size) {
        memcpy(ret, bytes.data, size);
    }
}

uint8_t read_u8(struct reader *r)
{
    struct slice bytes = read_bytes(r, 1);
    return bytes.size ? bytes.data[0] : 0;
}

int8_t read_i8(struct reader *r)
{
    return (int8_t)read_u8(r);
}

uint16_t read_u16(struct reader *r)
{
    struct slice bytes = read_bytes(r, 2);
    return bytes.size ? load_u16(bytes.data) : 0;
}

int16_t read_i16(struct reader *r)
{
    return (int16_t)read_u16(r);
}

uint32_t read_u32(struct reader *r)
{
    struct slice bytes = read_bytes(r, 4);
    return bytes.size ? load_u32(bytes.data) : 0;
}

int32_t read_i32(struct reader *r)
{
    return (int32_t)read_u32(r);
}

uint64_t read_u64(struct reader *r)
{
    struct slice bytes = read_bytes(r, 8);
    return bytes.size ? load_u64(bytes.data) : 0;
}

int64_t read_i64(struct reader *r)
{
    return (int64_t)read_u64(r);
}

static uint64_t read_groups(struct reader *r, unsigned bytes_max, uint8_t last_group_max)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes_max; i++) {
        uint8_t group = read_u8(r);
        if (r->error) {
            return 0;
        }
        value |= (uint64_t)(group & 0x7f) << (7 * i);
        if (!(group & 0x80)) {
            if (i == bytes_max - 1 && group > last_group_max) {
                break;
            }
            return value;
        }
    }
    reader_fail(r, SIGNET_ERROR_MALFORMED);
    return 0;
}

uint32_t read_uvarint(struct reader *r)
{
    return (uint32_t)read_groups(r, UVARINT_BYTES_MAX, 0x0f);
}

int32_t read_varint(struct reader *r)
{
    uint32_t raw = read_uvarint(r);
    return (int32_t)((raw >> 1) ^ (~(raw & 1) + 1));
}

int64_t read_varlong(struct reader *r)
{
    uint64_t raw = read_groups(r, VARLONG_BYTES_MAX, 0x01);
    return (int64_t)((raw >> 1) ^ (~(raw & 1) + 1));
}

uint8_t *write_room(struct writer *w, size_t size)
{
    if (w->error || size > (size_t)(w->end - w->at)) {
        w->error = w->error ? w->error : SIGNET_ERROR_NO_SPACE;
        return NULL;
    }
    uint8_t *room = w->at;
    w->at += size;
    return room;
}

void write_bytes(struct writer *w, struct slice bytes)
{
    uint8_t *room = write_room(w, bytes.size);
    if (room && bytes.size) {
        memcpy(room, bytes.data, bytes.size);
    }
}

void write_u8(struct writer *w, uint8_t value)
{
    uint8_t *room = write_room(w, 1);
    if (room) {
        *room = value;
    }
}

void write_u16(struct writer *w, uint16_t value)
{
    uint8_t *room = write_room(w, 2);
    if (room) {
        store_u16(room, value);
    }
}

void write_i16(struct writer *w, int16_t value)
{
    write_u16(w, (uint16_t)value);
}

void write_u32(struct writer *w, uint32_t value)
{
    uint8_t *room = write_room(w, 4);
    if (room) {
        store_u32(room, value);
    }
}

void write_i32(struct writer *w, int32_t value)
{
    write_u32(w, (uint32_t)value);
}

void write_u64(struct writer *w, uint64_t value)
{
    uint8_t *room = write_room(w, 8);
    if (room) {
        store_u64(room, value);
    }
}

void write_i64(struct writer *w, int64_t value)
{
    write_u64(w, (uint64_t)value);
}

static void write_groups(struct writer *w, uint64_t value)
{
    while (value >= 0x80) {
        write_u8(w, (uint8_t)(value | 0x80));
        value >>= 7;
    }
    write_u8(w, (uint8_t)value);
}

static uint32_t zigzag(int32_t value)
{
    return ((uint32_t)value << 1) ^ (value < 0 ? UINT32_MAX : 0);
}

static uint64_t zigzag_long(int64_t value)
{
    return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}

void write_uvarint(struct writer *w, uint32_t value)
{
    write_groups(w, value);
}

void write_varint(struct writer *w, int32_t value)
{
    write_groups(w, zigzag(value));
}

void write_varlong(struct writer *w, int64_t value)
{
    write_groups(w, zigzag_long(value));
}

static size_t groups_size(uint64_t value)
{
    size_t size = 1;
    while (value >= 0x80) {
        value >>= 7;
        size++;
    }
    return size;
}

size_t uvarint_size(uint32_t value)
{
    return groups_size(value);
}

size_t varint_size(int32_t value)
{
    return groups_size(zigzag(value));
}

size_t varlong_size(int64_t value)
{
    return groups_size(zigzag_long(value));
}
