/* SPDX-License-Identifier: Apache-2.0 */
/* Edits by a hook: what is meant to change does, in every message and version, and nothing else. */
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
    HEAD_BYTES = 7,     /* stands for a header: in the output before the body, in the same block */
    SUFFIX_BYTES = 130, /* makes every compact length take two bytes */
    EDITED_BYTES_MAX = 4 * MADE_BYTES_MAX,
    DEPTH_MAX = 8,
};

static struct budget budget = { .limit_bytes = SIZE_MAX };

/* One walk of a body with a head in front of it. */
struct edit {
    struct block *block;
    struct gather out;
    signet_error error;
};

static void edit_begin(struct edit *e, const struct message *message, int16_t version, struct slice body,
                       struct walk_hook hook)
{
    e->block = block_new(&budget, HEAD_BYTES + body.size);
    assert_non_null(e->block);
    memset(e->block->data, 'h', HEAD_BYTES);
    memcpy(e->block->data + HEAD_BYTES, body.data, body.size);
    gather_init(&e->out, &budget);
    gather_add(&e->out, e->block, e->block->data, HEAD_BYTES);
    e->error = walk_message(message, version, e->block, e->block->data + HEAD_BYTES, body.size, hook, &e->out);
}

/* The body that came out, in memory of EDITED_BYTES_MAX. */
static struct slice edit_end(struct edit *e, uint8_t *memory)
{
    assert_in_range(e->out.size, HEAD_BYTES, EDITED_BYTES_MAX);
    gather_flatten(&e->out, memory);
    assert_memory_equal(memory, "hhhhhhh", HEAD_BYTES);
    struct slice body = slice_of(memory + HEAD_BYTES, e->out.size - HEAD_BYTES);
    gather_free(&e->out);
    block_release(e->block);
    assert_int_equal(budget.used_bytes, 0);
    return body;
}

static bool varies(const struct walk_visit *visit)
{
    enum field_type type = visit->field->type == FIELD_ARRAY ? visit->field->element : visit->field->type;
    return visit->event == VISIT_FIELD && field_width(type) == 0;
}

typedef void message_check(const struct message *message, int16_t version, uint64_t seed);

static void for_each_message(message_check *check)
{
    const struct message *message;
    for (size_t i = 0; (message = message_at(i)); i++) {
        for (int16_t version = message->since; version <= message->last; version++) {
            for (uint64_t seed = 0; seed < SEEDS; seed++) {
                check(message, version, seed);
            }
        }
    }
}

static struct slice made_slice(const struct message *message, int16_t version, uint64_t seed)
{
    static struct made_message made;
    make_message(message, version, seed, &made);
    return slice_of(made.bytes, made.size);
}

/* Lengthen everything, shorten it again. */

static enum walk_answer lengthen(void *context, struct walk_visit *visit)
{
    (void)context;
    if (!varies(visit) || visit->null) {
        return WALK_KEEP;
    }
    gather_copy(visit->replacement, visit_slice(visit));
    memset(gather_room(visit->replacement, SUFFIX_BYTES), 's', SUFFIX_BYTES);
    return WALK_REPLACE;
}

static enum walk_answer shorten(void *context, struct walk_visit *visit)
{
    struct edit *e = context;
    if (!varies(visit) || visit->null) {
        return WALK_KEEP;
    }
    assert_true(visit->size >= SUFFIX_BYTES);
    gather_add(visit->replacement, e->block, visit->at, visit->size - SUFFIX_BYTES);
    return WALK_REPLACE;
}

static void is_the_same_after_an_edit_and_its_undoing(const struct message *message, int16_t version, uint64_t seed)
{
    static uint8_t longer_memory[EDITED_BYTES_MAX], memory[EDITED_BYTES_MAX];
    struct slice body = made_slice(message, version, seed);
    struct edit first, second;
    edit_begin(&first, message, version, body, (struct walk_hook){ lengthen, NULL });
    assert_int_equal(first.error, SIGNET_OK);
    struct slice longer = edit_end(&first, longer_memory);
    edit_begin(&second, message, version, longer, (struct walk_hook){ shorten, &second });
    assert_int_equal(second.error, SIGNET_OK);
    assert_true(slice_equal(edit_end(&second, memory), body));
}

static void an_edit_undone_leaves_every_byte_as_it_was(void **state)
{
    (void)state;
    for_each_message(is_the_same_after_an_edit_and_its_undoing);
}

/*
 * Edit at random and write down what the marks should say afterwards; then
 * walk what came out and write down what they do say.
 */
struct log {
    bool editing;
    uint64_t state;
    int16_t version;
    struct writer w;
    uint8_t *starts[DEPTH_MAX]; /* where the open arrays and elements begin in the log */
    size_t depth;
};

static uint32_t below(struct log *log, uint32_t bound)
{
    log->state = log->state * 6364136223846793005 + 1442695040888963407;
    return (uint32_t)(log->state >> 33) % bound;
}

static void write_entry(struct log *log, const struct walk_visit *visit, bool null, struct slice content)
{
    write_u8(&log->w, (uint8_t)visit->event);
    write_u8(&log->w, (uint8_t)visit->mark);
    write_u8(&log->w, null);
    write_u32(&log->w, (uint32_t)content.size);
    write_bytes(&log->w, content);
}

static bool nullable(const struct log *log, const struct walk_visit *visit)
{
    bool element = visit->event == VISIT_FIELD && visit->field->type == FIELD_ARRAY;
    return !element && field_null_in_version(visit->field, log->version);
}

static enum walk_answer edit_variable(struct log *log, struct walk_visit *visit)
{
    if (log->editing && nullable(log, visit) && below(log, 4) == 0) {
        write_entry(log, visit, true, (struct slice){ 0 });
        return WALK_NULL;
    }
    if (log->editing && below(log, 3) == 0) {
        uint32_t size = below(log, 300);
        uint8_t *room = gather_room(visit->replacement, size);
        memset(room, (int)below(log, 256), size);
        write_entry(log, visit, false, slice_of(room, size));
        return WALK_REPLACE;
    }
    write_entry(log, visit, visit->null, visit_slice(visit));
    return WALK_KEEP;
}

static enum walk_answer edit_field(struct log *log, struct walk_visit *visit)
{
    if (varies(visit)) {
        return edit_variable(log, visit);
    }
    if (log->editing && below(log, 3) == 0) {
        memset(visit->at, (int)below(log, 256), visit->size);
    }
    write_entry(log, visit, false, visit_slice(visit));
    return WALK_KEEP;
}

static enum walk_answer edit_element_end(struct log *log, struct walk_visit *visit)
{
    uint8_t *start = log->starts[--log->depth];
    if (log->editing && below(log, 3) == 0) {
        log->w.at = start;
        return WALK_DROP;
    }
    write_entry(log, visit, false, (struct slice){ 0 });
    return WALK_KEEP;
}

static enum walk_answer edit_array_end(struct log *log, struct walk_visit *visit)
{
    uint8_t *start = log->starts[--log->depth];
    enum walk_answer answer = WALK_KEEP;
    if (log->editing && below(log, 8) == 0) {
        answer = nullable(log, visit) && below(log, 2) == 0 ? WALK_NULL : WALK_REPLACE;
        visit->count = 0;
        log->w.at = start;
    }
    bool null = answer == WALK_NULL || (answer == WALK_KEEP && visit->null);
    write_entry(log, visit, null, slice_of(&visit->count, sizeof visit->count));
    return answer;
}

static enum walk_answer edit_and_log(void *context, struct walk_visit *visit)
{
    struct log *log = context;
    switch (visit->event) {
    case VISIT_FIELD:
        return edit_field(log, visit);
    case VISIT_ARRAY_BEGIN:
    case VISIT_ELEMENT_BEGIN:
        assert_true(log->depth < DEPTH_MAX);
        log->starts[log->depth++] = log->w.at;
        return WALK_KEEP;
    case VISIT_ELEMENT_END:
        return edit_element_end(log, visit);
    case VISIT_ARRAY_END:
        return edit_array_end(log, visit);
    }
    return WALK_FAIL;
}

static void says_what_it_should_after_edits(const struct message *message, int16_t version, uint64_t seed)
{
    static uint8_t meant_memory[EDITED_BYTES_MAX], said_memory[EDITED_BYTES_MAX];
    static uint8_t memory[EDITED_BYTES_MAX], again_memory[EDITED_BYTES_MAX];
    struct slice body = made_slice(message, version, seed);
    struct log meant = { .editing = true, .state = seed, .version = version };
    meant.w = writer_over(meant_memory, sizeof meant_memory);
    struct edit edited;
    edit_begin(&edited, message, version, body, (struct walk_hook){ edit_and_log, &meant });
    assert_int_equal(edited.error, SIGNET_OK);
    struct slice result = edit_end(&edited, memory);

    struct log said = { .version = version };
    said.w = writer_over(said_memory, sizeof said_memory);
    struct edit unedited;
    edit_begin(&unedited, message, version, result, (struct walk_hook){ edit_and_log, &said });
    assert_int_equal(unedited.error, SIGNET_OK);
    edit_end(&unedited, again_memory);
    assert_int_equal(meant.w.error, SIGNET_OK);
    if (!slice_equal(writer_slice(&meant.w), writer_slice(&said.w))) {
        print_error("%s version %d seed %llu\n", message->name, version, (unsigned long long)seed);
    }
    assert_true(slice_equal(writer_slice(&meant.w), writer_slice(&said.w)));
}

static void the_marks_say_what_was_meant_after_random_edits(void **state)
{
    (void)state;
    for_each_message(says_what_it_should_after_edits);
}

/* A hook that edits and then fails at one visit after the other. */

struct failing {
    size_t left;
    bool failed;
};

static enum walk_answer fail_late(void *context, struct walk_visit *visit)
{
    struct failing *failing = context;
    if (failing->left-- == 0) {
        failing->failed = true;
        visit->error = SIGNET_ERROR_REFUSED;
        return WALK_FAIL;
    }
    return visit->event == VISIT_ELEMENT_END ? WALK_DROP : lengthen(NULL, visit);
}

static void leaves_the_output_alone(const struct message *message, int16_t version, uint64_t seed)
{
    static uint8_t memory[EDITED_BYTES_MAX];
    struct slice body = made_slice(message, version, seed);
    for (size_t visits = 0;; visits++) {
        struct failing failing = { .left = visits };
        struct edit e;
        edit_begin(&e, message, version, body, (struct walk_hook){ fail_late, &failing });
        assert_int_equal(e.error, failing.failed ? SIGNET_ERROR_REFUSED : SIGNET_OK);
        struct slice result = edit_end(&e, memory);
        if (!failing.failed) {
            break;
        }
        assert_int_equal(result.size, 0);
    }
}

static void a_failure_leaves_the_output_as_it_was(void **state)
{
    (void)state;
    for_each_message(leaves_the_output_alone);
}

/* Single cases */

static enum walk_answer drop_odd_keys(void *context, struct walk_visit *visit)
{
    bool *odd = context;
    if (visit->mark == MARK_API_KEY) {
        *odd = visit_i16(visit) % 2 == 1;
    }
    return visit->event == VISIT_ELEMENT_END && *odd ? WALK_DROP : WALK_KEEP;
}

static struct slice api_versions_body(uint8_t *memory, size_t size, int16_t keys, int16_t step)
{
    struct writer w = writer_over(memory, size);
    write_i16(&w, 0);
    write_uvarint(&w, (uint32_t)(keys / step) + 1);
    for (int16_t key = 0; key < keys; key = (int16_t)(key + step)) {
        write_i16(&w, key);
        write_i16(&w, 1);
        write_i16(&w, 2);
        write_uvarint(&w, 0);
    }
    write_i32(&w, 0);
    write_uvarint(&w, 0);
    assert_int_equal(w.error, SIGNET_OK);
    return writer_slice(&w);
}

static void a_count_may_take_fewer_bytes_after_dropping(void **state)
{
    (void)state;
    static uint8_t memory[EDITED_BYTES_MAX];
    uint8_t all_memory[2048], even_memory[2048];
    struct slice all = api_versions_body(all_memory, sizeof all_memory, 200, 1);
    struct slice even = api_versions_body(even_memory, sizeof even_memory, 200, 2);
    bool odd = false;
    struct walk_hook hook = { drop_odd_keys, &odd };
    struct edit e;
    edit_begin(&e, message_find(API_VERSIONS, MESSAGE_RESPONSE), 3, all, hook);
    assert_int_equal(e.error, SIGNET_OK);
    assert_true(slice_equal(edit_end(&e, memory), even));
}

static enum walk_answer repeat_acquired(void *context, struct walk_visit *visit)
{
    uint32_t times = *(const uint32_t *)context;
    if (visit->mark != MARK_ACQUIRED || visit->event != VISIT_ARRAY_END) {
        return WALK_KEEP;
    }
    assert_int_equal(visit->count, 1);
    struct slice element = slice_of(visit->at, visit->size);
    for (uint32_t i = 0; i < times; i++) {
        gather_copy(visit->replacement, element);
    }
    visit->count = times;
    return WALK_REPLACE;
}

static struct slice share_fetch_body(uint8_t *memory, size_t size, uint32_t acquired)
{
    static const uint8_t topic_id[16] = "0123456789abcdef", records[3] = "rec";
    struct writer w = writer_over(memory, size);
    write_bytes(&w, slice_of("\0\0\0\0\0\0\0\0\0\x75\x30\2", 12)); /* no throttling, no error, 30 s, one topic */
    write_bytes(&w, slice_of(topic_id, sizeof topic_id));
    write_bytes(&w, slice_of("\2\0\0\0\7\0\0\0\0\0\0", 11)); /* one partition, 7, no errors */
    write_bytes(&w, slice_of("\0\0\0\1\0\0\0\2\0", 9));      /* leader */
    write_uvarint(&w, sizeof records + 1);
    write_bytes(&w, slice_of(records, sizeof records));
    write_uvarint(&w, acquired + 1);
    for (uint32_t i = 0; i < acquired; i++) {
        write_i64(&w, 5);
        write_i64(&w, 9);
        write_i16(&w, 1);
        write_uvarint(&w, 0);
    }
    write_bytes(&w, slice_of("\0\0\1\0", 4)); /* no more tags, no endpoints */
    assert_int_equal(w.error, SIGNET_OK);
    return writer_slice(&w);
}

static void an_array_may_be_replaced_at_its_end(void **state)
{
    (void)state;
    static uint8_t memory[EDITED_BYTES_MAX];
    static const uint32_t counts[] = { 0, 1, 2, 126, 127, 200 };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        uint8_t one_memory[256];
        static uint8_t many_memory[8192];
        struct slice one = share_fetch_body(one_memory, sizeof one_memory, 1);
        struct slice many = share_fetch_body(many_memory, sizeof many_memory, counts[i]);
        uint32_t times = counts[i];
        struct walk_hook hook = { repeat_acquired, &times };
        struct edit e;
        edit_begin(&e, message_find(API_SHARE_FETCH, MESSAGE_RESPONSE), 1, one, hook);
        assert_int_equal(e.error, SIGNET_OK);
        assert_true(slice_equal(edit_end(&e, memory), many));
    }
}

struct refusing {
    uint8_t *error_at;
};

static enum walk_answer refuse_records(void *context, struct walk_visit *visit)
{
    struct refusing *refusing = context;
    if (visit->mark == MARK_PARTITION_ERROR) {
        refusing->error_at = visit->at;
    }
    if (visit->mark != MARK_RECORDS) {
        return WALK_KEEP;
    }
    store_u16(refusing->error_at, 2);
    return WALK_REPLACE;
}

static void an_error_may_be_set_when_the_records_have_been_seen(void **state)
{
    (void)state;
    static uint8_t memory[EDITED_BYTES_MAX];
    uint8_t body_memory[256];
    struct slice body = share_fetch_body(body_memory, sizeof body_memory, 1);
    struct refusing refusing = { 0 };
    struct walk_hook hook = { refuse_records, &refusing };
    struct edit e;
    edit_begin(&e, message_find(API_SHARE_FETCH, MESSAGE_RESPONSE), 2, body, hook);
    assert_int_equal(e.error, SIGNET_OK);
    struct slice result = edit_end(&e, memory);
    assert_int_equal(result.size, body.size - 3);
    assert_int_equal(load_u16(result.data + 33), 2);
    assert_int_equal(result.data[48], 1); /* the records are there, and empty */
}

static enum walk_answer overfill(void *context, struct walk_visit *visit)
{
    size_t size = *(const size_t *)context;
    memset(gather_room(visit->replacement, size), 'o', size);
    return WALK_REPLACE;
}

static void a_replacement_too_long_for_its_length_is_refused(void **state)
{
    (void)state;
    static uint8_t memory[EDITED_BYTES_MAX];
    struct slice body = slice_of("\0\1x", 3);
    for (size_t size = INT16_MAX; size <= INT16_MAX + 1; size++) {
        struct walk_hook hook = { overfill, &size };
        struct edit e;
        edit_begin(&e, message_find(API_SASL_HANDSHAKE, MESSAGE_REQUEST), 1, body, hook);
        assert_int_equal(e.error, size > INT16_MAX ? SIGNET_ERROR_LIMIT : SIGNET_OK);
        assert_int_equal(edit_end(&e, memory).size, size > INT16_MAX ? 0 : size + 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_edit_undone_leaves_every_byte_as_it_was),
        cmocka_unit_test(the_marks_say_what_was_meant_after_random_edits),
        cmocka_unit_test(a_failure_leaves_the_output_as_it_was),
        cmocka_unit_test(a_count_may_take_fewer_bytes_after_dropping),
        cmocka_unit_test(an_array_may_be_replaced_at_its_end),
        cmocka_unit_test(an_error_may_be_set_when_the_records_have_been_seen),
        cmocka_unit_test(a_replacement_too_long_for_its_length_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
