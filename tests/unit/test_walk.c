/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold of every message in every version, on random ones made by the tables.  For edits: test_walk_edit.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kafka/api.h"
#include "kafka/walk.h"
#include "message_maker.h"

enum {
    SEEDS = 40,
};

static struct budget budget = { .limit_bytes = SIZE_MAX };

/* A block with exactly these bytes, so that a read past them is caught by the sanitizer. */
static struct block *block_with(const uint8_t *bytes, size_t size)
{
    struct block *block = block_new(&budget, size);
    assert_non_null(block);
    memcpy(block->data, bytes, size);
    return block;
}

static enum walk_answer keep(void *context, struct walk_visit *visit)
{
    size_t *visits = context;
    (*visits)++;
    assert_int_not_equal(visit->mark, MARK_NONE);
    return WALK_KEEP;
}

/* Walks without output, then with output and a hook that looks at everything; both must agree. */
static signet_error walk_twice(const struct message *message, int16_t version, const uint8_t *bytes, size_t size)
{
    struct block *block = block_with(bytes, size);
    struct walk_hook none = { 0 };
    signet_error error = walk_message(message, version, block, block->data, size, none, NULL);
    struct gather out;
    gather_init(&out, &budget);
    size_t visits = 0;
    struct walk_hook hook = { keep, &visits };
    assert_int_equal(walk_message(message, version, block, block->data, size, hook, &out), error);
    assert_int_equal(out.size, error ? 0 : size);
    assert_int_equal(out.count, error || size == 0 ? 0 : 1);
    if (out.count > 0) {
        assert_ptr_equal(out.pieces[0].data, block->data);
    }
    assert_memory_equal(block->data, bytes, size);
    gather_free(&out);
    block_release(block);
    assert_int_equal(budget.used_bytes, 0);
    return error;
}

typedef void message_check(const struct message *message, int16_t version, const struct made_message *made);

static void for_each_message(message_check *check, uint64_t seeds)
{
    static struct made_message made;
    const struct message *message;
    for (size_t i = 0; (message = message_at(i)); i++) {
        for (int16_t version = message->since; version <= message->last; version++) {
            for (uint64_t seed = 0; seed < seeds; seed++) {
                make_message(message, version, seed, &made);
                check(message, version, &made);
            }
        }
    }
}

static void is_kept(const struct message *message, int16_t version, const struct made_message *made)
{
    signet_error error = walk_twice(message, version, made->bytes, made->size);
    if (error) {
        print_error("%s version %d: %s\n", message->name, version, signet_error_text(error));
    }
    assert_int_equal(error, SIGNET_OK);
}

static void every_message_comes_out_as_one_piece(void **state)
{
    (void)state;
    for_each_message(is_kept, SEEDS);
}

static void prefixes_are_truncated(const struct message *message, int16_t version, const struct made_message *made)
{
    for (size_t size = 0; size < made->size; size++) {
        signet_error error = walk_twice(message, version, made->bytes, size);
        if (error != SIGNET_ERROR_TRUNCATED) {
            print_error("%s version %d, %zu of %zu bytes\n", message->name, version, size, made->size);
        }
        assert_int_equal(error, SIGNET_ERROR_TRUNCATED);
    }
}

struct seen {
    size_t at, size;
    enum walk_event event;
    enum mark mark;
};

struct sight {
    const uint8_t *body;
    struct seen seen[MADE_BYTES_MAX];
    size_t count;
};

static enum walk_answer see(void *context, struct walk_visit *visit)
{
    struct sight *sight = context;
    assert_true(sight->count < MADE_BYTES_MAX);
    sight->seen[sight->count++] =
        (struct seen){ (size_t)(visit->at - sight->body), visit->size, visit->event, visit->mark };
    return WALK_KEEP;
}

/* What is seen of a beginning is what is seen of the whole, but for records that are cut. */
static void beginnings_show_what_is_there(const struct message *message, int16_t version,
                                          const struct made_message *made)
{
    static struct sight whole, part;
    struct block *block = block_with(made->bytes, made->size);
    whole = (struct sight){ .body = block->data };
    assert_int_equal(
        walk_message(message, version, block, block->data, made->size, (struct walk_hook){ see, &whole }, NULL),
        SIGNET_OK);
    for (size_t size = 0; size <= made->size; size++) {
        part = (struct sight){ .body = block->data };
        walk_beginning(message, version, block->data, size, (struct walk_hook){ see, &part });
        assert_true(part.count <= whole.count && (size < made->size || part.count == whole.count));
        for (size_t i = 0; i < part.count; i++) {
            const struct seen *a = &part.seen[i], *b = &whole.seen[i];
            bool cut = a->mark == MARK_RECORDS && a->size < b->size;
            assert_true(a->at == b->at && a->event == b->event && a->mark == b->mark);
            assert_true(cut ? i + 1 == part.count && a->at + a->size == size : a->size == b->size);
        }
    }
    block_release(block);
}

static void of_a_beginning_all_is_seen_that_is_there(void **state)
{
    (void)state;
    for_each_message(beginnings_show_what_is_there, 2);
}

static void every_prefix_is_truncated(void **state)
{
    (void)state;
    for_each_message(prefixes_are_truncated, 3);
}

static void more_is_trailing(const struct message *message, int16_t version, const struct made_message *made)
{
    static uint8_t longer[MADE_BYTES_MAX + 1];
    memcpy(longer, made->bytes, made->size);
    longer[made->size] = 0;
    assert_int_equal(walk_twice(message, version, longer, made->size + 1), SIGNET_ERROR_TRAILING);
}

static void a_byte_more_is_trailing(void **state)
{
    (void)state;
    for_each_message(more_is_trailing, SEEDS);
}

static void is_refused_with_length(const struct message *message, int16_t version, const struct made_message *made,
                                   size_t index, int64_t value)
{
    static uint8_t lie[MADE_BYTES_MAX];
    size_t size = make_lie(made, index, value, lie);
    signet_error error = walk_twice(message, version, lie, size);
    if (!error) {
        print_error("%s version %d, length at %zu\n", message->name, version, made->lengths[index].at);
    }
    assert_int_not_equal(error, SIGNET_OK);
}

static void big_lengths_are_refused(const struct message *message, int16_t version, const struct made_message *made)
{
    for (size_t i = 0; i < made->length_count; i++) {
        const struct made_length *length = &made->lengths[i];
        int64_t too_much = (int64_t)(made->size - length->at);
        is_refused_with_length(message, version, made, i, length->width == LENGTH_I16 ? INT16_MAX : INT32_MAX);
        is_refused_with_length(message, version, made, i, too_much);
        if (length->width == LENGTH_I16 || length->width == LENGTH_I32) {
            is_refused_with_length(message, version, made, i, -2);
            is_refused_with_length(message, version, made, i, length->width == LENGTH_I16 ? INT16_MIN : INT32_MIN);
        }
        if (!length->nullable && length->width != LENGTH_TAG_SIZE) {
            is_refused_with_length(message, version, made, i, -1);
        }
    }
}

static void lengths_beyond_the_end_are_refused(void **state)
{
    (void)state;
    for_each_message(big_lengths_are_refused, SEEDS);
}

/* Such a lie may happen to be another message; then it must come out as it went in, which walk_twice looks at. */
static void small_lies_are_harmless(const struct message *message, int16_t version, const struct made_message *made)
{
    static uint8_t lie[MADE_BYTES_MAX];
    for (size_t i = 0; i < made->length_count; i++) {
        int64_t value = made->lengths[i].value;
        for (int64_t by = -2; by <= 2; by++) {
            if (value + by >= 0) {
                walk_twice(message, version, lie, make_lie(made, i, value + by, lie));
            }
        }
    }
}

static void lengths_that_are_a_little_off_do_no_harm(void **state)
{
    (void)state;
    for_each_message(small_lies_are_harmless, SEEDS);
}

struct body_case {
    const char *label;
    int16_t api_key;
    enum message_direction direction;
    int16_t version;
    signet_error error;
    size_t size;
    const char *body;
};

/* clang-format off */
#define BODY(text) sizeof(text) - 1, text

static const struct body_case body_cases[] = {
    { "nothing where nothing is due", API_VERSIONS, MESSAGE_REQUEST, 0, SIGNET_OK, BODY("") },
    { "null string where none may be", API_SASL_HANDSHAKE, MESSAGE_REQUEST, 0, SIGNET_ERROR_MALFORMED, BODY("\xff\xff") },
    { "string of length -2", API_SASL_HANDSHAKE, MESSAGE_REQUEST, 0, SIGNET_ERROR_MALFORMED, BODY("\xff\xfe") },
    { "null compact string where none may be", API_VERSIONS, MESSAGE_REQUEST, 3, SIGNET_ERROR_MALFORMED, BODY("\0\1\0") },
    { "null array before it was allowed", API_METADATA, MESSAGE_REQUEST, 0, SIGNET_ERROR_MALFORMED, BODY("\xff\xff\xff\xff") },
    { "null array", API_METADATA, MESSAGE_REQUEST, 1, SIGNET_OK, BODY("\xff\xff\xff\xff") },
    { "array of length -2", API_METADATA, MESSAGE_REQUEST, 1, SIGNET_ERROR_MALFORMED, BODY("\xff\xff\xff\xfe") },
    { "array of more elements than bytes", API_METADATA, MESSAGE_REQUEST, 1, SIGNET_ERROR_TRUNCATED, BODY("\0\0\0\3\0\0") },
    { "compact array of 2^32 - 2 elements", API_METADATA, MESSAGE_REQUEST, 9, SIGNET_ERROR_TRUNCATED, BODY("\xff\xff\xff\xff\x0f\0\0\0\0") },
    { "absent struct", API_DESCRIBE_TOPIC_PARTITIONS, MESSAGE_REQUEST, 0, SIGNET_OK, BODY("\1\0\0\0\0\xff\0") },
    { "present struct", API_DESCRIBE_TOPIC_PARTITIONS, MESSAGE_REQUEST, 0, SIGNET_OK, BODY("\1\0\0\0\0\1\2x\0\0\0\0\0\0") },
    { "struct neither absent nor present", API_DESCRIBE_TOPIC_PARTITIONS, MESSAGE_REQUEST, 0, SIGNET_ERROR_MALFORMED, BODY("\1\0\0\0\0\0\0") },
    { "known tag", API_VERSIONS, MESSAGE_RESPONSE, 3, SIGNET_OK, BODY("\0\0\1\0\0\0\0\1\3\1\0") },
    { "known tag, its size in two bytes", API_VERSIONS, MESSAGE_RESPONSE, 3, SIGNET_OK, BODY("\0\0\1\0\0\0\0\1\3\x81\0\0") },
    { "known tag, size too big", API_VERSIONS, MESSAGE_RESPONSE, 3, SIGNET_ERROR_MALFORMED, BODY("\0\0\1\0\0\0\0\1\3\2\0\0") },
    { "known tag, size too small", API_VERSIONS, MESSAGE_RESPONSE, 3, SIGNET_ERROR_MALFORMED, BODY("\0\0\1\0\0\0\0\1\1\7\0\0\0\0\0\0\0\0") },
    { "known tag, size zero", API_VERSIONS, MESSAGE_RESPONSE, 3, SIGNET_ERROR_MALFORMED, BODY("\0\0\1\0\0\0\0\1\3\0") },
    { "known tag, array beyond its size", API_VERSIONS, MESSAGE_RESPONSE, 3, SIGNET_ERROR_MALFORMED, BODY("\0\0\1\0\0\0\0\1\0\1\3\0\0\0\0\0\0\0\0\0\0") },
    { "unknown tag of no size", API_VERSIONS, MESSAGE_RESPONSE, 3, SIGNET_OK, BODY("\0\0\1\0\0\0\0\1\x09\0") },
    { "a tag twice", API_VERSIONS, MESSAGE_RESPONSE, 3, SIGNET_ERROR_MALFORMED, BODY("\0\0\1\0\0\0\0\2\3\1\0\3\1\0") },
    { "an unknown tag twice", API_VERSIONS, MESSAGE_RESPONSE, 3, SIGNET_ERROR_MALFORMED, BODY("\0\0\1\0\0\0\0\2\x09\0\x09\0") },
    { "tags that descend", API_VERSIONS, MESSAGE_RESPONSE, 3, SIGNET_ERROR_MALFORMED, BODY("\0\0\1\0\0\0\0\2\x09\0\3\1\0") },
    { "tag number of six bytes", API_VERSIONS, MESSAGE_RESPONSE, 3, SIGNET_ERROR_MALFORMED, BODY("\0\0\1\0\0\0\0\1\x80\x80\x80\x80\x80\0\0") },
};
/* clang-format on */

static void bodies_are_read_to_the_letter(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof body_cases / sizeof *body_cases; i++) {
        const struct body_case *c = &body_cases[i];
        const struct message *message = message_find(c->api_key, c->direction);
        signet_error error = walk_twice(message, c->version, (const uint8_t *)c->body, c->size);
        if (error != c->error) {
            print_error("%s: %s\n", c->label, signet_error_text(error));
        }
        assert_int_equal(error, c->error);
    }
}

static void other_versions_are_unsupported(void **state)
{
    (void)state;
    const struct message *message;
    struct walk_hook none = { 0 };
    for (size_t i = 0; (message = message_at(i)); i++) {
        uint8_t body[1] = { 0 };
        int16_t below = (int16_t)(message->since - 1), above = (int16_t)(message->last + 1);
        assert_int_equal(walk_message(message, below, NULL, body, 0, none, NULL), SIGNET_ERROR_UNSUPPORTED);
        assert_int_equal(walk_message(message, above, NULL, body, 0, none, NULL), SIGNET_ERROR_UNSUPPORTED);
    }
}

static void what_is_served_has_its_tables(void **state)
{
    (void)state;
    const struct message *message;
    for (size_t i = 0; (message = message_at(i)); i++) {
        const struct api *api = api_find(message->api_key);
        assert_non_null(api);
        assert_int_equal(api->class, API_WALK);
        assert_int_equal(message->since, api->served_since);
        assert_int_equal(message->last, api->version_max);
        assert_ptr_equal(message_find(message->api_key, message->direction), message);
    }
    const struct api *api;
    for (int16_t key = 0; (api = api_find(key)); key++) {
        assert_int_equal(api->key, key);
        assert_true(api->class != API_WALK || message_find(key, MESSAGE_REQUEST));
        assert_true(api->class != API_WALK || message_find(key, MESSAGE_RESPONSE));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_comes_out_as_one_piece),
        cmocka_unit_test(every_prefix_is_truncated),
        cmocka_unit_test(of_a_beginning_all_is_seen_that_is_there),
        cmocka_unit_test(a_byte_more_is_trailing),
        cmocka_unit_test(lengths_beyond_the_end_are_refused),
        cmocka_unit_test(lengths_that_are_a_little_off_do_no_harm),
        cmocka_unit_test(bodies_are_read_to_the_letter),
        cmocka_unit_test(other_versions_are_unsupported),
        cmocka_unit_test(what_is_served_has_its_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
