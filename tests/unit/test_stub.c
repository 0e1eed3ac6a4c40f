/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "kafka/record.h"
#include "seal/stub.h"

struct stub_case {
    const char *label;
    int32_t record_count;
    int64_t timestamp_delta;
    size_t size;
};

/* A stub takes seven bytes, and more as its timestamp delta and its offset delta need longer varints. */
static const struct stub_case stub_cases[] = {
    { "no stubs", 1, 0, 0 },
    { "one", 2, 0, 7 },
    { "the last of one byte", 64, 0, 63 * 7 },
    { "the first of two bytes", 65, 0, 63 * 7 + 8 },
    { "the last of two bytes", 8192, 0, 63 * 7 + 8128 * 8 },
    { "the first of three bytes", 8193, 0, 63 * 7 + 8128 * 8 + 9 },
    { "into four bytes", 1048577, 0, 63 * 7 + 8128 * 8 + 1040384 * 9 + 10 },
    { "a delta of two bytes", 3, 64, 2 * 8 },
    { "a negative delta", 3, -1, 2 * 7 },
    { "a delta of ten bytes", 3, INT64_MIN, 2 * 16 },
    { "another", 3, INT64_MAX, 2 * 16 },
};

static void check_records(struct slice stubs, int32_t record_count, int64_t timestamp_delta)
{
    struct record_reader records;
    struct record record;
    record_begin(&records, stubs, record_count - 1);
    for (int32_t i = 1; record_next(&records, &record); i++) {
        assert_int_equal(record.attributes, 0);
        assert_int_equal(record.timestamp_delta, timestamp_delta);
        assert_int_equal(record.offset_delta, i);
        assert_true(record.key_null);
        assert_false(record.value_null);
        assert_int_equal(record.value.size, 0);
        assert_int_equal(record.header_count, 0);
        assert_true(record.bytes.size <= STUB_BYTES_MAX);
    }
    assert_int_equal(record_end(&records), SIGNET_OK);
}

static void stubs_are_the_records_that_the_specification_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stub_cases / sizeof *stub_cases; i++) {
        const struct stub_case *c = &stub_cases[i];
        print_message("%s\n", c->label);
        assert_int_equal(stubs_size(c->record_count, c->timestamp_delta), c->size);
        uint8_t *bytes = malloc(c->size + 1);
        bytes[c->size] = 0xaa;
        stubs_write(c->record_count, c->timestamp_delta, bytes);
        assert_int_equal(bytes[c->size], 0xaa);
        check_records(slice_of(bytes, c->size), c->record_count, c->timestamp_delta);
        assert_true(stubs_match(c->record_count, c->timestamp_delta, slice_of(bytes, c->size)));
        free(bytes);
    }
}

static void nothing_else_matches(void **state)
{
    (void)state;
    enum { COUNT = 70, DELTA = 100 };
    uint8_t bytes[COUNT * STUB_BYTES_MAX];
    size_t size = stubs_size(COUNT, DELTA);
    stubs_write(COUNT, DELTA, bytes);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(stubs_match(COUNT, DELTA, slice_of(bytes, size)));
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t cut = 0; cut < size; cut++) {
        assert_false(stubs_match(COUNT, DELTA, slice_of(bytes, cut)));
    }
    assert_false(stubs_match(COUNT, DELTA, slice_of(bytes, size + 1)));
    assert_false(stubs_match(COUNT - 1, DELTA, slice_of(bytes, size)));
    assert_false(stubs_match(COUNT + 1, DELTA, slice_of(bytes, size)));
    assert_false(stubs_match(COUNT, DELTA + 1, slice_of(bytes, size)));
    assert_true(stubs_match(COUNT, DELTA, slice_of(bytes, size)));
}

/* The largest batch that there may be has a size that can be counted. */
static void ten_million_are_counted(void **state)
{
    (void)state;
    size_t size = stubs_size(10000000, INT64_MIN);
    assert_true(size > 10000000UL * 16 && size < 10000000UL * STUB_BYTES_MAX);
    assert_int_equal(stubs_size(0, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stubs_are_the_records_that_the_specification_says),
        cmocka_unit_test(nothing_else_matches),
        cmocka_unit_test(ten_million_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
