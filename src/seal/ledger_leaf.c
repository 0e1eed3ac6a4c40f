/* SPDX-License-Identifier: Apache-2.0 */
#include "seal/ledger_leaf.h"

#include "seal/merkle.h"

enum { FLAG_TRANSACTIONAL = 1 };

static void write_array(struct writer *w, const uint8_t *bytes, size_t size)
{
    write_bytes(w, slice_of(bytes, size));
}

static struct slice read_text(struct reader *r)
{
    return read_bytes(r, read_u8(r));
}

static void write_text(struct writer *w, struct slice text)
{
    write_u8(w, (uint8_t)text.size);
    write_bytes(w, text);
}

/* A byte that is 0 or 1. */
static bool read_flag(struct reader *r)
{
    uint8_t value = read_u8(r);
    if (value > 1) {
        reader_fail(r, SIGNET_ERROR_MALFORMED);
    }
    return value == 1;
}

static bool between(int64_t min, int64_t value, int64_t max)
{
    return min <= value && value <= max;
}

static bool text_fits(struct slice text, size_t min, size_t max)
{
    return min <= text.size && text.size <= max;
}

static bool is_tree_size(uint64_t size)
{
    return size > 0 && size <= MERKLE_SIZE_MAX;
}

/* A row a kind: how it is read, whether it is lawful, how it is written. */

static void read_opening(struct reader *r, struct ledger_leaf *leaf)
{
    struct ledger_opening *o = &leaf->opening;
    if (read_u8(r) != LEDGER_LEAF_VERSION) {
        reader_fail(r, SIGNET_ERROR_MALFORMED);
    }
    o->time_ms = read_i64(r);
    o->interval_ms = read_u32(r);
    o->cluster_id = read_text(r);
    o->has_previous = read_flag(r);
    if (o->has_previous) {
        read_array(r, o->previous_writer, sizeof o->previous_writer);
        read_array(r, o->previous_instance, sizeof o->previous_instance);
        o->previous_size = read_u64(r);
        read_array(r, o->previous_root, sizeof o->previous_root);
    }
}

static bool opening_is_lawful(const struct ledger_leaf *leaf)
{
    const struct ledger_opening *o = &leaf->opening;
    return between(LEDGER_INTERVAL_MS_MIN, o->interval_ms, LEDGER_INTERVAL_MS_MAX) &&
           text_fits(o->cluster_id, 1, CLUSTER_ID_BYTES_MAX) && (!o->has_previous || is_tree_size(o->previous_size));
}

static void write_opening(struct writer *w, const struct ledger_leaf *leaf)
{
    const struct ledger_opening *o = &leaf->opening;
    write_u8(w, LEDGER_LEAF_VERSION);
    write_i64(w, o->time_ms);
    write_u32(w, o->interval_ms);
    write_text(w, o->cluster_id);
    write_u8(w, o->has_previous ? 1 : 0);
    if (o->has_previous) {
        write_array(w, o->previous_writer, sizeof o->previous_writer);
        write_array(w, o->previous_instance, sizeof o->previous_instance);
        write_u64(w, o->previous_size);
        write_array(w, o->previous_root, sizeof o->previous_root);
    }
}

static void read_topic(struct reader *r, struct ledger_leaf *leaf)
{
    read_array(r, leaf->topic.id.bytes, TOPIC_ID_BYTES);
    leaf->topic.name = read_text(r);
}

static bool topic_is_lawful(const struct ledger_leaf *leaf)
{
    return !topic_id_is_zero(&leaf->topic.id) && text_fits(leaf->topic.name, 1, TOPIC_NAME_BYTES_MAX);
}

static void write_topic(struct writer *w, const struct ledger_leaf *leaf)
{
    write_array(w, leaf->topic.id.bytes, TOPIC_ID_BYTES);
    write_text(w, leaf->topic.name);
}

static void read_batch(struct reader *r, struct ledger_leaf *leaf)
{
    struct ledger_batch *b = &leaf->batch;
    read_array(r, b->place.topic.bytes, TOPIC_ID_BYTES);
    b->place.partition = read_i32(r);
    b->base_offset = read_i64(r);
    b->last_offset_delta = read_i32(r);
    b->acks = read_i8(r);
    b->transactional = read_flag(r);
    read_array(r, b->seal_id, sizeof b->seal_id);
    b->producer_id = read_i64(r);
    b->producer_epoch = read_i16(r);
    b->base_sequence = read_i32(r);
    b->timestamp_ms = read_i64(r);
    b->stored_bytes = read_u32(r);
}

static bool batch_is_lawful(const struct ledger_leaf *leaf)
{
    const struct ledger_batch *b = &leaf->batch;
    return !topic_id_is_zero(&b->place.topic) && b->place.partition >= 0 && b->base_offset >= 0 &&
           between(0, b->last_offset_delta, BATCH_RECORDS_MAX - 1) &&
           b->base_offset < INT64_MAX - b->last_offset_delta && (b->acks == 1 || b->acks == -1) &&
           b->stored_bytes >= BATCH_HEADER_BYTES;
}

static void write_batch(struct writer *w, const struct ledger_leaf *leaf)
{
    const struct ledger_batch *b = &leaf->batch;
    write_array(w, b->place.topic.bytes, TOPIC_ID_BYTES);
    write_i32(w, b->place.partition);
    write_i64(w, b->base_offset);
    write_i32(w, b->last_offset_delta);
    write_u8(w, (uint8_t)b->acks);
    write_u8(w, b->transactional ? FLAG_TRANSACTIONAL : 0);
    write_array(w, b->seal_id, sizeof b->seal_id);
    write_i64(w, b->producer_id);
    write_i16(w, b->producer_epoch);
    write_i32(w, b->base_sequence);
    write_i64(w, b->timestamp_ms);
    write_u32(w, b->stored_bytes);
}

static void read_outcome(struct reader *r, struct ledger_leaf *leaf)
{
    struct ledger_outcome *o = &leaf->outcome;
    o->time_ms = read_i64(r);
    o->producer_id = read_i64(r);
    o->producer_epoch = read_i16(r);
    o->commit = read_flag(r);
    o->next_producer_id = read_i64(r);
    o->next_producer_epoch = read_i16(r);
    o->transactional_id = read_text(r);
}

static bool outcome_is_lawful(const struct ledger_leaf *leaf)
{
    const struct ledger_outcome *o = &leaf->outcome;
    bool next_both_or_none = o->next_producer_id >= 0 ? o->next_producer_epoch >= 0
                                                      : o->next_producer_id == -1 && o->next_producer_epoch == -1;
    return o->producer_id >= 0 && o->producer_epoch >= 0 && next_both_or_none &&
           text_fits(o->transactional_id, 0, LEDGER_TEXT_BYTES_MAX);
}

static void write_outcome(struct writer *w, const struct ledger_leaf *leaf)
{
    const struct ledger_outcome *o = &leaf->outcome;
    write_i64(w, o->time_ms);
    write_i64(w, o->producer_id);
    write_i16(w, o->producer_epoch);
    write_u8(w, o->commit ? 1 : 0);
    write_i64(w, o->next_producer_id);
    write_i16(w, o->next_producer_epoch);
    write_text(w, o->transactional_id);
}

static void read_topic_deleted(struct reader *r, struct ledger_leaf *leaf)
{
    leaf->deletion.time_ms = read_i64(r);
    read_array(r, leaf->deletion.place.topic.bytes, TOPIC_ID_BYTES);
}

static void write_topic_deleted(struct writer *w, const struct ledger_leaf *leaf)
{
    write_i64(w, leaf->deletion.time_ms);
    write_array(w, leaf->deletion.place.topic.bytes, TOPIC_ID_BYTES);
}

static void read_records_deleted(struct reader *r, struct ledger_leaf *leaf)
{
    read_topic_deleted(r, leaf);
    leaf->deletion.place.partition = read_i32(r);
    leaf->deletion.low_watermark = read_i64(r);
}

static bool deletion_is_lawful(const struct ledger_leaf *leaf)
{
    const struct ledger_deletion *d = &leaf->deletion;
    return !topic_id_is_zero(&d->place.topic) && d->place.partition >= 0 && d->low_watermark >= 0;
}

static void write_records_deleted(struct writer *w, const struct ledger_leaf *leaf)
{
    write_topic_deleted(w, leaf);
    write_i32(w, leaf->deletion.place.partition);
    write_i64(w, leaf->deletion.low_watermark);
}

static void read_interval(struct reader *r, struct ledger_leaf *leaf)
{
    struct ledger_interval *i = &leaf->interval;
    i->record = read_u64(r);
    i->time_ms = read_i64(r);
    uint8_t before = 0, left = read_u8(r);
    for (; left && !r->error; left--) {
        uint8_t reason = read_u8(r);
        uint64_t count = read_u64(r);
        if (reason <= before || reason > LEDGER_LOSS_COUNT || count == 0) {
            reader_fail(r, SIGNET_ERROR_MALFORMED);
            return;
        }
        i->lost[reason - 1] = count;
        before = reason;
    }
}

/* Nothing can be wrong with what it holds: the reasons are checked while they are read, and their order is ours. */
static bool interval_is_lawful(const struct ledger_leaf *leaf)
{
    return ledger_kind_is_last(leaf->kind);
}

static void write_interval(struct writer *w, const struct ledger_leaf *leaf)
{
    const struct ledger_interval *i = &leaf->interval;
    unsigned reasons = 0;
    for (size_t reason = 0; reason < LEDGER_LOSS_COUNT; reason++) {
        reasons += i->lost[reason] > 0;
    }
    write_u64(w, i->record);
    write_i64(w, i->time_ms);
    write_u8(w, (uint8_t)reasons);
    for (size_t reason = 0; reason < LEDGER_LOSS_COUNT; reason++) {
        if (i->lost[reason]) {
            write_u8(w, (uint8_t)(reason + 1));
            write_u64(w, i->lost[reason]);
        }
    }
}

static void read_retirement(struct reader *r, struct ledger_leaf *leaf)
{
    struct ledger_retirement *t = &leaf->retirement;
    t->time_ms = read_i64(r);
    read_array(r, t->instance, sizeof t->instance);
    t->size = read_u64(r);
    read_array(r, t->root, sizeof t->root);
    t->reason = read_text(r);
}

static bool retirement_is_lawful(const struct ledger_leaf *leaf)
{
    return is_tree_size(leaf->retirement.size) && text_fits(leaf->retirement.reason, 0, LEDGER_TEXT_BYTES_MAX);
}

static void write_retirement(struct writer *w, const struct ledger_leaf *leaf)
{
    const struct ledger_retirement *t = &leaf->retirement;
    write_i64(w, t->time_ms);
    write_array(w, t->instance, sizeof t->instance);
    write_u64(w, t->size);
    write_array(w, t->root, sizeof t->root);
    write_text(w, t->reason);
}

static const struct kind {
    void (*read)(struct reader *r, struct ledger_leaf *leaf);
    bool (*is_lawful)(const struct ledger_leaf *leaf);
    void (*write)(struct writer *w, const struct ledger_leaf *leaf);
} kinds[] = {
    [LEDGER_OPENING] = { read_opening, opening_is_lawful, write_opening },
    [LEDGER_TOPIC] = { read_topic, topic_is_lawful, write_topic },
    [LEDGER_BATCH] = { read_batch, batch_is_lawful, write_batch },
    [LEDGER_OUTCOME] = { read_outcome, outcome_is_lawful, write_outcome },
    [LEDGER_RECORDS_DELETED] = { read_records_deleted, deletion_is_lawful, write_records_deleted },
    [LEDGER_TOPIC_DELETED] = { read_topic_deleted, deletion_is_lawful, write_topic_deleted },
    [LEDGER_INTERVAL] = { read_interval, interval_is_lawful, write_interval },
    [LEDGER_CLOSING] = { read_interval, interval_is_lawful, write_interval },
    [LEDGER_RETIREMENT] = { read_retirement, retirement_is_lawful, write_retirement },
};

static const struct kind *kind_of(unsigned number)
{
    bool known = number > 0 && number < sizeof kinds / sizeof *kinds;
    return known ? &kinds[number] : NULL;
}

signet_error ledger_leaf_read(struct slice bytes, struct ledger_leaf *ret_leaf)
{
    unsigned number = bytes.size ? bytes.data[0] : 0;
    const struct kind *kind = kind_of(number);
    if (!kind || bytes.size > LEDGER_LEAF_BYTES_MAX) {
        return SIGNET_ERROR_MALFORMED;
    }
    struct reader r = reader_over(slice_of(bytes.data + 1, bytes.size - 1));
    struct ledger_leaf leaf = { 0 };
    leaf.kind = (enum ledger_kind)number;
    kind->read(&r, &leaf);
    if (r.error || reader_left(&r) > 0 || !kind->is_lawful(&leaf)) {
        return SIGNET_ERROR_MALFORMED;
    }
    *ret_leaf = leaf;
    return SIGNET_OK;
}

signet_error ledger_leaf_write(struct writer *w, const struct ledger_leaf *leaf)
{
    const struct kind *kind = kind_of(leaf->kind);
    if (!kind || !kind->is_lawful(leaf)) {
        return SIGNET_ERROR_MALFORMED;
    }
    write_u8(w, (uint8_t)leaf->kind);
    kind->write(w, leaf);
    return w->error;
}
