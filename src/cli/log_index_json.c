/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/log_index_json.h"

#include <jansson.h>

#include "cli/json_put.h"
#include "kafka/batch.h"
#include "verify/disk.h"
#include "verify/entry_file.h"

enum { PRODUCERS_VERSION = 1 };

static void show(struct log_index_listing *l, json_t *object)
{
    l->hook(l->context, object);
    json_decref(object);
}

/* What is no entry. */
static void show_rest(struct log_index_listing *l, const char *kind, uint64_t at)
{
    if (at < l->size) {
        json_t *object = json_object();
        put_word(object, "kind", kind);
        put_number(object, "position", (int64_t)at);
        put_number(object, "size", (int64_t)(l->size - at));
        show(l, object);
    }
}

static bool is_wanted(const struct log_index_listing *l, int64_t first, int64_t last)
{
    return last >= l->first && first <= l->last;
}

/* A file whose name does not say where its segment begins has only relative ones. */
static bool put_offset(const struct log_index_listing *l, json_t *object, int32_t relative)
{
    bool known = l->name.base_offset >= 0;
    int64_t offset = (int64_t)((uint64_t)(known ? l->name.base_offset : 0) + (uint64_t)(int64_t)relative);
    put_number(object, known ? "offset" : "relative-offset", offset);
    return is_wanted(l, offset, offset);
}

static bool put_offset_entry(const struct log_index_listing *l, struct slice bytes, json_t *object)
{
    struct offset_entry e = offset_entry_read(bytes);
    put_word(object, "kind", "offset");
    bool wanted = put_offset(l, object, e.relative_offset);
    put_number(object, "position", e.position);
    return wanted;
}

static bool put_time_entry(const struct log_index_listing *l, struct slice bytes, json_t *object)
{
    struct time_entry e = time_entry_read(bytes);
    put_word(object, "kind", "time");
    put_number(object, "timestamp-ms", e.timestamp_ms);
    return put_offset(l, object, e.relative_offset);
}

static bool put_aborted_entry(const struct log_index_listing *l, struct slice bytes, json_t *object)
{
    struct aborted_entry e = aborted_entry_read(bytes);
    put_word(object, "kind", "aborted transaction");
    put_number(object, "version", e.version);
    put_number(object, "producer-id", e.producer_id);
    put_number(object, "first-offset", e.first_offset);
    put_number(object, "last-offset", e.last_offset);
    put_number(object, "last-stable-offset", e.last_stable_offset);
    return is_wanted(l, e.first_offset, e.last_offset);
}

/* Sequences go on from the largest to 0 (DefaultRecordBatch.java). */
static int64_t first_sequence(const struct producer_entry *e)
{
    int64_t first = (int64_t)e->last_sequence - e->offset_delta;
    return first < 0 ? first + INT32_MAX + 1 : first;
}

static bool put_producer_entry(const struct log_index_listing *l, struct slice bytes, json_t *object)
{
    (void)l;
    struct producer_entry e = producer_entry_read(bytes);
    put_word(object, "kind", "producer");
    put_number(object, "producer-id", e.producer_id);
    put_number(object, "producer-epoch", e.producer_epoch);
    put_number(object, "coordinator-epoch", e.coordinator_epoch);
    put_number(object, "current-transaction-first-offset", e.current_transaction);
    put_number(object, "last-timestamp-ms", e.timestamp_ms);
    if (e.last_offset >= 0) {
        put_number(object, "first-sequence", first_sequence(&e));
        put_number(object, "last-sequence", e.last_sequence);
        put_number(object, "last-offset", e.last_offset);
        put_number(object, "offset-delta", e.offset_delta);
    }
    return true;
}

typedef bool put_entry(const struct log_index_listing *l, struct slice bytes, json_t *object);

static void show_entry(struct log_index_listing *l, struct slice bytes)
{
    static put_entry *const put[] = { NULL, put_offset_entry, put_time_entry, put_aborted_entry, put_producer_entry };
    json_t *object = json_object();
    if (put[l->name.kind](l, bytes, object)) {
        l->hook(l->context, object);
    }
    json_decref(object);
}

/* Where the zeros from `at` on end: in what is read at that position, or with the file. */
static signet_error zeros_end(const struct log_index_listing *l, uint64_t at, uint64_t *ret_end)
{
    uint8_t window[ENTRY_FILE_WINDOW_BYTES];
    size_t got = 1;
    bool zeros = true;
    signet_error error = SIGNET_OK;
    while (zeros && !error && got > 0 && at < l->size) {
        error = disk_read(l->file, at, window, sizeof window, &got);
        zeros = slice_is_zero(slice_of(window, error ? 0 : got));
        at += zeros && !error ? got : 0;
    }
    *ret_end = at;
    return error;
}

static signet_error list_entries(struct log_index_listing *l, uint64_t at, uint64_t count)
{
    struct entry_file entries;
    struct slice entry;
    signet_error error = SIGNET_OK;
    bool reserved = l->name.kind == LOG_INDEX_OFFSETS || l->name.kind == LOG_INDEX_TIMES;
    uint64_t zeros = 0; /* their end, as far as it was looked for */
    entry_file_begin(&entries, l->file, at, log_index_entry_bytes(l->name.kind));
    for (; count > 0 && !error && entry_file_next(&entries, &entry); count--) {
        if (reserved && slice_is_zero(entry) && entries.at >= zeros) {
            error = zeros_end(l, entries.at, &zeros);
        }
        if (!error && reserved && slice_is_zero(entry) && zeros >= l->size) {
            show_rest(l, "preallocated zeros", entries.at - entry.size);
            return SIGNET_OK;
        }
        show_entry(l, entry);
    }
    bool torn = count > 0 && !entries.error && !error;
    if (torn) {
        show_rest(l, "torn tail", entries.at);
    }
    l->wrong = l->wrong || (torn && l->name.kind == LOG_INDEX_PRODUCERS);
    return error ? error : entries.error;
}

static signet_error compute_crc(const struct log_index_listing *l, uint32_t *ret_crc)
{
    uint8_t window[ENTRY_FILE_WINDOW_BYTES];
    uint32_t state = crc32c_start();
    size_t got = 1;
    for (uint64_t at = PRODUCERS_CRC_FROM; got > 0 && at < l->size; at += got) {
        signet_error error = disk_read(l->file, at, window, sizeof window, &got);
        if (error) {
            return error;
        }
        state = crc32c_add(state, slice_of(window, got));
    }
    *ret_crc = crc32c_finish(state);
    return SIGNET_OK;
}

static void show_header(struct log_index_listing *l, const struct producers_header *h, uint32_t crc)
{
    json_t *object = json_object();
    put_word(object, "kind", "producers");
    put_number(object, "version", h->version);
    put_number(object, "crc", h->crc);
    put_bool(object, "crc-right", h->crc == crc);
    put_number(object, "count", h->count);
    show(l, object);
}

static signet_error list_producers(struct log_index_listing *l)
{
    uint8_t bytes[PRODUCERS_HEADER_BYTES];
    size_t got = 0;
    uint32_t crc = 0;
    signet_error error = disk_read(l->file, 0, bytes, sizeof bytes, &got);
    if (error || got < sizeof bytes) {
        l->wrong = true;
        show_rest(l, "torn tail", 0);
        return error;
    }
    struct producers_header h = producers_header_read(slice_of(bytes, sizeof bytes));
    error = compute_crc(l, &crc);
    if (error) {
        return error;
    }
    show_header(l, &h, crc);
    l->unknown = h.version != PRODUCERS_VERSION;
    if (l->unknown) {
        return SIGNET_OK;
    }
    uint64_t count = h.count > 0 ? (uint64_t)h.count : 0;
    l->wrong = h.crc != crc || h.count < 0;
    error = list_entries(l, PRODUCERS_HEADER_BYTES, count);
    uint64_t end = PRODUCERS_HEADER_BYTES + count * PRODUCER_ENTRY_BYTES;
    l->wrong = l->wrong || end < l->size;
    if (!error) {
        show_rest(l, "bytes behind the last producer", end);
    }
    return error;
}

signet_error log_index_list(struct log_index_listing *l)
{
    return l->name.kind == LOG_INDEX_PRODUCERS ? list_producers(l) : list_entries(l, 0, UINT64_MAX);
}
