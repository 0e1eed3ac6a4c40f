/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/secret_memory.h"

#include <string.h>

#include <sodium.h>

void *secret_memory_new(size_t size)
{
    void *memory = sodium_malloc(size);
    if (memory && size) {
        memset(memory, 0, size); /* libsodium fills it with a pattern */
    }
    return memory;
}

void secret_memory_free(void *memory)
{
    sodium_free(memory);
}
