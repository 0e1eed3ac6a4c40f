/* SPDX-License-Identifier: Apache-2.0 */
/* Files of ledgers: the word of every record, what each log says of itself, and what stands behind the last good frame. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "scratch_folder.h"
#include "seal/ledger_frame.h"
#include "verify/ledger_source.h"

enum { RECORDS = 6, RECORD_ROOM = 4096, INTERVAL_MS = 1000, NOW_MS = 100 * 1000, STALE_INTERVALS = 6 };

struct made {
    uint8_t memory[RECORDS][RECORD_ROOM];
    struct slice records[RECORDS];
    uint64_t size;
    uint8_t root[SHA256_BYTES];
};

static struct signing_key keys[3]; /* trusted, revoked, and in no trust file */
static struct made honest, forked, closed, revoked, unknown, foreign;
static struct trusted_writer writers[2];
static struct trust trust = { .cluster_id = "cluster", .writers = writers, .writer_count = 2 };

struct making {
    size_t key;
    const char *cluster;
    uint8_t instance;
    size_t differs, closes;                     /* from that record on, in that record */
    const struct ledger_retirement *retirement; /* in record 1 */
    const struct ledger_opening *opening;       /* for the log before */
    int64_t shift_ms;                           /* of the clock, from record 3 on */
};

/* One record each interval, the last one at NOW_MS. */
static void make(struct made *m, struct making how)
{
    static struct ledger_log log;
    const uint8_t instance[LEDGER_INSTANCE_BYTES] = { how.instance };
    struct ledger_leaf opening = { .kind = LEDGER_OPENING };
    opening.opening = how.opening ? *how.opening : opening.opening;
    opening.opening.interval_ms = INTERVAL_MS;
    opening.opening.cluster_id = slice_of_text(how.cluster);
    assert_int_equal(ledger_log_init(&log, slice_of_text(how.cluster), instance, &keys[how.key]), SIGNET_OK);
    for (size_t i = 0; i < RECORDS; i++) {
        struct ledger_leaf last = { .kind = i == how.closes ? LEDGER_CLOSING : LEDGER_INTERVAL };
        last.interval.time_ms = NOW_MS - (int64_t)(RECORDS - 1 - i) * INTERVAL_MS - (i >= how.differs ? 1 : 0);
        last.interval.time_ms += i >= 3 ? how.shift_ms : 0;
        assert_int_equal(ledger_log_begin(&log, m->memory[i], RECORD_ROOM), SIGNET_OK);
        assert_int_equal(i == 0 ? ledger_log_add(&log, &opening) : SIGNET_OK, SIGNET_OK);
        if (how.retirement && i == 1) {
            struct ledger_leaf leaf = { .kind = LEDGER_RETIREMENT, .retirement = *how.retirement };
            assert_int_equal(ledger_log_add(&log, &leaf), SIGNET_OK);
        }
        assert_int_equal(ledger_log_end(&log, &last, &m->records[i]), SIGNET_OK);
    }
    m->size = log.frontier.size;
    merkle_root(&log.frontier, m->root);
}

static int prepare(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const uint8_t seed[SIGN_SEED_BYTES] = { (uint8_t)(i + 1) };
        signing_key_from_seed(&keys[i], seed);
    }
    for (size_t i = 0; i < 2; i++) {
        writers[i] =
            (struct trusted_writer){ .not_before_ms = INT64_MIN, .not_after_ms = INT64_MAX, .revoked = i == 1 };
        signing_key_public(&keys[i], writers[i].key);
    }
    make(&honest, (struct making){ 0, "cluster", 1, RECORDS, RECORDS, NULL, NULL, 0 });
    make(&forked, (struct making){ 0, "cluster", 1, 3, RECORDS, NULL, NULL, 0 });
    make(&closed, (struct making){ 0, "cluster", 2, RECORDS, RECORDS - 1, NULL, NULL, 0 });
    make(&revoked, (struct making){ 1, "cluster", 3, RECORDS, RECORDS, NULL, NULL, 0 });
    make(&unknown, (struct making){ 2, "cluster", 4, RECORDS, RECORDS, NULL, NULL, 0 });
    make(&foreign, (struct making){ 0, "elsewhere", 5, RECORDS, RECORDS, NULL, NULL, 0 });
    return 0;
}

static void append(FILE *file, struct slice record)
{
    uint8_t header[LEDGER_FRAME_HEADER_BYTES];
    ledger_frame_header(record, header);
    assert_int_equal(fwrite(header, sizeof header, 1, file), 1);
    assert_int_equal(fwrite(record.data, record.size, 1, file), 1);
}

static FILE *begin(const char *folder, const char *name)
{
    FILE *file = fopen(scratch_path(folder, name), "wb");
    assert_non_null(file);
    return file;
}

/* What a test expects: the words in their order, each with its records. */
struct expected {
    enum ledger_word word;
    uint64_t first, last;
};

static int64_t retention_ms; /* of ledgers */

static struct ledger_logs_policy policy_at(int64_t now_ms)
{
    return (struct ledger_logs_policy){
        .now_ms = now_ms,
        .stale_intervals = STALE_INTERVALS,
        .retention_ms = retention_ms,
        .cluster_id = slice_of_text(trust.cluster_id),
    };
}

static void check(const char *label, const char *path, int64_t now_ms, const struct expected *expected, size_t count)
{
    struct ledger_source source = { .trust = &trust };
    const struct ledger_logs_policy policy = policy_at(now_ms);
    print_message("%s\n", label);
    assert_int_equal(ledger_source_add(&source, path), SIGNET_OK);
    assert_int_equal(ledger_source_judge(&source, &policy), SIGNET_OK);
    assert_int_equal(source.findings.count, count);
    bool bad = false, unknown_word = false;
    for (size_t i = 0; i < count; i++) {
        const struct ledger_finding *f = &source.findings.items[i];
        assert_string_equal(ledger_word_of(f->word)->text, ledger_word_of(expected[i].word)->text);
        assert_int_equal(f->first_record, expected[i].first);
        assert_int_equal(f->last_record, expected[i].last);
        bad |= ledger_word_of(f->word)->kind == FLAW_BAD;
        unknown_word |= ledger_word_of(f->word)->kind == FLAW_UNKNOWN;
    }
    assert_int_equal(source.findings.bad, bad);
    assert_int_equal(source.findings.unknown, unknown_word);
    ledger_source_free(&source);
}

struct part {
    const struct made *made;
    size_t record;
};

static void check_parts(const char *folder, const char *label, const struct part *parts, size_t count, int64_t now_ms,
                        const struct expected *expected, size_t expected_count)
{
    FILE *file = begin(folder, "x.ledger");
    for (size_t i = 0; i < count; i++) {
        append(file, parts[i].made->records[parts[i].record]);
    }
    assert_int_equal(fclose(file), 0);
    check(label, folder, now_ms, expected, expected_count);
}

#define PARTS(...) \
    ((const struct part[]){ __VA_ARGS__ }), sizeof((const struct part[]){ __VA_ARGS__ }) / sizeof(struct part)
#define EXPECTED(...)                           \
    ((const struct expected[]){ __VA_ARGS__ }), \
        sizeof((const struct expected[]){ __VA_ARGS__ }) / sizeof(struct expected)

static void test_one_log(void **state)
{
    const char *folder = *state;
    check_parts(folder, "in order", PARTS({ &honest, 0 }, { &honest, 1 }, { &honest, 2 }), NOW_MS, NULL, 0);
    check_parts(folder, "in any order, and twice",
                PARTS({ &honest, 2 }, { &honest, 0 }, { &honest, 1 }, { &honest, 0 }), NOW_MS, NULL, 0);
    check_parts(folder, "a gap", PARTS({ &honest, 0 }, { &honest, 3 }), NOW_MS, EXPECTED({ LEDGER_WORD_GAP, 1, 2 }));
    check_parts(folder, "before the first", PARTS({ &honest, 2 }), NOW_MS, EXPECTED({ LEDGER_WORD_HEAD_GONE, 0, 1 }));
    check_parts(folder, "before the first, and a gap", PARTS({ &honest, 2 }, { &honest, 4 }), NOW_MS,
                EXPECTED({ LEDGER_WORD_HEAD_GONE, 0, 1 }, { LEDGER_WORD_GAP, 3, 3 }));
    check_parts(folder, "a fork", PARTS({ &honest, 0 }, { &honest, 1 }, { &honest, 2 }, { &honest, 3 }, { &forked, 3 }),
                NOW_MS, EXPECTED({ LEDGER_WORD_FORKED, 3, 3 }));
    check_parts(folder, "another branch goes on",
                PARTS({ &honest, 0 }, { &honest, 1 }, { &honest, 2 }, { &honest, 3 }, { &forked, 4 }, { &forked, 5 }),
                NOW_MS, EXPECTED({ LEDGER_WORD_FORKED, 4, 5 }));
}

static void test_age(void **state)
{
    const char *folder = *state;
    const int64_t last_ms = NOW_MS + STALE_INTERVALS * INTERVAL_MS;
    const struct part all[] = { { &honest, 0 }, { &honest, 1 }, { &honest, 2 },
                                { &honest, 3 }, { &honest, 4 }, { &honest, 5 } };
    const struct part over[] = { { &closed, 0 }, { &closed, 1 }, { &closed, 2 },
                                 { &closed, 3 }, { &closed, 4 }, { &closed, 5 } };
    const struct expected stale = { LEDGER_WORD_STALE, 5, 5 };
    check_parts(folder, "not yet stale", all, RECORDS, last_ms, NULL, 0);
    check_parts(folder, "stale", all, RECORDS, last_ms + 1, &stale, 1);
    check_parts(folder, "closed", over, RECORDS, last_ms * 1000, NULL, 0);
    const struct expected cut = { LEDGER_WORD_STALE, 4, 4 };
    check_parts(folder, "its closing is cut off", over, RECORDS - 1, last_ms * 1000, &cut, 1);
    writers[0].not_after_ms = last_ms;
    check_parts(folder, "its writer's time is over", all, RECORDS, last_ms + 1, NULL, 0);
    writers[0].not_after_ms = INT64_MAX;
}

static void check_retired(const char *folder, const char *label, uint64_t size, const uint8_t root[SHA256_BYTES],
                          const struct expected *expected, size_t count)
{
    static struct made next;
    const int64_t late_ms = NOW_MS + 1000 * INTERVAL_MS;
    struct ledger_retirement retirement = { .time_ms = NOW_MS, .instance = { 1 }, .size = size };
    memcpy(retirement.root, root, SHA256_BYTES);
    make(&next, (struct making){ 0, "cluster", 9, RECORDS, RECORDS - 1, &retirement, NULL, 0 });
    struct part parts[2 * RECORDS];
    for (size_t i = 0; i < RECORDS; i++) {
        parts[i] = (struct part){ &honest, i };
        parts[RECORDS + i] = (struct part){ &next, i };
    }
    check_parts(folder, label, parts, 2 * RECORDS, late_ms, expected, count);
}

static void test_retirements(void **state)
{
    const char *folder = *state;
    const uint8_t other[SHA256_BYTES] = { 1 };
    const struct expected alive[] = { { LEDGER_WORD_FORKED, 4, 4 },
                                      { LEDGER_WORD_RETIRED_ALIVE, 5, 5 },
                                      { LEDGER_WORD_STALE, 5, 5 } };
    const struct expected fork = { LEDGER_WORD_FORKED, 5, 5 };
    check_retired(folder, "retired where it ends", honest.size, honest.root, NULL, 0);
    check_retired(folder, "retired with another root", honest.size, other, &fork, 1);
    check_retired(folder, "retired too early, with another root", honest.size - 1, other, alive, 3);
    const struct expected cut = { LEDGER_WORD_GAP, 0, 0 };
    check_retired(folder, "retired with more than is there", honest.size + 1, other, &cut, 1);
}

/* `next` is in order, and names `honest` as the log before it. */
static void check_named(const char *folder, const char *label, size_t records, uint64_t size, int64_t now_ms,
                        const struct expected *expected, size_t count)
{
    static struct made next;
    const struct ledger_retirement over = { .time_ms = NOW_MS, .instance = { 1 }, .size = honest.size };
    struct ledger_retirement retirement = over;
    struct ledger_opening opening = { .time_ms = NOW_MS - 5 * INTERVAL_MS,
                                      .has_previous = true,
                                      .previous_size = size };
    memcpy(retirement.root, honest.root, SHA256_BYTES);
    memcpy(opening.previous_writer, writers[0].key, WRITER_KEY_BYTES);
    opening.previous_instance[0] = 1;
    make(&next, (struct making){ 0, "cluster", 9, RECORDS, RECORDS - 1, records ? &retirement : NULL, &opening, 0 });
    struct part parts[2 * RECORDS];
    for (size_t i = 0; i < records; i++) {
        parts[i] = (struct part){ &honest, i };
    }
    for (size_t i = 0; i < RECORDS; i++) {
        parts[records + i] = (struct part){ &next, i };
    }
    check_parts(folder, label, parts, records + RECORDS, now_ms, expected, count);
}

static void test_logs_before(void **state)
{
    const char *folder = *state;
    const int64_t late_ms = NOW_MS + 1000 * INTERVAL_MS;
    const struct expected gap = { LEDGER_WORD_GAP, 0, 0 }, expired = { LEDGER_WORD_HEAD_EXPIRED, 0, 0 };
    check_named(folder, "the log before is there", RECORDS, honest.size, late_ms, NULL, 0);
    check_named(folder, "as far as the next one knew", RECORDS, 1, late_ms, NULL, 0);
    check_named(folder, "its end is not", RECORDS - 1, honest.size, late_ms, &gap, 1);
    check_named(folder, "the next one knew of more", RECORDS, honest.size + 1, late_ms, &gap, 1);
    check_named(folder, "the log before is not there", 0, 7, late_ms, &gap, 1);
    retention_ms = 1005 * INTERVAL_MS;
    check_named(folder, "it must still be there", 0, 7, late_ms, &gap, 1);
    retention_ms--;
    check_named(folder, "it need not be there any more", 0, 7, late_ms, &expired, 1);
    retention_ms = 0;
}

static void test_retention(void **state)
{
    const char *folder = *state;
    const struct expected gone = { LEDGER_WORD_HEAD_GONE, 0, 2 }, expired = { LEDGER_WORD_HEAD_EXPIRED, 0, 2 };
    retention_ms = 2 * INTERVAL_MS; /* record 3 is as old */
    check_parts(folder, "what is gone may have been young", PARTS({ &honest, 3 }, { &honest, 4 }, { &honest, 5 }),
                NOW_MS, &gone, 1);
    check_parts(folder, "what is gone was old", PARTS({ &honest, 3 }, { &honest, 4 }, { &honest, 5 }), NOW_MS + 1,
                &expired, 1);
    retention_ms = 0;
}

/* Told, and no finding: exit code 0. */
static void test_clocks(void **state)
{
    const char *folder = *state;
    static struct made back, ahead;
    make(&back, (struct making){ .cluster = "cluster",
                                 .instance = 7,
                                 .differs = RECORDS,
                                 .closes = RECORDS - 1,
                                 .shift_ms = -INTERVAL_MS - 1 });
    make(&ahead, (struct making){ .cluster = "cluster",
                                  .instance = 8,
                                  .differs = RECORDS,
                                  .closes = RECORDS - 1,
                                  .shift_ms = LEDGER_AHEAD_MS_MAX });
    struct part parts[RECORDS];
    for (size_t i = 0; i < RECORDS; i++) {
        parts[i] = (struct part){ &back, i };
    }
    check_parts(folder, "stepped back", parts, RECORDS, NOW_MS, EXPECTED({ LEDGER_WORD_CLOCK_BACK, 3, 3 }));
    for (size_t i = 0; i < RECORDS; i++) {
        parts[i] = (struct part){ &ahead, i };
    }
    check_parts(folder, "ten minutes ahead", parts, RECORDS, NOW_MS, NULL, 0);
    check_parts(folder, "and more", parts, RECORDS, NOW_MS - 1, EXPECTED({ LEDGER_WORD_CLOCK_AHEAD, 5, 5 }));
}

/* A revoked writer's log is there when a record of it was given, though nothing but its batches may be believed. */
static void test_revoked_before(void **state)
{
    const char *folder = *state;
    static struct made next;
    struct ledger_opening opening = { .has_previous = true, .previous_size = revoked.size };
    memcpy(opening.previous_writer, writers[1].key, WRITER_KEY_BYTES);
    opening.previous_instance[0] = 3;
    make(&next, (struct making){ 0, "cluster", 9, RECORDS, RECORDS, NULL, &opening, 0 });
    check_parts(folder, "the log before is of a revoked writer", PARTS({ &revoked, 0 }, { &next, 0 }), NOW_MS,
                EXPECTED({ LEDGER_WORD_WRITER_NOT_TRUSTED, 0, 0 }));
    check_parts(folder, "and is not there", PARTS({ &next, 0 }), NOW_MS, EXPECTED({ LEDGER_WORD_GAP, 0, 0 }));
}

static void test_words(void **state)
{
    const char *folder = *state;
    static uint8_t bytes[RECORD_ROOM];
    static struct made bent;
    bent.records[0] = slice_of(bytes, honest.records[0].size);
    memcpy(bytes, honest.records[0].data, honest.records[0].size);
    bytes[4] = 2;
    check_parts(folder, "another version", PARTS({ &bent, 0 }), NOW_MS,
                EXPECTED({ LEDGER_WORD_UNSUPPORTED_RECORD, 0, 0 }));
    bytes[4] = 1;
    bytes[0] ^= 1;
    check_parts(folder, "another magic", PARTS({ &bent, 0 }), NOW_MS, EXPECTED({ LEDGER_WORD_MALFORMED_RECORD, 0, 0 }));
    bytes[0] ^= 1;
    bytes[37] ^= 1; /* the time of the opening */
    check_parts(folder, "one bit", PARTS({ &bent, 0 }), NOW_MS, EXPECTED({ LEDGER_WORD_ALTERED_RECORD, 0, 0 }));
    check_parts(folder, "one bit, where a record should be", PARTS({ &bent, 0 }, { &honest, 1 }), NOW_MS,
                EXPECTED({ LEDGER_WORD_ALTERED_RECORD, 0, 0 }, { LEDGER_WORD_HEAD_GONE, 0, 0 }));
    check_parts(folder, "another cluster", PARTS({ &foreign, 0 }, { &foreign, 1 }), NOW_MS,
                EXPECTED({ LEDGER_WORD_FOREIGN_LEDGER, 0, 1 }));
    check_parts(folder, "nobody's", PARTS({ &unknown, 1 }), NOW_MS, EXPECTED({ LEDGER_WORD_UNKNOWN_WRITER, 1, 1 }));
    check_parts(folder, "revoked", PARTS({ &revoked, 0 }), NOW_MS * 1000,
                EXPECTED({ LEDGER_WORD_WRITER_NOT_TRUSTED, 0, 0 }));
    writers[0].not_before_ms = NOW_MS - 4 * INTERVAL_MS;
    check_parts(folder, "before its writer's time", PARTS({ &honest, 0 }), NOW_MS,
                EXPECTED({ LEDGER_WORD_WRITER_NOT_TRUSTED, 0, 0 }));
    writers[0].not_before_ms = INT64_MIN;
}

static void check_tail(const char *folder, const char *label, const uint8_t *tail, size_t zeros, size_t size,
                       enum ledger_word word)
{
    const struct expected expected = { word, 0, 0 };
    FILE *file = begin(folder, "x.ledger");
    append(file, honest.records[0]);
    for (size_t i = 0; i < zeros; i++) {
        fputc(0, file);
    }
    assert_int_equal(fwrite(tail, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    check(label, folder, NOW_MS, &expected, 1);
}

static void test_tails(void **state)
{
    const char *folder = *state;
    enum { MANY = 3 * LEDGER_RECORD_BYTES_MAX };
    static uint8_t frame[RECORD_ROOM];
    size_t size = LEDGER_FRAME_HEADER_BYTES + honest.records[1].size;
    ledger_frame_header(honest.records[1], frame);
    memcpy(frame + LEDGER_FRAME_HEADER_BYTES, honest.records[1].data, honest.records[1].size);
    check_tail(folder, "a header's part", frame, 0, 5, LEDGER_WORD_TORN);
    check_tail(folder, "a record's part", frame, 0, size - 1, LEDGER_WORD_TORN);
    check_tail(folder, "zeros, more than are read at once", frame, MANY, 0, LEDGER_WORD_TORN);
    check_tail(folder, "zeros, and something behind them", frame, MANY, 5, LEDGER_WORD_DAMAGED);
    frame[size - 1] ^= 1;
    check_tail(folder, "the last record is not what its sum says", frame, 0, size, LEDGER_WORD_TORN);
    frame[size] = 1;
    check_tail(folder, "one that is not the last", frame, 0, size + 1, LEDGER_WORD_DAMAGED);
    frame[0] ^= 1;
    check_tail(folder, "a header", frame, 0, size, LEDGER_WORD_DAMAGED);
}

static void test_files(void **state)
{
    const char *folder = *state;
    const struct expected could_not_tell = { LEDGER_WORD_DAMAGED, 0, 0 };
    check("no ledger in it", folder, NOW_MS, &could_not_tell, 1);
    scratch_write(folder, "x.over", 0600, "");
    check("nothing but a marker", folder, NOW_MS, &could_not_tell, 1);
    check("no such file", scratch_path(folder, "y.ledger"), NOW_MS, &could_not_tell, 1);
    check("a file of any name", scratch_path(folder, "x.over"), NOW_MS, &could_not_tell, 1);
    scratch_write(folder, "x.ledger", 0600, "");
    check("no bytes", folder, NOW_MS, &could_not_tell, 1);
    scratch_write(folder, "x.ledger", 0600, "abc");
    check("nothing but a torn frame", folder, NOW_MS, &could_not_tell, 1);
}

/* More records than a window holds: each is read, and none twice. */
static void test_large_file(void **state)
{
    const char *folder = *state;
    FILE *file = begin(folder, "x.ledger");
    uint64_t count = 0;
    for (size_t bytes = 0; bytes < 5 * LEDGER_RECORD_BYTES_MAX; count++) {
        append(file, honest.records[count % RECORDS]);
        bytes += LEDGER_FRAME_HEADER_BYTES + honest.records[count % RECORDS].size;
    }
    assert_int_equal(fclose(file), 0);
    struct ledger_source source = { .trust = &trust };
    const struct ledger_logs_policy policy = policy_at(NOW_MS);
    assert_int_equal(ledger_source_add(&source, scratch_path(folder, "x.ledger")), SIGNET_OK);
    assert_int_equal(ledger_source_judge(&source, &policy), SIGNET_OK);
    assert_int_equal(source.logs.lines.count, count);
    assert_int_equal(source.logs.count, 1);
    assert_int_equal(source.findings.count, 0);
    ledger_source_free(&source);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, scratch_folder_setup, scratch_folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_one_log),   IN_FOLDER(test_age),    IN_FOLDER(test_retirements),    IN_FOLDER(test_words),
        IN_FOLDER(test_tails),     IN_FOLDER(test_files),  IN_FOLDER(test_large_file),     IN_FOLDER(test_logs_before),
        IN_FOLDER(test_retention), IN_FOLDER(test_clocks), IN_FOLDER(test_revoked_before),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
