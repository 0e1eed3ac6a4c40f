/* SPDX-License-Identifier: Apache-2.0 */
#include "byte_string.h"

#include <stdio.h>
#include <stdlib.h>

void require(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "a test cannot go on: %s\n", what);
        abort();
    }
}

void byte_string_free(struct byte_string *bytes)
{
    free(bytes->data);
    *bytes = (struct byte_string){ 0 };
}

uint8_t *byte_string_room(struct byte_string *bytes, size_t size)
{
    if (!bytes->data || size > bytes->capacity - bytes->size) {
        size_t capacity = 2 * bytes->capacity + size + 64;
        uint8_t *data = realloc(bytes->data, capacity);
        require(data, "memory is out");
        bytes->data = data;
        bytes->capacity = capacity;
    }
    uint8_t *room = bytes->data + bytes->size;
    memset(room, 0, size);
    bytes->size += size;
    return room;
}

void byte_string_add(struct byte_string *bytes, struct slice more)
{
    uint8_t *room = byte_string_room(bytes, more.size);
    if (more.size) {
        memcpy(room, more.data, more.size);
    }
}

size_t slice_count(struct slice bytes, struct slice what)
{
    size_t count = 0;
    const uint8_t *at = bytes.data, *end = bytes.data + bytes.size;
    while (at && at < end && (at = memmem(at, (size_t)(end - at), what.data, what.size))) {
        count++;
        at++;
    }
    return count;
}
