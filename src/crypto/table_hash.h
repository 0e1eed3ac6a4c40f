/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hashes for tables whose keys peers choose.  They are keyed with a secret of
 * the process (SipHash-2-4), so that nobody outside can make keys that collide.
 */
#ifndef SIGNET_CRYPTO_TABLE_HASH_H
#define SIGNET_CRYPTO_TABLE_HASH_H

#include "base/slice.h"

/* Of `key` and a number beside it.  The secret is made by crypto_start. */
uint64_t table_hash(struct slice key, uint32_t more);
/* Called by crypto_start. */
void table_hash_start(void);

#endif
