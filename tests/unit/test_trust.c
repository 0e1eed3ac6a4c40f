/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "seal/trust.h"

struct pattern_case {
    const char *pattern, *text;
    bool matches;
};

static const struct pattern_case pattern_cases[] = {
    { "orders", "orders", true },
    { "orders", "order", false },
    { "orders", "orders2", false },
    { "orders", "Orders", false },
    { "", "", true },
    { "", "a", false },
    { "*", "", true },
    { "*", "anything", true },
    { "**", "a", true },
    { "a*", "a", true },
    { "a*", "ba", false },
    { "*a", "ba", true },
    { "*a", "ab", false },
    { "a*b", "ab", true },
    { "a*b", "axxb", true },
    { "a*b", "axxbc", false },
    { "a*b*c", "a1b2b3c", true },
    { "*ab", "aab", true },
    { "*aab", "aaab", true },
    { "a?c", "abc", true },
    { "a?c", "ac", false },
    { "?", "", false },
    { "?*", "a", true },
    { "*?", "a", true },
    { "[a]", "a", false },
    { "a.b", "axb", false },
    { "payments-*", "payments-eu.1", true },
};

static void patterns_match_whole_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pattern_cases / sizeof *pattern_cases; i++) {
        const struct pattern_case *c = &pattern_cases[i];
        if (pattern_matches(c->pattern, slice_of_text(c->text)) != c->matches) {
            fail_msg("`%s` and `%s`", c->pattern, c->text);
        }
    }
}

/* A name cut short must not be read past its end, nor a NUL end it. */
static void texts_are_taken_by_their_size(void **state)
{
    (void)state;
    assert_true(pattern_matches("ord", slice_of("orders", 3)));
    assert_false(pattern_matches("ord", slice_of("ord\0", 4)));
    assert_true(pattern_matches("ord?", slice_of("ord\0", 4)));
}

/* The naive matcher needs 2^30 steps for this. */
static void matching_takes_bounded_time(void **state)
{
    (void)state;
    static const char text[] =
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    assert_false(pattern_matches("a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", slice_of_text(text)));
}

static void specific_patterns_come_first(void **state)
{
    (void)state;
    /* From the most specific to the least. */
    static const char *const order[] = { "orders-archive", "orders-*-eu", "orders-*", "orders*",
                                         "o*rs",           "o*",          "*rs",      "*" };
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        for (size_t j = 0; j < sizeof order / sizeof *order; j++) {
            int compared = pattern_compare(order[i], order[j]);
            int sign = (compared > 0) - (compared < 0), wanted = (i < j) - (i > j);
            if (sign != wanted) {
                fail_msg("`%s` and `%s`: %d", order[i], order[j], compared);
            }
        }
    }
}

static const struct place place_a = { .topic = { { 1 } }, .partition = 0 };
static const struct place place_b = { .topic = { { 1 } }, .partition = 1 };
static const struct place place_c = { .topic = { { 2 } }, .partition = 0 };
static char orders[] = "orders";
static const struct slice named = { (const uint8_t *)orders, sizeof orders - 1 };

/* Names that brokers could give the id of `orders`. */
static const char *const other_names[] = { "", "order", "orders2", "Orders", "payments" };

static void places_differ_in_each_part(void **state)
{
    (void)state;
    assert_true(place_equal(&place_a, &place_a));
    assert_false(place_equal(&place_a, &place_b));
    assert_false(place_equal(&place_a, &place_c));
}

static void writers_are_found_by_key(void **state)
{
    (void)state;
    struct trusted_writer writers[2] = { { .name = "a", .key = { 1 } }, { .name = "b", .key = { 2 } } };
    struct trust trust = { .writers = writers, .writer_count = 2 };
    static const uint8_t second[WRITER_KEY_BYTES] = { 2 }, nobody[WRITER_KEY_BYTES] = { 3 };
    assert_ptr_equal(trust_find_writer(&trust, second), &writers[1]);
    assert_null(trust_find_writer(&trust, nobody));
}

static void writers_write_their_topics(void **state)
{
    (void)state;
    char *topics[] = { (char *)"orders", (char *)"payments-*" };
    struct trusted_writer writer = { .topics = topics, .topic_count = 2 }, none = { 0 };
    assert_true(trusted_writer_may_write(&writer, slice_of_text("orders")));
    assert_true(trusted_writer_may_write(&writer, slice_of_text("payments-eu")));
    assert_false(trusted_writer_may_write(&writer, slice_of_text("orders2")));
    assert_false(trusted_writer_may_write(&none, slice_of_text("orders")));
}

static void validity_includes_both_ends(void **state)
{
    (void)state;
    struct trusted_writer writer = { .not_before_ms = 10, .not_after_ms = 20 };
    assert_false(trusted_writer_valid_at(&writer, 9));
    assert_true(trusted_writer_valid_at(&writer, 10));
    assert_true(trusted_writer_valid_at(&writer, 20));
    assert_false(trusted_writer_valid_at(&writer, 21));
    struct trusted_writer always = { .not_before_ms = INT64_MIN, .not_after_ms = INT64_MAX };
    assert_true(trusted_writer_valid_at(&always, INT64_MIN));
    assert_true(trusted_writer_valid_at(&always, INT64_MAX));
}

static void a_revoked_writer_is_believed_up_to_the_last_good_offset(void **state)
{
    (void)state;
    struct last_good good[] = { { place_a, orders, 100 }, { place_b, orders, 0 } };
    struct trusted_writer writer = { .last_good = good, .last_good_count = 2 };
    /* Not revoked: the list means nothing. */
    assert_true(trusted_writer_believed_at(&writer, &place_c, named, INT64_MAX));
    writer.revoked = true;
    assert_true(trusted_writer_believed_at(&writer, &place_a, named, 99));
    assert_true(trusted_writer_believed_at(&writer, &place_a, named, 100));
    assert_false(trusted_writer_believed_at(&writer, &place_a, named, 101));
    assert_true(trusted_writer_believed_at(&writer, &place_b, named, 0));
    assert_false(trusted_writer_believed_at(&writer, &place_b, named, 1));
    assert_false(trusted_writer_believed_at(&writer, &place_c, named, 0));
    writer.last_good_count = 0;
    assert_false(trusted_writer_believed_at(&writer, &place_a, named, 0));
}

static void everything_is_sealed_where_no_cut_over_says_otherwise(void **state)
{
    (void)state;
    struct cut_over cut_overs[] = { { place_a, orders, 5000 } };
    struct trust trust = { .cut_overs = cut_overs, .cut_over_count = 1 };
    assert_int_equal(trust_cut_over(&trust, &place_a, named), 5000);
    assert_int_equal(trust_cut_over(&trust, &place_b, named), 0);
    assert_int_equal(trust_cut_over(&trust, &place_c, named), 0); /* the topic made anew */
}

/* Brokers say which id a name has: with the id of a topic that rows are about they must not get them for another. */
static void rows_are_for_the_name_as_well_as_the_id(void **state)
{
    (void)state;
    struct last_good good = { place_a, orders, 100 };
    struct trusted_writer writer = { .revoked = true, .last_good = &good, .last_good_count = 1 };
    struct cut_over cut_over = { place_a, orders, 5000 };
    struct accepted_exception exception = { place_a, orders, 10, 12, NULL };
    struct trust trust = {
        .cut_overs = &cut_over, .cut_over_count = 1, .exceptions = &exception, .exception_count = 1
    };
    for (size_t i = 0; i < sizeof other_names / sizeof *other_names; i++) {
        struct slice name = slice_of_text(other_names[i]);
        assert_false(trusted_writer_believed_at(&writer, &place_a, name, 0));
        assert_int_equal(trust_cut_over(&trust, &place_a, name), 0);
        assert_null(trust_find_exception(&trust, &place_a, name, 10, 12));
    }
}

struct exception_case {
    int64_t first, last;
    bool accepted;
};

static void exceptions_reach_no_further_than_they_say(void **state)
{
    (void)state;
    struct accepted_exception exceptions[] = { { place_a, orders, 10, 12, NULL } };
    struct trust trust = { .exceptions = exceptions, .exception_count = 1 };
    static const struct exception_case exception_cases[] = {
        { 0, 9, false },   { 0, 10, false },  { 10, 12, true }, { 11, 11, true },
        { 12, 20, false }, { 13, 20, false }, { 0, 99, false }, { 12, 11, false },
    };
    for (size_t i = 0; i < sizeof exception_cases / sizeof *exception_cases; i++) {
        const struct exception_case *c = &exception_cases[i];
        const struct accepted_exception *found = trust_find_exception(&trust, &place_a, named, c->first, c->last);
        assert_int_equal(found != NULL, c->accepted);
        assert_null(trust_find_exception(&trust, &place_b, named, c->first, c->last));
        assert_null(trust_find_exception(&trust, &place_c, named, c->first, c->last));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match_whole_names),
        cmocka_unit_test(texts_are_taken_by_their_size),
        cmocka_unit_test(matching_takes_bounded_time),
        cmocka_unit_test(specific_patterns_come_first),
        cmocka_unit_test(places_differ_in_each_part),
        cmocka_unit_test(writers_are_found_by_key),
        cmocka_unit_test(writers_write_their_topics),
        cmocka_unit_test(validity_includes_both_ends),
        cmocka_unit_test(a_revoked_writer_is_believed_up_to_the_last_good_offset),
        cmocka_unit_test(everything_is_sealed_where_no_cut_over_says_otherwise),
        cmocka_unit_test(exceptions_reach_no_further_than_they_say),
        cmocka_unit_test(rows_are_for_the_name_as_well_as_the_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
