/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Public keys from strangers: a point of small order would make every
 * signature or every wrapping weak, so such a key is refused when it is read
 * and not when it is first used.
 */
#ifndef SIGNET_CRYPTO_POINT_H
#define SIGNET_CRYPTO_POINT_H

#include "base/slice.h"

enum {
    POINT_BYTES = 32,
};

/* A canonical encoding of a point of the main subgroup of Ed25519. */
bool ed25519_point_valid(const uint8_t point[POINT_BYTES]);
/* A public key of X25519 that does not always give the same shared secret. */
bool x25519_point_valid(const uint8_t point[POINT_BYTES]);

#endif
