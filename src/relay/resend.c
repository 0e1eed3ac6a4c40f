/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/resend.h"

#include <pthread.h>
#include <stdlib.h>

struct kept {
    struct kept *next; /* oldest first */
    struct resend_key key;
    struct resend_batch batch;
    int64_t kept_ms;
};

struct resends {
    pthread_mutex_t lock;
    struct kept *oldest, **newest;
    size_t bytes;
};

struct resends *resends_new(void)
{
    struct resends *r = calloc(1, sizeof *r);
    if (r) {
        pthread_mutex_init(&r->lock, NULL);
        r->newest = &r->oldest;
    }
    return r;
}

static void unlink_kept(struct resends *r, struct kept **at)
{
    struct kept *kept = *at;
    *at = kept->next;
    if (r->newest == &kept->next) {
        r->newest = at;
    }
    r->bytes -= kept->batch.size;
}

static void drop(struct resends *r, struct kept **at)
{
    struct kept *kept = *at;
    unlink_kept(r, at);
    free(kept->batch.bytes);
    free(kept);
}

void resends_free(struct resends *r)
{
    if (!r) {
        return;
    }
    while (r->oldest) {
        drop(r, &r->oldest);
    }
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static void forget_old(struct resends *r, size_t room, int64_t now_ms)
{
    while (r->oldest && (r->bytes + room > RESEND_BYTES_MAX || now_ms - r->oldest->kept_ms > RESEND_AGE_MS_MAX)) {
        drop(r, &r->oldest);
    }
}

static bool key_equal(const struct resend_key *a, const struct resend_key *b)
{
    return place_equal(&a->place, &b->place) && a->producer_id == b->producer_id &&
           a->producer_epoch == b->producer_epoch && a->base_sequence == b->base_sequence &&
           a->record_count == b->record_count && a->crc == b->crc;
}

static struct kept **find(struct resends *r, const struct resend_key *key)
{
    struct kept **at = &r->oldest;
    while (*at && !key_equal(&(*at)->key, key)) {
        at = &(*at)->next;
    }
    return *at ? at : NULL;
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

void resends_keep(struct resends *r, const struct resend_key *key, const uint8_t seal_id[SEAL_ID_BYTES],
                  const uint8_t producer[PRODUCER_HASH_BYTES], const struct gather *sealed, int64_t now_ms)
{
    if (sealed->size > RESEND_BYTES_MAX) {
        return;
    }
    struct kept *kept = make_kept(key, sealed, now_ms);
    if (!kept) {
        return;
    }
    memcpy(kept->batch.seal_id, seal_id, SEAL_ID_BYTES);
    memcpy(kept->batch.producer, producer, PRODUCER_HASH_BYTES);
    pthread_mutex_lock(&r->lock);
    struct kept **same = find(r, key);
    if (same) {
        drop(r, same);
    }
    forget_old(r, kept->batch.size, now_ms);
    *r->newest = kept;
    r->newest = &kept->next;
    r->bytes += kept->batch.size;
    pthread_mutex_unlock(&r->lock);
}

bool resends_take(struct resends *r, const struct resend_key *key, int64_t now_ms, struct resend_batch *ret_batch)
{
    struct kept *kept = NULL;
    pthread_mutex_lock(&r->lock);
    forget_old(r, 0, now_ms);
    struct kept **at = find(r, key);
    if (at) {
        kept = *at;
        unlink_kept(r, at);
    }
    pthread_mutex_unlock(&r->lock);
    if (kept) {
        *ret_batch = kept->batch;
        free(kept);
    }
    return kept != NULL;
}
