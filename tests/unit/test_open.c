/* SPDX-License-Identifier: Apache-2.0 */
/* Opening within limits: what a response takes of memory, and what is left for the next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "keys/unwrap_cache.h"
#include "seal/open.h"
#include "vector_world.h"

/* A reader who trusts the world's first writer. */
struct reader_of {
    struct world world;
    struct trusted_writer writer;
    struct trust trust;
    struct unwrap_cache *cache;
    struct opener opener;
    struct judge_partition partition;
    size_t findings;
};

static struct aead_key *find_key(void *context, const struct envelope *envelope)
{
    return unwrap_cache_find(context, envelope);
}

static void count_findings(void *context, const struct open_finding *finding)
{
    (void)finding;
    ++*(size_t *)context;
}

static void reader_init(struct reader_of *r)
{
    static char pattern[] = "orders", *patterns[] = { pattern };
    *r = (struct reader_of){ .findings = 0 };
    world_init(&r->world);
    r->writer = (struct trusted_writer){
        .topics = patterns, .topic_count = 1, .not_before_ms = INT64_MIN, .not_after_ms = INT64_MAX
    };
    memcpy(r->writer.key, r->world.writers[0], WRITER_KEY_BYTES);
    r->trust = (struct trust){ .writers = &r->writer, .writer_count = 1 };
    snprintf(r->trust.cluster_id, sizeof r->trust.cluster_id, "%s", r->world.cluster_id);
    struct recipient_key key = { .secret = r->world.recipient_secrets[0] };
    memcpy(key.public_key, r->world.recipients[0], BOX_PUBLIC_BYTES);
    r->cache = unwrap_cache_new(&key, 1);
    r->opener = (struct opener){
        .trust = &r->trust,
        .codecs = { r->world.zstd, &r->world.compression, &r->world.budget },
        .keys = { find_key, r->cache },
        .report = count_findings,
        .report_context = &r->findings,
    };
}

static void reader_free(struct reader_of *r)
{
    judge_partition_free(&r->partition);
    opener_free(&r->opener);
    unwrap_cache_free(r->cache);
    assert_int_equal(r->world.budget.used_bytes, 0);
    world_free(&r->world);
}

static struct open_result open_at(struct reader_of *r, int64_t offset, struct slice records)
{
    struct block *block = block_new(&r->world.budget, records.size);
    memcpy(block->data, records.data, records.size);
    const struct open_request request = {
        .place = r->world.place,
        .topic_name = slice_of_text(r->world.topic),
        .append_skew_ms = 600000,
        .fetch_offset = offset,
    };
    struct open_result result;
    struct gather out;
    gather_init(&out, &r->world.budget);
    assert_int_equal(
        open_records(&r->opener, &request, &r->partition, block, slice_of(block->data, records.size), &out, &result),
        SIGNET_OK);
    gather_free(&out);
    block_release(block);
    return result;
}

static void more_batches_than_one_response_may_have_are_left_for_the_next(void **state)
{
    (void)state;
    enum { MARKERS = BATCHES_PER_RESPONSE_MAX + 5 };
    struct reader_of r;
    reader_init(&r);
    struct made marker = world_marker(&r.world, 9, true);
    uint8_t *log = world_memory(&r.world, MARKERS * marker.outer_size);
    for (int64_t i = 0; i < MARKERS; i++) {
        made_place(&marker, i);
        memcpy(log + (size_t)i * marker.outer_size, marker.outer, marker.outer_size);
    }
    struct open_result result = open_at(&r, 0, slice_of(log, MARKERS * marker.outer_size));
    assert_int_equal(result.delivered, BATCHES_PER_RESPONSE_MAX);
    assert_int_equal(result.refused, VERDICT_AUTHENTIC);
    size_t done = BATCHES_PER_RESPONSE_MAX * marker.outer_size;
    result = open_at(&r, BATCHES_PER_RESPONSE_MAX, slice_of(log + done, 5 * marker.outer_size));
    assert_int_equal(result.delivered, 5);
    assert_int_equal(r.findings, 0);
    assert_true(r.opener.judging.capacity <= OPEN_ITEMS_KEPT);
    reader_free(&r);
}

/* Recompressed, each takes 14 MB of room for its stubs while it is looked at. */
static void decompressed_batches_are_taken_as_memory_allows(void **state)
{
    (void)state;
    enum { BATCHES = 7, COUNT = 700000 };
    struct reader_of r;
    reader_init(&r);
    struct made made[BATCHES];
    size_t size = 0;
    for (int i = 0; i < BATCHES; i++) {
        made[i] = world_seal(&r.world, &(struct want){ .count = COUNT, .codec = BATCH_CODEC_ZSTD });
        made_compress(&r.world, &made[i], BATCH_CODEC_ZSTD);
        made_place(&made[i], (int64_t)i * COUNT);
        size += made[i].outer_size;
    }
    uint8_t *log = world_memory(&r.world, size), *end = log;
    for (int i = 0; i < BATCHES; i++) {
        memcpy(end, made[i].outer, made[i].outer_size);
        end += made[i].outer_size;
    }
    size_t delivered = 0, responses = 0;
    for (const uint8_t *at = log; delivered < BATCHES; responses++) {
        struct open_result result = open_at(&r, (int64_t)delivered * COUNT, slice_of(at, (size_t)(end - at)));
        assert_int_equal(result.refused, VERDICT_AUTHENTIC);
        assert_in_range(result.delivered, 1, BATCHES - 1);
        for (size_t i = 0; i < result.delivered; i++) {
            at += made[delivered++].outer_size;
        }
    }
    assert_int_equal(responses, 2);
    assert_int_equal(r.findings, 0);
    reader_free(&r);
}

/* What is not sealed is let go at once, however much came out of it. */
static void what_is_not_sealed_takes_no_memory(void **state)
{
    (void)state;
    enum { BATCHES = 12, COUNT = 700000 };
    struct reader_of r;
    reader_init(&r);
    struct cut_over cut_over = { r.world.place, (char *)(uintptr_t)r.world.topic, (int64_t)BATCHES * COUNT };
    r.trust.cut_overs = &cut_over;
    r.trust.cut_over_count = 1;
    struct made made = world_plain(&r.world, &(struct want){ .count = COUNT, .codec = BATCH_CODEC_ZSTD });
    uint8_t *log = world_memory(&r.world, BATCHES * made.outer_size);
    for (size_t i = 0; i < BATCHES; i++) {
        made_place(&made, (int64_t)i * COUNT);
        memcpy(log + i * made.outer_size, made.outer, made.outer_size);
    }
    struct open_result result = open_at(&r, 0, slice_of(log, BATCHES * made.outer_size));
    assert_int_equal(result.delivered, BATCHES);
    assert_int_equal(r.findings, 0);
    reader_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_batches_than_one_response_may_have_are_left_for_the_next),
        cmocka_unit_test(decompressed_batches_are_taken_as_memory_allows),
        cmocka_unit_test(what_is_not_sealed_takes_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
