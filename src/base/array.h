/* SPDX-License-Identifier: Apache-2.0 */
/* Growing of arrays that hold one more item now and then: to twice the size, so that appending costs little. */
#ifndef SIGNET_BASE_ARRAY_H
#define SIGNET_BASE_ARRAY_H

#include <stddef.h>

/*
 * `array` with room for one item behind its `count`, moved if need be; then
 * `*capacity` has grown from nothing to `first`, or to twice what it was.  NULL
 * when memory is out: the old array stays as it was, and the caller's.
 */
void *array_with_room(void *array, size_t count, size_t *capacity, size_t item_bytes, size_t first);

#endif
