/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logs as honest writers and an honest broker make them, with all that goes
 * wrong between them, read in every way: nothing may be found.  Each run has
 * another seed; SIGNET_SEED repeats one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "keys/unwrap_cache.h"
#include "seal/open.h"
#include "vector_world.h"

enum {
    STEPS = 500,
    STORED_MAX = 2 * STEPS + 16,
    PROCESSES = 2, /* of two connections each */
    CONNECTIONS = WORLD_STREAMS,
    TRANSACTIONS_MAX = STEPS,
};

struct stored {
    uint8_t *bytes;
    size_t size;
    int64_t base, last;
};

/* One writer process: what it learned, for its next seal. */
struct process {
    struct predecessor learned[PREDECESSORS_MAX];
    size_t learned_count;
};

struct connection {
    int64_t producer_id; /* 0 none */
    int32_t next_sequence;
    bool transactional;
    int64_t transaction_first; /* -1 when none is open */
};

struct aborted_range {
    int64_t producer_id, first, last;
};

struct scene {
    struct world world;
    struct stored log[STORED_MAX];
    size_t stored;
    int64_t next_offset, next_producer;
    struct process processes[PROCESSES];
    struct connection connections[CONNECTIONS];
    struct aborted_range aborted[TRANSACTIONS_MAX];
    size_t aborted_count;
};

static int64_t up_to(int64_t limit)
{
    return random() % (limit + 1);
}

static bool one_in(int64_t n)
{
    return up_to(n - 1) == 0;
}

/* The client comes back over a new connection, now and then as another producer. */
static void connect_anew(struct scene *s, int index)
{
    struct connection *c = &s->connections[index];
    seal_stream_init(&s->world.streams[index]);
    if (c->transaction_first >= 0 || (c->producer_id && !one_in(4))) {
        return;
    }
    bool idempotent = !one_in(3);
    *c = (struct connection){
        .producer_id = idempotent ? ++s->next_producer : 0,
        .transactional = idempotent && one_in(2),
        .transaction_first = -1,
    };
}

static void append(struct scene *s, struct made *made)
{
    made_place(made, s->next_offset);
    assert_true(s->stored < STORED_MAX);
    s->log[s->stored++] = (struct stored){ made->outer, made->outer_size, made->base, made->last };
    s->next_offset = made->last + 1;
}

/* The broker stores it, recompressed where the topic asks for that. */
static void store(struct scene *s, struct connection *c, struct made *made)
{
    if (one_in(8)) {
        made_recompress(&s->world, made, (enum batch_codec)up_to(BATCH_CODEC_COUNT - 1), FRAMING_USUAL);
    }
    append(s, made);
    if (c->transactional && c->transaction_first < 0) {
        c->transaction_first = made->base;
    }
}

static void learn(struct scene *s, int connection, const struct made *made, int64_t base_offset)
{
    struct process *p = &s->processes[connection / 2];
    if (p->learned_count < PREDECESSORS_MAX) {
        p->learned[p->learned_count] = made->as_predecessor;
        p->learned[p->learned_count++].base_offset = base_offset;
    }
}

static struct made seal(struct scene *s, int connection, struct want want)
{
    struct process *p = &s->processes[connection / 2];
    want.writer = connection / 2;
    want.stream = connection;
    want.predecessors = p->learned;
    want.predecessor_count = p->learned_count;
    struct made made = world_seal(&s->world, &want);
    p->learned_count = 0;
    return made;
}

/* Its outcome was not learned, so the client sends it again: the bytes that were kept, or sealed anew by whoever gets it. */
static void retry(struct scene *s, int connection, struct want want, struct made *first, bool was_stored)
{
    struct connection *c = &s->connections[connection];
    bool kept = want.producer_id && !one_in(3);
    int other = want.producer_id ? (int)up_to(CONNECTIONS - 1) : connection;
    struct made again = kept ? *first : seal(s, other, want);
    int64_t base_offset = first->base;
    if (!want.producer_id || !was_stored) {
        store(s, c, &again);
        base_offset = again.base;
    } /* else the broker knows it, and answers with the offset of the first */
    learn(s, kept ? connection : other, &again, base_offset);
}

static void produce(struct scene *s, int connection)
{
    struct connection *c = &s->connections[connection];
    struct want want = {
        .count = 1 + (int32_t)up_to(4),
        .codec = (enum batch_codec)up_to(BATCH_CODEC_COUNT - 1),
        .producer_id = c->producer_id,
        .base_sequence = c->next_sequence,
        .transactional = c->transactional,
    };
    struct made made = seal(s, connection, want);
    int64_t fate = up_to(9);
    if (fate == 0) {
        return; /* the broker refused it, and the client gave up: its number is burnt */
    }
    c->next_sequence += want.count;
    if (fate < 8) {
        store(s, c, &made);
        if (fate < 7) {
            learn(s, connection, &made, made.base); /* else acks=1: no word of it */
        }
        return;
    }
    bool was_stored = fate == 8;
    if (was_stored) {
        store(s, c, &made);
    }
    seal_stream_init(&s->world.streams[connection]);
    retry(s, connection, want, &made, was_stored);
}

static void end_transaction(struct scene *s, struct connection *c, bool commit)
{
    struct made marker = world_marker(&s->world, c->producer_id, commit);
    append(s, &marker);
    if (!commit && c->transaction_first >= 0) {
        s->aborted[s->aborted_count++] = (struct aborted_range){ c->producer_id, c->transaction_first, marker.base };
    }
    c->transaction_first = -1;
}

static void write_log(struct scene *s)
{
    for (int i = 0; i < CONNECTIONS; i++) {
        s->connections[i].transaction_first = -1;
        connect_anew(s, i);
    }
    for (int step = 0; step < STEPS; step++) {
        int connection = (int)up_to(CONNECTIONS - 1);
        struct connection *c = &s->connections[connection];
        if (c->transactional && one_in(4)) {
            end_transaction(s, c, one_in(2));
        } else if (one_in(12)) {
            connect_anew(s, connection);
        } else {
            produce(s, connection);
        }
    }
    for (int i = 0; i < CONNECTIONS; i++) {
        if (s->connections[i].transaction_first >= 0) {
            end_transaction(s, &s->connections[i], one_in(2));
        }
    }
}

/* Readers */

struct reader_of {
    struct scene *scene;
    struct trusted_writer writers[WORLD_WRITERS];
    struct trust trust;
    struct unwrap_cache *cache;
    struct opener opener;
    struct judge_partition partition;
    bool read_committed, share_group;
    int64_t offset;
};

static struct aead_key *find_key(void *context, const struct envelope *envelope)
{
    return unwrap_cache_find(context, envelope);
}

static void alarm_raised(void *context, const struct open_finding *finding)
{
    (void)context;
    fail_msg("%s at %lld to %lld (expected %lld, missed %lld)", verdict_word(finding->verdict),
             (long long)finding->base_offset, (long long)finding->last_offset, (long long)finding->expected_offset,
             (long long)finding->missed_offset);
}

static void reader_init(struct reader_of *r, struct scene *s)
{
    static char pattern[] = "orders", *patterns[] = { pattern };
    *r = (struct reader_of){ .scene = s };
    for (size_t i = 0; i < WORLD_WRITERS; i++) {
        r->writers[i] = (struct trusted_writer){
            .topics = patterns, .topic_count = 1, .not_before_ms = INT64_MIN, .not_after_ms = INT64_MAX
        };
        memcpy(r->writers[i].key, s->world.writers[i], WRITER_KEY_BYTES);
    }
    r->trust = (struct trust){ .writers = r->writers, .writer_count = PROCESSES };
    snprintf(r->trust.cluster_id, sizeof r->trust.cluster_id, "%s", s->world.cluster_id);
    struct recipient_key key = { .secret = s->world.recipient_secrets[0] };
    memcpy(key.public_key, s->world.recipients[0], BOX_PUBLIC_BYTES);
    r->cache = unwrap_cache_new(&key, 1);
    r->opener = (struct opener){
        .trust = &r->trust,
        .codecs = { s->world.zstd, &s->world.compression, &s->world.budget },
        .keys = { find_key, r->cache },
        .report = alarm_raised,
    };
    r->read_committed = one_in(2);
}

static void reader_free(struct reader_of *r)
{
    judge_partition_free(&r->partition);
    opener_free(&r->opener);
    unwrap_cache_free(r->cache);
}

/* What TransactionIndex.java lists for a response from `offset` to `end`. */
static size_t list_aborted(const struct scene *s, int64_t offset, int64_t end, struct aborted_transaction *ret_list)
{
    size_t count = 0;
    for (size_t i = 0; i < s->aborted_count; i++) {
        if (s->aborted[i].last >= offset && s->aborted[i].first < end) {
            ret_list[count++] = (struct aborted_transaction){ s->aborted[i].producer_id, s->aborted[i].first };
        }
    }
    return count;
}

static size_t batch_at(const struct scene *s, int64_t offset)
{
    size_t index = 0;
    while (s->log[index].last < offset) {
        index++;
    }
    return index;
}

/* Some batches from the one that holds the offset on; to a share group any of them, now and then with a part of the next. */
static struct block *respond(struct scene *s, const struct reader_of *r, size_t *ret_size, size_t *ret_count)
{
    size_t size = 0, from = batch_at(s, r->offset), wanted = 1 + (size_t)up_to(one_in(5) ? 150 : 6);
    for (size_t i = from; i < s->stored; i++) {
        size += s->log[i].size;
    }
    struct block *block = block_new(&s->world.budget, size);
    *ret_size = *ret_count = 0;
    for (size_t i = from; i < s->stored && *ret_count < wanted; i++) {
        if (r->share_group && one_in(2)) {
            continue;
        }
        memcpy(block->data + *ret_size, s->log[i].bytes, s->log[i].size);
        *ret_size += s->log[i].size;
        ++*ret_count;
    }
    size_t next = from + *ret_count;
    if (!r->share_group && next < s->stored && one_in(3)) {
        size_t part = (size_t)up_to((int64_t)s->log[next].size - 1);
        memcpy(block->data + *ret_size, s->log[next].bytes, part);
        *ret_size += part;
    }
    return block;
}

static void fetch(struct reader_of *r)
{
    struct scene *s = r->scene;
    static struct aborted_transaction aborted[TRANSACTIONS_MAX];
    size_t size, count;
    struct block *block = respond(s, r, &size, &count);
    const struct open_request request = {
        .place = s->world.place,
        .topic_name = slice_of_text(s->world.topic),
        .append_skew_ms = 600000,
        .fetch_offset = r->offset,
        .share_group = r->share_group,
        .read_committed = r->read_committed,
        .aborted = aborted,
        .aborted_count = r->read_committed ? list_aborted(s, r->offset, s->next_offset, aborted) : 0,
    };
    struct open_result result;
    struct gather out;
    gather_init(&out, &s->world.budget);
    assert_int_equal(
        open_records(&r->opener, &request, &r->partition, block, slice_of(block->data, size), &out, &result),
        SIGNET_OK);
    assert_int_equal(result.refused, VERDICT_AUTHENTIC);
    assert_int_equal(result.delivered, count);
    r->offset = r->share_group ? 0 : s->log[batch_at(s, r->offset) + count - 1].last + 1;
    free(result.ranges);
    gather_free(&out);
    block_release(block);
}

static void read_log(struct scene *s, bool share_group)
{
    struct reader_of r;
    reader_init(&r, s);
    r.share_group = share_group;
    r.offset = up_to(s->next_offset - 1);
    for (int i = 0; i < 60; i++) {
        if (r.offset >= s->next_offset || one_in(7)) {
            int64_t back = one_in(2) ? 40 : s->next_offset; /* near, where much is remembered, or far */
            r.offset -= up_to(back < r.offset ? back : r.offset);
            r.offset = r.offset < s->next_offset ? r.offset : s->next_offset - 1;
        } else if (one_in(20)) {
            r.offset = up_to(s->next_offset - 1);
        }
        r.read_committed ^= one_in(25);
        fetch(&r);
    }
    reader_free(&r);
}

static void an_honest_log_raises_no_alarm(void **state)
{
    (void)state;
    const char *wanted = getenv("SIGNET_SEED");
    unsigned long seed = wanted ? strtoul(wanted, NULL, 10) : (unsigned long)time(NULL);
    print_message("SIGNET_SEED=%lu\n", seed);
    srandom((unsigned)seed);
    struct scene *s = malloc(sizeof *s);
    *s = (struct scene){ .stored = 0 };
    world_init(&s->world);
    write_log(s);
    print_message("%zu batches, %zu transactions aborted\n", s->stored, s->aborted_count);
    for (int i = 0; i < 12; i++) {
        read_log(s, i % 4 == 3);
    }
    world_free(&s->world);
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(an_honest_log_raises_no_alarm) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
