/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4), by OpenSSL; of several messages at once by libipsec-mb where the processor can (avx512.h). */
#ifndef SIGNET_CRYPTO_HASH_H
#define SIGNET_CRYPTO_HASH_H

#include "base/error.h"
#include "base/slice.h"

enum {
    SHA256_BYTES = 32,
    SHA256_TOGETHER = 16, /* how many messages are hashed in one go at best */
};

void sha256(struct slice input, uint8_t ret_digest[SHA256_BYTES]);
/* Over the pieces as if they were one. */
void sha256_pieces(const struct slice *pieces, size_t count, uint8_t ret_digest[SHA256_BYTES]);
/* Of up to SHA256_TOGETHER messages, 32 bytes each to where `ret_digests` says.  Fastest when they are many and of about one size. */
void sha256_each(const struct slice *messages, size_t count, uint8_t *const *ret_digests);

#endif
