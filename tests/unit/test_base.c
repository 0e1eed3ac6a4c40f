/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cursor.h"
#include "base/escape.h"
#include "base/gather.h"
#include "base/limits.h"
#include "base/utc.h"

struct varlong_case {
    const char *label;
    int64_t value;
    size_t size;
};

static const struct varlong_case varlong_cases[] = {
    { "zero", 0, 1 },
    { "minus one", -1, 1 },
    { "last of one byte", 63, 1 },
    { "first of two bytes", 64, 2 },
    { "largest int32", INT32_MAX, 5 },
    { "largest", INT64_MAX, 10 },
    { "smallest", INT64_MIN, 10 },
};

static void varlongs_survive(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof varlong_cases / sizeof *varlong_cases; i++) {
        const struct varlong_case *c = &varlong_cases[i];
        uint8_t memory[16];
        struct writer w = writer_over(memory, sizeof memory);
        write_varlong(&w, c->value);
        assert_int_equal(writer_used(&w), c->size);
        assert_int_equal(varlong_size(c->value), c->size);
        struct reader r = reader_over(writer_slice(&w));
        assert_true(read_varlong(&r) == c->value);
        assert_int_equal(r.error, SIGNET_OK);
        for (size_t cut = 0; cut < c->size; cut++) {
            struct reader shorter = reader_over(slice_of(memory, cut));
            assert_true(read_varlong(&shorter) == 0);
            assert_int_equal(shorter.error, SIGNET_ERROR_TRUNCATED);
        }
    }
}

static void overlong_varints_are_malformed(void **state)
{
    (void)state;
    static const uint8_t six_groups[] = { 0x80, 0x80, 0x80, 0x80, 0x80, 0x00 };
    struct reader r = reader_over(slice_of(six_groups, sizeof six_groups));
    read_uvarint(&r);
    assert_int_equal(r.error, SIGNET_ERROR_MALFORMED);
    static const uint8_t bit_32[] = { 0x80, 0x80, 0x80, 0x80, 0x10 };
    r = reader_over(slice_of(bit_32, sizeof bit_32));
    read_uvarint(&r);
    assert_int_equal(r.error, SIGNET_ERROR_MALFORMED);
}

static void the_first_error_stays(void **state)
{
    (void)state;
    uint8_t memory[3] = { 0, 0, 7 };
    struct reader r = reader_over(slice_of(memory, sizeof memory));
    assert_int_equal(read_u16(&r), 0);
    assert_int_equal(read_u32(&r), 0);
    assert_int_equal(r.error, SIGNET_ERROR_TRUNCATED);
    assert_int_equal(read_u8(&r), 0);
    struct writer w = writer_over(memory, 3);
    write_u32(&w, 1);
    write_u8(&w, 9);
    assert_int_equal(w.error, SIGNET_ERROR_NO_SPACE);
    assert_int_equal(writer_used(&w), 0);
    assert_int_equal(memory[0], 0);
}

static void a_gather_keeps_order_and_gives_back_its_budget(void **state)
{
    (void)state;
    struct budget budget = { .limit_bytes = 1000 };
    struct gather g, h;
    gather_init(&g, &budget);
    gather_init(&h, &budget);
    struct block *block = block_new(&budget, 10);
    memcpy(block->data, "0123456789", 10);
    gather_add(&g, block, block->data, 4);
    uint8_t *room = gather_room(&g, 1);
    struct gather_mark mark = gather_mark(&g);
    gather_copy(&g, slice_of_text("dropped"));
    gather_rewind(&g, mark);
    gather_add(&h, block, block->data + 4, 3);
    gather_add(&h, block, block->data + 7, 3);
    assert_int_equal(h.count, 1);
    gather_splice(&g, &h);
    *room = '-';
    block_release(block);
    char text[12] = { 0 };
    assert_int_equal(g.size, 11);
    gather_flatten(&g, (uint8_t *)text);
    assert_string_equal(text, "0123-456789");
    gather_consume(&g, 6);
    gather_flatten(&g, (uint8_t *)text);
    assert_memory_equal(text, "56789", 5);
    gather_consume(&g, 5);
    assert_int_equal(budget.used_bytes, 0);
    gather_free(&g);
    gather_free(&h);
}

enum { LARGE = KEPT_BLOCK_BYTES_MIN + 1000 };

static void large_blocks_are_kept_for_the_next(void **state)
{
    (void)state;
    struct budget budget = { .limit_bytes = SIZE_MAX, .kept_bytes_max = 4 * LARGE };
    struct block *first = block_new(&budget, LARGE);
    assert_true(first->capacity >= LARGE && first->capacity < LARGE + LARGE / 4);
    memset(first->data, 'x', first->capacity);
    block_release(first);
    assert_int_equal(budget.used_bytes, 0);
    assert_int_equal(budget.kept_bytes, first->capacity);
    struct block *second = block_new(&budget, LARGE - 500); /* of the same size when rounded */
    assert_ptr_equal(second, first);
    assert_int_equal(second->references, 1);
    assert_false(second->secret);
    assert_int_equal(budget.kept_bytes, 0);
    memset(second->data, 'y', second->capacity);
    block_release(second);
    budget_trim(&budget);
    assert_int_equal(budget.kept_bytes, 0);
}

static void no_more_is_kept_than_allowed(void **state)
{
    (void)state;
    struct budget budget = { .limit_bytes = SIZE_MAX, .kept_bytes_max = 3 * LARGE };
    struct block *blocks[5];
    for (size_t i = 0; i < 5; i++) {
        blocks[i] = block_new(&budget, (size_t)LARGE + i * 20000);
    }
    for (size_t i = 0; i < 5; i++) {
        block_release(blocks[i]);
        assert_true(budget.kept_bytes <= budget.kept_bytes_max);
    }
    struct block *last = block_new(&budget, LARGE + 4 * 20000);
    assert_ptr_equal(last, blocks[4]);
    block_release(last);
    block_release(block_new(&budget, (size_t)8 * LARGE)); /* larger than all that may be kept */
    block_release(block_new(&budget, 100));
    assert_true(budget.kept_bytes <= budget.kept_bytes_max);
    budget_sweep(&budget);
    assert_int_not_equal(budget.kept_bytes, 0);
    struct block *fresh = block_new(&budget, LARGE + 4 * 20000);
    size_t capacity = fresh->capacity;
    block_release(fresh);
    budget_sweep(&budget); /* all but the one in use lately */
    assert_int_equal(budget.kept_bytes, capacity);
    budget_sweep(&budget);
    assert_int_equal(budget.kept_bytes, 0);
    assert_null(budget.kept);
}

static void a_kept_block_tells_no_secret(void **state)
{
    (void)state;
    struct budget budget = { .limit_bytes = SIZE_MAX, .kept_bytes_max = 2 * LARGE };
    struct block *block = block_new(&budget, LARGE);
    memset(block->data, 's', block->capacity);
    block->secret = true;
    block_release(block);
    block = block_new(&budget, LARGE);
    for (size_t i = 0; i < block->capacity; i++) {
        assert_int_equal(block->data[i], 0);
    }
    block_release(block);
    budget_trim(&budget);
}

struct escape_case {
    const char *label, *text, *expected;
    char quote;
    size_t room;
};

static const struct escape_case escape_cases[] = {
    { "plain", "orders ~", "orders ~", 0, 64 },
    { "a terminal's orders", "\x1b[2J\n\x7f", "\\x1b[2J\\x0a\\x7f", 0, 64 },
    { "no ASCII", "\xc2\x9b", "\\xc2\\x9b", 0, 64 },
    { "a backslash, so that nothing looks escaped", "\\x41", "\\x5cx41", 0, 64 },
    { "a quote that ends the text", "a\"b", "a\\x22b", '"', 64 },
    { "a quote that does not", "a\"b", "a\"b", 0, 64 },
    { "cut", "abcdefgh", "abc", 0, 7 },
    { "never inside an escape", "ab\n\n", "ab\\x0a", 0, 8 },
    { "room for nothing", "abc", "", 0, 1 },
};

static void text_is_escaped(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof escape_cases / sizeof *escape_cases; i++) {
        const struct escape_case *c = &escape_cases[i];
        char text[64];
        assert_int_equal(escape_text(slice_of_text(c->text), c->quote, text, c->room), strlen(c->expected));
        assert_string_equal(text, c->expected);
    }
}

static void times_are_utc(void **state)
{
    (void)state;
    char text[UTC_TEXT_BYTES];
    assert_string_equal(utc_text(0, text), "1970-01-01T00:00:00.000Z");
    assert_string_equal(utc_text(1709164799007, text), "2024-02-28T23:59:59.007Z");
    assert_string_equal(utc_text(-1, text), "-1 ms");
    assert_string_equal(utc_text(INT64_MIN, text), "-9223372036854775808 ms");
    assert_string_equal(utc_text(INT64_MAX, text), "292278994-08-17T07:12:55.807Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(varlongs_survive),
        cmocka_unit_test(overlong_varints_are_malformed),
        cmocka_unit_test(the_first_error_stays),
        cmocka_unit_test(a_gather_keeps_order_and_gives_back_its_budget),
        cmocka_unit_test(large_blocks_are_kept_for_the_next),
        cmocka_unit_test(no_more_is_kept_than_allowed),
        cmocka_unit_test(a_kept_block_tells_no_secret),
        cmocka_unit_test(text_is_escaped),
        cmocka_unit_test(times_are_utc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
