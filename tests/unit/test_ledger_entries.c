/* SPDX-License-Identifier: Apache-2.0 */
/* What waits for a record of the ledger: its room, its order, and what is counted because there was none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "relay/ledger_entries.h"

enum { ROOM = 64 * 1024, MANY = 8 * 1024 };

static unsigned told;

static void count_told(void *context)
{
    (void)context;
    told++;
}

static struct ledger_entries *entries_of(bool refuse)
{
    const struct ledger_entries_options options = { ROOM, refuse, MANY, count_told, NULL };
    told = 0;
    return ledger_entries_new(&options);
}

static struct ledger_batch batch_at(uint8_t topic, int64_t base_offset)
{
    struct ledger_batch batch = { .base_offset = base_offset, .acks = -1, .stored_bytes = 100, .producer_id = -1 };
    memset(batch.place.topic.bytes, topic, sizeof batch.place.topic.bytes);
    return batch;
}

/* As the relay does: room first, and then the entry. */
static bool enter(struct ledger_entries *e, uint8_t topic, int64_t base_offset)
{
    struct ledger_batch batch = batch_at(topic, base_offset);
    if (!ledger_entries_reserve(e)) {
        return false;
    }
    ledger_entries_batch(e, &batch, slice_of_text("orders"));
    return true;
}

static struct ledger_leaf next_leaf(struct ledger_taken *taken)
{
    struct slice bytes;
    struct ledger_leaf leaf;
    assert_true(ledger_taken_next(taken, &bytes));
    assert_int_equal(ledger_leaf_read(bytes, &leaf), SIGNET_OK);
    ledger_taken_drop(taken);
    return leaf;
}

static struct ledger_entries_state look(struct ledger_entries *e)
{
    struct ledger_entries_state state;
    ledger_entries_look(e, &state);
    return state;
}

/* Counts and gives back all that waits. */
static size_t take_all(struct ledger_entries *e, enum ledger_kind kind)
{
    struct ledger_taken taken = { 0 };
    struct slice bytes;
    size_t count = 0;
    ledger_entries_take(e, false, &taken);
    while (ledger_taken_next(&taken, &bytes)) {
        count += bytes.data[0] == kind;
        ledger_taken_drop(&taken);
    }
    ledger_taken_release(e, &taken);
    return count;
}

static void test_order_and_topics(void **state)
{
    (void)state;
    struct ledger_entries *e = entries_of(true);
    struct ledger_taken taken = { 0 };
    assert_true(enter(e, 1, 0) && enter(e, 2, 0) && enter(e, 1, 5));
    ledger_entries_take(e, false, &taken);
    const enum ledger_kind expected[] = { LEDGER_TOPIC, LEDGER_BATCH, LEDGER_TOPIC, LEDGER_BATCH, LEDGER_BATCH };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        struct ledger_leaf leaf = next_leaf(&taken);
        assert_int_equal(leaf.kind, expected[i]);
        assert_int_equal(leaf.kind == LEDGER_BATCH ? leaf.batch.base_offset : 0, i == 4 ? 5 : 0);
    }
    assert_null(taken.chunks);
    ledger_taken_release(e, &taken);
    assert_int_equal(look(e).bytes, 0);
    ledger_entries_free(e);
}

/* Another log names its topics again; the same one does not. */
static void test_topics_of_another_log(void **state)
{
    (void)state;
    struct ledger_entries *e = entries_of(true);
    struct ledger_taken taken = { 0 };
    assert_true(enter(e, 1, 0));
    ledger_entries_take(e, false, &taken);
    assert_true(enter(e, 1, 1));
    ledger_entries_take(e, true, &taken);
    assert_true(enter(e, 1, 2));
    ledger_entries_take(e, false, &taken);
    const enum ledger_kind expected[] = { LEDGER_TOPIC, LEDGER_BATCH, LEDGER_BATCH, LEDGER_TOPIC, LEDGER_BATCH };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_int_equal(next_leaf(&taken).kind, expected[i]);
    }
    ledger_taken_free(&taken);
    ledger_entries_free(e);
}

/* What was reserved has room, whatever comes in between; and taken leaves count until they are given back. */
static void test_full_refuses(void **state)
{
    (void)state;
    struct ledger_entries *e = entries_of(true);
    size_t entered = 0;
    assert_true(ledger_entries_reserve(e));
    while (enter(e, 1, (int64_t)entered)) {
        entered++;
    }
    assert_true(look(e).full && look(e).bytes <= ROOM && entered > ROOM / 2 / LEDGER_BATCH_LEAF_BYTES);
    struct ledger_batch batch = batch_at(2, 0);
    ledger_entries_batch(e, &batch, slice_of_text("orders"));
    struct ledger_taken taken = { 0 };
    size_t bytes = look(e).bytes;
    ledger_entries_take(e, false, &taken);
    assert_int_equal(look(e).bytes, bytes);
    ledger_taken_free(&taken);
    assert_int_equal(look(e).lost[LEDGER_LOSS_NO_ROOM], 0);
    assert_int_equal(look(e).entered, entered + 1);
    ledger_entries_free(e);
}

static void test_room_comes_back(void **state)
{
    (void)state;
    struct ledger_entries *e = entries_of(true);
    size_t entered = 0;
    while (enter(e, 1, (int64_t)entered)) {
        entered++;
    }
    assert_int_equal(take_all(e, LEDGER_BATCH), entered);
    assert_int_equal(look(e).bytes, 0);
    assert_true(enter(e, 1, 0));
    assert_true(ledger_entries_reserve(e));
    ledger_entries_release(e);
    assert_int_equal(take_all(e, LEDGER_BATCH), 1);
    ledger_entries_free(e);
}

/* Nobody is refused, nothing grows, and what is not there is told once. */
static void test_full_continues(void **state)
{
    (void)state;
    struct ledger_entries *e = entries_of(false);
    for (int64_t i = 0; i < 2000; i++) {
        assert_true(enter(e, 1, i));
    }
    assert_true(look(e).bytes <= ROOM && look(e).lost[LEDGER_LOSS_NO_ROOM] == 2000 - look(e).entered);
    struct ledger_taken taken = { 0 };
    ledger_entries_take(e, false, &taken);
    assert_int_equal(taken.lost[LEDGER_LOSS_NO_ROOM], look(e).lost[LEDGER_LOSS_NO_ROOM]);
    memset(taken.lost, 0, sizeof taken.lost);
    ledger_entries_take(e, false, &taken);
    assert_int_equal(taken.lost[LEDGER_LOSS_NO_ROOM], 0);
    ledger_taken_free(&taken);
    ledger_entries_free(e);
}

static void test_many_is_told_once(void **state)
{
    (void)state;
    struct ledger_entries *e = entries_of(true);
    for (int64_t i = 0; i < 200; i++) {
        assert_true(enter(e, 1, i));
    }
    assert_int_equal(told, 1);
    (void)take_all(e, LEDGER_BATCH);
    assert_true(enter(e, 1, 0));
    assert_int_equal(told, 1);
    ledger_entries_free(e);
}

/* A process without a ledger refuses nobody. */
static void test_without_a_ledger(void **state)
{
    (void)state;
    assert_true(enter(NULL, 1, 0));
    ledger_entries_release(NULL);
    ledger_entries_lose(NULL, LEDGER_LOSS_ACKS_ZERO, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_topics), cmocka_unit_test(test_topics_of_another_log),
        cmocka_unit_test(test_full_refuses),     cmocka_unit_test(test_room_comes_back),
        cmocka_unit_test(test_full_continues),   cmocka_unit_test(test_many_is_told_once),
        cmocka_unit_test(test_without_a_ledger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
