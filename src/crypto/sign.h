/* SPDX-License-Identifier: Apache-2.0 */
/* Ed25519 signatures (RFC 8032), by libsodium: it refuses small-order keys and non-canonical encodings. */
#ifndef SIGNET_CRYPTO_SIGN_H
#define SIGNET_CRYPTO_SIGN_H

#include "base/error.h"
#include "base/slice.h"

enum {
    SIGN_SEED_BYTES = 32,
    SIGN_PUBLIC_BYTES = 32,
    SIGN_BYTES = 64,
};

struct signing_key {
    uint8_t expanded[64]; /* seed and public half, as libsodium keeps them; secret */
};

void signing_key_from_seed(struct signing_key *ret_key, const uint8_t seed[SIGN_SEED_BYTES]);
void signing_key_public(const struct signing_key *key, uint8_t ret_public[SIGN_PUBLIC_BYTES]);
void signing_key_wipe(struct signing_key *key);

void sign_message(const struct signing_key *key, struct slice message, uint8_t ret_signature[SIGN_BYTES]);
bool sign_verify(const uint8_t public_key[SIGN_PUBLIC_BYTES], struct slice message,
                 const uint8_t signature[SIGN_BYTES]);

#endif
