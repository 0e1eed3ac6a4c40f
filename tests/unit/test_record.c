/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kafka/record.h"

struct record_case {
    const char *label;
    signet_error error;
    int32_t count;
    size_t size;
    const char *section;
};

/* clang-format off */
#define SECTION(text) sizeof(text) - 1, text

static const struct record_case record_cases[] = {
    { "no records", SIGNET_OK, 0, SECTION("") },
    { "smallest stub", SIGNET_OK, 1, SECTION("\x0c\0\0\0\1\1\0") },
    { "empty key and value", SIGNET_OK, 1, SECTION("\x0c\0\0\0\0\0\0") },
    { "key, value and two headers", SIGNET_OK, 1, SECTION("\x24\0\4\2\4ky\6val\4\2a\2b\2c\1") },
    { "two records", SIGNET_OK, 2, SECTION("\x0c\0\0\0\1\1\0\x0c\0\0\2\1\1\0") },
    { "negative count", SIGNET_ERROR_MALFORMED, -1, SECTION("") },
    { "one record too few", SIGNET_ERROR_TRAILING, 1, SECTION("\x0c\0\0\0\1\1\0\x0c\0\0\2\1\1\0") },
    { "one record too many", SIGNET_ERROR_TRUNCATED, 2, SECTION("\x0c\0\0\0\1\1\0") },
    { "negative length", SIGNET_ERROR_MALFORMED, 1, SECTION("\1\0\0\0\1\1\0") },
    { "length one too long", SIGNET_ERROR_MALFORMED, 1, SECTION("\x0e\0\0\0\1\1\0\0") },
    { "length one too short", SIGNET_ERROR_MALFORMED, 1, SECTION("\x0a\0\0\0\1\1\0") },
    { "length zero", SIGNET_ERROR_MALFORMED, 1, SECTION("\0") },
    { "key of length -2", SIGNET_ERROR_MALFORMED, 1, SECTION("\x0c\0\0\0\3\1\0") },
    { "value of length -2", SIGNET_ERROR_MALFORMED, 1, SECTION("\x0c\0\0\0\1\3\0") },
    { "key beyond the record", SIGNET_ERROR_MALFORMED, 1, SECTION("\x0c\0\0\0\4\1\0more") },
    { "negative header count", SIGNET_ERROR_MALFORMED, 1, SECTION("\x0c\0\0\0\1\1\1") },
    { "more headers than bytes", SIGNET_ERROR_MALFORMED, 1, SECTION("\x14\0\0\0\1\1\xfe\xff\xff\xff\x0f") },
    { "header with a null key", SIGNET_ERROR_MALFORMED, 1, SECTION("\x10\0\0\0\1\1\2\1\1") },
    { "header value of length -2", SIGNET_ERROR_MALFORMED, 1, SECTION("\x10\0\0\0\1\1\2\0\3") },
    { "timestamp delta of eleven bytes", SIGNET_ERROR_MALFORMED, 1, SECTION("\x20\0\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\0\0\1\1\0") },
};
/* clang-format on */

static signet_error read_all(struct slice section, int32_t count)
{
    struct record_reader records;
    struct record record;
    record_begin(&records, section, count);
    size_t size = 0;
    while (record_next(&records, &record)) {
        assert_ptr_equal(record.bytes.data, section.data + size);
        size += record.bytes.size;
    }
    signet_error error = record_end(&records);
    assert_true(error || size == section.size);
    return error;
}

static void sections_are_read_to_the_letter(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof record_cases / sizeof *record_cases; i++) {
        const struct record_case *c = &record_cases[i];
        signet_error error = read_all(slice_of(c->section, c->size), c->count);
        if (error != c->error) {
            print_error("%s: %s\n", c->label, signet_error_text(error));
        }
        assert_int_equal(error, c->error);
    }
}

static void every_prefix_is_truncated(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof record_cases / sizeof *record_cases; i++) {
        const struct record_case *c = &record_cases[i];
        for (size_t size = 0; c->error == SIGNET_OK && size < c->size; size++) {
            assert_int_equal(read_all(slice_of(c->section, size), c->count), SIGNET_ERROR_TRUNCATED);
        }
    }
}

static void fields_are_where_they_should_be(void **state)
{
    (void)state;
    struct record_reader records;
    struct record record;
    record_begin(&records, slice_of("\x24\0\4\2\4ky\6val\4\2a\2b\2c\1", 19), 1);
    assert_true(record_next(&records, &record));
    assert_int_equal(record.attributes, 0);
    assert_int_equal(record.timestamp_delta, 2);
    assert_int_equal(record.offset_delta, 1);
    assert_false(record.key_null || record.value_null);
    assert_true(slice_equal_text(record.key, "ky"));
    assert_true(slice_equal_text(record.value, "val"));
    assert_int_equal(record.header_count, 2);
    struct slice headers = record.headers;
    struct record_header header;
    assert_true(record_header_next(&headers, &header));
    assert_true(slice_equal_text(header.key, "a"));
    assert_true(slice_equal_text(header.value, "b"));
    assert_true(record_header_next(&headers, &header));
    assert_true(slice_equal_text(header.key, "c"));
    assert_true(header.value_null);
    assert_false(record_header_next(&headers, &header));
    assert_false(record_next(&records, &record));
    assert_int_equal(record_end(&records), SIGNET_OK);

    record_begin(&records, slice_of("\x0c\1\0\0\1\1\0", 7), 1);
    assert_true(record_next(&records, &record));
    assert_int_equal(record.attributes, 1);
    assert_true(record.key_null && record.value_null);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_are_read_to_the_letter),
        cmocka_unit_test(every_prefix_is_truncated),
        cmocka_unit_test(fields_are_where_they_should_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
