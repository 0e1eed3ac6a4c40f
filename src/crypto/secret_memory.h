/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for long-lived secrets: kept out of swap and core dumps where the
 * system allows it, between guard pages, and wiped when it is given back.
 * It costs whole pages, so it is for keys and passphrases, not for records.
 */
#ifndef SIGNET_CRYPTO_SECRET_MEMORY_H
#define SIGNET_CRYPTO_SECRET_MEMORY_H

#include <stddef.h>

/* Zeroed; NULL when memory is out.  crypto_start must have been called. */
void *secret_memory_new(size_t size);
/* Wipes; takes NULL. */
void secret_memory_free(void *memory);

#endif
