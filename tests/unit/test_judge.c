/* SPDX-License-Identifier: Apache-2.0 */
/* A survey goes on behind a bad batch, and tells of each that is bad and of no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "seal/judge.h"
#include "vector_world.h"

enum { BATCHES = 6, RECORDS = 3 };

struct surveyed {
    struct world world;
    struct trusted_writer writer;
    struct trust trust;
    struct made made[BATCHES];
    struct judge_partition partition;
    struct judge_scratch scratch;
    enum verdict verdicts[BATCHES + 1];
    size_t count;
};

static void start(struct surveyed *s)
{
    static char pattern[] = "orders", *patterns[] = { pattern };
    *s = (struct surveyed){ .count = 0 };
    world_init(&s->world);
    s->writer = (struct trusted_writer){
        .topics = patterns, .topic_count = 1, .not_before_ms = INT64_MIN, .not_after_ms = INT64_MAX
    };
    memcpy(s->writer.key, s->world.writers[0], WRITER_KEY_BYTES);
    s->trust = (struct trust){ .writers = &s->writer, .writer_count = 1 };
    snprintf(s->trust.cluster_id, sizeof s->trust.cluster_id, "%s", s->world.cluster_id);
    struct predecessor before = { 0 };
    for (int i = 0; i < BATCHES; i++) {
        s->made[i] = world_seal(
            &s->world, &(struct want){ .count = RECORDS, .predecessors = &before, .predecessor_count = i > 0 });
        made_place(&s->made[i], (int64_t)i * RECORDS);
        before = s->made[i].as_predecessor;
    }
}

static void end(struct surveyed *s)
{
    judge_partition_free(&s->partition);
    judge_scratch_free(&s->scratch);
    assert_int_equal(s->world.budget.used_bytes, 0);
    world_free(&s->world);
}

/* One run over batches by their numbers. */
static void run_over(struct surveyed *s, const int *numbers, size_t count)
{
    struct block *block = block_new(&s->world.budget, 65536);
    struct writer w = writer_over(block->data, block->capacity);
    for (size_t i = 0; i < count; i++) {
        write_bytes(&w, slice_of(s->made[numbers[i]].outer, s->made[numbers[i]].outer_size));
    }
    const struct judge_request request = {
        .place = s->world.place,
        .topic_name = slice_of_text(s->world.topic),
        .append_skew_ms = 600000,
        .mode = JUDGE_SURVEY,
    };
    struct judge_run run = {
        .trust = &s->trust,
        .codecs = { s->world.zstd, &s->world.compression, &s->world.budget },
        .scratch = &s->scratch,
        .request = &request,
        .partition = &s->partition,
    };
    assert_int_equal(judge_records(&run, block, writer_slice(&w)), SIGNET_OK);
    assert_int_equal(run.judged_count, count);
    assert_int_equal(run.used_bytes, writer_used(&w));
    for (size_t i = 0; i < count; i++) {
        s->verdicts[s->count++] = run.batches[i].verdict;
    }
    judge_end(&run);
    block_release(block);
}

/* As one run, and as a run for each batch. */
static void check(struct surveyed *s, const int *numbers, size_t count, const enum verdict *expected)
{
    for (size_t step = 1; step <= count; step += count - 1) {
        judge_survey_begin(&s->partition, 0);
        s->count = 0;
        for (size_t i = 0; i < count; i += step) {
            run_over(s, numbers + i, step);
        }
        for (size_t i = 0; i < count; i++) {
            assert_string_equal(verdict_word(s->verdicts[i]), verdict_word(expected[i]));
        }
    }
}

static const int in_order[BATCHES] = { 0, 1, 2, 3, 4, 5 };

static void an_honest_log_has_no_finding(void **state)
{
    (void)state;
    struct surveyed s;
    start(&s);
    check(&s, in_order, BATCHES, (const enum verdict[BATCHES]){ VERDICT_AUTHENTIC });
    end(&s);
}

static void bad_batches_are_passed_by(void **state)
{
    (void)state;
    const enum verdict expected[BATCHES] = { VERDICT_AUTHENTIC, VERDICT_ALTERED,   VERDICT_AUTHENTIC,
                                             VERDICT_ALTERED,   VERDICT_AUTHENTIC, VERDICT_AUTHENTIC };
    struct surveyed s;
    start(&s);
    s.made[1].outer[s.made[1].outer_size - 30] ^= 1;
    s.made[3].outer[s.made[3].outer_size - 30] ^= 1;
    made_fix_crc(&s.made[3]);
    check(&s, in_order, BATCHES, expected);
    end(&s);
}

/* Whoever rewrites a batch may let it claim any offsets; the ones behind it are not to blame. */
static void the_end_of_a_bad_batch_is_not_believed(void **state)
{
    (void)state;
    const enum verdict expected[BATCHES] = { VERDICT_AUTHENTIC, VERDICT_ALTERED };
    for (uint32_t delta = 2; delta < 10; delta++) {
        struct surveyed s;
        start(&s);
        store_u32(s.made[1].outer + 23, delta);
        made_fix_crc(&s.made[1]);
        enum verdict verdicts[BATCHES];
        memcpy(verdicts, expected, sizeof verdicts);
        verdicts[1] = delta == 2 ? VERDICT_AUTHENTIC : VERDICT_ALTERED;
        check(&s, in_order, BATCHES, verdicts);
        end(&s);
    }
}

static void a_hole_and_a_replay_are_told_once(void **state)
{
    (void)state;
    static const int hole[] = { 0, 1, 3, 4, 5 };
    struct surveyed s;
    start(&s);
    check(&s, hole, 5, (const enum verdict[5]){ VERDICT_AUTHENTIC, VERDICT_AUTHENTIC, VERDICT_WRONG_OFFSET });
    static const int twice[] = { 0, 1, 2, 3, 4, 5 };
    s.made[5] = made_copy(&s.world, &s.made[1]);
    made_place(&s.made[5], 5 * RECORDS);
    check(&s, twice, 6, (const enum verdict[6]){ [5] = VERDICT_REPLAYED });
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_honest_log_has_no_finding),
        cmocka_unit_test(bad_batches_are_passed_by),
        cmocka_unit_test(the_end_of_a_bad_batch_is_not_believed),
        cmocka_unit_test(a_hole_and_a_replay_are_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
