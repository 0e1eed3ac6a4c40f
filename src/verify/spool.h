/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Items of one size in a temporary file, so that memory does not grow with
 * how many there are: added one by one, then looked at in place, all at once.
 */
#ifndef SIGNET_VERIFY_SPOOL_H
#define SIGNET_VERIFY_SPOOL_H

#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

/* Starts as all zero. */
struct spool {
    FILE *file; /* unlinked */
    uint64_t count;
    void *items; /* once mapped */
    size_t mapped_bytes;
};

/* SYSTEM with errno. */
signet_error spool_add(struct spool *spool, const void *item, size_t item_bytes);
/* After the last one; `items` may be written to then, and is NULL when there are none.  SYSTEM with errno. */
signet_error spool_map(struct spool *spool, size_t item_bytes);
void spool_free(struct spool *spool);

#endif
