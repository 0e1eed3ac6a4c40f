/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays: growing, to twice the size so that appending costs little, and finding in those that are in order. */
#ifndef SIGNET_BASE_ARRAY_H
#define SIGNET_BASE_ARRAY_H

#include <stddef.h>

/*
 * `array` with room for one item behind its `count`, moved if need be; then
 * `*capacity` has grown from nothing to `first`, or to twice what it was.  NULL
 * when memory is out: the old array stays as it was, and the caller's.
 */
void *array_with_room(void *array, size_t count, size_t *capacity, size_t item_bytes, size_t first);

/*
 * In an array that is in order: how many items `compare` finds to be before
 * `wanted` (below 0), which is where the first one stands that is not.
 */
size_t array_count_before(const void *array, size_t count, size_t item_bytes, const void *wanted,
                          int (*compare)(const void *item, const void *wanted));

#endif
