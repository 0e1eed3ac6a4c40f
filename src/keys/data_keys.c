/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/data_keys.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/wipe.h"
#include "crypto/random.h"

struct data_key {
    struct topic_id topic;
    struct seal_key seal;
    int64_t made_ms, used_ms;
    uint64_t bytes, batches;
};

struct data_keys {
    struct data_key_policy policy;
    struct recipient *recipients;
    size_t recipient_count;
    struct data_key *keys;
    size_t count, capacity;
};

struct data_keys *data_keys_new(const struct data_key_policy *policy, const struct recipient *recipients,
                                size_t recipient_count)
{
    struct data_keys *keys = calloc(1, sizeof *keys);
    struct recipient *copy = calloc(recipient_count ? recipient_count : 1, sizeof *copy);
    if (!keys || !copy) {
        free(keys);
        free(copy);
        return NULL;
    }
    memcpy(copy, recipients, recipient_count * sizeof *copy);
    keys->policy = *policy;
    keys->recipients = copy;
    keys->recipient_count = recipient_count;
    return keys;
}

static void forget(struct data_key *key)
{
    aead_key_free(key->seal.aead);
    free(key->seal.recipients);
    key->seal = (struct seal_key){ 0 };
}

void data_keys_free(struct data_keys *keys)
{
    if (!keys) {
        return;
    }
    for (size_t i = 0; i < keys->count; i++) {
        forget(&keys->keys[i]);
    }
    free(keys->keys);
    free(keys->recipients);
    free(keys);
}

static signet_error wrap_for_all(const struct data_keys *keys, const uint8_t *bytes, struct seal_key *seal)
{
    seal->recipients_size = keys->recipient_count * RECIPIENT_ENTRY_BYTES;
    seal->recipients = malloc(seal->recipients_size);
    if (!seal->recipients) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < keys->recipient_count; i++) {
        uint8_t *entry = seal->recipients + i * RECIPIENT_ENTRY_BYTES;
        recipient_id(keys->recipients[i].public_key, entry);
        signet_error error = box_wrap(keys->recipients[i].public_key, bytes, entry + RECIPIENT_ID_BYTES);
        if (error) {
            return error;
        }
    }
    return SIGNET_OK;
}

static signet_error make(const struct data_keys *keys, const struct topic_id *topic, int64_t now_ms,
                         struct data_key *ret_key)
{
    struct data_key key = { .topic = *topic, .made_ms = now_ms };
    uint8_t bytes[AEAD_KEY_BYTES];
    random_fill(bytes, sizeof bytes);
    key_commitment(topic, bytes, key.seal.commitment);
    signet_error error = wrap_for_all(keys, bytes, &key.seal);
    key.seal.aead = error ? NULL : aead_key_new(bytes);
    wipe(bytes, sizeof bytes);
    if (!error && !key.seal.aead) {
        error = SIGNET_ERROR_CRYPTO;
    }
    if (error) {
        forget(&key);
        return error;
    }
    *ret_key = key;
    return SIGNET_OK;
}

static struct data_key *find(struct data_keys *keys, const struct topic_id *topic)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (topic_id_equal(&keys->keys[i].topic, topic)) {
            return &keys->keys[i];
        }
    }
    return NULL;
}

/* Room for one more; beyond the limit the one not used longest makes it. */
static struct data_key *room(struct data_keys *keys)
{
    if (keys->count == DATA_KEYS_MAX) {
        struct data_key *oldest = &keys->keys[0];
        for (size_t i = 1; i < keys->count; i++) {
            oldest = keys->keys[i].used_ms < oldest->used_ms ? &keys->keys[i] : oldest;
        }
        forget(oldest);
        return oldest;
    }
    struct data_key *grown = array_with_room(keys->keys, keys->count, &keys->capacity, sizeof *grown, 8);
    if (!grown) {
        return NULL;
    }
    keys->keys = grown;
    keys->keys[keys->count] = (struct data_key){ 0 };
    return &keys->keys[keys->count++];
}

static bool is_worn(const struct data_keys *keys, const struct data_key *key, size_t size, int64_t now_ms)
{
    const struct data_key_policy *policy = &keys->policy;
    bool aged = now_ms - key->made_ms >= policy->age_ms_max || now_ms < key->made_ms;
    return aged || key->batches >= policy->batches_max || key->bytes + size > policy->bytes_max;
}

signet_error data_keys_current(struct data_keys *keys, const struct topic_id *topic, size_t size, int64_t now_ms,
                               const struct seal_key **ret_key)
{
    struct data_key *key = find(keys, topic);
    if (!key || is_worn(keys, key, size, now_ms)) {
        struct data_key made;
        signet_error error = make(keys, topic, now_ms, &made);
        if (error) {
            return error;
        }
        if (key) {
            forget(key);
        } else {
            key = room(keys);
        }
        if (!key) {
            forget(&made);
            return SIGNET_ERROR_OUT_OF_MEMORY;
        }
        *key = made;
    }
    key->batches++;
    key->bytes += size;
    key->used_ms = now_ms;
    *ret_key = &key->seal;
    return SIGNET_OK;
}
