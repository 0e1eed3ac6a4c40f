/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/unwrap_cache.h"

#include <stdlib.h>

#include "base/wipe.h"

struct entry {
    uint8_t name[SHA256_BYTES]; /* of topic id, commitment and wrapped keys; all zero when empty */
    struct aead_key *aead;      /* NULL: nothing at hand unwraps it */
    int64_t made_ms;
};

struct opening_key {
    struct recipient_key key;
    uint8_t id[RECIPIENT_ID_BYTES];
};

struct unwrap_cache {
    struct opening_key *keys;
    size_t key_count;
    int64_t now_ms;
    struct entry entries[UNWRAPPED_KEYS_MAX]; /* a name has UNWRAP_WAYS places */
    uint32_t turn;
};

enum {
    UNWRAP_WAYS = 4,
    UNWRAP_SETS = UNWRAPPED_KEYS_MAX / UNWRAP_WAYS,
};

struct unwrap_cache *unwrap_cache_new(const struct recipient_key *keys, size_t key_count)
{
    struct unwrap_cache *cache = calloc(1, sizeof *cache);
    struct opening_key *copy = calloc(key_count ? key_count : 1, sizeof *copy);
    if (!cache || !copy) {
        free(cache);
        free(copy);
        return NULL;
    }
    for (size_t i = 0; i < key_count; i++) {
        copy[i].key = keys[i];
        recipient_id(keys[i].public_key, copy[i].id);
    }
    cache->keys = copy;
    cache->key_count = key_count;
    return cache;
}

void unwrap_cache_free(struct unwrap_cache *cache)
{
    if (!cache) {
        return;
    }
    for (size_t i = 0; i < UNWRAPPED_KEYS_MAX; i++) {
        aead_key_free(cache->entries[i].aead);
    }
    free(cache->keys);
    wipe(cache, sizeof *cache);
    free(cache);
}

void unwrap_cache_set_time(struct unwrap_cache *cache, int64_t now_ms)
{
    cache->now_ms = now_ms;
}

static bool try_entry(const struct opening_key *key, const struct envelope *envelope, const uint8_t *wrapped,
                      uint8_t ret_key[BOX_KEY_BYTES])
{
    uint8_t commitment[COMMITMENT_BYTES];
    if (box_unwrap(key->key.public_key, key->key.secret, wrapped, ret_key)) {
        return false;
    }
    key_commitment(&envelope->header.place.topic, ret_key, commitment);
    return memcmp(commitment, envelope->header.commitment, COMMITMENT_BYTES) == 0;
}

static bool unwrap(const struct unwrap_cache *cache, const struct envelope *envelope, uint8_t ret_key[BOX_KEY_BYTES])
{
    struct slice entries = envelope->header.recipients;
    for (size_t at = 0; at < entries.size; at += RECIPIENT_ENTRY_BYTES) {
        for (size_t k = 0; k < cache->key_count; k++) {
            bool named = memcmp(entries.data + at, cache->keys[k].id, RECIPIENT_ID_BYTES) == 0;
            if (named && try_entry(&cache->keys[k], envelope, entries.data + at + RECIPIENT_ID_BYTES, ret_key)) {
                return true;
            }
        }
    }
    return false;
}

static void name_of(const struct envelope *envelope, uint8_t ret_name[SHA256_BYTES])
{
    const struct slice pieces[] = {
        slice_of(envelope->header.place.topic.bytes, TOPIC_ID_BYTES),
        slice_of(envelope->header.commitment, COMMITMENT_BYTES),
        envelope->header.recipients,
    };
    sha256_pieces(pieces, 3, ret_name);
}

static struct entry *find(struct unwrap_cache *cache, const uint8_t name[SHA256_BYTES], struct entry *set)
{
    for (size_t i = 0; i < UNWRAP_WAYS; i++) {
        bool fresh = cache->now_ms >= set[i].made_ms && cache->now_ms - set[i].made_ms < UNWRAPPED_KEY_AGE_MS_MAX;
        if (fresh && memcmp(set[i].name, name, SHA256_BYTES) == 0) {
            return &set[i];
        }
    }
    return NULL;
}

static struct entry *replace(struct unwrap_cache *cache, struct entry *set, const struct envelope *envelope,
                             const uint8_t name[SHA256_BYTES])
{
    struct entry *entry = &set[cache->turn++ % UNWRAP_WAYS];
    uint8_t key[BOX_KEY_BYTES];
    aead_key_free(entry->aead);
    *entry = (struct entry){ 0 };
    bool unwrapped = unwrap(cache, envelope, key);
    entry->aead = unwrapped ? aead_key_new(key) : NULL;
    wipe(key, sizeof key);
    if (!unwrapped || entry->aead) { /* out of memory is not an answer to keep */
        entry->made_ms = cache->now_ms;
        memcpy(entry->name, name, SHA256_BYTES);
    }
    return entry;
}

struct aead_key *unwrap_cache_find(struct unwrap_cache *cache, const struct envelope *envelope)
{
    uint8_t name[SHA256_BYTES];
    name_of(envelope, name);
    struct entry *set = &cache->entries[(load_u32(name) % UNWRAP_SETS) * UNWRAP_WAYS];
    struct entry *entry = find(cache, name, set);
    return (entry ? entry : replace(cache, set, envelope, name))->aead;
}
