/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/secret_memory.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <sodium.h>

static atomic_bool lock_was_refused;

void *secret_memory_new(size_t size)
{
    void *memory = sodium_malloc(size);
    if (memory && size) {
        memset(memory, 0, size);               /* libsodium fills it with a pattern */
        if (sodium_mlock(memory, size) != 0) { /* sodium_malloc tries it too, and does not tell */
            lock_was_refused = true;
        }
    }
    return memory;
}

void secret_memory_free(void *memory)
{
    sodium_free(memory);
}

bool secret_memory_may_be_swapped(void)
{
    return lock_was_refused;
}

bool secret_memory_forbid_dumps(void)
{
    /* The limit alone is not enough: a program that dumps are piped to gets them whatever it is (core(5)). */
    const struct rlimit none = { 0, 0 };
    bool limited = setrlimit(RLIMIT_CORE, &none) == 0;
    return prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) == 0 && limited;
}
