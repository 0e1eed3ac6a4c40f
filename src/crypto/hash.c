/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/hash.h"

#include "crypto/avx512.h"

/* The one-shot EVP interface allocates a context per call; this one, though marked deprecated, keeps it on the stack and reaches the
 * same SHA-NI code. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

void sha256(struct slice input, uint8_t ret_digest[SHA256_BYTES])
{
    sha256_pieces(&input, 1, ret_digest);
}

void sha256_pieces(const struct slice *pieces, size_t count, uint8_t ret_digest[SHA256_BYTES])
{
    SHA256_CTX context;
    SHA256_Init(&context);
    for (size_t i = 0; i < count; i++) {
        SHA256_Update(&context, pieces[i].data, pieces[i].size);
    }
    SHA256_Final(ret_digest, &context);
}

/* Whether the lanes are filled so well that they win: a lane by itself is slow, and the longest message takes its time. */
static bool fills_lanes(const struct slice *messages, size_t count)
{
    size_t longest = 0, total = 0;
    for (size_t i = 0; i < count; i++) {
        longest = messages[i].size > longest ? messages[i].size : longest;
        total += messages[i].size;
    }
    return longest <= AVX512_SHA256_BYTES_MAX && total / (SHA256_TOGETHER / 2) >= longest;
}

void sha256_each(const struct slice *messages, size_t count, uint8_t *const *ret_digests)
{
    if (fills_lanes(messages, count) && avx512_sha256(messages, count, ret_digests)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        sha256(messages[i], ret_digests[i]);
    }
}
