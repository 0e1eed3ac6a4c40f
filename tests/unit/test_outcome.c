/* SPDX-License-Identifier: Apache-2.0 */
/* Markers held against the list of aborted transactions: what is forged is found, and what is honest never is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "base/limits.h"
#include "seal/outcome.h"

/* One batch of a script: d data, c commit marker, a abort marker; each takes one offset, from 0. */
struct outcome_case {
    const char *label;
    const char *script;       /* producers are the digits behind the letters */
    const char *listed;       /* producer and first offset, two digits each, in pairs */
    const char *contradicted; /* a ! under each marker that contradicts the list */
};

/* clang-format off */
static const struct outcome_case outcome_cases[] = {
    { "committed", "d1d1c1", "", "      " },
    { "aborted", "d1d1a1", "10", "      " },
    { "aborted, then committed", "d1a1d1c1", "10", "        " },
    { "committed, then aborted", "d1c1d1a1", "12", "        " },
    { "aborted twice", "d1a1d1a1", "1012", "        " },
    { "two producers", "d1d2c1a2", "21", "        " },
    { "a marker alone", "c1a1c2a2", "", "        " },
    { "a list in any order", "d1d2a1a2", "2110", "        " },
    { "entry removed", "d1d1a1", "", "    ! " },
    { "entry added", "d1d1c1", "10", "    ! " },
    { "entry moved behind a part", "d1d1a1", "11", "    ! " },
    { "entry moved behind all", "d1d1a1", "12", "    ! " },
    { "entry for another producer", "d1d1a1", "20", "    ! " },
    { "the other of two aborted", "d1d2c1a2", "10", "    ! ! " },
    { "entry in effect at a commit marker alone", "c1d1c1", "10", "!   ! " },
    { "entry added at the marker", "d1c1", "11", "  ! " },
    { "a second entry does not survive an abort", "d1a1d1c1", "1010", "        " },
    { "entry added behind an abort", "d1a1d1c1", "1012", "      ! " },
};
/* clang-format on */

static size_t read_list(const char *text, struct aborted_transaction *ret_list)
{
    size_t count = strlen(text) / 2;
    for (size_t i = 0; i < count; i++) {
        ret_list[i] = (struct aborted_transaction){ text[2 * i] - '0', text[2 * i + 1] - '0' };
    }
    return count;
}

/* Runs one batch; false when it contradicts. */
static bool run_one(struct outcomes *o, struct outcome_pass *pass, const char *batch, int64_t offset)
{
    int64_t producer_id = batch[1] - '0';
    if (batch[0] == 'd') {
        outcome_data(o, pass, producer_id, offset);
        return true;
    }
    bool agrees = outcome_marker(o, pass, producer_id, offset, batch[0] == 'c');
    if (!agrees) {
        assert_false(outcome_marker(o, pass, producer_id, offset, batch[0] == 'c')); /* asking again */
    }
    return agrees;
}

static void lists_and_markers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof outcome_cases / sizeof *outcome_cases; i++) {
        const struct outcome_case *c = &outcome_cases[i];
        struct aborted_transaction list[8];
        struct outcomes o = { 0 };
        struct outcome_pass pass;
        outcome_pass_begin(&pass, list, read_list(c->listed, list));
        for (size_t at = 0; c->script[at]; at += 2) {
            bool agrees = run_one(&o, &pass, c->script + at, (int64_t)at / 2);
            if (agrees == (c->contradicted[at] == '!')) {
                fail_msg("%s: batch %zu", c->label, at / 2);
            }
        }
        outcomes_free(&o);
    }
}

static void a_marker_that_was_accepted_ends_its_transaction(void **state)
{
    (void)state;
    struct outcomes o = { 0 };
    struct outcome_pass pass;
    outcome_pass_begin(&pass, NULL, 0);
    outcome_data(&o, &pass, 1, 0);
    assert_false(outcome_marker(&o, &pass, 1, 1, false));
    outcome_forget(&o, 1);
    outcome_data(&o, &pass, 1, 2);
    assert_true(outcome_marker(&o, &pass, 1, 3, true));
    assert_int_equal(o.count, 0);
    outcomes_free(&o);
}

static void what_is_beyond_memory_is_not_claimed(void **state)
{
    (void)state;
    struct outcomes o = { 0 };
    struct outcome_pass pass;
    outcome_pass_begin(&pass, NULL, 0);
    for (int64_t i = 0; i < OPEN_TRANSACTIONS_MAX + 1; i++) {
        outcome_data(&o, &pass, i, i);
    }
    assert_int_equal(o.count, OPEN_TRANSACTIONS_MAX);
    assert_true(outcome_marker(&o, &pass, OPEN_TRANSACTIONS_MAX, 999, false));
    assert_false(outcome_marker(&o, &pass, OPEN_TRANSACTIONS_MAX - 1, 999, false));
    outcomes_free(&o);
}

/* A log of transactions as coordinators write them, and a broker that lists the aborted ones as TransactionIndex.java does. */

enum { LOG_BATCHES = 4000, PRODUCERS = 400 };

struct log_batch {
    char kind; /* d, c, a */
    int64_t producer_id;
};

struct aborted_range {
    int64_t producer_id, first, last;
};

struct honest_log {
    struct log_batch batches[LOG_BATCHES]; /* one offset each */
    struct aborted_range aborted[LOG_BATCHES];
    size_t aborted_count;
};

static int64_t up_to(int64_t limit)
{
    return random() % (limit + 1);
}

static void write_log(struct honest_log *log)
{
    static int64_t first[PRODUCERS];
    for (size_t i = 0; i < PRODUCERS; i++) {
        first[i] = -1;
    }
    log->aborted_count = 0;
    int64_t active = 1 + up_to(PRODUCERS - 1);
    for (int64_t offset = 0; offset < LOG_BATCHES; offset++) {
        int64_t p = up_to(active - 1);
        struct log_batch *batch = &log->batches[offset];
        batch->producer_id = p;
        if (up_to(3) > 0) {
            batch->kind = 'd';
            first[p] = first[p] < 0 ? offset : first[p];
            continue;
        }
        batch->kind = up_to(1) ? 'c' : 'a';
        if (batch->kind == 'a' && first[p] >= 0) {
            log->aborted[log->aborted_count++] = (struct aborted_range){ p, first[p], offset };
        }
        first[p] = -1;
    }
}

/* Those that end at or behind the fetch offset and begin before the end of the response; what is open at the end is not read yet. */
static size_t list_aborted(const struct honest_log *log, int64_t from, int64_t end,
                           struct aborted_transaction *ret_list)
{
    size_t count = 0;
    for (size_t i = 0; i < log->aborted_count; i++) {
        if (log->aborted[i].last >= from && log->aborted[i].first < end) {
            ret_list[count++] = (struct aborted_transaction){ log->aborted[i].producer_id, log->aborted[i].first };
        }
    }
    for (size_t i = 0; i + 1 < count; i++) {
        size_t other = (size_t)up_to((int64_t)(count - 1));
        struct aborted_transaction swapped = ret_list[i];
        ret_list[i] = ret_list[other];
        ret_list[other] = swapped;
    }
    return count;
}

/* The first offset whose transaction has not ended: consumers are given nothing from there on. */
static int64_t last_stable_offset(const struct honest_log *log)
{
    static bool ended[PRODUCERS];
    memset(ended, 0, sizeof ended);
    int64_t stable = LOG_BATCHES;
    for (int64_t offset = LOG_BATCHES; offset-- > 0;) {
        const struct log_batch *batch = &log->batches[offset];
        if (batch->kind != 'd') {
            ended[batch->producer_id] = true;
        } else if (!ended[batch->producer_id]) {
            stable = offset;
        }
    }
    return stable;
}

static void an_honest_log_is_never_contradicted(void **state)
{
    (void)state;
    static struct honest_log log;
    static struct aborted_transaction list[LOG_BATCHES];
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srandom(seed);
    for (int round = 0; round < 20; round++) {
        write_log(&log);
        struct outcomes o = { 0 };
        int64_t stable = last_stable_offset(&log), offset = 0;
        for (int fetch = 0; fetch < 300 && stable > 0; fetch++) {
            if (offset >= stable || up_to(9) == 0) { /* seeks forget, as open_records does */
                outcomes_free(&o);
                offset = up_to(stable - 1);
            }
            int64_t end = offset + 1 + up_to(100);
            end = end < stable ? end : stable;
            struct outcome_pass pass;
            outcome_pass_begin(&pass, list, list_aborted(&log, offset, end + up_to(50), list));
            for (; offset < end; offset++) {
                const struct log_batch *batch = &log.batches[offset];
                if (batch->kind == 'd') {
                    outcome_data(&o, &pass, batch->producer_id, offset);
                } else {
                    assert_true(outcome_marker(&o, &pass, batch->producer_id, offset, batch->kind == 'c'));
                }
            }
        }
        outcomes_free(&o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_and_markers),
        cmocka_unit_test(a_marker_that_was_accepted_ends_its_transaction),
        cmocka_unit_test(what_is_beyond_memory_is_not_claimed),
        cmocka_unit_test(an_honest_log_is_never_contradicted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
