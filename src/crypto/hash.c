/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/hash.h"

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
