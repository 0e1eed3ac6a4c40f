/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/random.h"

#include <sodium.h>

signet_error crypto_start(void)
{
    return sodium_init() < 0 ? SIGNET_ERROR_CRYPTO : SIGNET_OK;
}

void random_fill(void *memory, size_t size)
{
    randombytes_buf(memory, size);
}
