/* SPDX-License-Identifier: Apache-2.0 */
/* One log from record to record: what follows, what is absent, and what contradicts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "seal/ledger_follow.h"

enum { RECORDS = LEDGER_POINTS_MAX + 10, RECORD_ROOM = 4096 };

struct branch {
    uint8_t bytes[RECORDS][RECORD_ROOM];
    struct ledger_record records[RECORDS];
    uint8_t before[RECORDS][SHA256_BYTES];
};

static struct branch honest, forked, closed_early;
static struct signing_key key;

/* A log whose times are other ones from the record `differs` on, and which closes in record `closes`. */
static void make(struct branch *b, size_t differs, size_t closes)
{
    static struct ledger_log log;
    const uint8_t instance[LEDGER_INSTANCE_BYTES] = { 1 };
    struct ledger_leaf opening = { .kind = LEDGER_OPENING };
    opening.opening.interval_ms = LEDGER_INTERVAL_MS_DEFAULT;
    opening.opening.cluster_id = slice_of_text("cluster");
    assert_int_equal(ledger_log_init(&log, slice_of_text("cluster"), instance, &key), SIGNET_OK);
    for (size_t i = 0; i < RECORDS; i++) {
        struct slice bytes;
        struct ledger_leaf last = { .kind = i == closes ? LEDGER_CLOSING : LEDGER_INTERVAL };
        last.interval.time_ms = (int64_t)(i >= differs ? 1000 + i : i);
        assert_int_equal(ledger_log_begin(&log, b->bytes[i], RECORD_ROOM), SIGNET_OK);
        assert_int_equal(i == 0 ? ledger_log_add(&log, &opening) : SIGNET_OK, SIGNET_OK);
        assert_int_equal(ledger_log_end(&log, &last, &bytes), SIGNET_OK);
        assert_int_equal(ledger_record_read(bytes, &b->records[i]), SIGNET_OK);
        assert_int_equal(ledger_record_verify(&b->records[i], b->before[i]), SIGNET_OK);
    }
}

static int prepare(void **state)
{
    (void)state;
    const uint8_t seed[SIGN_SEED_BYTES] = { 1 };
    signing_key_from_seed(&key, seed);
    make(&honest, RECORDS, RECORDS);
    make(&forked, 5, RECORDS);
    make(&closed_early, RECORDS, 5);
    return 0;
}

struct given {
    const struct branch *branch;
    size_t number;
    enum ledger_step step;
    uint64_t missed;
};

static void check(const char *label, const struct given *given, size_t count)
{
    static struct ledger_follow f;
    f = (struct ledger_follow){ 0 };
    for (size_t i = 0; i < count; i++) {
        const struct given *g = &given[i];
        uint64_t missed = 99;
        print_message("%s: record %zu\n", label, g->number);
        assert_int_equal(ledger_follow(&f, &g->branch->records[g->number], g->branch->before[g->number], &missed),
                         g->step);
        assert_int_equal(missed, g->missed);
    }
}

#define CHECK(label, ...)                                  \
    do {                                                   \
        const struct given given[] = { __VA_ARGS__ };      \
        check(label, given, sizeof given / sizeof *given); \
    } while (0)

static void test_honest(void **state)
{
    (void)state;
    CHECK("in order", { &honest, 0, LEDGER_FOLLOWS, 0 }, { &honest, 1, LEDGER_FOLLOWS, 0 });
    CHECK("from the middle", { &honest, 7, LEDGER_FOLLOWS, 0 }, { &honest, 8, LEDGER_FOLLOWS, 0 });
    CHECK("published twice", { &honest, 0, LEDGER_FOLLOWS, 0 }, { &honest, 1, LEDGER_FOLLOWS, 0 },
          { &honest, 1, LEDGER_REPEATED, 0 }, { &honest, 0, LEDGER_REPEATED, 0 }, { &honest, 2, LEDGER_FOLLOWS, 0 });
    CHECK("a gap, and what was in it", { &honest, 0, LEDGER_FOLLOWS, 0 }, { &honest, 4, LEDGER_GAP, 3 },
          { &honest, 1, LEDGER_EARLIER, 0 }, { &honest, 3, LEDGER_EARLIER, 0 }, { &honest, 5, LEDGER_FOLLOWS, 0 });
    CHECK("before the first", { &honest, 4, LEDGER_FOLLOWS, 0 }, { &honest, 2, LEDGER_EARLIER, 0 });
}

static void test_forks(void **state)
{
    (void)state;
    CHECK("one number, two records", { &honest, 4, LEDGER_FOLLOWS, 0 }, { &honest, 5, LEDGER_FOLLOWS, 0 },
          { &forked, 5, LEDGER_FORKED, 0 }, { &honest, 6, LEDGER_FOLLOWS, 0 });
    CHECK("the next of another branch", { &honest, 5, LEDGER_FOLLOWS, 0 }, { &forked, 6, LEDGER_FORKED, 0 },
          { &honest, 6, LEDGER_FOLLOWS, 0 });
    CHECK("in a gap", { &honest, 5, LEDGER_FOLLOWS, 0 }, { &honest, 8, LEDGER_GAP, 2 },
          { &forked, 6, LEDGER_FORKED, 0 });
    CHECK("behind the end", { &closed_early, 5, LEDGER_FOLLOWS, 0 }, { &closed_early, 6, LEDGER_FORKED, 0 });
    CHECK("the end before others", { &closed_early, 6, LEDGER_FOLLOWS, 0 }, { &closed_early, 5, LEDGER_FORKED, 0 });
}

static void test_memory_ends(void **state)
{
    (void)state;
    static struct ledger_follow f;
    uint64_t missed;
    for (size_t i = 0; i < RECORDS; i++) {
        assert_int_equal(ledger_follow(&f, &honest.records[i], honest.before[i], &missed), LEDGER_FOLLOWS);
    }
    size_t oldest = RECORDS - LEDGER_POINTS_MAX;
    assert_int_equal(ledger_follow(&f, &honest.records[oldest], honest.before[oldest], &missed), LEDGER_REPEATED);
    assert_int_equal(ledger_follow(&f, &honest.records[0], honest.before[0], &missed), LEDGER_EARLIER);
    assert_int_equal(f.time_ms, RECORDS - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_honest),
        cmocka_unit_test(test_forks),
        cmocka_unit_test(test_memory_ends),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
