/* SPDX-License-Identifier: Apache-2.0 */
#include "net/server_name.h"

#include "base/cursor.h"

enum { NAME_TYPE_HOST = 0 };

static bool is_name_character(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

signet_error server_name_parse(struct slice extension, char ret_name[SERVER_NAME_BYTES_MAX + 1])
{
    char name[SERVER_NAME_BYTES_MAX + 1];
    struct reader r = reader_over(extension);
    uint16_t list_size = read_u16(&r);
    uint8_t type = read_u8(&r);
    struct slice host = read_bytes(&r, read_u16(&r));
    bool alone = reader_left(&r) == 0 && (size_t)list_size + 2 == extension.size;
    if (r.error || !alone || type != NAME_TYPE_HOST || host.size == 0 || host.size > SERVER_NAME_BYTES_MAX) {
        return SIGNET_ERROR_MALFORMED;
    }
    for (size_t i = 0; i < host.size; i++) {
        uint8_t c = lower(host.data[i]);
        if (!is_name_character(c)) {
            return SIGNET_ERROR_MALFORMED;
        }
        name[i] = (char)c;
    }
    name[host.size] = '\0';
    memcpy(ret_name, name, host.size + 1);
    return SIGNET_OK;
}
