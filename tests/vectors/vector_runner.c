/* SPDX-License-Identifier: Apache-2.0 */
#include "vector_runner.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/random.h"

static void check(bool fine, const char *what)
{
    if (!fine) {
        fprintf(stderr, "vector: %s\n", what);
        abort();
    }
}

const char *vector_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    check(text, key);
    return text;
}

int64_t vector_number(const json_t *object, const char *key, int64_t otherwise)
{
    const json_t *number = json_object_get(object, key);
    return number ? json_integer_value(number) : otherwise;
}

void vector_hex(const char *text, uint8_t *ret, size_t size)
{
    size_t got = 0;
    check(!sodium_hex2bin(ret, size, text, strlen(text), NULL, &got, NULL) && got == size, "hex");
}

struct block *vector_base64(struct vector_runner *r, const char *text, size_t *ret_size)
{
    struct block *block = block_new(&r->budget, strlen(text) / 4 * 3 + 1);
    check(!sodium_base642bin(block->data, block->capacity, text, strlen(text), NULL, ret_size, NULL,
                             sodium_base64_VARIANT_ORIGINAL),
          "base64");
    return block;
}

static void note(void *context, const struct open_finding *finding)
{
    struct vector_runner *r = context;
    check(r->finding_count < RUNNER_FINDINGS_MAX, "findings");
    r->findings[r->finding_count++] = *finding;
}

static struct aead_key *find_key(void *context, const struct envelope *envelope)
{
    return unwrap_cache_find(context, envelope);
}

static void take_writers(struct vector_runner *r, const json_t *vector)
{
    size_t i;
    json_t *writer;
    json_array_foreach(json_object_get(vector, "writers"), i, writer)
    {
        check(i < RUNNER_WRITERS_MAX, "writers");
        r->patterns[i] = (char *)(uintptr_t)json_string_value(json_array_get(json_object_get(writer, "topics"), 0));
        r->last_good[i] = (struct last_good){ r->request.place, r->rows_topic, vector_number(writer, "last_good", -1) };
        r->writers[i] = (struct trusted_writer){
            .topics = &r->patterns[i],
            .topic_count = 1,
            .not_before_ms = vector_number(writer, "not_before", INT64_MIN),
            .not_after_ms = vector_number(writer, "not_after", INT64_MAX),
            .revoked = json_is_true(json_object_get(writer, "revoked")),
            .last_good = &r->last_good[i],
            .last_good_count = json_object_get(writer, "last_good") ? 1 : 0,
        };
        vector_hex(vector_text(writer, "public_key"), r->writers[i].key, WRITER_KEY_BYTES);
        r->trust.writer_count = i + 1;
    }
}

static void take_trust(struct vector_runner *r, const json_t *vector)
{
    r->trust = (struct trust){ .writers = r->writers, .exceptions = r->exceptions };
    strncpy(r->trust.cluster_id, vector_text(vector, "cluster_id"), CLUSTER_ID_BYTES_MAX);
    const char *rows_topic = json_object_get(vector, "rows_topic") ? "rows_topic" : "topic";
    r->rows_topic = (char *)(uintptr_t)vector_text(vector, rows_topic);
    take_writers(r, vector);
    r->cut_over = (struct cut_over){ r->request.place, r->rows_topic, vector_number(vector, "cut_over", 0) };
    r->trust.cut_overs = &r->cut_over;
    r->trust.cut_over_count = 1;
    size_t i;
    json_t *exception;
    json_array_foreach(json_object_get(vector, "exceptions"), i, exception)
    {
        check(i < RUNNER_EXCEPTIONS_MAX, "exceptions");
        static char reason[] = "accepted";
        r->exceptions[i] = (struct accepted_exception){
            .place = r->request.place,
            .topic = r->rows_topic,
            .first_offset = json_integer_value(json_array_get(exception, 0)),
            .last_offset = json_integer_value(json_array_get(exception, 1)),
            .reason = reason,
        };
        r->trust.exception_count = i + 1;
    }
}

static void take_recipients(struct vector_runner *r, const json_t *vector)
{
    struct recipient_key keys[RUNNER_RECIPIENTS_MAX];
    const json_t *secrets = json_object_get(vector, "recipient_secrets");
    size_t count = json_array_size(secrets);
    check(count <= RUNNER_RECIPIENTS_MAX, "recipients");
    for (size_t i = 0; i < count; i++) {
        vector_hex(json_string_value(json_array_get(secrets, i)), r->secrets[i], BOX_SECRET_BYTES);
        keys[i].secret = r->secrets[i];
        box_public_from_secret(r->secrets[i], keys[i].public_key);
    }
    r->cache = unwrap_cache_new(keys, count);
}

void vector_runner_init(struct vector_runner *r, const json_t *vector)
{
    check(!crypto_start(), "libsodium");
    *r = (struct vector_runner){ .budget = { .limit_bytes = 1 << 30 }, .zstd = zstd_frame_new() };
    compression_init(&r->compression);
    bool append_time = strcmp(vector_text(vector, "timestamp_type"), "LogAppendTime") == 0;
    r->request = (struct open_request){
        .topic_name = slice_of_text(vector_text(vector, "topic")),
        .place.partition = (int32_t)vector_number(vector, "partition", -1),
        .timestamp_type = append_time ? TIMESTAMP_LOG_APPEND_TIME : TIMESTAMP_CREATE_TIME,
        .append_skew_ms = 600000,
    };
    vector_hex(vector_text(vector, "topic_id"), r->request.place.topic.bytes, TOPIC_ID_BYTES);
    take_trust(r, vector);
    take_recipients(r, vector);
    r->opener = (struct opener){
        .trust = &r->trust,
        .codecs = { r->zstd, &r->compression, &r->budget },
        .keys = { find_key, r->cache },
        .report = note,
        .report_context = r,
    };
}

static void forget_fetch(struct vector_runner *r)
{
    free(r->result.ranges);
    r->result = (struct open_result){ 0 };
    block_release(r->opened);
    r->opened = NULL;
    r->opened_size = r->finding_count = 0;
}

void vector_runner_free(struct vector_runner *r)
{
    forget_fetch(r);
    judge_partition_free(&r->partition);
    opener_free(&r->opener);
    unwrap_cache_free(r->cache);
    zstd_frame_free(r->zstd);
    compression_free(&r->compression);
    check(r->budget.used_bytes == 0, "memory has not come back");
}

static struct aborted_transaction *take_aborted(struct vector_runner *r, const json_t *fetch)
{
    const json_t *list = json_object_get(fetch, "aborted");
    r->request.read_committed = list != NULL;
    r->request.aborted_count = json_array_size(list);
    struct aborted_transaction *aborted = calloc(r->request.aborted_count + 1, sizeof *aborted);
    for (size_t i = 0; i < r->request.aborted_count; i++) {
        const json_t *entry = json_array_get(list, i);
        aborted[i].producer_id = json_integer_value(json_array_get(entry, 0));
        aborted[i].first_offset = json_integer_value(json_array_get(entry, 1));
    }
    return aborted;
}

static void flatten(struct vector_runner *r, const struct gather *out)
{
    r->opened = block_new(&r->budget, out->size);
    check(r->opened, "out of memory");
    gather_flatten(out, r->opened->data);
    r->opened_size = out->size;
}

static struct ahead *look_ahead(const struct vector_runner *r, struct slice records)
{
    enum { PARTS = 7 };
    struct ahead *ahead = ahead_new(r->opener.crew, 0);
    check(ahead, "out of memory");
    for (size_t part = 1; part <= PARTS; part++) {
        ahead_see(ahead, slice_of(records.data, records.size * part / PARTS));
    }
    ahead_finish(ahead);
    return ahead;
}

void vector_runner_fetch(struct vector_runner *r, const json_t *fetch)
{
    forget_fetch(r);
    size_t size;
    struct block *block = vector_base64(r, vector_text(fetch, "records"), &size);
    struct aborted_transaction *aborted = take_aborted(r, fetch);
    r->request.fetch_offset = vector_number(fetch, "offset", -1);
    r->request.share_group = json_is_true(json_object_get(fetch, "share_group"));
    r->request.aborted = aborted;
    r->request.ahead = r->looks_ahead ? look_ahead(r, slice_of(block->data, size)) : NULL;
    struct gather out;
    gather_init(&out, &r->budget);
    check(!open_records(&r->opener, &r->request, &r->partition, block, slice_of(block->data, size), &out, &r->result),
          "open_records");
    ahead_free(r->request.ahead);
    flatten(r, &out);
    gather_free(&out);
    block_release(block);
    free(aborted);
}
