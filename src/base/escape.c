/* SPDX-License-Identifier: Apache-2.0 */
#include "base/escape.h"

#include <stdio.h>

enum { ESCAPED_BYTES = 4 };

size_t escape_text(struct slice text, char quote, char *ret_text, size_t room)
{
    size_t used = 0;
    for (size_t i = 0; i < text.size && used + ESCAPED_BYTES < room; i++) {
        uint8_t byte = text.data[i];
        if (byte >= 0x20 && byte < 0x7f && byte != '\\' && byte != (uint8_t)quote) {
            ret_text[used++] = (char)byte;
        } else {
            used += (size_t)snprintf(ret_text + used, room - used, "\\x%02x", (unsigned)byte);
        }
    }
    ret_text[used] = '\0';
    return used;
}
