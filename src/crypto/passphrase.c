/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/passphrase.h"

#include <sodium.h>

#include "base/cursor.h"
#include "base/limits.h"
#include "crypto/secret_memory.h"

enum {
    SALT_BYTES = crypto_pwhash_argon2id_SALTBYTES,
    NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    KEY_BYTES = crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
};

_Static_assert(LOCK_HEADER_BYTES == 4 + 4 + SALT_BYTES + NONCE_BYTES, "as in the specification");
_Static_assert(LOCK_OVERHEAD_BYTES == LOCK_HEADER_BYTES + TAG_BYTES, "as in the specification");

const struct passphrase_cost passphrase_cost_default = {
    .passes = PASSPHRASE_PASSES_DEFAULT,
    .memory_kib = PASSPHRASE_KIB_DEFAULT,
};

static signet_error check_cost(struct passphrase_cost cost)
{
    bool passes_good = cost.passes >= 1 && cost.passes <= PASSPHRASE_PASSES_MAX;
    bool memory_good = cost.memory_kib >= PASSPHRASE_KIB_MIN && cost.memory_kib <= PASSPHRASE_KIB_MAX;
    return passes_good && memory_good ? SIGNET_OK : SIGNET_ERROR_LIMIT;
}

/* The caller frees the key, which is in secret memory. */
static signet_error derive_key(struct slice passphrase, struct passphrase_cost cost, const uint8_t *salt,
                               uint8_t **ret_key)
{
    signet_error error = check_cost(cost);
    if (error) {
        return error;
    }
    uint8_t *key = secret_memory_new(KEY_BYTES);
    if (!key) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    int failed = crypto_pwhash(key, KEY_BYTES, (const char *)passphrase.data, passphrase.size, salt, cost.passes,
                               (size_t)cost.memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13);
    if (failed) { /* within the bounds it fails only when it gets no memory */
        secret_memory_free(key);
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    *ret_key = key;
    return SIGNET_OK;
}

signet_error passphrase_lock(struct slice passphrase, struct passphrase_cost cost, struct slice associated,
                             struct slice secret, uint8_t *ret_locked)
{
    struct writer w = writer_over(ret_locked, LOCK_HEADER_BYTES);
    write_u32(&w, cost.passes);
    write_u32(&w, cost.memory_kib);
    uint8_t *salt = write_room(&w, SALT_BYTES), *nonce = write_room(&w, NONCE_BYTES);
    randombytes_buf(salt, SALT_BYTES);
    randombytes_buf(nonce, NONCE_BYTES);
    uint8_t *key = NULL;
    signet_error error = derive_key(passphrase, cost, salt, &key);
    if (error) {
        return error;
    }
    crypto_aead_xchacha20poly1305_ietf_encrypt(ret_locked + LOCK_HEADER_BYTES, NULL, secret.data, secret.size,
                                               associated.data, associated.size, NULL, nonce, key);
    secret_memory_free(key);
    return SIGNET_OK;
}

signet_error passphrase_unlock(struct slice passphrase, struct slice associated, struct slice locked,
                               uint8_t *ret_secret)
{
    if (locked.size < LOCK_OVERHEAD_BYTES) {
        return SIGNET_ERROR_TRUNCATED;
    }
    struct reader r = reader_over(locked);
    struct passphrase_cost cost = { .passes = read_u32(&r) };
    cost.memory_kib = read_u32(&r);
    struct slice salt = read_bytes(&r, SALT_BYTES), nonce = read_bytes(&r, NONCE_BYTES);
    uint8_t *key = NULL;
    signet_error error = derive_key(passphrase, cost, salt.data, &key);
    if (error) {
        return error;
    }
    int failed = crypto_aead_xchacha20poly1305_ietf_decrypt(ret_secret, NULL, NULL, r.at, reader_left(&r),
                                                            associated.data, associated.size, nonce.data, key);
    secret_memory_free(key);
    return failed ? SIGNET_ERROR_PASSPHRASE : SIGNET_OK;
}
