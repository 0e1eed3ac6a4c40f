/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/resend.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "relay/slots.h"

struct kept {
    struct kept *older, *newer;
    struct kept *next; /* in its bucket */
    struct resend_key key;
    struct resend_batch batch;
    int64_t kept_ms;
};

enum { BUCKETS = 4096 };

/* A hash table, since every batch of an idempotent producer is looked for, and a list by age. */
struct resends {
    struct ledger_entries *ledger;
    pthread_mutex_t lock;
    struct kept *oldest, *newest;
    size_t bytes;
    struct kept *buckets[BUCKETS];
};

struct resends *resends_new(struct ledger_entries *ledger)
{
    struct resends *r = calloc(1, sizeof *r);
    if (r) {
        r->ledger = ledger;
        pthread_mutex_init(&r->lock, NULL);
    }
    return r;
}

static bool key_equal(const struct resend_key *a, const struct resend_key *b)
{
    return place_equal(&a->place, &b->place) && a->producer_id == b->producer_id &&
           a->producer_epoch == b->producer_epoch && a->base_sequence == b->base_sequence &&
           a->record_count == b->record_count && a->crc == b->crc;
}

/* Where the bucket points to the batch, or to nothing. */
static struct kept **find(struct resends *r, const struct resend_key *key)
{
    uint32_t hash = slots_hash(slice_of(key->place.topic.bytes, TOPIC_ID_BYTES), key->crc);
    struct kept **at = &r->buckets[hash % BUCKETS];
    while (*at && !key_equal(&(*at)->key, key)) {
        at = &(*at)->next;
    }
    return at;
}

static void link_kept(struct resends *r, struct kept **at, struct kept *kept)
{
    *at = kept;
    kept->older = r->newest;
    *(r->newest ? &r->newest->newer : &r->oldest) = kept;
    r->newest = kept;
    r->bytes += kept->batch.size;
}

static struct kept *unlink_kept(struct resends *r, struct kept **at)
{
    struct kept *kept = *at;
    assert(kept);
    *at = kept->next;
    *(kept->older ? &kept->older->newer : &r->oldest) = kept->newer;
    *(kept->newer ? &kept->newer->older : &r->newest) = kept->older;
    r->bytes -= kept->batch.size;
    return kept;
}

static void drop(struct resends *r, struct kept **at)
{
    struct kept *kept = unlink_kept(r, at);
    free(kept->batch.bytes);
    free(kept);
}

static void give_up_oldest(struct resends *r)
{
    drop(r, find(r, &r->oldest->key));
    ledger_entries_lose(r->ledger, LEDGER_LOSS_UNKNOWN_OUTCOME, 1);
}

void resends_free(struct resends *r)
{
    if (!r) {
        return;
    }
    while (r->oldest) {
        give_up_oldest(r);
    }
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static void forget_old(struct resends *r, size_t room, int64_t now_ms)
{
    while (r->oldest && (r->bytes + room > RESEND_BYTES_MAX || now_ms - r->oldest->kept_ms > RESEND_AGE_MS_MAX)) {
        give_up_oldest(r);
    }
}

static struct kept *make_kept(const struct resend_key *key, const struct gather *sealed, int64_t now_ms)
{
    struct kept *kept = calloc(1, sizeof *kept);
    uint8_t *bytes = malloc(sealed->size ? sealed->size : 1);
    if (!kept || !bytes) {
        free(kept);
        free(bytes);
        return NULL;
    }
    gather_flatten(sealed, bytes);
    kept->key = *key;
    kept->kept_ms = now_ms;
    kept->batch.bytes = bytes;
    kept->batch.size = sealed->size;
    return kept;
}

bool resends_keep(struct resends *r, const struct resend_key *key, const uint8_t seal_id[SEAL_ID_BYTES],
                  const uint8_t producer[PRODUCER_HASH_BYTES], const struct gather *sealed, int64_t now_ms)
{
    struct kept *kept = sealed->size > RESEND_BYTES_MAX ? NULL : make_kept(key, sealed, now_ms);
    if (!kept) {
        return false;
    }
    memcpy(kept->batch.seal_id, seal_id, SEAL_ID_BYTES);
    memcpy(kept->batch.producer, producer, PRODUCER_HASH_BYTES);
    pthread_mutex_lock(&r->lock);
    if (*find(r, key)) {
        drop(r, find(r, key));
    }
    forget_old(r, kept->batch.size, now_ms);
    link_kept(r, find(r, key), kept);
    pthread_mutex_unlock(&r->lock);
    return true;
}

bool resends_take(struct resends *r, const struct resend_key *key, int64_t now_ms, struct resend_batch *ret_batch)
{
    struct kept *kept = NULL;
    pthread_mutex_lock(&r->lock);
    forget_old(r, 0, now_ms);
    struct kept **at = find(r, key);
    if (*at) {
        kept = unlink_kept(r, at);
    }
    pthread_mutex_unlock(&r->lock);
    if (kept) {
        *ret_batch = kept->batch;
        free(kept);
    }
    return kept != NULL;
}
