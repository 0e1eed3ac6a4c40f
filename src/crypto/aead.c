/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/aead.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/wipe.h"
#include "crypto/avx512.h"

enum {
    AES_BLOCK_BYTES = 16,
    GCM_NONCE_BYTES = 12,
};

struct aead_context {
    EVP_CIPHER_CTX *gcm; /* re-keyed for every message */
};

struct aead_key {
    EVP_CIPHER_CTX *ecb; /* AES-256 under the long-lived key, for derivation */
    struct aead_context context;
    uint8_t k1[AES_BLOCK_BYTES];
};

static bool start_context(struct aead_context *context)
{
    context->gcm = EVP_CIPHER_CTX_new();
    return context->gcm && EVP_CipherInit_ex(context->gcm, EVP_aes_256_gcm(), NULL, NULL, NULL, 1);
}

struct aead_context *aead_context_new(void)
{
    struct aead_context *context = calloc(1, sizeof *context);
    if (context && !start_context(context)) {
        aead_context_free(context);
        return NULL;
    }
    return context;
}

void aead_context_free(struct aead_context *context)
{
    if (context) {
        EVP_CIPHER_CTX_free(context->gcm);
        free(context);
    }
}

/* Doubling in GF(2^128), as CMAC does (SP 800-38B, 6.1). */
static void double_block(uint8_t block[AES_BLOCK_BYTES])
{
    uint8_t carry = (uint8_t)(block[0] >> 7);
    for (int i = 0; i < AES_BLOCK_BYTES - 1; i++) {
        block[i] = (uint8_t)((block[i] << 1) | (block[i + 1] >> 7));
    }
    block[AES_BLOCK_BYTES - 1] = (uint8_t)((block[AES_BLOCK_BYTES - 1] << 1) ^ (0x87 & (uint8_t)-carry));
}

static bool start_key(struct aead_key *key, const uint8_t bytes[AEAD_KEY_BYTES])
{
    static const uint8_t zero[AES_BLOCK_BYTES];
    int written = 0;
    key->ecb = EVP_CIPHER_CTX_new();
    if (!key->ecb || !EVP_EncryptInit_ex(key->ecb, EVP_aes_256_ecb(), NULL, bytes, NULL) ||
        !EVP_CIPHER_CTX_set_padding(key->ecb, 0) ||
        !EVP_EncryptUpdate(key->ecb, key->k1, &written, zero, sizeof zero) || !start_context(&key->context)) {
        return false;
    }
    double_block(key->k1);
    return true;
}

struct aead_key *aead_key_new(const uint8_t bytes[AEAD_KEY_BYTES])
{
    struct aead_key *key = calloc(1, sizeof *key);
    if (!key) {
        return NULL;
    }
    if (!start_key(key, bytes)) {
        aead_key_free(key);
        return NULL;
    }
    return key;
}

void aead_key_free(struct aead_key *key)
{
    if (!key) {
        return;
    }
    EVP_CIPHER_CTX_free(key->ecb);
    EVP_CIPHER_CTX_free(key->context.gcm);
    wipe(key, sizeof *key);
    free(key);
}

/* The two blocks M1 and M2 of the specification: counter, 'X', 0, first half of the nonce, masked with K1 and encrypted. */
static bool derive(struct aead_key *key, const uint8_t *nonce, uint8_t ret_derived[AEAD_KEY_BYTES])
{
    uint8_t blocks[2 * AES_BLOCK_BYTES] = { 0 };
    for (size_t b = 0; b < 2; b++) {
        uint8_t *block = blocks + b * AES_BLOCK_BYTES;
        block[1] = (uint8_t)(b + 1);
        block[2] = 'X';
        memcpy(block + 4, nonce, GCM_NONCE_BYTES);
        for (size_t i = 0; i < AES_BLOCK_BYTES; i++) {
            block[i] ^= key->k1[i];
        }
    }
    int written = 0;
    bool ok = EVP_EncryptUpdate(key->ecb, ret_derived, &written, blocks, sizeof blocks) && written == AEAD_KEY_BYTES;
    wipe(blocks, sizeof blocks); /* they give K1 away */
    return ok;
}

signet_error aead_derive(struct aead_key *key, const uint8_t nonce[AEAD_NONCE_BYTES], struct aead_message *ret_message)
{
    memcpy(ret_message->nonce, nonce + GCM_NONCE_BYTES, GCM_NONCE_BYTES);
    return derive(key, nonce, ret_message->key) ? SIGNET_OK : SIGNET_ERROR_CRYPTO;
}

static bool start_message(EVP_CIPHER_CTX *gcm, const struct aead_message *message, struct slice associated, int encrypt)
{
    int written = 0;
    return associated.size <= INT_MAX && EVP_CipherInit_ex(gcm, NULL, NULL, message->key, message->nonce, encrypt) &&
           EVP_CipherUpdate(gcm, NULL, &written, associated.data, (int)associated.size);
}

static bool encrypt_by_openssl(EVP_CIPHER_CTX *gcm, const struct aead_message *message, struct slice associated,
                               uint8_t *text, size_t size, uint8_t *ret_tag)
{
    int written = 0;
    return start_message(gcm, message, associated, 1) && EVP_CipherUpdate(gcm, text, &written, text, (int)size) &&
           EVP_CipherFinal_ex(gcm, text + size, &written) &&
           EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_BYTES, ret_tag);
}

signet_error aead_seal(struct aead_key *key, const uint8_t nonce[AEAD_NONCE_BYTES], struct slice associated,
                       uint8_t *text, size_t size, uint8_t ret_tag[AEAD_TAG_BYTES])
{
    struct aead_message message;
    bool ok = size <= INT_MAX && !aead_derive(key, nonce, &message);
    if (ok && avx512_usable()) {
        avx512_gcm_encrypt(&(struct avx512_gcm){ message.key, message.nonce, associated, ret_tag }, text, size);
    } else {
        ok = ok && encrypt_by_openssl(key->context.gcm, &message, associated, text, size, ret_tag);
    }
    wipe(&message, sizeof message);
    return ok ? SIGNET_OK : SIGNET_ERROR_CRYPTO;
}

signet_error aead_open_message(struct aead_context *context, const struct aead_message *message,
                               struct slice associated, uint8_t *text, size_t size, const uint8_t tag[AEAD_TAG_BYTES])
{
    int written = 0;
    uint8_t expected[AEAD_TAG_BYTES];
    if (avx512_usable()) {
        avx512_gcm_decrypt(&(struct avx512_gcm){ message->key, message->nonce, associated, expected }, text, size);
        bool same = CRYPTO_memcmp(expected, tag, sizeof expected) == 0;
        wipe(expected, sizeof expected); /* of a forged message it would be the right one */
        return same ? SIGNET_OK : SIGNET_ERROR_REFUSED;
    }
    memcpy(expected, tag, sizeof expected); /* the library wants it writable */
    bool ok = size <= INT_MAX && start_message(context->gcm, message, associated, 0) &&
              EVP_CipherUpdate(context->gcm, text, &written, text, (int)size) &&
              EVP_CIPHER_CTX_ctrl(context->gcm, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_BYTES, expected);
    if (!ok) {
        return SIGNET_ERROR_CRYPTO;
    }
    return EVP_CipherFinal_ex(context->gcm, text + size, &written) > 0 ? SIGNET_OK : SIGNET_ERROR_REFUSED;
}

signet_error aead_open(struct aead_key *key, const uint8_t nonce[AEAD_NONCE_BYTES], struct slice associated,
                       uint8_t *text, size_t size, const uint8_t tag[AEAD_TAG_BYTES])
{
    struct aead_message message;
    signet_error error = aead_derive(key, nonce, &message);
    error = error ? error : aead_open_message(&key->context, &message, associated, text, size, tag);
    wipe(&message, sizeof message);
    return error;
}
