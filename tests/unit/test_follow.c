/* SPDX-License-Identifier: Apache-2.0 */
/* Following a partition: each attack gives its verdict, and an honest log none, however it is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "seal/follow.h"

/* A batch as the rules see it; its header says just that. */
struct log_batch {
    struct envelope_header header;
    uint8_t seal_id[SEAL_ID_BYTES];
    uint8_t listed[PREDECESSORS_MAX * PREDECESSOR_BYTES];
    int64_t base, last;
    bool sealed;
};

static struct log_batch sealed(uint8_t writer, uint8_t stream, uint64_t sequence, int64_t base, int64_t last)
{
    struct log_batch b = { .base = base, .last = last, .sealed = true };
    b.header.writer[0] = writer;
    b.header.stream[0] = stream;
    b.header.sequence = sequence;
    b.header.inner.producer_id = -1;
    b.seal_id[0] = writer;
    b.seal_id[1] = stream;
    store_u32(b.seal_id + 2, (uint32_t)sequence);
    return b;
}

static struct log_batch marker(int64_t offset)
{
    return (struct log_batch){ .base = offset, .last = offset };
}

static struct predecessor as_predecessor(const struct log_batch *b)
{
    struct predecessor p = { .base_offset = b->base };
    memcpy(p.seal_prefix, b->seal_id, SEAL_PREFIX_BYTES);
    producer_hash(&b->header.inner, p.producer);
    return p;
}

static void lists(struct log_batch *b, const struct predecessor *predecessor)
{
    predecessor_write(predecessor, b->listed + b->header.predecessors.size);
    b->header.predecessors = slice_of(b->listed, b->header.predecessors.size + PREDECESSOR_BYTES);
}

static struct follow_batch as_followed(struct log_batch *b)
{
    b->header.predecessors.data = b->listed; /* it may have been copied */
    return (struct follow_batch){ b->base, b->last, b->sealed ? &b->header : NULL, b->seal_id, false };
}

static struct follow_pass fetch_at(int64_t offset)
{
    return (struct follow_pass){ .expected = offset };
}

static enum verdict judge(struct follow *f, struct follow_pass *pass, struct log_batch b)
{
    struct follow_finding finding;
    struct follow_batch batch = as_followed(&b);
    enum verdict verdict = follow_check(f, pass, &batch, NULL, &finding);
    if (verdict == VERDICT_AUTHENTIC) {
        follow_accept(f, pass, &batch);
    }
    return verdict;
}

/* Reads batches of one offset each of one stream, numbered as their offsets. */
static void read_stream(struct follow *f, struct follow_pass *pass, int64_t from, int64_t end)
{
    for (int64_t i = from; i < end; i++) {
        assert_int_equal(judge(f, pass, sealed(1, 1, (uint64_t)i, i, i)), VERDICT_AUTHENTIC);
    }
}

struct offset_case {
    const char *label;
    int64_t read_from, read_end; /* remembered: one batch an offset */
    int64_t fetch, base, last;
    enum verdict verdict;
};

static const struct offset_case offset_cases[] = {
    { "exactly", 0, 0, 10, 10, 12, VERDICT_AUTHENTIC },
    { "from the middle", 0, 0, 10, 8, 12, VERDICT_AUTHENTIC },
    { "its last offset", 0, 0, 10, 8, 10, VERDICT_AUTHENTIC },
    { "behind", 0, 0, 10, 11, 12, VERDICT_WRONG_OFFSET },
    { "before", 0, 0, 10, 7, 9, VERDICT_WRONG_OFFSET },
    { "negative", 0, 0, 0, -1, 3, VERDICT_WRONG_OFFSET },
    { "backwards", 0, 0, 10, 10, 9, VERDICT_WRONG_OFFSET },
    { "the last number", 0, 0, 10, 10, INT64_MAX, VERDICT_WRONG_OFFSET },
    { "wrapped", 0, 0, INT64_MAX, INT64_MAX, INT64_MIN + 5, VERDICT_WRONG_OFFSET },
    { "at the end of what is remembered", 0, 10, 10, 10, 12, VERDICT_AUTHENTIC },
    { "over the end of what is remembered", 0, 10, 10, 9, 12, VERDICT_WRONG_OFFSET },
    { "over a boundary in it", 0, 10, 5, 4, 6, VERDICT_WRONG_OFFSET },
    { "over its beginning", 5, 10, 5, 3, 6, VERDICT_WRONG_OFFSET },
    { "longer than it was", 5, 10, 6, 6, 7, VERDICT_REMOVED },
    { "over the whole", 5, 10, 3, 3, 20, VERDICT_REMOVED },
    { "into the beginning", 5, 10, 3, 3, 5, VERDICT_REMOVED },
    { "up to the beginning", 5, 10, 3, 3, 4, VERDICT_AUTHENTIC },
    { "elsewhere", 5, 10, 100, 99, 101, VERDICT_AUTHENTIC },
};

static void first_batches(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof offset_cases / sizeof *offset_cases; i++) {
        const struct offset_case *c = &offset_cases[i];
        struct follow f = { 0 };
        struct follow_pass pass = fetch_at(c->read_from);
        read_stream(&f, &pass, c->read_from, c->read_end);
        pass = fetch_at(c->fetch);
        enum verdict verdict = judge(&f, &pass, sealed(2, 2, 0, c->base, c->last));
        if (verdict != c->verdict) {
            fail_msg("%s: %s", c->label, verdict_word(verdict));
        }
        follow_free(&f);
    }
}

static void what_follows_begins_where_the_one_before_ended(void **state)
{
    (void)state;
    for (int64_t base = -1; base < 8; base++) {
        struct follow f = { 0 };
        struct follow_pass pass = fetch_at(0);
        assert_int_equal(judge(&f, &pass, sealed(1, 1, 0, 0, 4)), VERDICT_AUTHENTIC);
        enum verdict wanted = base == 5 ? VERDICT_AUTHENTIC : VERDICT_WRONG_OFFSET;
        assert_int_equal(judge(&f, &pass, sealed(1, 1, 1, base, base + 4)), wanted);
        assert_int_equal(judge(&f, &pass, marker(base)), base == 5 ? VERDICT_WRONG_OFFSET : wanted);
        follow_free(&f);
    }
}

static void reading_again_gives_the_same(void **state)
{
    (void)state;
    struct follow f = { 0 };
    struct follow_pass pass = fetch_at(0);
    struct log_batch log[] = { sealed(1, 1, 0, 0, 4), marker(5), sealed(1, 1, 1, 6, 9) };
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(judge(&f, &pass, log[i]), VERDICT_AUTHENTIC);
    }
    for (size_t i = 0; i < 3; i++) {
        pass = fetch_at(log[i].base);
        assert_int_equal(judge(&f, &pass, log[i]), VERDICT_AUTHENTIC);
    }
    struct log_batch other = sealed(2, 2, 0, 0, 4), clear = { .base = 0, .last = 4 },
                     over_marker = sealed(2, 2, 0, 5, 5);
    pass = fetch_at(0);
    assert_int_equal(judge(&f, &pass, other), VERDICT_REMOVED);
    assert_int_equal(judge(&f, &pass, clear), VERDICT_REMOVED);
    assert_int_equal(judge(&f, &pass, log[0]), VERDICT_AUTHENTIC);
    assert_int_equal(judge(&f, &pass, over_marker), VERDICT_REMOVED);
    assert_int_equal(judge(&f, &pass, log[1]), VERDICT_AUTHENTIC);
    follow_free(&f);
}

/* A predecessor is found as long as it is remembered, and a log that is honest again after that is not held to it. */
static void predecessors_are_claimed_as_far_as_memory_goes(void **state)
{
    (void)state;
    for (int64_t back = 1; back <= FOLLOW_BATCHES_MAX + 2; back++) {
        struct follow f = { 0 };
        struct follow_pass pass = fetch_at(0);
        read_stream(&f, &pass, 0, 200);
        struct log_batch batch = sealed(2, 2, 0, 200, 200), honest = batch;
        struct log_batch gone = sealed(3, 3, 0, 200 - back, 200 - back);
        struct log_batch stands = sealed(1, 1, (uint64_t)(200 - back), 200 - back, 200 - back);
        struct predecessor false_one = as_predecessor(&gone), true_one = as_predecessor(&stands);
        lists(&batch, &false_one);
        lists(&honest, &true_one);
        assert_int_equal(judge(&f, &pass, batch), back <= FOLLOW_BATCHES_MAX ? VERDICT_REMOVED : VERDICT_AUTHENTIC);
        if (back <= FOLLOW_BATCHES_MAX) {
            assert_int_equal(judge(&f, &pass, honest), VERDICT_AUTHENTIC);
        }
        follow_free(&f);
    }
}

struct predecessor_case {
    const char *label;
    int64_t offset;
    bool same_seal, same_producer, has_producer;
    enum verdict verdict;
};

/* Against a log of batches at 0-4, 5-9 and a marker at 10; the batch that lists stands at 11. */
static const struct predecessor_case predecessor_cases[] = {
    { "the same seal", 5, true, true, true, VERDICT_AUTHENTIC },
    { "the same seal, another producer hash", 5, true, false, true, VERDICT_AUTHENTIC },
    { "a resolved duplicate", 5, false, true, true, VERDICT_AUTHENTIC },
    { "no producer id resolves nothing", 5, false, true, false, VERDICT_REMOVED },
    { "another producer batch", 5, false, false, true, VERDICT_REMOVED },
    { "in the middle of a batch", 7, true, true, true, VERDICT_REMOVED },
    { "a marker", 10, false, false, false, VERDICT_REMOVED },
    { "its own offset", 11, true, true, true, VERDICT_REMOVED },
    { "beyond it", 12, true, true, true, VERDICT_REMOVED },
    { "negative", -5, false, false, false, VERDICT_AUTHENTIC },
};

static void listed_predecessors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof predecessor_cases / sizeof *predecessor_cases; i++) {
        const struct predecessor_case *c = &predecessor_cases[i];
        struct follow f = { 0 };
        struct follow_pass pass = fetch_at(0);
        struct log_batch second = sealed(1, 1, 1, 5, 9), lister = sealed(2, 2, 0, 11, 11);
        second.header.inner.producer_id = c->has_producer ? 7 : -1;
        assert_int_equal(judge(&f, &pass, sealed(1, 1, 0, 0, 4)), VERDICT_AUTHENTIC);
        assert_int_equal(judge(&f, &pass, second), VERDICT_AUTHENTIC);
        assert_int_equal(judge(&f, &pass, marker(10)), VERDICT_AUTHENTIC);
        struct predecessor p = as_predecessor(&second);
        p.base_offset = c->offset;
        p.seal_prefix[7] ^= !c->same_seal;
        p.producer[7] ^= !c->same_producer;
        lists(&lister, &p);
        enum verdict verdict = judge(&f, &pass, lister);
        if (verdict != c->verdict) {
            fail_msg("%s: %s", c->label, verdict_word(verdict));
        }
        follow_free(&f);
    }
}

struct stream_case {
    const char *label;
    uint64_t sequence;
    int64_t offset; /* below 100 a seek back, beyond it the next batch */
    enum verdict verdict;
};

/* Met: numbers 1000 to 1099 but the odd ones, each at its number less 1000. */
static const struct stream_case stream_cases[] = {
    { "the next", 1099, 99, VERDICT_AUTHENTIC },
    { "far above", UINT64_MAX, 99, VERDICT_AUTHENTIC },
    { "the highest again", 1098, 99, VERDICT_REPLAYED },
    { "one that was met", 1096, 99, VERDICT_REPLAYED },
    { "one that was not", 1097, 99, VERDICT_OUT_OF_ORDER },
    { "the last that is remembered", 1034, 99, VERDICT_REPLAYED },
    { "not met, the last that is remembered", 1035, 99, VERDICT_OUT_OF_ORDER },
    { "beyond memory", 1033, 99, VERDICT_REPLAYED },
    { "far beyond memory", 0, 99, VERDICT_REPLAYED },
};

static void numbers_of_a_stream(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stream_cases / sizeof *stream_cases; i++) {
        const struct stream_case *c = &stream_cases[i];
        for (int subset = 0; subset < 2; subset++) {
            struct follow f = { 0 };
            struct follow_pass pass = { .subset = subset };
            for (int64_t n = 0; n < 99; n++) {
                struct log_batch b = n % 2 ? marker(n) : sealed(1, 1, 1000 + (uint64_t)n, n, n);
                assert_int_equal(judge(&f, &pass, b), VERDICT_AUTHENTIC);
            }
            enum verdict verdict = judge(&f, &pass, sealed(1, 1, c->sequence, c->offset, c->offset));
            if (verdict != c->verdict) {
                fail_msg("%s: %s", c->label, verdict_word(verdict));
            }
            if (verdict != VERDICT_AUTHENTIC) { /* refused, it leaves no trace */
                assert_int_equal(judge(&f, &pass, sealed(1, 1, c->sequence, c->offset, c->offset)), verdict);
                assert_int_equal(judge(&f, &pass, sealed(1, 1, 1099, 99, 99)), VERDICT_AUTHENTIC);
            }
            follow_free(&f);
        }
    }
}

/* Neither a trusted writer nor chance can make another's stream look out of order. */
static void a_stream_belongs_to_its_writer(void **state)
{
    (void)state;
    struct follow f = { 0 };
    struct follow_pass pass = fetch_at(0);
    assert_int_equal(judge(&f, &pass, sealed(1, 5, 0, 0, 0)), VERDICT_AUTHENTIC);
    assert_int_equal(judge(&f, &pass, sealed(2, 5, UINT64_MAX, 1, 1)), VERDICT_AUTHENTIC);
    assert_int_equal(judge(&f, &pass, sealed(1, 5, 1, 2, 2)), VERDICT_AUTHENTIC);
    assert_int_equal(f.stream_count, 2);
    follow_free(&f);
}

static void memory_is_bounded(void **state)
{
    (void)state;
    struct follow f = { 0 };
    struct follow_pass pass = fetch_at(0);
    for (int64_t i = 0; i < 1000; i++) {
        struct log_batch b = sealed(1, (uint8_t)i, (uint64_t)i, i, i);
        b.header.stream[1] = (uint8_t)(i >> 8);
        assert_int_equal(judge(&f, &pass, b), VERDICT_AUTHENTIC);
        assert_true(f.count <= FOLLOW_BATCHES_MAX && f.stream_count <= FOLLOW_STREAMS_MAX);
        assert_true(follow_memory(&f) <= FOLLOW_BATCHES_MAX * sizeof *f.ring + FOLLOW_STREAMS_MAX * sizeof *f.streams);
    }
    follow_free(&f);
    assert_int_equal(follow_memory(&f), 0);
}

/* Exceptions: each has all of the offsets that a verdict is about, or accepts nothing. */

struct exception_case {
    const char *label;
    int64_t first, last; /* accepted */
    struct {
        int64_t base, last, missed; /* the batch behind 0-9; missed is listed by it when not -1 */
        bool again;                 /* numbered as the one at 0-9 */
    } batch;
    enum verdict verdict;
    bool accepted;
};

static const struct exception_case exception_cases[] = {
    { "a hole", 10, 14, { 15, 19, -1, false }, VERDICT_WRONG_OFFSET, true },
    { "a hole and more", 0, 99, { 15, 19, -1, false }, VERDICT_WRONG_OFFSET, true },
    { "a part of a hole", 10, 13, { 15, 19, -1, false }, VERDICT_WRONG_OFFSET, false },
    { "the batch behind a hole", 15, 19, { 15, 19, -1, false }, VERDICT_WRONG_OFFSET, false },
    { "no offsets", 0, 99, { 15, 14, -1, false }, VERDICT_WRONG_OFFSET, false },
    { "a predecessor", 3, 3, { 10, 14, 3, false }, VERDICT_REMOVED, true },
    { "another than the predecessor", 4, 4, { 10, 14, 3, false }, VERDICT_REMOVED, false },
    { "the batch that lists it", 10, 14, { 10, 14, 3, false }, VERDICT_REMOVED, false },
    { "a replay", 10, 14, { 10, 14, -1, true }, VERDICT_REPLAYED, true },
    { "a part of a replay", 10, 13, { 10, 14, -1, true }, VERDICT_REPLAYED, false },
    { "a hole before a replay", 10, 14, { 15, 19, -1, true }, VERDICT_REPLAYED, false },
    { "a hole and a replay", 10, 19, { 15, 19, -1, true }, VERDICT_REPLAYED, true },
    { "a hole and a predecessor", 3, 14, { 15, 19, 3, false }, VERDICT_WRONG_OFFSET, true },
    { "a hole and not a predecessor", 10, 14, { 15, 19, 3, false }, VERDICT_REMOVED, false },
};

static void exceptions(void **state)
{
    (void)state;
    static char topic[] = "orders";
    const struct place place = { .partition = 3 };
    for (size_t i = 0; i < sizeof exception_cases / sizeof *exception_cases; i++) {
        const struct exception_case *c = &exception_cases[i];
        struct accepted_exception entry = { place, topic, c->first, c->last, NULL };
        const struct trust trust = { .exceptions = &entry, .exception_count = 1 };
        const struct follow_exceptions where = { &trust, &place, slice_of_text(topic) };
        struct follow f = { 0 };
        struct follow_pass pass = fetch_at(0);
        assert_int_equal(judge(&f, &pass, sealed(1, 1, 7, 0, 9)), VERDICT_AUTHENTIC);
        struct log_batch b = sealed(1, 1, c->batch.again ? 7 : 8, c->batch.base, c->batch.last);
        if (c->batch.missed >= 0) {
            lists(&b, &(struct predecessor){ .base_offset = c->batch.missed });
        }
        struct follow_finding finding;
        struct follow_batch batch = as_followed(&b);
        enum verdict verdict = follow_check(&f, &pass, &batch, &where, &finding);
        if (verdict != c->verdict || (finding.exception != NULL) != c->accepted) {
            fail_msg("%s: %s, %s", c->label, verdict_word(verdict), finding.exception ? "accepted" : "not accepted");
        }
        assert_int_equal(finding.expected_offset, verdict == VERDICT_WRONG_OFFSET ? 10 : -1);
        assert_int_equal(finding.missed_offset, verdict == VERDICT_REMOVED ? c->batch.missed : -1);
        follow_free(&f);
    }
}

/* A batch that was replaced is a blank: anything may be there later, and nothing that it claimed is kept. */
static void what_was_replaced_is_not_claimed(void **state)
{
    (void)state;
    struct follow f = { 0 };
    struct follow_pass pass = fetch_at(0);
    struct log_batch spoilt = sealed(1, 1, UINT64_MAX, 5, 9), restored = sealed(1, 1, 1, 5, 9);
    assert_int_equal(judge(&f, &pass, sealed(1, 1, 0, 0, 4)), VERDICT_AUTHENTIC);
    struct follow_batch batch = as_followed(&spoilt);
    batch.unknown = true;
    follow_accept(&f, &pass, &batch);
    struct log_batch lister = sealed(2, 2, 0, 10, 14);
    struct predecessor p = as_predecessor(&restored), within = { .base_offset = 7 };
    lists(&lister, &p);
    lists(&lister, &within);
    assert_int_equal(judge(&f, &pass, lister), VERDICT_AUTHENTIC);
    assert_int_equal(judge(&f, &pass, sealed(1, 1, 2, 15, 19)), VERDICT_AUTHENTIC);
    pass = fetch_at(5);
    assert_int_equal(judge(&f, &pass, restored), VERDICT_AUTHENTIC);
    pass = fetch_at(5);
    assert_int_equal(judge(&f, &pass, sealed(3, 3, 0, 5, 9)), VERDICT_REMOVED);
    follow_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_batches),
        cmocka_unit_test(what_follows_begins_where_the_one_before_ended),
        cmocka_unit_test(reading_again_gives_the_same),
        cmocka_unit_test(predecessors_are_claimed_as_far_as_memory_goes),
        cmocka_unit_test(listed_predecessors),
        cmocka_unit_test(numbers_of_a_stream),
        cmocka_unit_test(a_stream_belongs_to_its_writer),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(exceptions),
        cmocka_unit_test(what_was_replaced_is_not_claimed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
