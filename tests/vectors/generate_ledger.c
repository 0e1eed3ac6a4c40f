/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes spec/vectors/ledger (spec/vectors/README.md).  What is expected is
 * said by the cases and not by a reader.  Run by hand; the output is
 * committed, and is the same every time.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ledger_vector.h"
#include "seal/ledger_frame.h"
#include "seal/ledger_record.h"

enum { ROOM = 1024 * 1024 };

static const char cluster[] = "MkU3OEVBNTcwNTJENDM2Qk";
static const char *root_folder;
static struct signing_key writer_key, other_key;
static uint8_t writer_public[SIGN_PUBLIC_BYTES], other_public[SIGN_PUBLIC_BYTES];
static const uint8_t instance[LEDGER_INSTANCE_BYTES] = { 0xa0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
static const int64_t now_ms = 1767225600000;

static json_t *text(struct slice bytes)
{
    return json_stringn((const char *)bytes.data, bytes.size);
}

/* The leaves that the vectors are made of: one of each kind and the ends of its fields. */

static const struct topic_id orders = { { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 1, 2, 3, 4, 5, 6, 7, 8 } };

static struct ledger_leaf opening(void)
{
    struct ledger_leaf leaf = { .kind = LEDGER_OPENING };
    leaf.opening.time_ms = now_ms;
    leaf.opening.interval_ms = 10000;
    leaf.opening.cluster_id = slice_of_text(cluster);
    return leaf;
}

static struct ledger_leaf opening_after(void)
{
    struct ledger_leaf leaf = opening();
    leaf.opening.interval_ms = 3600000;
    leaf.opening.has_previous = true;
    memcpy(leaf.opening.previous_writer, other_public, sizeof other_public);
    memset(leaf.opening.previous_instance, 0xb1, LEDGER_INSTANCE_BYTES);
    leaf.opening.previous_size = 77;
    memset(leaf.opening.previous_root, 0xc2, SHA256_BYTES);
    return leaf;
}

static struct ledger_leaf topic(void)
{
    struct ledger_leaf leaf = { .kind = LEDGER_TOPIC };
    leaf.topic.id = orders;
    leaf.topic.name = slice_of_text("orders");
    return leaf;
}

static struct ledger_leaf batch(int64_t base_offset)
{
    struct ledger_leaf leaf = { .kind = LEDGER_BATCH };
    leaf.batch.place = (struct place){ orders, 3 };
    leaf.batch.base_offset = base_offset;
    leaf.batch.last_offset_delta = 9;
    leaf.batch.acks = -1;
    leaf.batch.producer_id = -1;
    leaf.batch.producer_epoch = -1;
    leaf.batch.base_sequence = -1;
    leaf.batch.timestamp_ms = now_ms + base_offset;
    leaf.batch.stored_bytes = 4096;
    memset(leaf.batch.seal_id, (int)(base_offset & 0xff), SEAL_ID_BYTES);
    return leaf;
}

static struct ledger_leaf batch_transactional(void)
{
    struct ledger_leaf leaf = batch(20);
    leaf.batch.base_offset = INT64_MAX - BATCH_RECORDS_MAX;
    leaf.batch.last_offset_delta = BATCH_RECORDS_MAX - 1;
    leaf.batch.acks = 1;
    leaf.batch.transactional = true;
    leaf.batch.producer_id = 4000;
    leaf.batch.producer_epoch = 7;
    leaf.batch.base_sequence = 120;
    leaf.batch.stored_bytes = 61;
    return leaf;
}

static struct ledger_leaf outcome(bool commit)
{
    struct ledger_leaf leaf = { .kind = LEDGER_OUTCOME };
    leaf.outcome.time_ms = now_ms + 5;
    leaf.outcome.producer_id = 4000;
    leaf.outcome.producer_epoch = 7;
    leaf.outcome.commit = commit;
    leaf.outcome.next_producer_id = commit ? 4000 : -1;
    leaf.outcome.next_producer_epoch = commit ? 8 : -1;
    leaf.outcome.transactional_id = slice_of_text(commit ? "billing-1" : "");
    return leaf;
}

static struct ledger_leaf deletion(enum ledger_kind kind)
{
    struct ledger_leaf leaf = { .kind = kind };
    leaf.deletion.time_ms = now_ms + 6;
    leaf.deletion.place.topic = orders;
    if (kind == LEDGER_RECORDS_DELETED) {
        leaf.deletion.place.partition = 3;
        leaf.deletion.low_watermark = 500;
    }
    return leaf;
}

static struct ledger_leaf interval(uint64_t record)
{
    struct ledger_leaf leaf = { .kind = LEDGER_INTERVAL };
    leaf.interval.record = record;
    leaf.interval.time_ms = now_ms + 10000 * (int64_t)(record + 1);
    return leaf;
}

static struct ledger_leaf interval_with_losses(uint64_t record)
{
    struct ledger_leaf leaf = interval(record);
    leaf.interval.lost[LEDGER_LOSS_ACKS_ZERO] = 12;
    leaf.interval.lost[LEDGER_LOSS_NO_OFFSET] = 1;
    leaf.interval.lost[LEDGER_LOSS_UNKNOWN_OUTCOME] = 3;
    leaf.interval.lost[LEDGER_LOSS_NO_ROOM] = UINT32_MAX;
    return leaf;
}

static struct ledger_leaf closing(uint64_t record)
{
    struct ledger_leaf leaf = interval(record);
    leaf.kind = LEDGER_CLOSING;
    leaf.interval.lost[LEDGER_LOSS_UNKNOWN_OUTCOME] = 1;
    return leaf;
}

static struct ledger_leaf retirement(void)
{
    struct ledger_leaf leaf = { .kind = LEDGER_RETIREMENT };
    leaf.retirement.time_ms = now_ms + 7;
    memset(leaf.retirement.instance, 0xb1, LEDGER_INSTANCE_BYTES);
    leaf.retirement.size = 77;
    memset(leaf.retirement.root, 0xc2, SHA256_BYTES);
    leaf.retirement.reason = slice_of_text("killed: out of memory");
    return leaf;
}

/* What a reader must get out of a leaf, as vectors have it. */
static json_t *describe(const struct ledger_leaf *l)
{
    switch (l->kind) {
    case LEDGER_OPENING: {
        const struct ledger_opening *o = &l->opening;
        json_t *json = json_pack("{ss sI sI so}", "kind", "opening", "time", (json_int_t)o->time_ms, "interval",
                                 (json_int_t)o->interval_ms, "cluster_id", text(o->cluster_id));
        if (o->has_previous) {
            json_object_set_new(json, "previous",
                                json_pack("{so so sI so}", "writer", hex(o->previous_writer, 32), "instance",
                                          hex(o->previous_instance, 16), "size", (json_int_t)o->previous_size, "root",
                                          hex(o->previous_root, 32)));
        }
        return json;
    }
    case LEDGER_TOPIC:
        return json_pack("{ss so so}", "kind", "topic", "topic_id", hex(l->topic.id.bytes, 16), "name",
                         text(l->topic.name));
    case LEDGER_BATCH: {
        const struct ledger_batch *b = &l->batch;
        return json_pack("{ss so si sI si si sb so sI si si sI sI}", "kind", "batch", "topic_id",
                         hex(b->place.topic.bytes, 16), "partition", (int)b->place.partition, "base",
                         (json_int_t)b->base_offset, "last_offset_delta", (int)b->last_offset_delta, "acks",
                         (int)b->acks, "transactional", (int)b->transactional, "seal_id", hex(b->seal_id, 32),
                         "producer_id", (json_int_t)b->producer_id, "producer_epoch", (int)b->producer_epoch,
                         "base_sequence", (int)b->base_sequence, "timestamp", (json_int_t)b->timestamp_ms, "size",
                         (json_int_t)b->stored_bytes);
    }
    case LEDGER_OUTCOME: {
        const struct ledger_outcome *o = &l->outcome;
        return json_pack("{ss sI sI si sb sI si so}", "kind", "outcome", "time", (json_int_t)o->time_ms, "producer_id",
                         (json_int_t)o->producer_id, "producer_epoch", (int)o->producer_epoch, "commit", (int)o->commit,
                         "next_producer_id", (json_int_t)o->next_producer_id, "next_producer_epoch",
                         (int)o->next_producer_epoch, "transactional_id", text(o->transactional_id));
    }
    case LEDGER_RECORDS_DELETED:
        return json_pack("{ss sI so si sI}", "kind", "records deleted", "time", (json_int_t)l->deletion.time_ms,
                         "topic_id", hex(l->deletion.place.topic.bytes, 16), "partition",
                         (int)l->deletion.place.partition, "low_watermark", (json_int_t)l->deletion.low_watermark);
    case LEDGER_TOPIC_DELETED:
        return json_pack("{ss sI so}", "kind", "topic deleted", "time", (json_int_t)l->deletion.time_ms, "topic_id",
                         hex(l->deletion.place.topic.bytes, 16));
    case LEDGER_RETIREMENT: {
        const struct ledger_retirement *t = &l->retirement;
        return json_pack("{ss sI so sI so so}", "kind", "retirement", "time", (json_int_t)t->time_ms, "instance",
                         hex(t->instance, 16), "size", (json_int_t)t->size, "root", hex(t->root, 32), "reason",
                         text(t->reason));
    }
    case LEDGER_INTERVAL:
    case LEDGER_CLOSING: {
        json_t *lost = json_array();
        for (int i = 0; i < LEDGER_LOSS_COUNT; i++) {
            if (l->interval.lost[i]) {
                json_array_append_new(lost, json_pack("[i I]", i + 1, (json_int_t)l->interval.lost[i]));
            }
        }
        return json_pack("{ss sI sI so}", "kind", l->kind == LEDGER_CLOSING ? "closing" : "interval", "record",
                         (json_int_t)l->interval.record, "time", (json_int_t)l->interval.time_ms, "lost", lost);
    }
    }
    check(false, "no such kind");
    return NULL;
}

static json_t *vector_of(const char *comment)
{
    return json_pack("{ss ss s[o] so}", "comment", comment, "cluster_id", cluster, "writers",
                     hex(writer_public, sizeof writer_public), "records", json_array());
}

static json_t *add_record(json_t *vector, const char *label, struct slice record, const char *word)
{
    json_t *json = json_pack("{ss so ss}", "label", label, "record", base64(record), "word", word);
    json_array_append_new(json_object_get(vector, "records"), json);
    return json;
}

/* Honest logs: what a writer makes, record by record. */

static struct slice make(struct ledger_log *log, uint8_t *memory, const struct ledger_leaf *leaves, size_t count,
                         json_t *vector, const char *label)
{
    struct slice record;
    uint64_t first = log->frontier.size, number = log->number;
    json_t *described = json_array();
    check(ledger_log_begin(log, memory, ROOM) == SIGNET_OK, "begin");
    for (size_t i = 0; i + 1 < count; i++) {
        check(ledger_log_add(log, &leaves[i]) == SIGNET_OK, "add");
    }
    check(ledger_log_end(log, &leaves[count - 1], &record) == SIGNET_OK, "end");
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(described, describe(&leaves[i]));
    }
    if (vector) {
        uint8_t root[SHA256_BYTES];
        json_t *json = add_record(vector, label, record, "authentic");
        merkle_root(&log->frontier, root);
        json_object_set_new(json, "origin", text(slice_of(log->origin, log->origin_size)));
        json_object_set_new(json, "number", json_integer((json_int_t)number));
        json_object_set_new(json, "first", json_integer((json_int_t)first));
        json_object_set_new(json, "size", json_integer((json_int_t)log->frontier.size));
        json_object_set_new(json, "root", hex(root, sizeof root));
        json_object_set(json, "leaves", described);
    }
    json_decref(described);
    return record;
}

static void authentic(uint8_t *memory)
{
    struct ledger_log log;
    json_t *vector = vector_of("a log from its opening to its closing, with every kind of leaf");
    check(ledger_log_init(&log, slice_of_text(cluster), instance, &writer_key) == SIGNET_OK, "init");
    const struct ledger_leaf first[] = { opening(), topic(), batch(0), batch(10), interval(0) };
    const struct ledger_leaf idle[] = { interval(1) };
    const struct ledger_leaf second[] = {
        batch_transactional(),          outcome(true), outcome(false),         deletion(LEDGER_RECORDS_DELETED),
        deletion(LEDGER_TOPIC_DELETED), retirement(),  interval_with_losses(2)
    };
    const struct ledger_leaf last[] = { closing(3) };
    make(&log, memory, first, 5, vector, "the first record");
    make(&log, memory, idle, 1, vector, "an idle interval");
    make(&log, memory, second, 7, vector, "every other kind");
    make(&log, memory, last, 1, vector, "closing");
    write_vector(root_folder, "authentic", "one_log", vector);

    vector = vector_of("frontiers of every number of digits up to five");
    check(ledger_log_init(&log, slice_of_text(cluster), instance, &writer_key) == SIGNET_OK, "init");
    const struct ledger_leaf start[] = { opening_after(), interval(0) };
    make(&log, memory, start, 2, vector, "another log stood before it");
    for (uint64_t i = 1; i < 34; i++) {
        struct ledger_leaf one = interval(i);
        make(&log, memory, &one, 1, vector, "idle");
    }
    write_vector(root_folder, "authentic", "frontiers", vector);

    static const char odd[] = "prod/eu +1";
    struct ledger_leaf odd_opening[] = { opening(), interval(0) };
    odd_opening[0].opening.cluster_id = slice_of_text(odd);
    vector = vector_of("a cluster id with characters that no key name may have");
    json_object_set_new(vector, "cluster_id", json_string(odd));
    check(ledger_log_init(&log, slice_of_text(odd), instance, &writer_key) == SIGNET_OK, "init");
    make(&log, memory, odd_opening, 2, vector, "its hash stands in the origin");
    write_vector(root_folder, "authentic", "odd_cluster_id", vector);
}

/* Records made by hand, signed whatever they say. */

struct raw {
    struct ledger_leaf leaves[4];
    size_t count;
    uint64_t number, first;
    uint8_t frontier_bytes[MERKLE_FRONTIER_BYTES_MAX];
    uint8_t leaf_bytes[4][LEDGER_LEAF_BYTES_MAX + 2];
    size_t leaf_sizes[4];
    uint32_t count_said;
    int64_t size_more;
    const char *cluster_text;
    bool other_writer;
    struct signing_key *key;
    int version, suite;
};

static struct raw raw_usual(void)
{
    struct raw raw = { .count = 3, .version = 1, .suite = 1, .cluster_text = cluster, .key = &writer_key };
    const struct ledger_leaf leaves[] = { opening(), batch(7), interval(0) };
    for (size_t i = 0; i < raw.count; i++) {
        struct writer w = writer_over(raw.leaf_bytes[i], sizeof raw.leaf_bytes[i]);
        check(ledger_leaf_write(&w, &leaves[i]) == SIGNET_OK, "leaf");
        raw.leaf_sizes[i] = writer_used(&w);
    }
    raw.count_said = (uint32_t)raw.count;
    return raw;
}

static void raw_set(struct raw *raw, size_t at, struct ledger_leaf leaf)
{
    struct writer w = writer_over(raw->leaf_bytes[at], sizeof raw->leaf_bytes[at]);
    check(ledger_leaf_write(&w, &leaf) == SIGNET_OK, "leaf");
    raw->leaf_sizes[at] = writer_used(&w);
}

static struct slice raw_make(const struct raw *raw, uint8_t *memory)
{
    struct merkle_frontier f = { 0 };
    uint8_t hash[SHA256_BYTES], origin[LEDGER_ORIGIN_BYTES_MAX];
    struct writer w = writer_over(memory, ROOM), o = writer_over(origin, sizeof origin);
    struct reader r = reader_over(slice_of(raw->frontier_bytes, sizeof raw->frontier_bytes));
    check(merkle_frontier_read(&r, raw->first, &f) == SIGNET_OK, "frontier");
    write_bytes(&w, slice_of_text("SGNL"));
    write_u8(&w, (uint8_t)raw->version);
    write_u8(&w, (uint8_t)raw->suite);
    write_u64(&w, raw->number);
    write_u64(&w, raw->first);
    merkle_frontier_write(&w, &f);
    write_u32(&w, raw->count_said);
    for (size_t i = 0; i < raw->count; i++) {
        struct slice leaf = slice_of(raw->leaf_bytes[i], raw->leaf_sizes[i]);
        write_u16(&w, (uint16_t)leaf.size);
        write_bytes(&w, leaf);
        merkle_leaf_hash(leaf, hash);
        check(merkle_append(&f, hash) == SIGNET_OK, "append");
    }
    check(ledger_origin_write(&o, slice_of_text(raw->cluster_text), raw->other_writer ? other_public : writer_public,
                              instance) == SIGNET_OK,
          "origin");
    struct checkpoint c = { .origin = writer_slice(&o), .size = f.size + (uint64_t)raw->size_more };
    merkle_root(&f, c.root);
    uint8_t *size = write_room(&w, 2), *start = w.at;
    check(checkpoint_write(&w, &c, raw->key) == SIGNET_OK, "checkpoint");
    store_u16(size, (uint16_t)(w.at - start));
    return writer_slice(&w);
}

static void change(uint8_t *memory, struct slice record, const char *from, const char *to)
{
    uint8_t *at = memmem(memory, record.size, from, strlen(from));
    check(at && strlen(from) == strlen(to), "change");
    memcpy(at, to, strlen(to));
}

static void malformed_leaves(uint8_t *memory)
{
    static const struct {
        const char *label;
        size_t leaf, at;
        uint8_t value;
    } bytes[] = {
        { "a kind that is none", 1, 0, 10 },
        { "kind 0", 1, 0, 0 },
        { "another version of the opening", 0, 1, 2 },
        { "an interval below 100 ms", 0, 12, 0 },
        { "an interval longer than an hour", 0, 10, 0xff },
        { "a flag of the opening that is neither 0 nor 1", 0, 14 + sizeof cluster - 1, 2 },
        { "a negative partition", 1, 17, 0x80 },
        { "a negative base offset", 1, 21, 0x80 },
        { "a negative offset delta", 1, 29, 0x80 },
        { "an offset delta above the limit", 1, 29, 1 },
        { "acks 0", 1, 33, 0 },
        { "acks 2", 1, 33, 2 },
        { "an unknown flag of a batch", 1, 34, 2 },
        { "a batch smaller than a header", 1, 91, 0 },
        { "a reason that is none", 2, 17, 1 },
        { "a number other than the record's", 2, 8, 1 },
    };
    json_t *vector = vector_of("single bytes of leaves, under a signature that is right");
    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
        struct raw raw = raw_usual();
        raw.leaf_bytes[bytes[i].leaf][bytes[i].at] = bytes[i].value;
        if (strstr(bytes[i].label, "below 100") != NULL) {
            raw.leaf_bytes[0][13] = 99;
        }
        if (strstr(bytes[i].label, "smaller") != NULL) {
            raw.leaf_bytes[1][92] = 60;
        }
        add_record(vector, bytes[i].label, raw_make(&raw, memory), "malformed record");
    }
    struct raw raw = raw_usual();
    memset(raw.leaf_bytes[1] + 1, 0, TOPIC_ID_BYTES);
    add_record(vector, "a topic id of zero", raw_make(&raw, memory), "malformed record");
    raw = raw_usual();
    raw.leaf_sizes[1]++;
    add_record(vector, "a byte behind a leaf", raw_make(&raw, memory), "malformed record");
    raw = raw_usual();
    raw.leaf_sizes[1]--;
    add_record(vector, "a leaf that is too short", raw_make(&raw, memory), "malformed record");
    raw = raw_usual();
    raw_set(&raw, 2, interval_with_losses(0));
    raw.leaf_bytes[2][18] = 2;
    add_record(vector, "a reason twice", raw_make(&raw, memory), "malformed record");
    raw = raw_usual();
    raw_set(&raw, 2, interval_with_losses(0));
    memset(raw.leaf_bytes[2] + 19, 0, 8);
    add_record(vector, "none lost for a reason", raw_make(&raw, memory), "malformed record");
    raw = raw_usual();
    raw_set(&raw, 1, outcome(false));
    raw.leaf_bytes[1][28] = 0;
    add_record(vector, "the next epoch without a producer id", raw_make(&raw, memory), "malformed record");
    write_vector(root_folder, "malformed-record", "leaves", vector);
}

static void malformed_records(uint8_t *memory)
{
    json_t *vector = vector_of("what is wrong with a record as a whole, under a signature that is right");
    struct raw raw = raw_usual();
    struct slice record = raw_make(&raw, memory);
    memory[0] ^= 1;
    add_record(vector, "another magic", record, "malformed record");
    add_record(vector, "nothing", slice_of(memory, 0), "malformed record");
    record = raw_make(&raw, memory);
    add_record(vector, "cut in the magic", slice_of(memory, 3), "malformed record");
    add_record(vector, "cut in the leaves", slice_of(memory, 60), "malformed record");
    add_record(vector, "the last byte is missing", slice_of(memory, record.size - 1), "malformed record");
    memory[record.size] = '\n';
    add_record(vector, "a byte behind it", slice_of(memory, record.size + 1), "malformed record");
    raw.count_said = 2;
    add_record(vector, "fewer leaves than there are", raw_make(&raw, memory), "malformed record");
    raw.count_said = 4;
    add_record(vector, "more leaves than there are", raw_make(&raw, memory), "malformed record");
    raw.count_said = 0;
    raw.count = 0;
    raw.size_more = 3;
    add_record(vector, "no leaves", raw_make(&raw, memory), "malformed record");
    raw = raw_usual();
    raw.size_more = 1;
    add_record(vector, "a checkpoint of another size", raw_make(&raw, memory), "malformed record");
    raw = raw_usual();
    raw.number = 1;
    raw_set(&raw, 2, interval(1));
    add_record(vector, "a number above 0 at the first leaf", raw_make(&raw, memory), "malformed record");
    raw = raw_usual();
    raw.first = 5;
    add_record(vector, "an opening that is not the first leaf", raw_make(&raw, memory), "malformed record");
    raw = raw_usual();
    raw.first = 5;
    raw_set(&raw, 0, topic());
    add_record(vector, "number 0 behind the first leaf", raw_make(&raw, memory), "malformed record");
    raw.number = 6;
    raw_set(&raw, 2, interval(6));
    add_record(vector, "a number above the first leaf's index", raw_make(&raw, memory), "malformed record");
    raw = raw_usual();
    raw_set(&raw, 0, topic());
    add_record(vector, "a log without an opening", raw_make(&raw, memory), "malformed record");
    raw = raw_usual();
    raw_set(&raw, 1, interval(0));
    add_record(vector, "an interval in the middle", raw_make(&raw, memory), "malformed record");
    raw = raw_usual();
    raw_set(&raw, 2, topic());
    add_record(vector, "no interval at the end", raw_make(&raw, memory), "malformed record");
    raw = raw_usual();
    raw.cluster_text = "another-cluster";
    add_record(vector, "the origin's cluster is not the opening's", raw_make(&raw, memory), "malformed record");
    write_vector(root_folder, "malformed-record", "records", vector);
}

static void malformed_checkpoints(uint8_t *memory)
{
    json_t *vector = vector_of("the text of a checkpoint");
    struct raw raw = raw_usual();
    struct slice record = raw_make(&raw, memory);
    change(memory, record, "signet.ledger/v1/", "signet.ledger/v2/");
    add_record(vector, "another kind of origin", record, "malformed record");
    record = raw_make(&raw, memory);
    change(memory, record, "\n3\n", "\n\n3");
    add_record(vector, "no size", record, "malformed record");
    record = raw_make(&raw, memory);
    change(memory, record, "=\n\n", "=\r\n");
    add_record(vector, "a carriage return", record, "malformed record");
    record = raw_make(&raw, memory);
    change(memory, record, "\xe2\x80\x94 ", "\xe2\x80\x93 ");
    add_record(vector, "another dash", record, "malformed record");
    record = raw_make(&raw, memory);
    memory[record.size - 1] = ' ';
    add_record(vector, "no line end", record, "malformed record");
    record = raw_make(&raw, memory);
    change(memory, record, "\n\n\xe2\x80\x94", "\n.\xe2\x80\x94");
    add_record(vector, "no empty line", record, "malformed record");
    raw.key = &other_key;
    add_record(vector, "another key's signature line", raw_make(&raw, memory), "malformed record");
    write_vector(root_folder, "malformed-record", "checkpoints", vector);
}

static void other_words(uint8_t *memory)
{
    json_t *vector = vector_of("versions and suites that are not known, whatever stands behind");
    struct raw raw = raw_usual();
    raw.version = 2;
    add_record(vector, "version 2", raw_make(&raw, memory), "unsupported record");
    add_record(vector, "version 2, cut", slice_of(memory, 6), "unsupported record");
    raw = raw_usual();
    raw.suite = 2;
    add_record(vector, "suite 2", raw_make(&raw, memory), "unsupported record");
    write_vector(root_folder, "unsupported-record", "versions_and_suites", vector);

    vector = vector_of("a ledger of another cluster");
    json_object_set_new(vector, "cluster_id", json_string("another-cluster"));
    raw = raw_usual();
    add_record(vector, "with an opening", raw_make(&raw, memory), "foreign ledger");
    raw.other_writer = true;
    raw.key = &other_key;
    add_record(vector, "and of an unknown writer", raw_make(&raw, memory), "foreign ledger");
    write_vector(root_folder, "foreign-ledger", "another_cluster", vector);

    vector = vector_of("signed, but by nobody whom this reader knows");
    struct slice record = raw_make(&raw, memory);
    add_record(vector, "right otherwise", record, "unknown writer");
    memory[record.size - 10] ^= 1;
    add_record(vector, "and the signature is wrong", record, "unknown writer");
    write_vector(root_folder, "unknown-writer", "unknown", vector);

    vector = vector_of("what the writer did not sign");
    raw = raw_usual();
    record = raw_make(&raw, memory);
    memory[record.size - 10] = memory[record.size - 10] == 'A' ? 'B' : 'A';
    add_record(vector, "the signature", record, "altered record");
    record = raw_make(&raw, memory);
    uint8_t *seal_id = memmem(memory, record.size, "\x07\x07\x07\x07\x07\x07\x07\x07", 8);
    check(seal_id, "seal id");
    *seal_id ^= 1;
    add_record(vector, "a leaf", record, "altered record");
    raw.first = 5;
    raw.number = 1;
    raw_set(&raw, 0, topic());
    raw_set(&raw, 2, interval(1));
    memset(raw.frontier_bytes, 0x5a, sizeof raw.frontier_bytes);
    record = raw_make(&raw, memory);
    memory[22] ^= 1;
    add_record(vector, "the frontier", record, "altered record");
    write_vector(root_folder, "altered-record", "altered", vector);
}

/* Files. */

static void add_file(json_t *files, const char *label, struct slice file, int frames, const char *end)
{
    json_array_append_new(
        files, json_pack("{ss so si ss}", "label", label, "file", base64(file), "records", frames, "end", end));
}

static void files(uint8_t *memory)
{
    static uint8_t file[4096];
    struct raw raw = raw_usual();
    json_t *all = json_array();
    struct slice record = raw_make(&raw, memory);
    size_t one = frame(file, record), two = one + frame(file + one, record);
    add_file(all, "nothing", slice_of(file, 0), 0, "whole");
    add_file(all, "one", slice_of(file, one), 1, "whole");
    add_file(all, "two", slice_of(file, two), 2, "whole");
    add_file(all, "cut in a header", slice_of(file, one + 11), 1, "torn");
    add_file(all, "cut behind a header", slice_of(file, one + 12), 1, "torn");
    add_file(all, "cut in a record", slice_of(file, two - 1), 1, "torn");
    memset(file + two, 0, 100);
    add_file(all, "zeros behind the last", slice_of(file, two + 100), 2, "torn");
    file[two + 99] = 1;
    add_file(all, "almost zeros", slice_of(file, two + 100), 2, "damaged");
    file[two - 1] ^= 1;
    add_file(all, "the last record is wrong", slice_of(file, two), 1, "torn");
    file[two - 1] ^= 1;
    file[one - 1] ^= 1;
    add_file(all, "the first record is wrong", slice_of(file, two), 0, "damaged");
    file[one - 1] ^= 1;
    file[0] ^= 1;
    add_file(all, "a size is wrong", slice_of(file, two), 0, "damaged");
    file[0] ^= 1;
    file[11] ^= 1;
    add_file(all, "a header's checksum is wrong", slice_of(file, two), 0, "damaged");
    file[11] ^= 1;
    write_vector(root_folder, "files", "frames", json_pack("{ss so}", "comment", "frames in a file", "files", all));
}

static void keys(void)
{
    vector_key(1, &writer_key, writer_public);
    vector_key(2, &other_key, other_public);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    root_folder = argv[1];
    uint8_t *memory = malloc(ROOM);
    check(memory, "out of memory");
    keys();
    authentic(memory);
    malformed_leaves(memory);
    malformed_records(memory);
    malformed_checkpoints(memory);
    other_words(memory);
    files(memory);
    free(memory);
    return 0;
}
