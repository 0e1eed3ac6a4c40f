/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/random.h"

#include <sodium.h>

#include "crypto/table_hash.h"

signet_error crypto_start(void)
{
    if (sodium_init() < 0) {
        return SIGNET_ERROR_CRYPTO;
    }
    table_hash_start();
    return SIGNET_OK;
}

void random_fill(void *memory, size_t size)
{
    randombytes_buf(memory, size);
}
