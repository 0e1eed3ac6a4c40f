/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger: every vector of spec/vectors/ledger, and what vectors cannot say of codec and builder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glob.h>
#include <jansson.h>
#include <stdlib.h>

#include "crypto/encoding.h"
#include "seal/ledger_frame.h"
#include "seal/ledger_record.h"

enum { ROOM = 1024 * 1024, PATHS_MIN = 10 };

static uint8_t memory[ROOM];
static const uint8_t instance[LEDGER_INSTANCE_BYTES] = { 1, 2, 3 };

static struct slice decoded(const json_t *from, const char *key)
{
    size_t size = 0;
    const char *text = json_string_value(json_object_get(from, key));
    assert_non_null(text);
    assert_int_equal(base64_decode(slice_of_text(text), BASE64_STANDARD, memory, sizeof memory, &size), SIGNET_OK);
    return slice_of(memory, size);
}

static bool is_known(const json_t *writers, const uint8_t key[WRITER_KEY_BYTES])
{
    char text[2 * WRITER_KEY_BYTES + 1];
    hex_encode(slice_of(key, WRITER_KEY_BYTES), text);
    size_t i;
    json_t *one;
    json_array_foreach(writers, i, one)
    {
        if (strcmp(json_string_value(one), text) == 0) {
            return true;
        }
    }
    return false;
}

/* Rules 1 to 6 of section 6. */
static const char *word_of(struct slice bytes, const json_t *vector, struct ledger_record *ret_record)
{
    uint8_t root_before[SHA256_BYTES];
    signet_error error = ledger_record_read(bytes, ret_record);
    const char *cluster_id = json_string_value(json_object_get(vector, "cluster_id"));
    if (error) {
        return error == SIGNET_ERROR_UNSUPPORTED ? "unsupported record" : "malformed record";
    }
    if (!ledger_origin_is_of(&ret_record->origin, slice_of_text(cluster_id))) {
        return "foreign ledger";
    }
    if (!is_known(json_object_get(vector, "writers"), ret_record->origin.writer)) {
        return "unknown writer";
    }
    return ledger_record_verify(ret_record, root_before) ? "altered record" : "authentic";
}

static int64_t number(const json_t *from, const char *key)
{
    const json_t *value = json_object_get(from, key);
    assert_non_null(value);
    return json_is_boolean(value) ? json_is_true(value) : json_integer_value(value);
}

static void check_text(const json_t *from, const char *key, struct slice got)
{
    assert_true(slice_equal_text(got, json_string_value(json_object_get(from, key))));
}

static void check_hex(const json_t *from, const char *key, const uint8_t *got, size_t size)
{
    char text[2 * 64 + 1];
    hex_encode(slice_of(got, size), text);
    assert_string_equal(text, json_string_value(json_object_get(from, key)));
}

static void check_opening(const json_t *expected, const struct ledger_opening *o)
{
    const json_t *previous = json_object_get(expected, "previous");
    assert_int_equal(o->time_ms, number(expected, "time"));
    assert_int_equal(o->interval_ms, number(expected, "interval"));
    check_text(expected, "cluster_id", o->cluster_id);
    assert_int_equal(o->has_previous, previous != NULL);
    if (previous) {
        check_hex(previous, "writer", o->previous_writer, sizeof o->previous_writer);
        check_hex(previous, "instance", o->previous_instance, sizeof o->previous_instance);
        check_hex(previous, "root", o->previous_root, sizeof o->previous_root);
        assert_int_equal(o->previous_size, number(previous, "size"));
    }
}

static void check_batch(const json_t *expected, const struct ledger_batch *b)
{
    check_hex(expected, "topic_id", b->place.topic.bytes, TOPIC_ID_BYTES);
    assert_int_equal(b->place.partition, number(expected, "partition"));
    assert_int_equal(b->base_offset, number(expected, "base"));
    assert_int_equal(b->last_offset_delta, number(expected, "last_offset_delta"));
    assert_int_equal(b->acks, number(expected, "acks"));
    assert_int_equal(b->transactional, number(expected, "transactional"));
    check_hex(expected, "seal_id", b->seal_id, sizeof b->seal_id);
    assert_int_equal(b->producer_id, number(expected, "producer_id"));
    assert_int_equal(b->producer_epoch, number(expected, "producer_epoch"));
    assert_int_equal(b->base_sequence, number(expected, "base_sequence"));
    assert_int_equal(b->timestamp_ms, number(expected, "timestamp"));
    assert_int_equal(b->stored_bytes, number(expected, "size"));
}

static void check_outcome(const json_t *expected, const struct ledger_outcome *o)
{
    assert_int_equal(o->time_ms, number(expected, "time"));
    assert_int_equal(o->producer_id, number(expected, "producer_id"));
    assert_int_equal(o->producer_epoch, number(expected, "producer_epoch"));
    assert_int_equal(o->commit, number(expected, "commit"));
    assert_int_equal(o->next_producer_id, number(expected, "next_producer_id"));
    assert_int_equal(o->next_producer_epoch, number(expected, "next_producer_epoch"));
    check_text(expected, "transactional_id", o->transactional_id);
}

static void check_interval(const json_t *expected, const struct ledger_interval *got)
{
    uint64_t lost[LEDGER_LOSS_COUNT] = { 0 };
    size_t i;
    json_t *pair;
    json_array_foreach(json_object_get(expected, "lost"), i, pair)
    {
        lost[json_integer_value(json_array_get(pair, 0)) - 1] = (uint64_t)json_integer_value(json_array_get(pair, 1));
    }
    assert_int_equal(got->record, number(expected, "record"));
    assert_int_equal(got->time_ms, number(expected, "time"));
    assert_memory_equal(got->lost, lost, sizeof lost);
}

static void check_leaf(const json_t *expected, const struct ledger_leaf *leaf)
{
    static const char *const kinds[] = {
        "",         "opening", "topic",      "batch", "outcome", "records deleted", "topic deleted",
        "interval", "closing", "retirement",
    };
    assert_string_equal(json_string_value(json_object_get(expected, "kind")), kinds[leaf->kind]);
    switch (leaf->kind) {
    case LEDGER_OPENING:
        check_opening(expected, &leaf->opening);
        break;
    case LEDGER_TOPIC:
        check_hex(expected, "topic_id", leaf->topic.id.bytes, TOPIC_ID_BYTES);
        check_text(expected, "name", leaf->topic.name);
        break;
    case LEDGER_BATCH:
        check_batch(expected, &leaf->batch);
        break;
    case LEDGER_OUTCOME:
        check_outcome(expected, &leaf->outcome);
        break;
    case LEDGER_RECORDS_DELETED:
        assert_int_equal(leaf->deletion.place.partition, number(expected, "partition"));
        assert_int_equal(leaf->deletion.low_watermark, number(expected, "low_watermark"));
        /* fall through */
    case LEDGER_TOPIC_DELETED:
        assert_int_equal(leaf->deletion.time_ms, number(expected, "time"));
        check_hex(expected, "topic_id", leaf->deletion.place.topic.bytes, TOPIC_ID_BYTES);
        break;
    case LEDGER_INTERVAL:
    case LEDGER_CLOSING:
        check_interval(expected, &leaf->interval);
        break;
    case LEDGER_RETIREMENT:
        assert_int_equal(leaf->retirement.time_ms, number(expected, "time"));
        assert_int_equal(leaf->retirement.size, number(expected, "size"));
        check_hex(expected, "instance", leaf->retirement.instance, LEDGER_INSTANCE_BYTES);
        check_hex(expected, "root", leaf->retirement.root, SHA256_BYTES);
        check_text(expected, "reason", leaf->retirement.reason);
        break;
    }
}

static void check_authentic(const json_t *expected, const struct ledger_record *record)
{
    struct ledger_leaf leaf;
    struct reader leaves = reader_over(record->leaves);
    const json_t *all = json_object_get(expected, "leaves");
    check_text(expected, "origin", record->note.checkpoint.origin);
    assert_int_equal(record->number, number(expected, "number"));
    assert_int_equal(record->first, number(expected, "first"));
    assert_int_equal(record->note.checkpoint.size, number(expected, "size"));
    check_hex(expected, "root", record->note.checkpoint.root, SHA256_BYTES);
    assert_int_equal(record->leaf_count, json_array_size(all));
    for (size_t i = 0; i < json_array_size(all); i++) {
        assert_true(ledger_record_next(&leaves, &leaf));
        check_leaf(json_array_get(all, i), &leaf);
    }
    assert_false(ledger_record_next(&leaves, &leaf));
}

static void run_records(const char *path, const json_t *vector)
{
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(vector, "records"), i, one)
    {
        struct ledger_record record;
        print_message("%s %s\n", path + sizeof SPEC_VECTORS, json_string_value(json_object_get(one, "label")));
        const char *word = word_of(decoded(one, "record"), vector, &record);
        assert_string_equal(word, json_string_value(json_object_get(one, "word")));
        if (strcmp(word, "authentic") == 0) {
            check_authentic(one, &record);
        }
    }
}

static void run_files(const char *path, const json_t *vector)
{
    static const char *const ends[] = { "", "whole", "torn", "damaged" };
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(vector, "files"), i, one)
    {
        int records = 0;
        struct slice record;
        struct reader r = reader_over(decoded(one, "file"));
        enum ledger_frame end;
        print_message("%s %s\n", path + sizeof SPEC_VECTORS, json_string_value(json_object_get(one, "label")));
        while ((end = ledger_frame_next(&r, &record)) == LEDGER_FRAME_GOOD) {
            records++;
        }
        assert_int_equal(records, number(one, "records"));
        assert_string_equal(ends[end], json_string_value(json_object_get(one, "end")));
    }
}

static void test_vectors(void **state)
{
    (void)state;
    glob_t paths;
    assert_int_equal(glob(SPEC_VECTORS "/ledger/*/*.json", 0, NULL, &paths), 0);
    assert_true(paths.gl_pathc > PATHS_MIN);
    for (size_t i = 0; i < paths.gl_pathc; i++) {
        json_t *vector = json_load_file(paths.gl_pathv[i], JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(vector);
        run_records(paths.gl_pathv[i], vector);
        run_files(paths.gl_pathv[i], vector);
        json_decref(vector);
    }
    globfree(&paths);
}

static struct signing_key test_key(void)
{
    struct signing_key key;
    const uint8_t seed[SIGN_SEED_BYTES] = { 9 };
    signing_key_from_seed(&key, seed);
    return key;
}

static struct ledger_leaf opening_leaf(void)
{
    struct ledger_leaf leaf = { .kind = LEDGER_OPENING };
    leaf.opening.interval_ms = LEDGER_INTERVAL_MS_DEFAULT;
    leaf.opening.cluster_id = slice_of_text("cluster");
    return leaf;
}

static struct ledger_leaf batch_leaf(void)
{
    struct ledger_leaf leaf = { .kind = LEDGER_BATCH };
    leaf.batch.place.topic.bytes[0] = 1;
    leaf.batch.acks = -1;
    leaf.batch.stored_bytes = BATCH_HEADER_BYTES;
    return leaf;
}

static const struct ledger_leaf interval_leaf = { .kind = LEDGER_INTERVAL };

/* A record is filled until it must end, and ends within the limit; the next goes on from there. */
static void test_full_records(void **state)
{
    (void)state;
    static struct ledger_log log;
    struct signing_key key = test_key();
    struct ledger_leaf opening = opening_leaf(), batch = batch_leaf();
    struct ledger_leaf last = interval_leaf;
    uint8_t before[SHA256_BYTES], root[SHA256_BYTES] = { 0 };
    for (int i = 0; i < LEDGER_LOSS_COUNT; i++) {
        last.interval.lost[i] = UINT64_MAX;
    }
    assert_int_equal(ledger_log_init(&log, slice_of_text("cluster"), instance, &key), SIGNET_OK);
    for (uint64_t n = 0; n < 3; n++) {
        struct slice bytes;
        struct ledger_record record;
        signet_error error = SIGNET_OK;
        assert_int_equal(ledger_log_begin(&log, memory, sizeof memory), SIGNET_OK);
        if (n == 0) {
            assert_int_equal(ledger_log_add(&log, &batch), SIGNET_ERROR_MALFORMED);
            assert_int_equal(ledger_log_end(&log, &last, &bytes), SIGNET_ERROR_MALFORMED);
            assert_int_equal(ledger_log_add(&log, &opening), SIGNET_OK);
        }
        assert_int_equal(ledger_log_add(&log, &opening), SIGNET_ERROR_MALFORMED);
        assert_int_equal(ledger_log_add(&log, &last), SIGNET_ERROR_MALFORMED);
        while (!error) {
            error = ledger_log_add(&log, &batch);
        }
        assert_int_equal(error, SIGNET_ERROR_NO_SPACE);
        assert_int_equal(ledger_log_end(&log, &batch, &bytes), SIGNET_ERROR_MALFORMED);
        assert_int_equal(ledger_log_end(&log, &last, &bytes), SIGNET_OK);
        assert_in_range(bytes.size, LEDGER_RECORD_BYTES_MAX - 1000, LEDGER_RECORD_BYTES_MAX);
        assert_int_equal(ledger_record_read(bytes, &record), SIGNET_OK);
        assert_int_equal(record.number, n);
        assert_int_equal(ledger_record_verify(&record, before), SIGNET_OK);
        assert_true(n == 0 || memcmp(before, root, sizeof root) == 0);
        memcpy(root, record.note.checkpoint.root, sizeof root);
    }
    assert_int_equal(ledger_log_begin(&log, memory, 100), SIGNET_ERROR_NO_SPACE);
    assert_int_equal(ledger_log_init(&log, slice_of_text(""), instance, &key), SIGNET_ERROR_LIMIT);
}

static struct slice small_record(void)
{
    static struct ledger_log log;
    static struct signing_key key;
    struct slice record;
    struct ledger_leaf opening = opening_leaf(), batch = batch_leaf();
    key = test_key();
    assert_int_equal(ledger_log_init(&log, slice_of_text("cluster"), instance, &key), SIGNET_OK);
    assert_int_equal(ledger_log_begin(&log, memory, sizeof memory), SIGNET_OK);
    assert_int_equal(ledger_log_add(&log, &opening), SIGNET_OK);
    assert_int_equal(ledger_log_add(&log, &batch), SIGNET_OK);
    assert_int_equal(ledger_log_end(&log, &interval_leaf, &record), SIGNET_OK);
    return record;
}

/* Every prefix is refused, from memory of just that size; every byte that is flipped is found. */
static void test_every_byte(void **state)
{
    (void)state;
    struct slice whole = small_record();
    struct ledger_record record;
    uint8_t before[SHA256_BYTES];
    for (size_t size = 0; size < whole.size; size++) {
        uint8_t *copy = malloc(size ? size : 1);
        assert_non_null(copy);
        memcpy(copy, whole.data, size);
        assert_int_equal(ledger_record_read(slice_of(copy, size), &record), SIGNET_ERROR_MALFORMED);
        free(copy);
    }
    for (size_t bit = 0; bit < 8 * whole.size; bit++) {
        memory[bit / 8] ^= (uint8_t)(1 << bit % 8);
        signet_error error = ledger_record_read(whole, &record);
        assert_true(error || ledger_record_verify(&record, before) == SIGNET_ERROR_REFUSED);
        memory[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(ledger_record_read(whole, &record), SIGNET_OK);
    assert_int_equal(ledger_record_verify(&record, before), SIGNET_OK);
}

/* Output that is too small is refused and not overrun. */
static void test_small_outputs(void **state)
{
    (void)state;
    struct ledger_leaf leaves[] = { opening_leaf(), batch_leaf(), interval_leaf };
    for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++) {
        uint8_t bytes[LEDGER_LEAF_BYTES_MAX];
        struct writer w = writer_over(bytes, sizeof bytes);
        assert_int_equal(ledger_leaf_write(&w, &leaves[i]), SIGNET_OK);
        for (size_t size = 0; size < writer_used(&w); size++) {
            uint8_t *small = malloc(size ? size : 1);
            struct writer short_of = writer_over(small, size);
            assert_non_null(small);
            assert_int_equal(ledger_leaf_write(&short_of, &leaves[i]), SIGNET_ERROR_NO_SPACE);
            free(small);
        }
    }
    struct ledger_leaf batch = batch_leaf();
    uint8_t bytes[LEDGER_LEAF_BYTES_MAX];
    struct writer w = writer_over(bytes, sizeof bytes);
    batch.batch.acks = 0;
    assert_int_equal(ledger_leaf_write(&w, &batch), SIGNET_ERROR_MALFORMED);
    assert_int_equal(writer_used(&w), 0);
    batch.kind = 0;
    assert_int_equal(ledger_leaf_write(&w, &batch), SIGNET_ERROR_MALFORMED);
}

/* The longest of every part fits the limits that it is said to. */
static void test_largest(void **state)
{
    (void)state;
    char text[LEDGER_TEXT_BYTES_MAX];
    memset(text, 'x', sizeof text);
    struct ledger_leaf leaf = { .kind = LEDGER_OUTCOME };
    leaf.outcome.transactional_id = slice_of(text, sizeof text);
    uint8_t bytes[LEDGER_LEAF_BYTES_MAX], origin[LEDGER_ORIGIN_BYTES_MAX];
    struct writer w = writer_over(bytes, sizeof bytes);
    assert_int_equal(ledger_leaf_write(&w, &leaf), SIGNET_OK);
    struct writer o = writer_over(origin, sizeof origin);
    assert_int_equal(ledger_origin_write(&o, slice_of(text, CLUSTER_ID_BYTES_MAX), bytes, instance), SIGNET_OK);
    assert_int_equal(writer_used(&o), sizeof origin);
    o = writer_over(origin, sizeof origin);
    assert_int_equal(ledger_origin_write(&o, slice_of(text, CLUSTER_ID_BYTES_MAX + 1), bytes, instance),
                     SIGNET_ERROR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),       cmocka_unit_test(test_full_records), cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_small_outputs), cmocka_unit_test(test_largest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
