/* SPDX-License-Identifier: Apache-2.0 */
#include "base/array.h"

#include <stdlib.h>

void *array_with_room(void *array, size_t count, size_t *capacity, size_t item_bytes, size_t first)
{
    if (count < *capacity) {
        return array;
    }
    size_t grown = *capacity ? *capacity * 2 : first;
    void *moved = reallocarray(array, grown, item_bytes);
    if (moved) {
        *capacity = grown;
    }
    return moved;
}

size_t array_count_before(const void *array, size_t count, size_t item_bytes, const void *wanted,
                          int (*compare)(const void *item, const void *wanted))
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare((const char *)array + middle * item_bytes, wanted) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}
