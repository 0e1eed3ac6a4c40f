/* SPDX-License-Identifier: Apache-2.0 */
#include "reading.h"

#include <string.h>

static const char cluster[] = "MkU3OEVBNTcwNTJENDM2Qk";

int64_t at(int n)
{
    return 1767225600000 + (int64_t)n * INTERVAL_MS;
}

struct writer_keys {
    bool made;
    struct signing_key secret[READING_WRITERS];
    uint8_t public[READING_WRITERS][SIGN_PUBLIC_BYTES];
};

static struct writer_keys *keys(void)
{
    static struct writer_keys k;
    for (uint8_t i = 0; i < READING_WRITERS && !k.made; i++) {
        vector_key((uint8_t)(0x31 + i), &k.secret[i], k.public[i]);
    }
    k.made = true;
    return &k;
}

const uint8_t *writer_public(int writer)
{
    return keys()->public[writer];
}

void account_begin(struct account *a, int writer, uint8_t instance)
{
    memset(a, 0, sizeof *a);
    memset(a->instance, instance, sizeof a->instance);
    a->writer = writer;
    a->opening.kind = LEDGER_OPENING;
    a->opening.opening.interval_ms = INTERVAL_MS;
    a->opening.opening.cluster_id = slice_of_text(cluster);
    check(ledger_log_init(&a->log, slice_of_text(cluster), a->instance, &keys()->secret[writer]) == SIGNET_OK, "init");
}

void account_after(struct account *a, const struct account *before, size_t record, uint64_t more)
{
    struct ledger_opening *o = &a->opening.opening;
    o->has_previous = true;
    memcpy(o->previous_writer, writer_public(before->writer), sizeof o->previous_writer);
    memcpy(o->previous_instance, before->instance, sizeof o->previous_instance);
    o->previous_size = before->records[record].leaves + more;
    memcpy(o->previous_root, before->records[record].root, sizeof o->previous_root);
}

void account_add(struct account *a, const struct ledger_leaf *leaf)
{
    check(a->leaf_count < ACCOUNT_LEAVES_MAX, "leaves");
    a->leaves[a->leaf_count++] = *leaf;
}

void account_retire(struct account *a, const struct account *other, size_t record, int64_t time_ms)
{
    struct ledger_leaf leaf = { .kind = LEDGER_RETIREMENT };
    leaf.retirement.time_ms = time_ms;
    memcpy(leaf.retirement.instance, other->instance, sizeof leaf.retirement.instance);
    leaf.retirement.size = other->records[record].leaves;
    memcpy(leaf.retirement.root, other->records[record].root, sizeof leaf.retirement.root);
    account_add(a, &leaf);
}

static void end_record(struct account *a, enum ledger_kind kind, int64_t time_ms)
{
    struct ledger_leaf last = { .kind = kind, .interval.time_ms = time_ms };
    struct slice record;
    check(a->count < ACCOUNT_RECORDS_MAX, "records");
    check(ledger_log_begin(&a->log, a->records[a->count].bytes, ACCOUNT_RECORD_BYTES) == SIGNET_OK, "begin");
    a->opening.opening.time_ms = time_ms;
    check(a->count > 0 || ledger_log_add(&a->log, &a->opening) == SIGNET_OK, "opening");
    for (size_t i = 0; i < a->leaf_count; i++) {
        check(ledger_log_add(&a->log, &a->leaves[i]) == SIGNET_OK, "leaf");
    }
    a->leaf_count = 0;
    check(ledger_log_end(&a->log, &last, &record) == SIGNET_OK, "end");
    a->records[a->count].size = record.size;
    a->records[a->count].leaves = a->log.frontier.size;
    merkle_root(&a->log.frontier, a->records[a->count++].root);
}

void account_record(struct account *a, int64_t time_ms)
{
    end_record(a, LEDGER_INTERVAL, time_ms);
}

void account_close(struct account *a, int64_t time_ms)
{
    end_record(a, LEDGER_CLOSING, time_ms);
}

void account_go_on(struct account *a, int first, int count)
{
    for (int i = 0; i < count; i++) {
        account_record(a, at(first + i));
    }
}

struct slice account_get(const struct account *a, size_t record)
{
    check(record < a->count, "no such record");
    return slice_of(a->records[record].bytes, a->records[record].size);
}

void readings_begin(struct readings *all, const char *comment)
{
    *all = (struct readings){ json_array(), comment };
}

void readings_end(struct readings *all, const char *root, const char *name)
{
    write_vector(root, "readings", name,
                 json_pack("{ss ss so}", "comment", all->comment, "cluster_id", cluster, "readings", all->list));
}

void reading_begin(struct reading *r, struct readings *all, const char *label, int64_t now_ms)
{
    r->all = all;
    r->size = 0;
    r->json = json_pack("{ss sI si so so so so so so}", "label", label, "now", (json_int_t)now_ms, "stale_intervals", 6,
                        "writers", json_array(), "ledgers", json_array(), "words", json_array(), "told", json_array(),
                        "partitions", json_array(), "entries", json_array());
}

json_t *reading_trust(struct reading *r, int writer)
{
    json_t *row = json_pack("{so s[s]}", "public_key", hex(writer_public(writer), SIGN_PUBLIC_BYTES), "topics", "*");
    json_array_append_new(json_object_get(r->json, "writers"), row);
    return row;
}

void reading_set(struct reading *r, const char *key, int64_t value)
{
    json_object_set_new(r->json, key, json_integer(value));
}

void reading_record(struct reading *r, struct slice record, const char *word)
{
    check(r->size + record.size + 100 < sizeof r->file, "file");
    r->size += frame(r->file + r->size, record);
    json_array_append_new(json_object_get(r->json, "words"), json_string(word));
}

void reading_account(struct reading *r, const struct account *a, size_t from, size_t to)
{
    for (size_t i = from; i <= to; i++) {
        reading_record(r, account_get(a, i), "authentic");
    }
}

void reading_next_file(struct reading *r)
{
    json_array_append_new(json_object_get(r->json, "ledgers"), base64(slice_of(r->file, r->size)));
    r->size = 0;
}

void reading_told(struct reading *r, const char *word, const struct account *a, int first, int last)
{
    json_t *told =
        json_pack("{ss so}", "word", word, "log", json_stringn((const char *)a->log.origin, a->log.origin_size));
    if (first >= 0) {
        json_object_set_new(told, "first", json_integer(first));
        json_object_set_new(told, "last", json_integer(last));
    }
    json_array_append_new(json_object_get(r->json, "told"), told);
}

void reading_end(struct reading *r)
{
    reading_next_file(r);
    json_array_append_new(r->all->list, r->json);
}
