/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/log_index.h"

#include <assert.h>

#include "kafka/segment.h"

struct suffix_kind {
    const char *suffix;
    enum log_index_kind kind;
};

static const struct suffix_kind suffixes[] = {
    { ".index", LOG_INDEX_OFFSETS },
    { ".timeindex", LOG_INDEX_TIMES },
    { ".txnindex", LOG_INDEX_ABORTED },
    { ".snapshot", LOG_INDEX_PRODUCERS },
};

static bool take_suffix(struct slice *name, const char *suffix)
{
    size_t size = strlen(suffix);
    bool ends = name->size >= size && memcmp(name->data + name->size - size, suffix, size) == 0;
    name->size -= ends ? size : 0;
    return ends;
}

struct log_index_name log_index_name_parse(struct slice name)
{
    static const char *const passing[] = { ".deleted", ".cleaned", ".swap" };
    for (size_t i = 0; i < sizeof passing / sizeof *passing && !take_suffix(&name, passing[i]); i++) {
    }
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        struct slice before = name;
        if (take_suffix(&before, suffixes[i].suffix)) {
            return (struct log_index_name){ suffixes[i].kind, log_file_name_parse(name).base_offset };
        }
    }
    return (struct log_index_name){ LOG_INDEX_NONE, -1 };
}

size_t log_index_entry_bytes(enum log_index_kind kind)
{
    static const size_t bytes[] = { 0, OFFSET_ENTRY_BYTES, TIME_ENTRY_BYTES, ABORTED_ENTRY_BYTES,
                                    PRODUCER_ENTRY_BYTES };
    return bytes[kind];
}

struct offset_entry offset_entry_read(struct slice bytes)
{
    struct reader r = reader_over(bytes);
    struct offset_entry e;
    e.relative_offset = read_i32(&r);
    e.position = read_i32(&r);
    assert(!r.error && r.at == r.end);
    return e;
}

struct time_entry time_entry_read(struct slice bytes)
{
    struct reader r = reader_over(bytes);
    struct time_entry e;
    e.timestamp_ms = read_i64(&r);
    e.relative_offset = read_i32(&r);
    assert(!r.error && r.at == r.end);
    return e;
}

struct aborted_entry aborted_entry_read(struct slice bytes)
{
    struct reader r = reader_over(bytes);
    struct aborted_entry e;
    e.version = read_i16(&r);
    e.producer_id = read_i64(&r);
    e.first_offset = read_i64(&r);
    e.last_offset = read_i64(&r);
    e.last_stable_offset = read_i64(&r);
    assert(!r.error && r.at == r.end);
    return e;
}

struct producers_header producers_header_read(struct slice bytes)
{
    struct reader r = reader_over(bytes);
    struct producers_header h;
    h.version = read_i16(&r);
    h.crc = read_u32(&r);
    h.count = read_i32(&r);
    assert(!r.error && r.at == r.end);
    return h;
}

struct producer_entry producer_entry_read(struct slice bytes)
{
    struct reader r = reader_over(bytes);
    struct producer_entry e;
    e.producer_id = read_i64(&r);
    e.producer_epoch = read_i16(&r);
    e.last_sequence = read_i32(&r);
    e.last_offset = read_i64(&r);
    e.offset_delta = read_i32(&r);
    e.timestamp_ms = read_i64(&r);
    e.coordinator_epoch = read_i32(&r);
    e.current_transaction = read_i64(&r);
    assert(!r.error && r.at == r.end);
    return e;
}
