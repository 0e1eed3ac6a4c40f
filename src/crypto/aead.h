/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XAES-256-GCM (C2SP): AES-256-GCM with a 192-bit nonce.  A per-message key is
 * derived from the first half of the nonce by two AES calls, so that random
 * nonces are safe for any number of messages one key will ever see.
 *
 * A key holds OpenSSL contexts and belongs to one thread, and so does a
 * context.  A message may be opened by another thread than its key's: the key
 * derives what that takes.
 */
#ifndef SIGNET_CRYPTO_AEAD_H
#define SIGNET_CRYPTO_AEAD_H

#include "base/error.h"
#include "base/slice.h"

enum {
    AEAD_KEY_BYTES = 32,
    AEAD_NONCE_BYTES = 24,
    AEAD_TAG_BYTES = 16,
};

struct aead_key;

/* NULL when memory or the library fails. */
struct aead_key *aead_key_new(const uint8_t key[AEAD_KEY_BYTES]);
/* Wipes; takes NULL. */
void aead_key_free(struct aead_key *key);

/* Encrypts `size` bytes at `text` in place.  CRYPTO when the library fails. */
signet_error aead_seal(struct aead_key *key, const uint8_t nonce[AEAD_NONCE_BYTES], struct slice associated,
                       uint8_t *text, size_t size, uint8_t ret_tag[AEAD_TAG_BYTES]);
/* Decrypts in place; REFUSED when the tag does not verify, and then what is at `text` is not to be used. */
signet_error aead_open(struct aead_key *key, const uint8_t nonce[AEAD_NONCE_BYTES], struct slice associated,
                       uint8_t *text, size_t size, const uint8_t tag[AEAD_TAG_BYTES]);

/* Of one message: a secret, to be wiped. */
struct aead_message {
    uint8_t key[AEAD_KEY_BYTES];
    uint8_t nonce[AEAD_NONCE_BYTES / 2];
};
/* CRYPTO when the library fails. */
signet_error aead_derive(struct aead_key *key, const uint8_t nonce[AEAD_NONCE_BYTES], struct aead_message *ret_message);

struct aead_context;

/* NULL when memory or the library fails. */
struct aead_context *aead_context_new(void);
/* Wipes; takes NULL. */
void aead_context_free(struct aead_context *context);
/* As aead_open. */
signet_error aead_open_message(struct aead_context *context, const struct aead_message *message,
                               struct slice associated, uint8_t *text, size_t size, const uint8_t tag[AEAD_TAG_BYTES]);

#endif
