/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/table_hash.h"

#include <sodium.h>

static uint8_t secret[crypto_shorthash_KEYBYTES];
static bool started;

void table_hash_start(void)
{
    if (!started) {
        randombytes_buf(secret, sizeof secret);
        started = true;
    }
}

static uint64_t hash(const void *bytes, size_t size)
{
    uint64_t result;
    _Static_assert(sizeof result == crypto_shorthash_BYTES, "SipHash gives 64 bits");
    crypto_shorthash((unsigned char *)&result, bytes, size, secret);
    return result;
}

uint64_t table_hash(struct slice key, uint32_t more)
{
    const uint64_t both[] = { hash(key.data, key.size), more };
    return more ? hash(both, sizeof both) : both[0];
}
