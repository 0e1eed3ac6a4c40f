/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/json_put.h"

#include <assert.h>

#include <jansson.h>

#include "base/escape.h"
#include "crypto/encoding.h"

enum { NAME_BYTES_MAX = 255, ESCAPED_BYTES_MAX = 4 * NAME_BYTES_MAX + 5 };

void put_number(struct json_t *object, const char *name, int64_t number)
{
    json_object_set_new(object, name, json_integer(number));
}

void put_bool(struct json_t *object, const char *name, bool value)
{
    json_object_set_new(object, name, json_boolean(value));
}

void put_word(struct json_t *object, const char *name, const char *word)
{
    json_object_set_new(object, name, json_string(word));
}

void put_escaped(struct json_t *object, const char *name, struct slice text)
{
    char escaped[ESCAPED_BYTES_MAX];
    escape_text(text, 0, escaped, sizeof escaped);
    put_word(object, name, escaped);
}

void put_hex(struct json_t *object, const char *name, const uint8_t *bytes, size_t size)
{
    char hex[2 * PUT_HEX_BYTES_MAX + 1];
    assert(size <= PUT_HEX_BYTES_MAX);
    hex_encode(slice_of(bytes, size), hex);
    put_word(object, name, hex);
}

void put_topic_id(struct json_t *object, const char *name, const struct topic_id *topic)
{
    char text[2 * TOPIC_ID_BYTES];
    base64_encode(slice_of(topic->bytes, sizeof topic->bytes), BASE64_URL_UNPADDED, text);
    put_word(object, name, text);
}
