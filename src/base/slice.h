/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A slice is borrowed, read-only memory: whoever made it must outlive it.
 * An empty slice may have a NULL pointer.
 */
#ifndef SIGNET_BASE_SLICE_H
#define SIGNET_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const uint8_t *data;
    size_t size;
};

static inline struct slice slice_of(const void *data, size_t size)
{
    return (struct slice){ .data = data, .size = size };
}

static inline struct slice slice_of_text(const char *text)
{
    return slice_of(text, strlen(text));
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool slice_equal_text(struct slice a, const char *text)
{
    return slice_equal(a, slice_of_text(text));
}

static inline bool slice_starts_with(struct slice a, const char *prefix)
{
    return a.size >= strlen(prefix) && memcmp(a.data, prefix, strlen(prefix)) == 0;
}

static inline bool slice_is_zero(struct slice bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        if (bytes.data[i] != 0) {
            return false;
        }
    }
    return true;
}

#endif
