/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data keys unwrapped for reading, by what they were wrapped as: (topic id,
 * commitment, wrapped key), never by a name that a writer chooses, so that no
 * writer can put his key in another's place (spec/sealed-batch.md, section 7).
 * Bounded in number and age; wiped when forgotten.  One thread at a time.
 */
#ifndef SIGNET_KEYS_UNWRAP_CACHE_H
#define SIGNET_KEYS_UNWRAP_CACHE_H

#include "seal/envelope.h"

/* A key pair that opens; the secret half stays where its owner keeps it. */
struct recipient_key {
    uint8_t public_key[BOX_PUBLIC_BYTES];
    const uint8_t *secret; /* BOX_SECRET_BYTES */
};

struct unwrap_cache;

/* `keys` is copied, the secrets are borrowed.  NULL when memory is out. */
struct unwrap_cache *unwrap_cache_new(const struct recipient_key *keys, size_t key_count);
/* Wipes; takes NULL. */
void unwrap_cache_free(struct unwrap_cache *cache);

/* Time for ageing; to be told before a turn of look-ups. */
void unwrap_cache_set_time(struct unwrap_cache *cache, int64_t now_ms);
/* The AEAD key of an envelope whose signature and trust have been checked; NULL when no key at hand unwraps it.  Good until the next call. */
struct aead_key *unwrap_cache_find(struct unwrap_cache *cache, const struct envelope *envelope);

#endif
