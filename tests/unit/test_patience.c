/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "gateway/patience.h"

static void a_request_stalls_until_it_is_whole(void **state)
{
    (void)state;
    struct patience p = { 0 };
    assert_int_equal(patience_stalled_ms(&p, 5000), 0);
    patience_request(&p, false, 1000);
    patience_request(&p, false, 3000);
    assert_int_equal(patience_stalled_ms(&p, 5000), 4000);
    patience_request(&p, true, 5000);
    assert_int_equal(patience_stalled_ms(&p, 9000), 0);
}

static void a_request_that_was_starved_has_its_time_from_then_on(void **state)
{
    (void)state;
    struct patience p = { 0 };
    patience_request(&p, false, 1000);
    patience_starved(&p, true, 2000);
    assert_int_equal(patience_stalled_ms(&p, 13000), 0);
    patience_starved(&p, false, 13000);
    assert_int_equal(patience_stalled_ms(&p, 14000), 1000);
    patience_starved(&p, false, 15000);
    assert_int_equal(patience_stalled_ms(&p, 16000), 3000);
    patience_request(&p, true, 16000);
    patience_starved(&p, true, 17000);
    patience_starved(&p, false, 18000);
    assert_int_equal(patience_stalled_ms(&p, 20000), 0);
}

static void output_stalls_unless_it_empties_or_much_of_it_goes(void **state)
{
    (void)state;
    for (int side = 0; side < 2; side++) {
        struct patience p = { 0 };
        patience_output(&p, (enum relay_side)side, 9000000, 0, 1000);
        patience_output(&p, (enum relay_side)side, 9000000, 0, 2000);
        assert_int_equal(patience_stalled_ms(&p, 3000), 2000);
        patience_output(&p, (enum relay_side)side, 8999999, OUTPUT_PROGRESS_BYTES - 1, 3000);
        assert_int_equal(patience_stalled_ms(&p, 4000), 3000);
        patience_output(&p, (enum relay_side)side, 8999998, 1, 4000);
        assert_int_equal(patience_stalled_ms(&p, 4500), 500);
        patience_output(&p, (enum relay_side)side, 8999997, 1, 5000);
        assert_int_equal(patience_stalled_ms(&p, 6000), 2000);
        patience_output(&p, (enum relay_side)side, 0, 8999997, 9000);
        assert_int_equal(patience_stalled_ms(&p, 10000), 0);
        patience_output(&p, (enum relay_side)side, 5, 0, 11000);
        assert_int_equal(patience_stalled_ms(&p, 12000), 1000);
    }
}

/* What is merely not read counts also while the session itself waits for memory. */
static void the_longest_stall_counts(void **state)
{
    (void)state;
    struct patience p = { 0 };
    patience_request(&p, false, 1000);
    patience_output(&p, RELAY_BROKER, 10, 0, 3000);
    patience_output(&p, RELAY_CLIENT, 10, 0, 2000);
    assert_int_equal(patience_stalled_ms(&p, 10000), 9000);
    patience_starved(&p, true, 10000);
    assert_int_equal(patience_stalled_ms(&p, 10000), 8000);
}

static void a_request_without_an_answer_is_not_idle_but_has_an_end(void **state)
{
    (void)state;
    const int64_t idle = IDLE_MS_MIN, longest = IDLE_MS_MAX, hour = UNANSWERED_MS_MAX;
    struct patience p = { 0 };
    patience_active(&p, 500);
    assert_int_equal(patience_idle_ms(&p, 700), 200);
    assert_false(patience_is_over(&p, false, idle, 500 + idle));
    assert_true(patience_is_over(&p, false, idle, 501 + idle));
    assert_false(patience_is_over(&p, true, idle, 500 + hour));
    assert_true(patience_is_over(&p, true, idle, 501 + hour));
    assert_false(patience_is_over(&p, true, longest, 500 + longest));
    assert_true(patience_is_over(&p, true, longest, 501 + longest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_stalls_until_it_is_whole),
        cmocka_unit_test(a_request_that_was_starved_has_its_time_from_then_on),
        cmocka_unit_test(output_stalls_unless_it_empties_or_much_of_it_goes),
        cmocka_unit_test(the_longest_stall_counts),
        cmocka_unit_test(a_request_without_an_answer_is_not_idle_but_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
