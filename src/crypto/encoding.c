/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/encoding.h"

#include <sodium.h>

static int variant(enum base64_alphabet alphabet)
{
    return alphabet == BASE64_STANDARD ? sodium_base64_VARIANT_ORIGINAL : sodium_base64_VARIANT_URLSAFE_NO_PADDING;
}

size_t base64_text_size(size_t size, enum base64_alphabet alphabet)
{
    return sodium_base64_encoded_len(size, variant(alphabet));
}

void base64_encode(struct slice bytes, enum base64_alphabet alphabet, char *ret_text)
{
    sodium_bin2base64(ret_text, base64_text_size(bytes.size, alphabet), bytes.data, bytes.size, variant(alphabet));
}

signet_error base64_decode(struct slice text, enum base64_alphabet alphabet, uint8_t *ret_bytes, size_t max,
                           size_t *ret_size)
{
    if (text.size / 4 * 3 > max + 3) {
        return SIGNET_ERROR_NO_SPACE;
    }
    const char *end = NULL;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] > 0x7f) { /* the library takes some of these for letters */
            return SIGNET_ERROR_MALFORMED;
        }
    }
    int failed =
        sodium_base642bin(ret_bytes, max, (const char *)text.data, text.size, NULL, ret_size, &end, variant(alphabet));
    bool whole = end == (const char *)text.data + text.size;
    return failed || !whole ? SIGNET_ERROR_MALFORMED : SIGNET_OK;
}

void hex_encode(struct slice bytes, char *ret_text)
{
    sodium_bin2hex(ret_text, 2 * bytes.size + 1, bytes.data, bytes.size);
}

signet_error hex_decode(struct slice text, uint8_t *ret_bytes, size_t size)
{
    size_t got = 0;
    const char *end = NULL;
    if (text.size != 2 * size) {
        return SIGNET_ERROR_MALFORMED;
    }
    int failed = sodium_hex2bin(ret_bytes, size, (const char *)text.data, text.size, NULL, &got, &end);
    return failed || got != size ? SIGNET_ERROR_MALFORMED : SIGNET_OK;
}
