/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locking of a small secret with a passphrase: Argon2id makes the key,
 * XChaCha20-Poly1305 encrypts (spec/key-files.md, "Locked secrets").  The cost
 * travels with the locked secret, so whoever unlocks bounds it first: a file
 * from a stranger must not choose how much memory is spent on it.
 */
#ifndef SIGNET_CRYPTO_PASSPHRASE_H
#define SIGNET_CRYPTO_PASSPHRASE_H

#include "base/error.h"
#include "base/slice.h"

enum {
    /* passes, memory, salt and nonce before the ciphertext; the tag after it */
    LOCK_HEADER_BYTES = 4 + 4 + 16 + 24,
    LOCK_OVERHEAD_BYTES = LOCK_HEADER_BYTES + 16,
};

struct passphrase_cost {
    uint32_t passes;
    uint32_t memory_kib;
};

/* What new files get. */
extern const struct passphrase_cost passphrase_cost_default;

/* `ret_locked` has secret.size + LOCK_OVERHEAD_BYTES bytes.  LIMIT when the cost is outside the bounds of base/limits.h, OUT_OF_MEMORY. */
signet_error passphrase_lock(struct slice passphrase, struct passphrase_cost cost, struct slice associated,
                             struct slice secret, uint8_t *ret_locked);
/* `ret_secret` has locked.size - LOCK_OVERHEAD_BYTES bytes.  TRUNCATED, LIMIT, OUT_OF_MEMORY, or PASSPHRASE for every other failure. */
signet_error passphrase_unlock(struct slice passphrase, struct slice associated, struct slice locked,
                               uint8_t *ret_secret);

#endif
