/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4), by OpenSSL. */
#ifndef SIGNET_CRYPTO_HASH_H
#define SIGNET_CRYPTO_HASH_H

#include "base/error.h"
#include "base/slice.h"

enum { SHA256_BYTES = 32 };

void sha256(struct slice input, uint8_t ret_digest[SHA256_BYTES]);
/* Over the pieces as if they were one. */
void sha256_pieces(const struct slice *pieces, size_t count, uint8_t ret_digest[SHA256_BYTES]);

#endif
