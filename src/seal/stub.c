/* SPDX-License-Identifier: Apache-2.0 */
#include "seal/stub.h"

#include "base/cursor.h"

/* Stubs whose offset deltas take equally many bytes differ in nothing else. */
struct stub_run {
    int32_t first, end; /* offset deltas [first, end) */
    size_t offset_bytes;
};

/* Zigzag varints grow at 2^6, 2^13, 2^20 and 2^27. */
static struct stub_run run_at(int32_t first, int32_t record_count)
{
    size_t bytes = varint_size(first);
    int64_t end = bytes < 5 ? (int64_t)1 << (7 * bytes - 1) : INT32_MAX;
    return (struct stub_run){ first, end < record_count ? (int32_t)end : record_count, bytes };
}

static size_t stub_bytes(const struct stub_run *run, int64_t timestamp_delta)
{
    return 2 + varlong_size(timestamp_delta) + run->offset_bytes + STUB_TAIL_BYTES;
}

size_t stubs_size(int32_t record_count, int64_t timestamp_delta)
{
    size_t size = 0;
    for (int32_t i = 1; i < record_count;) {
        struct stub_run run = run_at(i, record_count);
        size += (size_t)(run.end - run.first) * stub_bytes(&run, timestamp_delta);
        i = run.end;
    }
    return size;
}

static size_t write_front(const struct stub_run *run, int64_t timestamp_delta, uint8_t *ret)
{
    struct writer w = writer_over(ret, STUB_FRONT_BYTES_MAX);
    write_varint(&w, (int32_t)stub_bytes(run, timestamp_delta) - 1);
    write_u8(&w, 0);
    write_varlong(&w, timestamp_delta);
    return writer_used(&w);
}

static void write_offset(uint8_t *at, int32_t offset_delta, size_t bytes)
{
    uint32_t value = (uint32_t)offset_delta << 1;
    for (size_t i = 0; i + 1 < bytes; i++) {
        at[i] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    at[bytes - 1] = (uint8_t)value;
}

static const uint8_t stub_tail[STUB_TAIL_BYTES] = { 0x01, 0x00, 0x00 };

/* One stub of the run, complete but for its offset delta; returns where that goes. */
static size_t make_template(const struct stub_run *run, int64_t timestamp_delta, uint8_t ret[STUB_BYTES_MAX])
{
    size_t offset_at = write_front(run, timestamp_delta, ret);
    memcpy(ret + offset_at + run->offset_bytes, stub_tail, sizeof stub_tail);
    return offset_at;
}

void stubs_write(int32_t record_count, int64_t timestamp_delta, uint8_t *ret_bytes)
{
    for (int32_t i = 1; i < record_count;) {
        struct stub_run run = run_at(i, record_count);
        uint8_t stub[STUB_BYTES_MAX] = { 0 };
        size_t offset_at = make_template(&run, timestamp_delta, stub), size = stub_bytes(&run, timestamp_delta);
        for (; i < run.end; i++, ret_bytes += size) {
            memcpy(ret_bytes, stub, size);
            write_offset(ret_bytes + offset_at, i, run.offset_bytes);
        }
    }
}

bool stubs_match(int32_t record_count, int64_t timestamp_delta, struct slice bytes)
{
    if (bytes.size != stubs_size(record_count, timestamp_delta)) {
        return false;
    }
    const uint8_t *at = bytes.data;
    for (int32_t i = 1; i < record_count;) {
        struct stub_run run = run_at(i, record_count);
        uint8_t stub[STUB_BYTES_MAX] = { 0 };
        size_t offset_at = make_template(&run, timestamp_delta, stub), size = stub_bytes(&run, timestamp_delta);
        for (; i < run.end; i++, at += size) {
            write_offset(stub + offset_at, i, run.offset_bytes);
            if (memcmp(at, stub, size) != 0) {
                return false;
            }
        }
    }
    return true;
}
