/* SPDX-License-Identifier: Apache-2.0 */
/* What is stored, held against entries (spec/ledger.md, sections 7.1 and 7.2). */
#include "reading.h"

#include "seal/envelope.h"

enum {
    START = 100,
    END = 200,
    ITEMS_MAX = 4,
    SIZE = 10,
    LAST_GOOD = 120,
    HERE = 0,
    THERE = 1,
    GONE = 2,
    NOT_GIVEN = 3
};

enum whose { OF_A_LIVE_LOG, OF_A_CLOSED_LOG, BEHIND_A_FORK, OF_A_REVOKED_WRITER, OF_A_WRITER_OF_OTHERS };

/* An entry: SIZE offsets, unless it is a deletion. */
struct entered {
    int64_t base;
    uint8_t seal;
    int producer; /* 0: none */
    enum whose of;
    enum ledger_kind kind; /* 0: a batch */
    int place;
    int64_t age_ms; /* of its timestamp; -1: it has none */
    uint32_t bytes;
    bool acks_one;
    const char *word; /* NULL: none */
    int moved_place;
    int64_t moved_offset; /* 0: it was not */
};

/* A stored batch of SIZE offsets. */
struct there {
    int64_t base;
    uint8_t seal; /* 0: it has none */
    int producer, place;
    const char *verdict; /* NULL: authentic */
    int64_t sealed_ms;   /* after the last record */
    const char *word;    /* NULL: none */
};

struct place_case {
    const char *label;
    struct entered entered[ITEMS_MAX];
    struct there there[ITEMS_MAX];
    int64_t retention_ms, retention_bytes;
    int64_t record_age_ms;
};

static const struct place_case entry_cases[] = {
    { .label = "right",
      .entered = { { .base = 100, .seal = 1, .word = "right" } },
      .there = { { .base = 100, .seal = 1 } } },
    { .label = "right, though its verdict is bad",
      .entered = { { .base = 100, .seal = 1, .word = "right" } },
      .there = { { .base = 100, .seal = 1, .verdict = "writer not trusted", .word = "writer not trusted" } } },
    { .label = "entered twice is entered once, and all acknowledged it",
      .entered = { { .base = 110, .seal = 1, .acks_one = true }, { .base = 110, .seal = 1, .word = "missing" } } },
    { .label = "a resolved duplicate",
      .entered = { { .base = 100, .seal = 1, .producer = 7, .word = "resolved duplicate" } },
      .there = { { .base = 100, .seal = 2, .producer = 7 } } },
    { .label = "another seal without a producer id is another batch",
      .entered = { { .base = 100, .seal = 1, .word = "missing" } },
      .there = { { .base = 100, .seal = 2, .word = "not covered" } } },
    { .label = "another producer's",
      .entered = { { .base = 100, .seal = 1, .producer = 7, .word = "missing" } },
      .there = { { .base = 100, .seal = 2, .producer = 8, .word = "not covered" } } },
    { .label = "a bad batch resolves nothing",
      .entered = { { .base = 100, .seal = 1, .producer = 7, .word = "altered" } },
      .there = { { .base = 100, .seal = 2, .producer = 7, .verdict = "altered", .word = "altered" } } },
    { .label = "records deleted up to behind it",
      .entered = { { .base = 90, .seal = 1, .word = "deleted" }, { .base = 100, .kind = LEDGER_RECORDS_DELETED } } },
    { .label = "records deleted up to its last",
      .entered = { { .base = 90, .seal = 1, .word = "missing" }, { .base = 99, .kind = LEDGER_RECORDS_DELETED } } },
    { .label = "records deleted, of another partition",
      .entered = { { .base = 90, .seal = 1, .word = "missing" },
                   { .base = 100, .kind = LEDGER_RECORDS_DELETED, .place = THERE } } },
    { .label = "its topic deleted",
      .entered = { { .base = 90, .seal = 1, .place = GONE, .word = "deleted" },
                   { .kind = LEDGER_TOPIC_DELETED, .place = GONE } } },
    { .label = "its topic deleted, and on the cluster all the same",
      .entered = { { .base = 100, .seal = 1, .word = "missing" }, { .kind = LEDGER_TOPIC_DELETED } } },
    { .label = "its topic deleted, and another partition of it on the cluster all the same",
      .entered = { { .base = 100, .seal = 1, .place = NOT_GIVEN }, { .kind = LEDGER_TOPIC_DELETED } } },
    { .label = "nothing is said of a place that was not given",
      .entered = { { .base = 90, .seal = 1, .place = GONE } } },
    { .label = "as old as it must be kept",
      .entered = { { .base = 90, .seal = 1, .age_ms = 10, .word = "missing" } },
      .retention_ms = 10 },
    { .label = "older", .entered = { { .base = 90, .seal = 1, .age_ms = 11, .word = "expired" } }, .retention_ms = 10 },
    { .label = "older, and not before the start",
      .entered = { { .base = 91, .seal = 1, .age_ms = 11, .word = "missing" } },
      .retention_ms = 10 },
    { .label = "older, and no retention is pinned",
      .entered = { { .base = 90, .seal = 1, .age_ms = 1000000, .word = "missing" } } },
    { .label = "without a timestamp, its record is as old as it must be kept",
      .entered = { { .base = 90, .seal = 1, .age_ms = -1, .word = "missing" } },
      .retention_ms = 10,
      .record_age_ms = 10 },
    { .label = "without a timestamp, its record is older",
      .entered = { { .base = 90, .seal = 1, .age_ms = -1, .word = "expired" } },
      .retention_ms = 10,
      .record_age_ms = 11 },
    { .label = "enough behind it",
      .entered = { { .base = 90, .seal = 1, .word = "expired" },
                   { .base = 100, .seal = 2, .bytes = 100, .word = "right" } },
      .there = { { .base = 100, .seal = 2 } },
      .retention_bytes = 100 },
    { .label = "too little behind it",
      .entered = { { .base = 90, .seal = 1, .bytes = 100, .word = "missing" },
                   { .base = 100, .seal = 2, .bytes = 99, .word = "right" } },
      .there = { { .base = 100, .seal = 2 } },
      .retention_bytes = 100 },
    { .label = "offsets behind it are counted once",
      .entered = { { .base = 90, .seal = 1, .word = "missing" },
                   { .base = 100, .seal = 2, .bytes = 70, .word = "right" },
                   { .base = 100, .seal = 3, .bytes = 70, .word = "rolled back" } },
      .there = { { .base = 100, .seal = 2 } },
      .retention_bytes = 100 },
    { .label = "moved in its place",
      .entered = { { .base = 100, .seal = 1, .word = "moved", .moved_offset = 120 } },
      .there = { { .base = 120, .seal = 1, .word = "not covered" } } },
    { .label = "moved to another partition",
      .entered = { { .base = 100, .seal = 1, .word = "moved", .moved_place = THERE, .moved_offset = 100 } },
      .there = { { .base = 100, .seal = 1, .place = THERE, .word = "not covered" } } },
    { .label = "its offsets were given again",
      .entered = { { .base = 100, .seal = 1, .word = "rolled back" }, { .base = 105, .seal = 2, .word = "right" } },
      .there = { { .base = 105, .seal = 2 } } },
    { .label = "given again, to a resolved duplicate",
      .entered = { { .base = 100, .seal = 1, .word = "rolled back" },
                   { .base = 105, .seal = 2, .producer = 7, .word = "resolved duplicate" } },
      .there = { { .base = 105, .seal = 3, .producer = 7 } } },
    { .label = "given again, and what stands there is bad",
      .entered = { { .base = 100, .seal = 1, .word = "rolled back" }, { .base = 105, .seal = 2, .word = "right" } },
      .there = { { .base = 105, .seal = 2, .verdict = "replayed", .word = "replayed" } } },
    { .label = "something bad over its last offset",
      .entered = { { .base = 100, .seal = 1, .word = "altered" } },
      .there = { { .base = 109, .verdict = "unsealed", .word = "unsealed" } } },
    { .label = "something bad behind it",
      .entered = { { .base = 100, .seal = 1, .word = "missing" } },
      .there = { { .base = 110, .verdict = "unsealed", .word = "unsealed" } } },
    { .label = "at the end", .entered = { { .base = 200, .seal = 1, .word = "truncated" } } },
    { .label = "at the last offset", .entered = { { .base = 199, .seal = 1, .word = "missing" } } },
    { .label = "acknowledged by one, truncated",
      .entered = { { .base = 200, .seal = 1, .acks_one = true, .word = "truncated" } } },
    { .label = "acknowledged by one, altered",
      .entered = { { .base = 100, .seal = 1, .acks_one = true, .word = "altered" } },
      .there = { { .base = 100, .verdict = "malformed", .word = "malformed" } } },
    { .label = "behind a fork nothing is believed",
      .entered = { { .base = 110, .seal = 1, .of = BEHIND_A_FORK }, { .base = 120, .seal = 2, .word = "missing" } } },
    { .label = "of a revoked writer, up to the last good offset",
      .entered = { { .base = 111, .seal = 1, .of = OF_A_REVOKED_WRITER, .word = "missing" },
                   { .base = 112, .seal = 2, .of = OF_A_REVOKED_WRITER } } },
    { .label = "of a revoked writer, in a place without a last good offset",
      .entered = { { .base = 100, .seal = 1, .place = THERE, .of = OF_A_REVOKED_WRITER } } },
    { .label = "what a writer of other topics deleted is not believed deleted",
      .entered = { { .base = 90, .seal = 1, .of = OF_A_WRITER_OF_OTHERS, .word = "missing" },
                   { .base = 100, .kind = LEDGER_RECORDS_DELETED, .of = OF_A_WRITER_OF_OTHERS } } },
    { .label = "nor a topic that it may not write: nothing is said of what is not there",
      .entered = { { .base = 90, .seal = 1, .place = GONE },
                   { .kind = LEDGER_TOPIC_DELETED, .place = GONE, .of = OF_A_WRITER_OF_OTHERS } } },
    { .label = "what a revoked writer deleted is not believed deleted",
      .entered = { { .base = 90, .seal = 1, .word = "missing" },
                   { .base = 100, .kind = LEDGER_RECORDS_DELETED, .of = OF_A_REVOKED_WRITER } } },
};

static const struct place_case stored_cases[] = {
    { .label = "a verdict is the word",
      .there = { { .base = 100, .seal = 1, .verdict = "altered", .word = "altered" },
                 { .base = 110, .verdict = "malformed", .word = "malformed" } } },
    { .label = "a copy behind it",
      .entered = { { .base = 100, .seal = 1, .word = "right" } },
      .there = { { .base = 100, .seal = 1 }, { .base = 120, .seal = 1, .word = "extra" } } },
    { .label = "a copy before it",
      .entered = { { .base = 120, .seal = 1, .word = "right" } },
      .there = { { .base = 100, .seal = 1, .word = "extra" }, { .base = 120, .seal = 1 } } },
    { .label = "two of nobody's account",
      .there = { { .base = 100, .seal = 1, .word = "not covered" }, { .base = 120, .seal = 1, .word = "extra" } } },
    { .label = "the same seal in another partition is none of both",
      .entered = { { .base = 100, .seal = 1, .word = "right" } },
      .there = { { .base = 100, .seal = 1 }, { .base = 100, .seal = 1, .place = THERE, .word = "not covered" } } },
    { .label = "clear", .there = { { .base = 100, .verdict = "clear" } } },
    { .label = "sealed when its writer recorded last",
      .entered = { { .base = 110, .seal = 2, .word = "right" } },
      .there = { { .base = 100, .seal = 1, .word = "not covered" }, { .base = 110, .seal = 2 } } },
    { .label = "sealed since",
      .entered = { { .base = 110, .seal = 2, .word = "right" } },
      .there = { { .base = 100, .seal = 1, .sealed_ms = 1, .word = "not yet" }, { .base = 110, .seal = 2 } } },
    { .label = "sealed since, and its writer's logs are closed",
      .entered = { { .base = 110, .seal = 2, .of = OF_A_CLOSED_LOG, .word = "right" } },
      .there = { { .base = 100, .seal = 1, .sealed_ms = 1, .word = "not covered" }, { .base = 110, .seal = 2 } } },
};

static struct place place_of(int number)
{
    struct place place = { .partition = number == THERE ? 1 : number == NOT_GIVEN ? 2 : 0 };
    memset(place.topic.bytes, number == GONE ? 0x99 : 0x11, TOPIC_ID_BYTES);
    return place;
}

static uint8_t *seal_id(uint8_t seal)
{
    static uint8_t id[SEAL_ID_BYTES];
    memset(id, seal, sizeof id);
    return id;
}

static struct ledger_leaf leaf_of(const struct entered *e)
{
    struct ledger_leaf leaf = { .kind = e->kind ? e->kind : LEDGER_BATCH };
    if (e->kind) {
        leaf.deletion.time_ms = at(0);
        leaf.deletion.place = place_of(e->place);
        leaf.deletion.place.partition = e->kind == LEDGER_TOPIC_DELETED ? 0 : leaf.deletion.place.partition;
        leaf.deletion.low_watermark = e->base;
        return leaf;
    }
    leaf.batch = (struct ledger_batch){
        .place = place_of(e->place),
        .base_offset = e->base,
        .last_offset_delta = SIZE - 1,
        .acks = e->acks_one ? 1 : -1,
        .producer_id = e->producer ? e->producer : -1,
        .producer_epoch = (int16_t)(e->producer ? 0 : -1),
        .base_sequence = e->producer ? 0 : -1,
        .timestamp_ms = e->age_ms < 0 ? -1 : at(0) - e->age_ms,
        .stored_bytes = e->bytes ? e->bytes : 61,
    };
    memcpy(leaf.batch.seal_id, seal_id(e->seal), SEAL_ID_BYTES);
    return leaf;
}

static bool is_any(const struct entered *e)
{
    return e->seal || e->kind;
}

static void add_name(struct account *a, int place, const char *name)
{
    struct ledger_leaf leaf = { .kind = LEDGER_TOPIC };
    leaf.topic.id = place_of(place).topic;
    leaf.topic.name = slice_of_text(name);
    account_add(a, &leaf);
}

/* The log of those entries that are of that kind of log; false when there are none. */
static bool add_log(struct reading *r, const struct place_case *c, enum whose of)
{
    static struct account a, fork;
    bool any = of == OF_A_LIVE_LOG;
    int64_t time_ms = at(0) - c->record_age_ms;
    account_begin(&a, of == OF_A_REVOKED_WRITER ? 1 : of == OF_A_WRITER_OF_OTHERS ? 2 : 0, (uint8_t)(of + 1));
    if (of == BEHIND_A_FORK) {
        account_record(&a, time_ms);
        fork = a;
        account_close(&fork, time_ms);
    }
    add_name(&a, HERE, "orders");
    add_name(&a, GONE, "orders-old");
    for (size_t i = 0; i < ITEMS_MAX; i++) {
        if (is_any(&c->entered[i]) && c->entered[i].of == of) {
            struct ledger_leaf leaf = leaf_of(&c->entered[i]);
            account_add(&a, &leaf);
            any = true;
        }
    }
    if (of == OF_A_LIVE_LOG) {
        account_record(&a, time_ms);
    } else {
        account_close(&a, time_ms);
    }
    if (!any) {
        return false;
    }
    for (size_t i = 0; i < a.count; i++) {
        reading_record(r, account_get(&a, i), of == OF_A_REVOKED_WRITER ? "writer not trusted" : "authentic");
    }
    if (of == BEHIND_A_FORK) {
        reading_account(r, &fork, 1, 1);
        reading_told(r, "forked ledger", &a, 1, 1);
    }
    return true;
}

static void expect_entries(struct reading *r, const struct place_case *c)
{
    for (size_t i = 0; i < ITEMS_MAX; i++) {
        const struct entered *e = &c->entered[i];
        if (!e->word) {
            continue;
        }
        struct place place = place_of(e->place);
        json_t *json =
            json_pack("{so si sI sI so ss}", "topic_id", hex(place.topic.bytes, TOPIC_ID_BYTES), "partition",
                      (int)place.partition, "base", (json_int_t)e->base, "last", (json_int_t)(e->base + SIZE - 1),
                      "seal_id", hex(seal_id(e->seal), SEAL_ID_BYTES), "word", e->word);
        if (e->moved_offset) {
            json_object_set_new(
                json, "moved_to",
                json_pack("[i I]", (int)place_of(e->moved_place).partition, (json_int_t)e->moved_offset));
        }
        if (e->acks_one && strcmp(e->word, "altered") != 0) {
            json_object_set_new(json, "acks_1_permits_it", json_true());
        }
        json_array_append_new(json_object_get(r->json, "entries"), json);
    }
}

static json_t *batch_of(const struct place_case *c, const struct there *t)
{
    json_t *json = json_pack("{sI sI ss}", "base", (json_int_t)t->base, "last", (json_int_t)(t->base + SIZE - 1),
                             "verdict", t->verdict ? t->verdict : "authentic");
    if (t->seal) {
        const struct batch_header sent = { .producer_id = t->producer ? t->producer : -1 };
        uint8_t producer[PRODUCER_HASH_BYTES];
        producer_hash(&sent, producer);
        json_object_set_new(json, "seal_id", hex(seal_id(t->seal), SEAL_ID_BYTES));
        json_object_set_new(json, "producer_hash", hex(producer, sizeof producer));
        json_object_set_new(json, "seal_time", json_integer(at(0) - c->record_age_ms + t->sealed_ms));
        json_object_set_new(json, "writer", hex(writer_public(0), SIGN_PUBLIC_BYTES));
    }
    if (t->word) {
        json_object_set_new(json, "word", json_string(t->word));
    }
    return json;
}

static void add_partition(struct reading *r, const struct place_case *c, int number)
{
    struct place place = place_of(number);
    json_t *batches = json_array();
    for (size_t i = 0; i < ITEMS_MAX; i++) {
        if (c->there[i].base && c->there[i].place == number) {
            json_array_append_new(batches, batch_of(c, &c->there[i]));
        }
    }
    json_t *json = json_pack("{ss so si sI sI so}", "topic", "orders", "topic_id",
                             hex(place.topic.bytes, TOPIC_ID_BYTES), "partition", (int)place.partition, "start",
                             (json_int_t)START, "end", (json_int_t)END, "batches", batches);
    if (c->retention_ms) {
        json_object_set_new(json, "retention_ms", json_integer(c->retention_ms));
    }
    if (c->retention_bytes) {
        json_object_set_new(json, "retention_bytes", json_integer(c->retention_bytes));
    }
    json_array_append_new(json_object_get(r->json, "partitions"), json);
}

static void trust(struct reading *r)
{
    struct place good = place_of(HERE);
    reading_trust(r, 0);
    json_object_set_new(reading_trust(r, 2), "topics", json_pack("[s]", "payments*"));
    json_t *revoked = reading_trust(r, 1);
    json_object_set_new(revoked, "revoked", json_true());
    json_object_set_new(revoked, "last_good",
                        json_pack("[{ss so si sI}]", "topic", "orders", "topic_id",
                                  hex(good.topic.bytes, TOPIC_ID_BYTES), "partition", (int)good.partition, "offset",
                                  (json_int_t)LAST_GOOD));
}

static void write_cases(const char *root, const char *name, const char *comment, const struct place_case *cases,
                        size_t count)
{
    static struct reading r;
    struct readings all;
    readings_begin(&all, comment);
    for (size_t i = 0; i < count; i++) {
        const struct place_case *c = &cases[i];
        reading_begin(&r, &all, c->label, at(0));
        trust(&r);
        bool closed = add_log(&r, c, OF_A_CLOSED_LOG);
        if (!closed) {
            add_log(&r, c, OF_A_LIVE_LOG);
        }
        add_log(&r, c, BEHIND_A_FORK);
        add_log(&r, c, OF_A_REVOKED_WRITER);
        add_log(&r, c, OF_A_WRITER_OF_OTHERS);
        add_partition(&r, c, HERE);
        add_partition(&r, c, THERE);
        expect_entries(&r, c);
        reading_end(&r);
    }
    readings_end(&all, root, name);
}

void readings_of_places(const char *root)
{
    write_cases(root, "entries", "each entry (7.1)", entry_cases, sizeof entry_cases / sizeof *entry_cases);
    write_cases(root, "stored", "each stored batch (7.2)", stored_cases, sizeof stored_cases / sizeof *stored_cases);
}
