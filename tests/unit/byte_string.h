/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that grow, for tests; memory that is out ends the program. */
#ifndef SIGNET_TESTS_BYTE_STRING_H
#define SIGNET_TESTS_BYTE_STRING_H

#include "base/cursor.h"

/* Starts as all zero. */
struct byte_string {
    uint8_t *data;
    size_t size, capacity;
};

void byte_string_free(struct byte_string *bytes);
void byte_string_add(struct byte_string *bytes, struct slice more);
/* Room for `size` bytes at the end, zero. */
uint8_t *byte_string_room(struct byte_string *bytes, size_t size);

/* Never NULL, so that it can be read without asking. */
static inline struct slice byte_string_slice(const struct byte_string *bytes)
{
    return slice_of(bytes->data ? bytes->data : (const uint8_t *)"", bytes->size);
}

/* The number of times `what` occurs; it is not empty. */
size_t slice_count(struct slice bytes, struct slice what);

/* As assert, in every build: says `what` and aborts. */
void require(bool condition, const char *what);

#endif
