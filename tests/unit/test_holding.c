/* SPDX-License-Identifier: Apache-2.0 */
/* What is stored held against entries: spec/ledger.md, sections 7.1 and 7.2, rule by rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "verify/holding.h"

enum { HERE, THERE, PLACES, NOW_MS = 100 * 1000, ITEMS_MAX = 4, START = 100, END = 200, LIVE_MS = 90 * 1000 };

/* Ten offsets each. */
struct entry {
    int64_t first;
    uint8_t seal, producer;
    int64_t time_ms;
    uint32_t bytes;
    bool acks_one, revoked, forked, other; /* `other`: a writer of other topics */
    enum ledger_kind kind;                 /* 0: a batch */
};

struct batch_there {
    int64_t first;
    uint8_t seal, producer;
    uint32_t survey;
    bool bad;
    int64_t seal_time_ms;
};

struct holding_case {
    const char *label;
    struct entry entries[ITEMS_MAX];
    struct batch_there batches[ITEMS_MAX];
    enum holding_word words[ITEMS_MAX]; /* each is counted once; RIGHT only where it stands first */
    bool acks_one, unread, no_partition;
    int64_t retention_ms;
    uint64_t retention_bytes;
    struct topic_policy policy; /* of the topic */
    uint64_t elsewhere;
    const char *names[2]; /* of the topic; NULL: orders */
};

/* Its leaf stands behind a fork. */
static const char FORKED_NAME[] = "orders-forked";

static const struct holding_case cases[] = {
    { .label = "right",
      .entries = { { .first = 100, .seal = 1 } },
      .batches = { { .first = 100, .seal = 1 } },
      .words = { HOLDING_RIGHT } },
    { .label = "right, though its verdict is bad",
      .entries = { { .first = 100, .seal = 1 } },
      .batches = { { .first = 100, .seal = 1, .bad = true } },
      .words = { HOLDING_RIGHT } },
    { .label = "entered twice",
      .entries = { { .first = 100, .seal = 1 }, { .first = 100, .seal = 1, .acks_one = true } },
      .batches = { { .first = 100, .seal = 1 } },
      .words = { HOLDING_RIGHT } },
    { .label = "resolved",
      .entries = { { .first = 100, .seal = 1, .producer = 7 } },
      .batches = { { .first = 100, .seal = 2, .producer = 7 } },
      .words = { HOLDING_RESOLVED } },
    { .label = "no producer",
      .entries = { { .first = 100, .seal = 1 } },
      .batches = { { .first = 100, .seal = 2 } },
      .words = { HOLDING_MISSING, HOLDING_NOT_COVERED } },
    { .label = "resolved by a bad one",
      .entries = { { .first = 100, .seal = 1, .producer = 7 } },
      .batches = { { .first = 100, .seal = 2, .producer = 7, .bad = true } },
      .words = { HOLDING_ALTERED } },
    { .label = "records deleted",
      .entries = { { .first = 90, .seal = 1 }, { .first = 100, .kind = LEDGER_RECORDS_DELETED } },
      .batches = { { .seal = 0 } },
      .words = { HOLDING_DELETED } },
    { .label = "fewer deleted",
      .entries = { { .first = 90, .seal = 1 }, { .first = 99, .kind = LEDGER_RECORDS_DELETED } },
      .batches = { { .seal = 0 } },
      .words = { HOLDING_MISSING } },
    { .label = "deleted by a writer of other topics",
      .entries = { { .first = 90, .seal = 1 }, { .first = 100, .kind = LEDGER_RECORDS_DELETED, .other = true } },
      .batches = { { .seal = 0 } },
      .words = { HOLDING_MISSING } },
    { .label = "deleted by that one too",
      .entries = { { .first = 90, .seal = 1 },
                   { .first = 100, .kind = LEDGER_RECORDS_DELETED, .other = true },
                   { .first = 100, .kind = LEDGER_RECORDS_DELETED } },
      .batches = { { .seal = 0 } },
      .words = { HOLDING_DELETED } },
    { .label = "topic deleted by a writer of other topics",
      .entries = { { .first = 90, .seal = 1 }, { .kind = LEDGER_TOPIC_DELETED, .other = true } },
      .batches = { { .seal = 0 } },
      .words = { HOLDING_WORD_COUNT },
      .no_partition = true,
      .elsewhere = 1 },
    { .label = "topic deleted by that one too",
      .entries = { { .first = 90, .seal = 1 },
                   { .kind = LEDGER_TOPIC_DELETED, .other = true },
                   { .kind = LEDGER_TOPIC_DELETED } },
      .batches = { { .seal = 0 } },
      .words = { HOLDING_DELETED },
      .no_partition = true },
    { .label = "topic deleted, with another name too",
      .entries = { { .first = 90, .seal = 1 }, { .kind = LEDGER_TOPIC_DELETED } },
      .batches = { { .seal = 0 } },
      .words = { HOLDING_WORD_COUNT },
      .names = { "orders", "payments" },
      .no_partition = true,
      .elsewhere = 1 },
    { .label = "topic deleted, and never named",
      .entries = { { .first = 90, .seal = 1 }, { .kind = LEDGER_TOPIC_DELETED } },
      .batches = { { .seal = 0 } },
      .words = { HOLDING_WORD_COUNT },
      .names = { "" },
      .no_partition = true,
      .elsewhere = 1 },
    { .label = "topic deleted, named behind a fork only",
      .entries = { { .first = 90, .seal = 1 }, { .kind = LEDGER_TOPIC_DELETED } },
      .batches = { { .seal = 0 } },
      .words = { HOLDING_WORD_COUNT },
      .names = { "", FORKED_NAME },
      .no_partition = true,
      .elsewhere = 1 },
    { .label = "topic deleted",
      .entries = { { .first = 90, .seal = 1 }, { .kind = LEDGER_TOPIC_DELETED } },
      .batches = { { .seal = 0 } },
      .words = { HOLDING_DELETED },
      .no_partition = true },
    { .label = "topic deleted, and there",
      .entries = { { .first = 100, .seal = 1 }, { .kind = LEDGER_TOPIC_DELETED } },
      .batches = { { .seal = 0 } },
      .words = { HOLDING_MISSING } },
    { .label = "old enough",
      .entries = { { .first = 90, .seal = 1, .time_ms = NOW_MS - 11 } },
      .batches = { { .seal = 0 } },
      .words = { HOLDING_EXPIRED },
      .retention_ms = 10 },
    { .label = "not old enough",
      .entries = { { .first = 90, .seal = 1, .time_ms = NOW_MS - 10 } },
      .batches = { { .seal = 0 } },
      .words = { HOLDING_MISSING },
      .retention_ms = 10 },
    { .label = "old, but behind the start",
      .entries = { { .first = 91, .seal = 1, .time_ms = 0 } },
      .batches = { { .seal = 0 } },
      .words = { HOLDING_MISSING },
      .retention_ms = 10 },
    { .label = "no retention pinned",
      .entries = { { .first = 90, .seal = 1, .time_ms = 0 } },
      .batches = { { .seal = 0 } },
      .words = { HOLDING_MISSING } },
    { .label = "enough behind it",
      .entries = { { .first = 90, .seal = 1 }, { .first = 100, .seal = 2, .bytes = 50 } },
      .batches = { { .first = 100, .seal = 2 } },
      .words = { HOLDING_EXPIRED, HOLDING_RIGHT },
      .retention_bytes = 50 },
    { .label = "too little behind it",
      .entries = { { .first = 90, .seal = 1 }, { .first = 100, .seal = 2, .bytes = 49 } },
      .batches = { { .first = 100, .seal = 2 } },
      .words = { HOLDING_MISSING, HOLDING_RIGHT },
      .retention_bytes = 50 },
    { .label = "old enough for its topic, not for others",
      .entries = { { .first = 90, .seal = 1, .time_ms = NOW_MS - 11 } },
      .batches = { { .seal = 0 } },
      .words = { HOLDING_EXPIRED },
      .retention_ms = 20,
      .policy = { .retention_ms = 10 } },
    { .label = "old enough for others, not for its topic",
      .entries = { { .first = 90, .seal = 1, .time_ms = NOW_MS - 11 } },
      .batches = { { .seal = 0 } },
      .words = { HOLDING_MISSING },
      .retention_ms = 10,
      .policy = { .retention_ms = 20 } },
    { .label = "old enough for others, and its topic goes by size",
      .entries = { { .first = 90, .seal = 1, .time_ms = NOW_MS - 11 } },
      .batches = { { .seal = 0 } },
      .words = { HOLDING_MISSING },
      .retention_ms = 10,
      .policy = { .retention_bytes = 50 } },
    { .label = "enough behind it for its topic",
      .entries = { { .first = 90, .seal = 1 }, { .first = 100, .seal = 2, .bytes = 50 } },
      .batches = { { .first = 100, .seal = 2 } },
      .words = { HOLDING_EXPIRED, HOLDING_RIGHT },
      .policy = { .retention_bytes = 50 } },
    { .label = "offsets counted once",
      .entries = { { .first = 90, .seal = 1 },
                   { .first = 100, .seal = 2, .bytes = 30 },
                   { .first = 100, .seal = 3, .bytes = 30 } },
      .batches = { { .first = 100, .seal = 2 } },
      .words = { HOLDING_MISSING, HOLDING_RIGHT, HOLDING_ROLLED_BACK },
      .retention_bytes = 50 },
    { .label = "moved",
      .entries = { { .first = 100, .seal = 1 } },
      .batches = { { .first = 120, .seal = 1 } },
      .words = { HOLDING_MOVED, HOLDING_NOT_COVERED } },
    { .label = "moved to another place",
      .entries = { { .first = 100, .seal = 1 } },
      .batches = { { .first = 100, .seal = 1, .survey = THERE } },
      .words = { HOLDING_MOVED, HOLDING_NOT_COVERED } },
    { .label = "rolled back",
      .entries = { { .first = 100, .seal = 1 }, { .first = 105, .seal = 2 } },
      .batches = { { .first = 105, .seal = 2 } },
      .words = { HOLDING_ROLLED_BACK, HOLDING_RIGHT } },
    { .label = "rolled back, not altered",
      .entries = { { .first = 100, .seal = 1 }, { .first = 105, .seal = 2 } },
      .batches = { { .first = 105, .seal = 2, .bad = true } },
      .words = { HOLDING_ROLLED_BACK, HOLDING_RIGHT } },
    { .label = "altered",
      .entries = { { .first = 100, .seal = 1 } },
      .batches = { { .first = 109, .seal = 2, .bad = true } },
      .words = { HOLDING_ALTERED } },
    { .label = "bad, but beside it",
      .entries = { { .first = 100, .seal = 1 } },
      .batches = { { .first = 110, .seal = 2, .bad = true } },
      .words = { HOLDING_MISSING } },
    { .label = "truncated",
      .entries = { { .first = 200, .seal = 1 } },
      .batches = { { .seal = 0 } },
      .words = { HOLDING_TRUNCATED } },
    { .label = "missing",
      .entries = { { .first = 199, .seal = 1 } },
      .batches = { { .seal = 0 } },
      .words = { HOLDING_MISSING } },
    { .label = "acks=1",
      .entries = { { .first = 199, .seal = 1, .acks_one = true } },
      .batches = { { .seal = 0 } },
      .words = { HOLDING_MISSING },
      .acks_one = true },
    { .label = "unread",
      .entries = { { .first = 150, .seal = 1 } },
      .batches = { { .seal = 0 } },
      .words = { HOLDING_UNREAD },
      .unread = true },
    { .label = "behind a fork",
      .entries = { { .first = 150, .seal = 1, .forked = true } },
      .batches = { { .seal = 0 } },
      .words = { HOLDING_WORD_COUNT } },
    { .label = "of a revoked writer",
      .entries = { { .first = 150, .seal = 1, .revoked = true } },
      .batches = { { .seal = 0 } },
      .words = { HOLDING_WORD_COUNT } },
    { .label = "revoked, up to its last good",
      .entries = { { .first = 100, .seal = 1, .revoked = true } },
      .batches = { { .seal = 0 } },
      .words = { HOLDING_MISSING } },
    { .label = "extra",
      .entries = { { .first = 100, .seal = 1 } },
      .batches = { { .first = 100, .seal = 1 }, { .first = 120, .seal = 1 } },
      .words = { HOLDING_RIGHT, HOLDING_EXTRA } },
    { .label = "extra, before it",
      .entries = { { .first = 120, .seal = 1 } },
      .batches = { { .first = 100, .seal = 1 }, { .first = 120, .seal = 1 } },
      .words = { HOLDING_RIGHT, HOLDING_EXTRA } },
    { .label = "not yet",
      .entries = { { .seal = 0 } },
      .batches = { { .first = 100, .seal = 1, .seal_time_ms = LIVE_MS + 1 } },
      .words = { HOLDING_NOT_YET } },
    { .label = "not covered",
      .entries = { { .seal = 0 } },
      .batches = { { .first = 100, .seal = 1, .seal_time_ms = LIVE_MS } },
      .words = { HOLDING_NOT_COVERED } },
    { .label = "bad, and not covered",
      .entries = { { .seal = 0 } },
      .batches = { { .first = 100, .seal = 1, .bad = true } },
      .words = { HOLDING_WORD_COUNT } },
    { .label = "elsewhere",
      .entries = { { .first = 100, .seal = 1 } },
      .batches = { { .seal = 0 } },
      .words = { HOLDING_WORD_COUNT },
      .no_partition = true,
      .elsewhere = 1 },
};

struct scene {
    struct last_good good;
    struct trusted_writer writers[3];
    struct trust trust;
    struct seen_log log;
    struct ledger_logs logs;
    struct stored stored;
    struct survey surveys[PLACES];
};

static const struct place places[PLACES] = { { .topic = { { 1 } } }, { .topic = { { 1 } }, .partition = 1 } };

static void set(struct scene *s, const struct holding_case *c)
{
    static char topic[] = "orders", pattern[] = "or*", other[] = "p*";
    static char *own[] = { pattern }, *others[] = { other };
    *s = (struct scene){
        .good = { places[HERE], topic, 120 },
        .writers = { { .topics = own, .topic_count = 1 },
                     { .topics = own, .topic_count = 1, .key = { 1 } },
                     { .topics = others, .topic_count = 1, .key = { 2 } } },
    };
    s->writers[1].revoked = true;
    s->writers[1].last_good = &s->good;
    s->writers[1].last_good_count = 1;
    s->trust = (struct trust){ .writers = s->writers, .writer_count = 3 };
    s->log = (struct seen_log){ .writer = s->writers, .live = true, .last_ms = LIVE_MS, .forked_from = 5 };
    s->logs = (struct ledger_logs){ .logs = &s->log, .count = 1 };
    stored_init(&s->stored);
    for (uint32_t i = 0; i < PLACES; i++) {
        s->surveys[i] = (struct survey){
            .number = i,
            .place = places[i],
            .policy = &c->policy,
            .only_segment = -1,
            .first_offset = START,
            .next_offset = END,
        };
        memcpy(s->surveys[i].topic, topic, sizeof topic);
    }
    s->surveys[HERE].unread = c->unread;
}

static void add_entry(struct scene *s, const struct entry *e)
{
    struct ledger_entry entry = {
        .place = places[HERE],
        .kind = e->kind ? e->kind : LEDGER_BATCH,
        .log = e->revoked ? LEDGER_ENTRY_NO_LOG : 0,
        .record = e->forked ? 5 : 4,
        .writer = &s->writers[e->other ? 2 : e->revoked],
        .first = e->first,
        .last = e->first + 9,
        .time_ms = e->time_ms,
        .bytes = e->bytes,
        .acknowledged_by_all = !e->acks_one,
        .seal_id = { e->seal },
        .producer = { e->producer },
    };
    entry.place.partition = e->kind == LEDGER_TOPIC_DELETED ? -1 : entry.place.partition;
    assert_int_equal(spool_add(&s->logs.entries, &entry, sizeof entry), SIGNET_OK);
}

static void add_names(struct scene *s, const struct holding_case *c)
{
    const char *const *given = c->names[0] ? c->names : (const char *const[2]){ "orders", NULL };
    for (size_t i = 0; i < 2 && given[i]; i++) {
        struct seen_name name = { .topic = places[HERE].topic, .record = given[i] == FORKED_NAME ? 5 : 4 };
        strcpy(name.name, given[i]);
        if (given[i][0]) {
            assert_int_equal(spool_add(&s->logs.names, &name, sizeof name), SIGNET_OK);
        }
    }
}

static void add_batch(struct scene *s, const struct batch_there *b)
{
    const struct stored_batch batch = {
        .first = b->first,
        .last = b->first + 9,
        .seal_time_ms = b->seal_time_ms,
        .survey = b->survey,
        .seal_id = { b->seal },
        .producer = { b->producer },
        .sealed = true,
        .authentic = !b->bad,
        .bad = b->bad,
    };
    const struct stored_seal seal = {
        .seal_id = { b->seal }, .survey = b->survey, .first = b->first, .last = batch.last
    };
    assert_int_equal(spool_add(&s->stored.batches, &batch, sizeof batch), SIGNET_OK);
    assert_int_equal(spool_add(&s->stored.seals, &seal, sizeof seal), SIGNET_OK);
}

static void check(const struct holding_case *c, const struct holding *h)
{
    uint64_t wanted[HOLDING_WORD_COUNT] = { 0 };
    bool bad = false;
    for (size_t i = 0; i < ITEMS_MAX && c->words[0] != HOLDING_WORD_COUNT; i++) {
        if (i == 0 || c->words[i] != 0 || c->entries[i].seal) {
            wanted[c->words[i]]++;
        }
    }
    if (c->entries[1].acks_one) {
        wanted[HOLDING_RIGHT] = 1; /* two that are one */
    }
    for (int i = 0; i < HOLDING_WORD_COUNT; i++) {
        if (h->words[i] != wanted[i]) {
            fail_msg("%s: %s %d times", c->label, holding_word_of((enum holding_word)i)->text, (int)h->words[i]);
        }
        bad = bad || (wanted[i] > 0 && holding_word_of((enum holding_word)i)->kind == FLAW_BAD);
    }
    assert_int_equal(h->bad, bad);
    assert_int_equal(h->elsewhere, c->elsewhere);
    if (bad) {
        assert_int_equal(h->findings[0].acks_one, c->acks_one);
    }
}

static void test_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct holding_case *c = &cases[i];
        struct scene s;
        struct holding h = { 0 };
        set(&s, c);
        add_names(&s, c);
        for (size_t k = 0; k < ITEMS_MAX; k++) {
            if (c->entries[k].seal || c->entries[k].kind) {
                add_entry(&s, &c->entries[k]);
            }
            if (c->batches[k].seal) {
                add_batch(&s, &c->batches[k]);
            }
        }
        const struct holding_request request = {
            .trust = &s.trust,
            .logs = &s.logs,
            .stored = &s.stored,
            .surveys = s.surveys,
            .survey_count = c->no_partition ? 0 : PLACES,
            .now_ms = NOW_MS,
            .retention_ms = c->retention_ms,
            .retention_bytes = c->retention_bytes,
        };
        assert_int_equal(holding_run(&request, &h), SIGNET_OK);
        check(c, &h);
        holding_free(&h);
        stored_free(&s.stored);
        spool_free(&s.logs.entries);
        spool_free(&s.logs.names);
    }
}

/* A run of one word is one finding. */
static void test_runs(void **state)
{
    (void)state;
    struct scene s;
    struct holding h = { 0 };
    set(&s, &cases[0]);
    for (uint8_t i = 0; i < 9; i++) {
        add_entry(&s, &(struct entry){ .first = START + 10 * i, .seal = (uint8_t)(i + 1) });
    }
    add_batch(&s, &(struct batch_there){ .first = START + 40, .seal = 5 });
    const struct holding_request request = {
        .trust = &s.trust, .logs = &s.logs, .stored = &s.stored, .surveys = s.surveys, .survey_count = PLACES
    };
    assert_int_equal(holding_run(&request, &h), SIGNET_OK);
    assert_int_equal(h.count, 2);
    assert_true(h.findings[0].first == START && h.findings[0].last == START + 39 && h.findings[0].count == 4);
    assert_true(h.findings[1].first == START + 50 && h.findings[1].last == START + 89 && h.findings[1].count == 4);
    holding_free(&h);
    stored_free(&s.stored);
    spool_free(&s.logs.entries);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_words), cmocka_unit_test(test_runs) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
