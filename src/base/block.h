/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks: counted memory that frames are read into and sent from.  Several
 * outputs may point into one block; it goes when the last of them has been
 * sent.  Every block is charged to a budget, which is how the memory of a
 * worker stays bounded whatever its peers send.  Neither is thread-safe: a
 * block and its budget belong to one thread.
 *
 * Large blocks that have gone are kept for the next frames of their size: to
 * have the kernel clear a megabyte for every frame costs as much as
 * encrypting it.
 */
#ifndef SIGNET_BASE_BLOCK_H
#define SIGNET_BASE_BLOCK_H

#include "base/slice.h"

struct budget {
    size_t used_bytes;
    size_t limit_bytes;    /* what admission is measured against; small blocks may pass it */
    size_t kept_bytes_max; /* of blocks that nobody uses, beside those that are; 0: none is kept */
    size_t kept_bytes;
    struct block *kept; /* the last one released first */
};

struct block {
    struct budget *budget;
    size_t references;
    size_t capacity;
    bool secret;        /* wiped when released: it has held a credential */
    bool aged;          /* kept for longer than since the last budget_sweep */
    struct block *next; /* of those that are kept */
    uint8_t data[];
};

/* One reference, charged to `budget` (not NULL), of at least that capacity; NULL when memory is out. */
struct block *block_new(struct budget *budget, size_t capacity);
struct block *block_retain(struct block *block);
/* Takes NULL. */
void block_release(struct block *block);

/* Would `size` more bytes be within the limit?  A lone frame larger than the whole limit is admitted, so that one always gets through. */
bool budget_admits(const struct budget *budget, size_t size);
/* Frees what is kept. */
void budget_trim(struct budget *budget);
/* Frees what has been kept since before the last call: to be called now and then. */
void budget_sweep(struct budget *budget);

#endif
