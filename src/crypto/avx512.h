/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-256-GCM and SHA-256 by libipsec-mb, whose code for processors with
 * AVX-512 is two to three times as fast as OpenSSL's: for GCM because four
 * blocks go through one instruction (VAES), for SHA-256 because it hashes
 * sixteen messages side by side.  Only aead.c and hash.c call this; both fall
 * back to OpenSSL, and give the same results either way.
 */
#ifndef SIGNET_CRYPTO_AVX512_H
#define SIGNET_CRYPTO_AVX512_H

#include "crypto/hash.h"

enum { AVX512_SHA256_BYTES_MAX = 256 * 1024 };

/* Whether the program was built with it, the processor can, and the library's tests of itself and ours of it passed.  The same for as long as the
 * process lives, save for avx512_allow. */
bool avx512_usable(void);
/* Of the library; "unused" when it is not usable. */
const char *avx512_version_text(void);
/* For tests, which hold one way against the other: false is as if the processor could not. */
void avx512_allow(bool allowed);

/* What GCM takes besides text and key.  The 12-byte nonce, and where the 16-byte tag goes: opening has to compare it. */
struct avx512_gcm {
    const uint8_t *key, *nonce; /* 32 and 12 bytes */
    struct slice associated;
    uint8_t *tag;
};

/* In place.  Only when usable. */
void avx512_gcm_encrypt(const struct avx512_gcm *gcm, uint8_t *text, size_t size);
void avx512_gcm_decrypt(const struct avx512_gcm *gcm, uint8_t *text, size_t size);

/*
 * SHA-256 of up to SHA256_TOGETHER messages of up to AVX512_SHA256_BYTES_MAX bytes,
 * 32 bytes each to `ret_digests`.  False when it was not to be had, and then
 * nothing was written.  Each thread that calls it gets some 200 KiB for as
 * long as it lives.
 */
bool avx512_sha256(const struct slice *messages, size_t count, uint8_t *const *ret_digests);

#endif
