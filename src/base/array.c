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
