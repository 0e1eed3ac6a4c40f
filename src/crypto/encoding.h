/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 and hex as text, in constant time, by libsodium: key files are read with it. */
#ifndef SIGNET_CRYPTO_ENCODING_H
#define SIGNET_CRYPTO_ENCODING_H

#include "base/error.h"
#include "base/slice.h"

enum base64_alphabet {
    BASE64_STANDARD,     /* with padding */
    BASE64_URL_UNPADDED, /* as Kafka writes topic ids and JWTs are */
};

/* Bytes of text with the final NUL. */
size_t base64_text_size(size_t size, enum base64_alphabet alphabet);
/* `ret_text` has base64_text_size bytes. */
void base64_encode(struct slice bytes, enum base64_alphabet alphabet, char *ret_text);
/* MALFORMED, or NO_SPACE when more than `max` bytes come out. */
signet_error base64_decode(struct slice text, enum base64_alphabet alphabet, uint8_t *ret_bytes, size_t max,
                           size_t *ret_size);

/* `ret_text` has 2 * bytes.size + 1 bytes. */
void hex_encode(struct slice bytes, char *ret_text);
/* MALFORMED unless exactly `size` bytes come out. */
signet_error hex_decode(struct slice text, uint8_t *ret_bytes, size_t size);

#endif
