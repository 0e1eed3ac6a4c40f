/* SPDX-License-Identifier: Apache-2.0 */
#include "vector_file.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { OPENED_BYTES_MAX = 2048 }; /* more than that is given by its hash */

static void check(bool fine, const char *what)
{
    if (!fine) {
        fprintf(stderr, "generate: %s\n", what);
        abort();
    }
}

struct vector vector_begin(struct world *w, const char *folder, const char *name, const char *comment)
{
    world_seed(folder, name);
    for (size_t i = 0; i < WORLD_STREAMS; i++) {
        seal_stream_init(&w->streams[i]);
    }
    return (struct vector){
        .world = w,
        .folder = folder,
        .name = name,
        .comment = comment,
        .writers = { { .topic = "orders*" } },
        .writer_count = 1,
        .recipient_count = 1,
        .fetches = json_array(),
    };
}

static json_t *hex(const uint8_t *bytes, size_t size)
{
    char *text = malloc(2 * size + 1);
    check(text, "out of memory");
    sodium_bin2hex(text, 2 * size + 1, bytes, size);
    json_t *json = json_string(text);
    free(text);
    return json;
}

static json_t *base64(const uint8_t *bytes, size_t size)
{
    size_t room = sodium_base64_encoded_len(size, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(room);
    check(text, "out of memory");
    sodium_bin2base64(text, room, bytes, size, sodium_base64_VARIANT_ORIGINAL);
    json_t *json = json_string(text);
    free(text);
    return json;
}

static json_t *describe_writer(const struct vector *v, const struct vector_writer *writer)
{
    char name[] = "gateway-a";
    name[8] = (char)(name[8] + writer->index);
    json_t *json = json_pack("{s:s, s:o, s:[s]}", "name", name, "public_key",
                             hex(v->world->writers[writer->index], SIGN_PUBLIC_BYTES), "topics", writer->topic);
    if (writer->not_before_ms) {
        json_object_set_new(json, "not_before", json_integer(writer->not_before_ms));
    }
    if (writer->not_after_ms) {
        json_object_set_new(json, "not_after", json_integer(writer->not_after_ms));
    }
    if (writer->revoked) {
        json_object_set_new(json, "revoked", json_true());
        if (writer->last_good >= 0) {
            json_object_set_new(json, "last_good", json_integer(writer->last_good));
        }
    }
    return json;
}

static json_t *describe_context(const struct vector *v)
{
    const struct world *w = v->world;
    json_t *writers = json_array(), *exceptions = json_array(), *recipients = json_array();
    for (size_t i = 0; i < v->writer_count; i++) {
        json_array_append_new(writers, describe_writer(v, &v->writers[i]));
    }
    for (size_t i = 0; i < v->exception_count; i++) {
        json_array_append_new(exceptions,
                              json_pack("[I, I]", (json_int_t)v->exceptions[i][0], (json_int_t)v->exceptions[i][1]));
    }
    for (size_t i = 0; i < v->recipient_count; i++) {
        json_array_append_new(recipients, hex(w->recipient_secrets[v->recipients[i]], BOX_SECRET_BYTES));
    }
    return json_pack(
        "{s:s, s:s, s:o, s:s, s:i, s:s, s:I, s:o, s:o, s:s*, s:o}", "comment", v->comment, "cluster_id", w->cluster_id,
        "topic_id", hex(w->place.topic.bytes, TOPIC_ID_BYTES), "topic", w->topic, "partition", (int)w->place.partition,
        "timestamp_type", v->log_append_time ? "LogAppendTime" : "CreateTime", "cut_over", (json_int_t)v->cut_over,
        "writers", writers, "exceptions", exceptions, "rows_topic", v->rows_topic, "recipient_secrets", recipients);
}

static void fetch_end(struct vector *v)
{
    if (!v->fetch) {
        return;
    }
    json_object_set_new(v->fetch, "records", base64(v->log, v->log_size));
    json_object_set_new(v->fetch, "batches", v->batches);
    json_array_append_new(v->fetches, v->fetch);
    free(v->log);
    v->log = NULL;
    v->log_size = 0;
    v->fetch = v->batches = NULL;
}

void fetch_begin(struct vector *v, int64_t offset, const char *label)
{
    fetch_end(v);
    v->fetch = json_object();
    v->batches = json_array();
    if (label) {
        json_object_set_new(v->fetch, "label", json_string(label));
    }
    json_object_set_new(v->fetch, "offset", json_integer(offset));
}

void fetch_share_group(struct vector *v)
{
    json_object_set_new(v->fetch, "share_group", json_true());
}

void fetch_committed(struct vector *v, const struct aborted_transaction *aborted, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(
            list, json_pack("[I, I]", (json_int_t)aborted[i].producer_id, (json_int_t)aborted[i].first_offset));
    }
    json_object_set_new(v->fetch, "aborted", list);
}

void fetch_bytes(struct vector *v, const uint8_t *bytes, size_t size)
{
    uint8_t *log = realloc(v->log, v->log_size + size + 1);
    check(log, "out of memory");
    memcpy(log + v->log_size, bytes, size);
    v->log = log;
    v->log_size += size;
}

static json_t *expect(struct vector *v, const struct made *made, enum verdict verdict)
{
    fetch_bytes(v, made->outer, made->outer_size);
    json_t *batch = json_pack("{s:s, s:I, s:I}", "verdict", verdict_word(verdict), "base", (json_int_t)made->base,
                              "last", (json_int_t)made->last);
    json_array_append_new(v->batches, batch);
    return batch;
}

static void expect_opened(json_t *batch, const uint8_t *bytes, size_t size)
{
    uint8_t digest[SHA256_BYTES];
    if (size <= OPENED_BYTES_MAX) {
        json_object_set_new(batch, "opened", base64(bytes, size));
        return;
    }
    sha256(slice_of(bytes, size), digest);
    json_object_set_new(batch, "opened_sha256", hex(digest, sizeof digest));
}

static void expect_empty(json_t *batch, const struct made *made)
{
    const struct batch_header h = {
        .base_offset = made->base,
        .leader_epoch = (int32_t)load_u32(made->outer + 12),
        .last_offset_delta = (int32_t)(made->last - made->base),
        .base_timestamp = -1,
        .max_timestamp = -1,
        .producer_id = -1,
        .producer_epoch = -1,
        .base_sequence = -1,
    };
    struct made empty = { .outer = (uint8_t[BATCH_HEADER_BYTES]){ 0 }, .outer_size = BATCH_HEADER_BYTES };
    batch_write_header(&h, 0, empty.outer);
    made_fix_crc(&empty);
    json_object_set_new(batch, "accepted", json_true());
    expect_opened(batch, empty.outer, empty.outer_size);
}

void fetch_good(struct vector *v, const struct made *made, enum verdict verdict)
{
    expect_opened(expect(v, made, verdict), made->plain, made->plain_size);
}

void fetch_bad(struct vector *v, const struct made *made, enum verdict verdict)
{
    expect(v, made, verdict);
}

static void accept_in_place(json_t *batch, const struct made *made)
{
    json_object_set_new(batch, "accepted", json_true());
    expect_opened(batch, made->plain, made->plain_size);
}

void fetch_accepted(struct vector *v, const struct made *made, enum verdict verdict)
{
    json_t *batch = expect(v, made, verdict);
    if (verdict == VERDICT_OUT_OF_ORDER) {
        accept_in_place(batch, made);
    } else {
        expect_empty(batch, made);
    }
}

static void name_offset(struct vector *v, const struct made *made, enum verdict verdict, const char *name,
                        int64_t offset, bool accepted)
{
    json_t *batch = expect(v, made, verdict);
    json_object_set_new(batch, name, json_integer(offset));
    if (accepted) {
        accept_in_place(batch, made);
    }
}

void fetch_wrong_offset(struct vector *v, const struct made *made, int64_t expected, bool accepted)
{
    name_offset(v, made, VERDICT_WRONG_OFFSET, "expected", expected, accepted);
}

void fetch_removed(struct vector *v, const struct made *made, int64_t missed, bool accepted)
{
    name_offset(v, made, VERDICT_REMOVED, "missed", missed, accepted);
}

void vector_end(struct vector *v, const char *root)
{
    fetch_end(v);
    json_t *json = describe_context(v);
    check(json, "context");
    json_object_set_new(json, "fetches", v->fetches);
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", root, v->folder);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/%s/%s.json", root, v->folder, v->name);
    FILE *file = fopen(path, "w");
    check(file && json_dumpf(json, file, JSON_INDENT(1)) == 0 && fputc('\n', file) != EOF && fclose(file) == 0, path);
    json_decref(json);
}
