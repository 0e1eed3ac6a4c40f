/* SPDX-License-Identifier: Apache-2.0 */
/* Open transactions as a broker keeps them, and its list of aborted ones held against them: spec/ledger.md, section 7.3. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "scratch_folder.h"
#include "verify/aborted_list.h"

static struct batch_header batch_of(int64_t producer_id, int64_t offset)
{
    return (struct batch_header){ .base_offset = offset,
                                  .last_offset_delta = 1,
                                  .producer_id = producer_id,
                                  .producer_epoch = 3,
                                  .attributes = BATCH_TRANSACTIONAL };
}

static void add(struct ongoing *o, int64_t producer_id, int64_t offset)
{
    const struct batch_header batch = batch_of(producer_id, offset);
    assert_int_equal(ongoing_add(o, &batch), SIGNET_OK);
}

static void test_ongoing(void **state)
{
    (void)state;
    struct ongoing o = { 0 };
    assert_null(ongoing_find(&o, 1));
    assert_int_equal(ongoing_oldest_but(&o, 1), -1);
    ongoing_end(&o, 1);
    add(&o, 1, 10);
    add(&o, 2, 12);
    add(&o, 3, 14);
    add(&o, 1, 16);
    const struct ongoing_transaction *t = ongoing_find(&o, 1);
    assert_true(t->first_offset == 10 && t->last_offset == 17 && t->producer_epoch == 3);
    assert_int_equal(ongoing_oldest_but(&o, 1), 12);
    assert_int_equal(ongoing_oldest_but(&o, 2), 10);
    ongoing_end(&o, 2); /* in the middle */
    assert_int_equal(ongoing_oldest_but(&o, 1), 14);
    ongoing_end(&o, 1); /* the oldest */
    assert_null(ongoing_find(&o, 1));
    assert_int_equal(ongoing_oldest_but(&o, 3), -1);
    add(&o, 1, 20); /* again, and now the newest */
    assert_int_equal(ongoing_oldest_but(&o, 1), 14);
    ongoing_end(&o, 1);
    ongoing_end(&o, 3);
    assert_int_equal(o.open, 0);
    add(&o, 4, 30);
    ongoing_clear(&o);
    assert_null(ongoing_find(&o, 4));
    ongoing_free(&o);
}

/* Of very many producers, few of them at once: memory is for those. */
static void test_ongoing_memory(void **state)
{
    (void)state;
    struct ongoing o = { 0 };
    for (int64_t i = 0; i < 100 * 1000; i++) {
        add(&o, i, 2 * i);
        assert_int_equal(ongoing_oldest_but(&o, i), i < 10 ? (i == 0 ? -1 : 0) : 2 * (i - 10));
        if (i >= 10) {
            ongoing_end(&o, i - 10);
        }
    }
    assert_true(o.open == 10 && o.capacity < 200);
    ongoing_clear(&o);
    for (int64_t i = 0; i < ONGOING_TRANSACTIONS_MAX; i++) {
        add(&o, i, i);
    }
    const struct batch_header more = batch_of(-5, 0), known = batch_of(7, ONGOING_TRANSACTIONS_MAX);
    assert_int_equal(ongoing_add(&o, &more), SIGNET_ERROR_LIMIT);
    assert_int_equal(ongoing_add(&o, &known), SIGNET_OK);
    ongoing_end(&o, 7);
    assert_int_equal(ongoing_add(&o, &more), SIGNET_OK);
    ongoing_free(&o);
}

enum { EVENTS_MAX = 8, LINES_MAX = 4 };

enum event_kind { NOTHING, DATA, COMMIT, ABORT, DAMAGE };

struct event {
    enum event_kind kind;
    int64_t producer_id, offset;
};

struct list_case {
    const char *label;
    int64_t start;
    struct event events[EVENTS_MAX];
    struct aborted_entry lines[LINES_MAX];
    size_t appended; /* of them, since the segment was opened */
    int64_t end;
    size_t bad, unknown, notes;
    bool fresh; /* the log was written to just now */
};

#define PAIR             \
    {                    \
        { DATA, 1, 10 }, \
        {                \
            ABORT, 1, 12 \
        }                \
    }

static const struct list_case cases[] = {
    { .label = "as it was", .events = PAIR, .lines = { { 0, 1, 10, 12, 13 } } },
    { .label = "missing", .events = PAIR, .bad = 1 },
    { .label = "missing yet", .events = PAIR, .fresh = true, .unknown = 1 },
    { .label = "missing, and not the last",
      .events = PAIR,
      .lines = { { 0, 2, 14, 16, 17 } },
      .fresh = true,
      .bad = 2 },
    { .label = "more", .events = { { DATA, 1, 10 }, { COMMIT, 1, 12 } }, .lines = { { 0, 1, 10, 12, 13 } }, .bad = 1 },
    { .label = "of no transaction", .events = { { ABORT, 1, 12 } } },
    { .label = "of no transaction, listed",
      .events = { { ABORT, 1, 12 } },
      .lines = { { 0, 1, 10, 12, 13 } },
      .bad = 1 },
    { .label = "appended since",
      .events = PAIR,
      .lines = { { 0, 1, 10, 12, 13 }, { 0, 1, 20, 22, 23 } },
      .appended = 1 },
    { .label = "appended since, of what was read",
      .events = PAIR,
      .lines = { { 0, 1, 10, 12, 13 }, { 0, 1, 12, 14, 15 } },
      .appended = 1,
      .end = 15,
      .bad = 1 },
    { .label = "appended since, and awaited", .events = PAIR, .lines = { { 0, 1, 10, 12, 13 } }, .appended = 1 },
    { .label = "began before the start",
      .start = 11,
      .events = { { ABORT, 1, 12 } },
      .lines = { { 0, 1, 10, 12, 13 } } },
    { .label = "began before the start, and goes on", .start = 10, .events = PAIR, .lines = { { 0, 1, 9, 12, 13 } } },
    { .label = "may be of nothing", .start = 11, .events = { { ABORT, 1, 12 } } },
    { .label = "began at the start", .start = 10, .events = PAIR, .lines = { { 0, 1, 10, 12, 13 } } },
    { .label = "began before the start, of another",
      .start = 11,
      .events = { { ABORT, 1, 12 } },
      .lines = { { 0, 2, 10, 12, 13 } },
      .bad = 1 },
    { .label = "a second one that began before the start",
      .start = 10,
      .events = { { DATA, 1, 10 }, { COMMIT, 1, 12 }, { DATA, 1, 14 }, { ABORT, 1, 16 } },
      .lines = { { 0, 1, 9, 16, 17 } },
      .bad = 1 },
    { .label = "negative, at the start",
      .start = 11,
      .events = { { ABORT, 1, 12 } },
      .lines = { { 0, 1, -1, 12, 13 } },
      .bad = 1 },
    { .label = "stable up to what is open",
      .events = { { DATA, 2, 8 }, { DATA, 1, 10 }, { ABORT, 1, 12 } },
      .lines = { { 0, 1, 10, 12, 8 } } },
    { .label = "stable beyond what is open",
      .events = { { DATA, 2, 8 }, { DATA, 1, 10 }, { ABORT, 1, 12 } },
      .lines = { { 0, 1, 10, 12, 9 } },
      .bad = 1 },
    { .label = "stable before that",
      .events = { { DATA, 2, 8 }, { DATA, 1, 10 }, { ABORT, 1, 12 } },
      .lines = { { 0, 1, 10, 12, 7 } },
      .notes = 1 },
    { .label = "stable up to the next beginning, as a follower has it",
      .events = { { DATA, 1, 10 }, { ABORT, 1, 12 }, { DATA, 2, 20 }, { ABORT, 2, 22 } },
      .lines = { { 0, 1, 10, 12, 20 }, { 0, 2, 20, 22, 23 } } },
    { .label = "stable beyond the next beginning",
      .events = { { DATA, 1, 10 }, { ABORT, 1, 12 }, { DATA, 2, 20 }, { ABORT, 2, 22 } },
      .lines = { { 0, 1, 10, 12, 21 }, { 0, 2, 20, 22, 23 } },
      .bad = 1 },
    { .label = "another version", .events = PAIR, .lines = { { 1, 1, 10, 12, 13 } }, .unknown = 1 },
    { .label = "behind damage",
      .events = { { DATA, 1, 8 }, { DAMAGE, 0, 12 }, { ABORT, 1, 12 }, { DATA, 1, 14 }, { ABORT, 1, 16 } },
      .lines = { { 0, 1, 8, 12, 13 }, { 0, 1, 14, 16, 17 } } },
    { .label = "in damage",
      .events = { { DATA, 1, 8 }, { DAMAGE, 0, 14 }, { DATA, 1, 14 }, { ABORT, 1, 16 } },
      .lines = { { 0, 1, 8, 12, 13 }, { 0, 1, 14, 16, 17 } } },
};

static void write_lines(int file, const struct aborted_entry *lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[ABORTED_ENTRY_BYTES];
        struct writer w = writer_over(bytes, sizeof bytes);
        write_i16(&w, lines[i].version);
        write_i64(&w, lines[i].producer_id);
        write_i64(&w, lines[i].first_offset);
        write_i64(&w, lines[i].last_offset);
        write_i64(&w, lines[i].last_stable_offset);
        assert_int_equal(write(file, bytes, sizeof bytes), sizeof bytes);
    }
}

static void replay(struct aborted_list *list, const struct event *e)
{
    const struct batch_header batch = batch_of(e->producer_id, e->offset);
    if (e->kind == DATA) {
        aborted_list_data(list, &batch);
    } else if (e->kind == DAMAGE) {
        aborted_list_start(list, e->offset);
    } else if (e->kind != NOTHING) {
        aborted_list_marker(list, &batch, e->kind == COMMIT);
    }
}

static void count(const struct list_case *c, const struct flaws *flaws)
{
    size_t found[FLAW_NOTE + 1] = { 0 };
    for (size_t i = 0; i < flaws->count; i++) {
        found[flaws->items[i].kind]++;
    }
    if (found[FLAW_BAD] != c->bad || found[FLAW_UNKNOWN] != c->unknown || found[FLAW_NOTE] != c->notes) {
        fail_msg("%s: %zu bad, %zu unknown, %zu notes", c->label, found[FLAW_BAD], found[FLAW_UNKNOWN],
                 found[FLAW_NOTE]);
    }
}

static void run(const char *folder, const struct list_case *c)
{
    int64_t base = 0;
    const struct segments segments = { .bases = &base, .count = 1 };
    const struct trust trust = { 0 };
    const struct place place = { .partition = 0 };
    const char *path = scratch_path(folder, "00000000000000000000.txnindex");
    const char *log = scratch_write(folder, "00000000000000000000.log", 0600, "");
    size_t lines = 0;
    while (lines < LINES_MAX && c->lines[lines].last_offset) {
        lines++;
    }
    unlink(path);
    int file = lines > c->appended ? open(path, O_CREAT | O_WRONLY, 0600) : -1;
    if (file >= 0) {
        write_lines(file, c->lines, lines - c->appended);
    }
    struct aborted_list list = {
        .trust = &trust, .place = &place, .topic_name = slice_of_text("t"), .folder = open(folder, O_RDONLY)
    };
    aborted_list_open(&list, &segments, 0);
    aborted_list_start(&list, c->start);
    for (size_t i = 0; i < EVENTS_MAX; i++) {
        replay(&list, &c->events[i]);
    }
    file = file >= 0 || c->appended == 0 ? file : open(path, O_CREAT | O_WRONLY, 0600);
    if (file >= 0) {
        write_lines(file, c->lines + lines - c->appended, c->appended);
        close(file);
    }
    struct aborted_list_segment segment = { .file = open(log, O_RDONLY), .last = true, .end = c->end ? c->end : 18 };
    struct stat found;
    assert_int_equal(fstat(segment.file, &found), 0);
    segment.now_ms = (int64_t)found.st_mtim.tv_sec * 1000 + (c->fresh ? AWAITED_LINES_MS - 1 : AWAITED_LINES_MS);
    aborted_list_close(&list, &segment);
    close(segment.file);
    close(list.folder);
    struct flaws flaws = { 0 };
    aborted_list_finish(&list, &flaws);
    count(c, &flaws);
    flaws_free(&flaws);
}

static void test_lists(void **state)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run(*state, &cases[i]);
    }
}

/* A log can be damaged all over; nobody is made to read its lists for every one of the places. */
static void test_limits(void **state)
{
    int64_t base = 0;
    const struct segments segments = { .bases = &base, .count = 1 };
    const struct trust trust = { 0 };
    const struct place place = { .partition = 0 };
    struct aborted_list list = {
        .trust = &trust, .place = &place, .topic_name = slice_of_text("t"), .folder = open(*state, O_RDONLY)
    };
    unlink(scratch_path(*state, "00000000000000000000.txnindex"));
    aborted_list_open(&list, &segments, 0);
    for (int i = 0; i < ABORTED_STARTS_MAX; i++) {
        aborted_list_start(&list, i);
        assert_false(list.lost);
    }
    for (int64_t i = 0; i < AWAITED_LINES_MAX; i++) {
        replay(&list, &(struct event){ DATA, 1, 100 + 4 * i });
        replay(&list, &(struct event){ ABORT, 1, 102 + 4 * i });
    }
    assert_false(list.flaws.bad);
    replay(&list, &(struct event){ DATA, 1, 1000 * 1000 });
    replay(&list, &(struct event){ ABORT, 1, 1000 * 1002 });
    assert_true(list.flaws.bad && list.awaited_count == 1);
    aborted_list_start(&list, 2000 * 1000);
    aborted_list_start(&list, 3000 * 1000);
    assert_true(list.lost && list.flaws.unknown);
    aborted_list_close(&list, NULL);
    close(list.folder);
    struct flaws flaws = { 0 };
    aborted_list_finish(&list, &flaws);
    assert_true(flaws.bad && flaws.unknown && flaws.count + flaws.left_out > 0);
    flaws_free(&flaws);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ongoing),
        cmocka_unit_test(test_ongoing_memory),
        cmocka_unit_test_setup_teardown(test_lists, scratch_folder_setup, scratch_folder_teardown),
        cmocka_unit_test_setup_teardown(test_limits, scratch_folder_setup, scratch_folder_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
