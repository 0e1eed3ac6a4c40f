/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wrapping of a 32-byte data key to an X25519 recipient: libsodium's sealed
 * box (ephemeral X25519, XSalsa20-Poly1305).  Whoever wraps needs no secret
 * and cannot unwrap what he wrapped earlier.
 */
#ifndef SIGNET_CRYPTO_SEALED_BOX_H
#define SIGNET_CRYPTO_SEALED_BOX_H

#include "base/error.h"
#include "base/slice.h"

enum {
    BOX_PUBLIC_BYTES = 32,
    BOX_SECRET_BYTES = 32,
    BOX_KEY_BYTES = 32,     /* what is wrapped */
    BOX_WRAPPED_BYTES = 80, /* ephemeral public key, tag, key */
};

void box_public_from_secret(const uint8_t secret[BOX_SECRET_BYTES], uint8_t ret_public[BOX_PUBLIC_BYTES]);
/* REFUSED when the public key is of small order. */
signet_error box_wrap(const uint8_t public_key[BOX_PUBLIC_BYTES], const uint8_t key[BOX_KEY_BYTES],
                      uint8_t ret_wrapped[BOX_WRAPPED_BYTES]);
/* REFUSED when it was not wrapped for this recipient or was changed. */
signet_error box_unwrap(const uint8_t public_key[BOX_PUBLIC_BYTES], const uint8_t secret[BOX_SECRET_BYTES],
                        const uint8_t wrapped[BOX_WRAPPED_BYTES], uint8_t ret_key[BOX_KEY_BYTES]);

#endif
