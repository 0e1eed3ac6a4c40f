/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/sign.h"

#include <sodium.h>

#include "base/wipe.h"

void signing_key_from_seed(struct signing_key *ret_key, const uint8_t seed[SIGN_SEED_BYTES])
{
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    crypto_sign_ed25519_seed_keypair(public_key, ret_key->expanded, seed);
}

void signing_key_public(const struct signing_key *key, uint8_t ret_public[SIGN_PUBLIC_BYTES])
{
    crypto_sign_ed25519_sk_to_pk(ret_public, key->expanded);
}

void signing_key_wipe(struct signing_key *key)
{
    wipe(key, sizeof *key);
}

void sign_message(const struct signing_key *key, struct slice message, uint8_t ret_signature[SIGN_BYTES])
{
    crypto_sign_ed25519_detached(ret_signature, NULL, message.data, message.size, key->expanded);
}

bool sign_verify(const uint8_t public_key[SIGN_PUBLIC_BYTES], struct slice message, const uint8_t signature[SIGN_BYTES])
{
    return crypto_sign_ed25519_verify_detached(signature, message.data, message.size, public_key) == 0;
}
