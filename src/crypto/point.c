/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/point.h"

#include <sodium.h>

_Static_assert(POINT_BYTES == crypto_core_ed25519_BYTES, "RFC 8032");
_Static_assert(POINT_BYTES == crypto_scalarmult_BYTES, "RFC 7748");

bool ed25519_point_valid(const uint8_t point[POINT_BYTES])
{
    return crypto_core_ed25519_is_valid_point(point) == 1;
}

bool x25519_point_valid(const uint8_t point[POINT_BYTES])
{
    /* Any scalar will do: each is a multiple of the cofactor, and libsodium refuses a result of zero. */
    static const uint8_t scalar[crypto_scalarmult_SCALARBYTES] = { 1 };
    uint8_t shared[crypto_scalarmult_BYTES];
    return crypto_scalarmult(shared, scalar, point) == 0;
}
