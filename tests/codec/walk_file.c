/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads what Generate.java wrote with Kafka's own classes.  Every message must
 * come out as it went in, every prefix of it must be refused, and no version
 * that the tables have may be missing; headers and record batches must be read
 * to the byte.
 *
 * usage: walk_file FILE
 */
#include <stdio.h>
#include <stdlib.h>

#include "kafka/api.h"
#include "kafka/batch.h"
#include "kafka/compression.h"
#include "kafka/header.h"
#include "kafka/record.h"
#include "kafka/walk.h"

enum {
    MESSAGES_MAX = 64,
    VERSIONS_MAX = 32,
    HEADER_BYTES_MAX = 1024,
};

struct version {
    int16_t api_key, version;
};

/* In the tables, but not in Kafka 4.0 to 4.3, whose classes made the file. */
static const struct version unseen[] = {
    { API_VERSIONS, 5 },
    { API_CREATE_TOPICS, 0 },
    { API_CREATE_TOPICS, 1 },
    { API_DELETE_TOPICS, 0 },
};

/* Marks on fields that are marked wherever they stand; Generate.java counts the same fields in the same order. */
static const enum mark counted[] = {
    MARK_HOST,       MARK_PORT,         MARK_CLUSTER_ID, MARK_TOPIC_ID, MARK_RECORDS,
    MARK_REPLICA_ID, MARK_FETCH_OFFSET, MARK_ABORTED,    MARK_ACQUIRED,
};

enum {
    COUNTED = sizeof counted / sizeof *counted,
};

struct check {
    struct budget budget;
    struct compression compression;
    bool seen[MESSAGES_MAX][VERSIONS_MAX];
    size_t entries, failures;
};

static void fail(struct check *c, const char *what, int key, int version)
{
    fprintf(stderr, "entry %zu, API %d version %d: %s\n", c->entries, key, version, what);
    c->failures++;
}

static size_t index_of(const struct message *message)
{
    size_t i = 0;
    while (message_at(i) != message) {
        i++;
    }
    return i;
}

static enum walk_answer count_marks(void *context, struct walk_visit *visit)
{
    uint16_t *counts = context;
    for (size_t i = 0; i < COUNTED; i++) {
        bool once = visit->event == VISIT_FIELD || visit->event == VISIT_ARRAY_BEGIN;
        counts[i] = (uint16_t)(counts[i] + (once && visit->mark == counted[i]));
    }
    return WALK_KEEP;
}

/* `counts` as many as COUNTED, added to. */
static signet_error walk(struct check *c, const struct message *message, int16_t version, struct slice body,
                         uint16_t *counts, bool *ret_kept)
{
    struct block *block = block_new(&c->budget, body.size);
    struct gather out;
    gather_init(&out, &c->budget);
    if (!block) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    if (body.size > 0) {
        memcpy(block->data, body.data, body.size);
    }
    struct walk_hook hook = { count_marks, counts };
    signet_error error = walk_message(message, version, block, block->data, body.size, hook, &out);
    bool one_piece = out.count == (body.size > 0) && (out.count == 0 || out.pieces[0].data == block->data);
    *ret_kept = out.size == body.size && one_piece && slice_equal(slice_of(block->data, body.size), body);
    gather_free(&out);
    block_release(block);
    return error;
}

static void check_message(struct check *c, enum message_direction direction, struct reader *r)
{
    int16_t key = read_i16(r), version = read_i16(r);
    uint16_t written[COUNTED], counts[COUNTED] = { 0 };
    for (size_t i = 0; i < COUNTED; i++) {
        written[i] = read_u16(r);
    }
    struct slice body = read_bytes(r, reader_left(r));
    const struct message *message = message_find(key, direction);
    if (!message || version < message->since || version > message->last) {
        fail(c, "no table", key, version);
        return;
    }
    bool kept;
    signet_error error = walk(c, message, version, body, counts, &kept);
    if (memcmp(counts, written, sizeof counts) != 0) {
        fail(c, "marks are missing or too many", key, version);
    }
    if (error || !kept) {
        fail(c, error ? signet_error_text(error) : "not the same bytes", key, version);
    }
    for (size_t size = 0; size < body.size; size++) {
        if (walk(c, message, version, slice_of(body.data, size), counts, &kept) != SIGNET_ERROR_TRUNCATED) {
            fail(c, "a prefix is not truncated", key, version);
            break;
        }
    }
    c->seen[index_of(message)][version] = true;
}

static void check_versions(struct check *c, struct reader *r)
{
    int16_t key = read_i16(r), version = read_i16(r);
    int request = read_u8(r), response = read_u8(r);
    const struct api *api = api_find(key);
    if (!api || !(api->class == API_DENY || api_serves(api, version))) {
        fail(c, "neither served nor denied", key, version);
        return;
    }
    if (request_header_version(api, version) != request || response_header_version(api, version) != response) {
        fail(c, "other versions of the headers", key, version);
    }
}

static void check_header(struct check *c, struct reader *r)
{
    int16_t key = read_i16(r), version = read_i16(r);
    struct slice bytes = read_bytes(r, reader_left(r));
    struct request_header header;
    signet_error error = request_header_read(bytes, &header);
    if (error) {
        fail(c, signet_error_text(error), key, version);
        return;
    }
    uint8_t memory[HEADER_BYTES_MAX];
    struct writer w = writer_over(memory, sizeof memory);
    request_header_write(&w, &header);
    bool same = header.api_key == key && header.api_version == version && header.size == bytes.size;
    if (!same || !slice_equal(writer_slice(&w), bytes)) {
        fail(c, "another header", key, version);
    }
}

static size_t count_bytes(const struct record *record)
{
    size_t bytes = record->key.size + record->value.size;
    struct slice headers = record->headers;
    struct record_header header;
    while (record_header_next(&headers, &header)) {
        bytes += header.key.size + header.value.size;
    }
    return bytes;
}

static signet_error read_records(struct slice section, int32_t count, size_t *ret_bytes)
{
    struct record_reader records;
    struct record record;
    size_t bytes = 0;
    record_begin(&records, section, count);
    while (record_next(&records, &record)) {
        bytes += count_bytes(&record);
    }
    *ret_bytes = bytes;
    return record_end(&records);
}

static void check_batch(struct check *c, struct reader *r)
{
    uint32_t count = read_u32(r), bytes = read_u32(r);
    struct batch batch;
    signet_error error = batch_read(read_bytes(r, reader_left(r)), &batch);
    if (error || !batch_crc_matches(&batch)) {
        fail(c, "no batch", -1, -1);
        return;
    }
    enum batch_codec codec = (enum batch_codec)(batch.header.attributes & BATCH_CODEC_MASK);
    size_t size_max = bytes + (size_t)count * 100, size = 0, read = 0;
    uint8_t *memory = malloc(size_max);
    if (!memory) {
        fail(c, "out of memory", -1, -1);
        return;
    }
    error = records_decompress(&c->compression, codec, batch.records, memory, size_max, &size);
    if (!error) {
        error = read_records(slice_of(memory, size), batch.header.record_count, &read);
    }
    if (error || (uint32_t)batch.header.record_count != count || read != bytes) {
        fail(c, error ? signet_error_text(error) : "other records", (int)codec, (int)count);
    }
    free(memory);
}

/* False at the last one. */
static bool check_entry(struct check *c, struct slice entry)
{
    struct reader r = reader_over(entry);
    char kind = (char)read_u8(&r);
    switch (kind) {
    case 'Q':
    case 'R':
        check_message(c, kind == 'Q' ? MESSAGE_REQUEST : MESSAGE_RESPONSE, &r);
        break;
    case 'V':
        check_versions(c, &r);
        break;
    case 'H':
        check_header(c, &r);
        break;
    case 'B':
        check_batch(c, &r);
        break;
    default:
        if (kind != 'E' || read_u32(&r) != c->entries) {
            fail(c, "no such kind, or not all entries", -1, -1);
        }
        return false;
    }
    if (r.error) {
        fail(c, "entry too short", -1, -1);
    }
    c->entries++;
    return true;
}

static bool is_unseen(const struct message *message, int16_t version)
{
    for (size_t i = 0; i < sizeof unseen / sizeof *unseen; i++) {
        if (unseen[i].api_key == message->api_key && unseen[i].version == version) {
            return true;
        }
    }
    return false;
}

static void check_coverage(struct check *c)
{
    const struct message *message;
    for (size_t i = 0; (message = message_at(i)); i++) {
        for (int16_t version = message->since; version <= message->last; version++) {
            if (!c->seen[i][version] && !is_unseen(message, version)) {
                fail(c, "a version never seen", message->api_key, version);
            }
        }
    }
}

static uint8_t *read_file(const char *path, size_t *ret_size)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        return NULL;
    }
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    uint8_t *bytes = size > 0 ? malloc((size_t)size) : NULL;
    *ret_size = bytes ? fread(bytes, 1, (size_t)size, file) : 0;
    fclose(file);
    return bytes;
}

int main(int argc, char **argv)
{
    size_t size = 0;
    uint8_t *bytes = argc == 2 ? read_file(argv[1], &size) : NULL;
    if (!bytes) {
        fprintf(stderr, "usage: walk_file FILE\n");
        return 2;
    }
    static struct check c = { .budget = { .limit_bytes = SIZE_MAX } };
    compression_init(&c.compression);
    struct reader r = reader_over(slice_of(bytes, size));
    while (!r.error && check_entry(&c, read_bytes(&r, read_u32(&r)))) {
    }
    check_coverage(&c);
    compression_free(&c.compression);
    free(bytes);
    printf("%zu entries, %zu failures\n", c.entries, c.failures);
    return c.failures || c.entries == 0 || r.error || reader_left(&r) > 0 ? 1 : 0;
}
