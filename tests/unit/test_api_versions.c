/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cursor.h"
#include "kafka/api_versions.h"

static struct budget budget = { .limit_bytes = SIZE_MAX };

struct range {
    int16_t key, min, max;
};

struct range_case {
    const char *label;
    struct range broker, client; /* client.key -1: dropped */
};

static const struct range_case range_cases[] = {
    { "Produce keeps the 0 that brokers advertise", { 0, 0, 12 }, { 0, 0, 12 } },
    { "Produce of a newer broker", { 0, 0, 14 }, { 0, 0, 13 } },
    { "Produce that reaches nothing served", { 0, 0, 2 }, { -1, 0, 0 } },
    { "Fetch of a 3.x broker", { 1, 0, 15 }, { 1, 4, 15 } },
    { "Fetch that is too old", { 1, 0, 3 }, { -1, 0, 0 } },
    { "Fetch that is too new", { 1, 19, 21 }, { -1, 0, 0 } },
    { "an API passed unread", { 8, 2, 9 }, { 8, 2, 9 } },
    { "an API passed unread, newer", { 8, 2, 12 }, { 8, 2, 10 } },
    { "between brokers", { 58, 0, 0 }, { -1, 0, 0 } },
    { "nobody knows it", { 95, 0, 0 }, { -1, 0, 0 } },
    { "a negative key", { -2, 0, 0 }, { -1, 0, 0 } },
    { "share groups' preview", { 78, 0, 0 }, { -1, 0, 0 } },
    { "share groups", { 78, 1, 2 }, { 78, 1, 2 } },
    { "a range that is upside down", { 3, 9, 2 }, { -1, 0, 0 } },
};

static struct slice write_body(uint8_t *memory, size_t size, int16_t version, int16_t error, const struct range *ranges,
                               uint32_t count)
{
    struct writer w = writer_over(memory, size);
    write_i16(&w, error);
    if (version >= 3) {
        write_uvarint(&w, count + 1);
    } else {
        write_u32(&w, count);
    }
    for (uint32_t i = 0; i < count; i++) {
        write_i16(&w, ranges[i].key);
        write_i16(&w, ranges[i].min);
        write_i16(&w, ranges[i].max);
        if (version >= 3) {
            write_uvarint(&w, 0);
        }
    }
    if (version >= 1) {
        write_i32(&w, 0);
    }
    if (version >= 3) {
        write_bytes(&w, slice_of("\1\x1f\4tags", 7)); /* a tag that nobody knows */
    }
    assert_int_equal(w.error, SIGNET_OK);
    return writer_slice(&w);
}

static const struct api_ceiling no_ceiling;

static signet_error intersect_under(struct api_ceiling ceiling, int16_t version, struct slice body, uint8_t *memory,
                                    struct slice *ret_body)
{
    struct block *block = block_new(&budget, body.size);
    memcpy(block->data, body.data, body.size);
    struct gather out;
    gather_init(&out, &budget);
    signet_error error = api_versions_intersect(version, block, block->data, body.size, ceiling, &out);
    gather_flatten(&out, memory);
    *ret_body = slice_of(memory, out.size);
    gather_free(&out);
    block_release(block);
    assert_int_equal(budget.used_bytes, 0);
    return error;
}

static signet_error intersect(int16_t version, struct slice body, uint8_t *memory, struct slice *ret_body)
{
    return intersect_under(no_ceiling, version, body, memory, ret_body);
}

static void each_range_is_narrowed_or_dropped(void **state)
{
    (void)state;
    for (int16_t version = 0; version <= 5; version++) {
        for (size_t i = 0; i < sizeof range_cases / sizeof *range_cases; i++) {
            const struct range_case *c = &range_cases[i];
            uint8_t broker_memory[64], client_memory[64], memory[64];
            struct slice broker = write_body(broker_memory, sizeof broker_memory, version, 0, &c->broker, 1);
            uint32_t left = c->client.key < 0 ? 0 : 1;
            struct slice client = write_body(client_memory, sizeof client_memory, version, 0, &c->client, left);
            struct slice body;
            assert_int_equal(intersect(version, broker, memory, &body), SIGNET_OK);
            if (!slice_equal(body, client)) {
                print_error("%s, version %d\n", c->label, version);
            }
            assert_true(slice_equal(body, client));
        }
    }
}

/* Context: the highest version of Fetch; all else has no ceiling. */
static int16_t fetch_ceiling(const void *context, int16_t api_key)
{
    return api_key == 1 ? *(const int16_t *)context : INT16_MAX;
}

struct ceiling_case {
    const char *label;
    int16_t fetch_max;
    struct range broker, client; /* client.key -1: dropped */
};

static const struct ceiling_case ceiling_cases[] = {
    { "below what both know", 12, { 1, 0, 18 }, { 1, 4, 12 } },
    { "below what is known here", 12, { 1, 0, 21 }, { 1, 4, 12 } },
    { "at what the broker knows", 12, { 1, 0, 12 }, { 1, 4, 12 } },
    { "above what the broker knows", 12, { 1, 0, 11 }, { 1, 4, 11 } },
    { "above what is known here", 99, { 1, 0, 99 }, { 1, 4, 18 } },
    { "none", INT16_MAX, { 1, 0, 18 }, { 1, 4, 18 } },
    { "at what the broker begins with", 12, { 1, 12, 18 }, { 1, 12, 12 } },
    { "below what the broker begins with", 12, { 1, 13, 18 }, { -1, 0, 0 } },
    { "below what is served here", 3, { 1, 0, 18 }, { -1, 0, 0 } },
    { "of another API", 12, { 0, 0, 13 }, { 0, 0, 13 } },
};

static void nothing_is_offered_above_the_ceiling(void **state)
{
    (void)state;
    for (int16_t version = 0; version <= 5; version++) {
        for (size_t i = 0; i < sizeof ceiling_cases / sizeof *ceiling_cases; i++) {
            const struct ceiling_case *c = &ceiling_cases[i];
            const struct api_ceiling ceiling = { fetch_ceiling, &c->fetch_max };
            uint8_t broker_memory[64], client_memory[64], memory[64];
            struct slice broker = write_body(broker_memory, sizeof broker_memory, version, 0, &c->broker, 1);
            uint32_t left = c->client.key < 0 ? 0 : 1;
            struct slice client = write_body(client_memory, sizeof client_memory, version, 0, &c->client, left);
            struct slice body;
            assert_int_equal(intersect_under(ceiling, version, broker, memory, &body), SIGNET_OK);
            if (!slice_equal(body, client)) {
                fail_msg("%s, version %d", c->label, version);
            }
        }
    }
}

static void a_list_keeps_its_order(void **state)
{
    (void)state;
    static const struct range broker[] = { { 58, 0, 0 }, { 0, 0, 13 }, { 4, 0, 7 }, { 1, 0, 18 }, { 99, 0, 0 } };
    static const struct range client[] = { { 0, 0, 13 }, { 1, 4, 18 } };
    uint8_t broker_memory[128], client_memory[128], memory[128];
    struct slice body;
    assert_int_equal(intersect(4, write_body(broker_memory, sizeof broker_memory, 4, 0, broker, 5), memory, &body),
                     SIGNET_OK);
    assert_true(slice_equal(body, write_body(client_memory, sizeof client_memory, 4, 0, client, 2)));
}

static void error_35_is_read_as_version_0(void **state)
{
    (void)state;
    static const struct range broker[] = { { 18, 0, 4 }, { 58, 0, 0 } };
    for (int16_t version = 0; version <= 5; version++) {
        uint8_t broker_memory[64], client_memory[64], memory[64];
        struct slice body;
        struct slice sent = write_body(broker_memory, sizeof broker_memory, 0, 35, broker, 2);
        assert_int_equal(intersect(version, sent, memory, &body), SIGNET_OK);
        assert_true(slice_equal(body, write_body(client_memory, sizeof client_memory, 0, 35, broker, 1)));
    }
}

static void what_is_no_such_response_is_refused(void **state)
{
    (void)state;
    uint8_t memory[64];
    struct slice body;
    assert_int_equal(intersect(3, slice_of("\0", 1), memory, &body), SIGNET_ERROR_TRUNCATED);
    assert_int_equal(intersect(3, slice_of("\0\0\0\0\0\0\0\0", 8), memory, &body), SIGNET_ERROR_MALFORMED);
    assert_int_equal(intersect(6, slice_of("\0\0\1\0\0\0\0\0", 8), memory, &body), SIGNET_ERROR_UNSUPPORTED);
    assert_int_equal(body.size, 0);
}

static void the_refusal_tells_which_versions_there_are(void **state)
{
    (void)state;
    struct gather out;
    gather_init(&out, &budget);
    api_versions_refuse(7, &out);
    assert_int_equal(out.error, SIGNET_OK);
    uint8_t frame[64];
    assert_in_range(out.size, 1, sizeof frame);
    gather_flatten(&out, frame);
    static const uint8_t expected[] = { 0, 0, 0, 16, 0, 0, 0, 7, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 5 };
    assert_true(slice_equal(slice_of(frame, out.size), slice_of(expected, sizeof expected)));
    gather_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_range_is_narrowed_or_dropped),
        cmocka_unit_test(nothing_is_offered_above_the_ceiling),
        cmocka_unit_test(a_list_keeps_its_order),
        cmocka_unit_test(error_35_is_read_as_version_0),
        cmocka_unit_test(what_is_no_such_response_is_refused),
        cmocka_unit_test(the_refusal_tells_which_versions_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
