/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/ledger_entries.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/array.h"
#include "relay/slots.h"

enum {
    SIZE_BYTES = 2,
    TOPIC_LEAF_BYTES_MAX = 1 + TOPIC_ID_BYTES + 1 + TOPIC_NAME_BYTES_MAX,
    /* A batch's leaf, and its topic's before it. */
    RESERVED_BYTES = SIZE_BYTES + LEDGER_BATCH_LEAF_BYTES + SIZE_BYTES + TOPIC_LEAF_BYTES_MAX,
    /* A part of the room is not for batches: there is none to be refused when a transaction's outcome comes. */
    HEADROOM_SHARE = 16,
};

struct ledger_entries {
    struct ledger_entries_options options;
    pthread_mutex_t lock;
    struct ledger_chunk *first, *last;
    size_t waiting, taken, reserved; /* bytes */
    bool told_many;
    uint64_t entered, lost[LEDGER_LOSS_COUNT], lost_before[LEDGER_LOSS_COUNT]; /* to be told; told */
    struct topic_id *topics;                                                   /* that this log has named */
    size_t topic_count, topic_capacity;
    struct slots slots;
};

struct ledger_entries *ledger_entries_new(const struct ledger_entries_options *options)
{
    struct ledger_entries *e = calloc(1, sizeof *e);
    if (e) {
        e->options = *options;
        pthread_mutex_init(&e->lock, NULL);
    }
    return e;
}

static void free_chunks(struct ledger_chunk *chunks)
{
    while (chunks) {
        struct ledger_chunk *next = chunks->next;
        free(chunks);
        chunks = next;
    }
}

void ledger_entries_free(struct ledger_entries *e)
{
    if (!e) {
        return;
    }
    free_chunks(e->first);
    free(e->topics);
    slots_free(&e->slots);
    pthread_mutex_destroy(&e->lock);
    free(e);
}

static size_t used(const struct ledger_entries *e)
{
    return e->waiting + e->taken + e->reserved;
}

static bool has_room_for_batch(const struct ledger_entries *e)
{
    return used(e) + RESERVED_BYTES <= e->options.bytes_max - e->options.bytes_max / HEADROOM_SHARE;
}

bool ledger_entries_reserve(struct ledger_entries *e)
{
    if (!e) {
        return true;
    }
    pthread_mutex_lock(&e->lock);
    bool reserved = has_room_for_batch(e) || !e->options.refuse;
    e->reserved += reserved ? RESERVED_BYTES : 0;
    pthread_mutex_unlock(&e->lock);
    return reserved;
}

static void release(struct ledger_entries *e)
{
    e->reserved -= RESERVED_BYTES;
}

void ledger_entries_release(struct ledger_entries *e)
{
    if (e) {
        pthread_mutex_lock(&e->lock);
        release(e);
        pthread_mutex_unlock(&e->lock);
    }
}

static struct ledger_chunk *chunk_with_room(struct ledger_entries *e, size_t size)
{
    if (e->last && sizeof e->last->bytes - e->last->filled >= size) {
        return e->last;
    }
    struct ledger_chunk *chunk = malloc(sizeof *chunk);
    if (chunk) {
        chunk->next = NULL;
        chunk->filled = chunk->taken = 0;
        *(e->last ? &e->last->next : &e->first) = chunk;
        e->last = chunk;
    }
    return chunk;
}

/* Past the limit, or out of memory, it is lost; what no reader would take is not entered either. */
static bool append(struct ledger_entries *e, const struct ledger_leaf *leaf)
{
    uint8_t bytes[LEDGER_LEAF_BYTES_MAX];
    struct writer w = writer_over(bytes, sizeof bytes);
    signet_error error = ledger_leaf_write(&w, leaf);
    size_t size = writer_used(&w);
    struct ledger_chunk *chunk =
        error || used(e) + SIZE_BYTES + size > e->options.bytes_max ? NULL : chunk_with_room(e, SIZE_BYTES + size);
    if (!chunk) {
        e->lost[LEDGER_LOSS_NO_ROOM]++;
        return false;
    }
    store_u16(chunk->bytes + chunk->filled, (uint16_t)size);
    memcpy(chunk->bytes + chunk->filled + SIZE_BYTES, bytes, size);
    chunk->filled += SIZE_BYTES + size;
    e->waiting += SIZE_BYTES + size;
    return true;
}

struct wanted_topic {
    const struct ledger_entries *entries;
    const struct topic_id *id;
};

static bool is_topic(const void *context, uint32_t place)
{
    const struct wanted_topic *wanted = context;
    return topic_id_equal(&wanted->entries->topics[place], wanted->id);
}

static void forget_topics(struct ledger_entries *e)
{
    e->topic_count = 0;
    slots_clear(&e->slots);
}

/* Out of memory it is named again next time: that is allowed. */
static void remember_topic(struct ledger_entries *e, uint32_t hash, const struct topic_id *id)
{
    if (e->topic_count == LEDGER_TOPICS_MAX) {
        forget_topics(e);
    }
    struct topic_id *topics = array_with_room(e->topics, e->topic_count, &e->topic_capacity, sizeof *topics, 16);
    if (!topics) {
        return;
    }
    e->topics = topics;
    if (slots_add(&e->slots, hash, (uint32_t)e->topic_count)) {
        topics[e->topic_count++] = *id;
    }
}

/* A batch whose topic has no leaf before it would make the record one that no reader takes for complete. */
static bool name_topic(struct ledger_entries *e, const struct topic_id *id, struct slice name)
{
    const struct wanted_topic wanted = { e, id };
    const struct ledger_leaf leaf = { .kind = LEDGER_TOPIC, .topic = { *id, name } };
    uint32_t hash = slots_hash(slice_of(id->bytes, sizeof id->bytes), 0);
    if (slots_find(&e->slots, hash, is_topic, &wanted) != SLOT_NONE) {
        return true;
    }
    if (!append(e, &leaf)) {
        return false;
    }
    remember_topic(e, hash, id);
    return true;
}

/* Tells, once the lock is no longer held, that many are waiting. */
static void unlock(struct ledger_entries *e)
{
    bool tell = !e->told_many && e->waiting >= e->options.many && e->options.are_many;
    e->told_many |= tell;
    pthread_mutex_unlock(&e->lock);
    if (tell) {
        e->options.are_many(e->options.context);
    }
}

void ledger_entries_batch(struct ledger_entries *e, const struct ledger_batch *batch, struct slice topic_name)
{
    const struct ledger_leaf leaf = { .kind = LEDGER_BATCH, .batch = *batch };
    if (!e) {
        return;
    }
    pthread_mutex_lock(&e->lock);
    release(e);
    e->entered += name_topic(e, &batch->place.topic, topic_name) && append(e, &leaf);
    unlock(e);
}

void ledger_entries_deletion(struct ledger_entries *e, enum ledger_kind kind, const struct ledger_deletion *deletion,
                             struct slice topic_name)
{
    const struct ledger_leaf leaf = { .kind = kind, .deletion = *deletion };
    if (!e) {
        return;
    }
    pthread_mutex_lock(&e->lock);
    e->entered += name_topic(e, &deletion->place.topic, topic_name) && append(e, &leaf);
    unlock(e);
}

void ledger_entries_add(struct ledger_entries *e, const struct ledger_leaf *leaf)
{
    if (!e) {
        return;
    }
    pthread_mutex_lock(&e->lock);
    e->entered += append(e, leaf);
    unlock(e);
}

void ledger_entries_lose(struct ledger_entries *e, enum ledger_loss reason, uint64_t count)
{
    if (e) {
        pthread_mutex_lock(&e->lock);
        e->lost[reason] += count;
        pthread_mutex_unlock(&e->lock);
    }
}

void ledger_entries_take(struct ledger_entries *e, bool ends_log, struct ledger_taken *taken)
{
    pthread_mutex_lock(&e->lock);
    struct ledger_chunk **end = &taken->chunks;
    while (*end) {
        end = &(*end)->next;
    }
    *end = e->first;
    e->first = e->last = NULL;
    e->taken += e->waiting;
    e->waiting = 0;
    e->told_many = false;
    for (size_t i = 0; i < LEDGER_LOSS_COUNT; i++) {
        taken->lost[i] += e->lost[i];
        e->lost_before[i] += e->lost[i];
        e->lost[i] = 0;
    }
    if (ends_log) {
        forget_topics(e);
    }
    pthread_mutex_unlock(&e->lock);
}

bool ledger_taken_next(struct ledger_taken *taken, struct slice *ret_leaf)
{
    struct ledger_chunk *chunk = taken->chunks;
    if (!chunk) {
        return false;
    }
    const uint8_t *at = chunk->bytes + chunk->taken;
    *ret_leaf = slice_of(at + SIZE_BYTES, load_u16(at));
    return true;
}

void ledger_taken_drop(struct ledger_taken *taken)
{
    struct ledger_chunk *chunk = taken->chunks;
    size_t size = SIZE_BYTES + load_u16(chunk->bytes + chunk->taken);
    chunk->taken += size;
    taken->dropped += size;
    if (chunk->taken == chunk->filled) {
        taken->chunks = chunk->next;
        free(chunk);
    }
}

void ledger_taken_release(struct ledger_entries *e, struct ledger_taken *taken)
{
    pthread_mutex_lock(&e->lock);
    e->taken -= taken->dropped;
    pthread_mutex_unlock(&e->lock);
    taken->dropped = 0;
}

void ledger_taken_free(struct ledger_taken *taken)
{
    free_chunks(taken->chunks);
    *taken = (struct ledger_taken){ 0 };
}

void ledger_entries_look(struct ledger_entries *e, struct ledger_entries_state *ret_state)
{
    pthread_mutex_lock(&e->lock);
    ret_state->bytes = used(e);
    ret_state->full = !has_room_for_batch(e);
    ret_state->entered = e->entered;
    for (size_t i = 0; i < LEDGER_LOSS_COUNT; i++) {
        ret_state->lost[i] = e->lost[i] + e->lost_before[i];
    }
    pthread_mutex_unlock(&e->lock);
}
