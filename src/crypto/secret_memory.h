/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for long-lived secrets: kept out of swap and core dumps where the
 * system allows it, between guard pages, and wiped when it is given back.
 * It costs whole pages, so it is for keys and passphrases, not for records.
 *
 * What the libraries make of a key (OpenSSL's schedules of AES, its TLS keys)
 * lies in their own memory: wiped, but not locked.
 */
#ifndef SIGNET_CRYPTO_SECRET_MEMORY_H
#define SIGNET_CRYPTO_SECRET_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed; NULL when memory is out.  crypto_start must have been called. */
void *secret_memory_new(size_t size);
/* Wipes; takes NULL. */
void secret_memory_free(void *memory);

/* Has the system refused to lock any of it by now?  That part may then be swapped out.  Any thread. */
bool secret_memory_may_be_swapped(void);

/* From now on the process leaves no core dump, and only root can read its memory or attach to it.  False when the system refuses. */
bool secret_memory_forbid_dumps(void);

#endif
