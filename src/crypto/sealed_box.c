/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/sealed_box.h"

#include <sodium.h>

_Static_assert(BOX_WRAPPED_BYTES == BOX_KEY_BYTES + crypto_box_SEALBYTES, "a sealed box of one key");

void box_public_from_secret(const uint8_t secret[BOX_SECRET_BYTES], uint8_t ret_public[BOX_PUBLIC_BYTES])
{
    crypto_scalarmult_base(ret_public, secret);
}

signet_error box_wrap(const uint8_t public_key[BOX_PUBLIC_BYTES], const uint8_t key[BOX_KEY_BYTES],
                      uint8_t ret_wrapped[BOX_WRAPPED_BYTES])
{
    int failed = crypto_box_seal(ret_wrapped, key, BOX_KEY_BYTES, public_key);
    return failed ? SIGNET_ERROR_REFUSED : SIGNET_OK;
}

signet_error box_unwrap(const uint8_t public_key[BOX_PUBLIC_BYTES], const uint8_t secret[BOX_SECRET_BYTES],
                        const uint8_t wrapped[BOX_WRAPPED_BYTES], uint8_t ret_key[BOX_KEY_BYTES])
{
    int failed = crypto_box_seal_open(ret_key, wrapped, BOX_WRAPPED_BYTES, public_key, secret);
    return failed ? SIGNET_ERROR_REFUSED : SIGNET_OK;
}
