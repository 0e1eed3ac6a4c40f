/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gather is an output that has not been copied together: pieces of blocks
 * (mostly of the frame just read, unchanged or encrypted in place) and small
 * pieces of scratch for what was edited.  It is what `writev` takes.  Pieces
 * that touch in memory are merged.
 *
 * An out-of-memory error sticks, as in a cursor: check `error` once.
 */
#ifndef SIGNET_BASE_GATHER_H
#define SIGNET_BASE_GATHER_H

#include <sys/uio.h>

#include "base/block.h"
#include "base/error.h"

struct piece {
    struct block *owner; /* retained */
    uint8_t *data;
    size_t size;
};

struct gather {
    struct budget *budget;
    struct piece *pieces;
    size_t first, count, capacity; /* live pieces are [first, count) */
    size_t size;                   /* bytes in the live pieces */
    struct block *scratch;         /* the block that scratch is cut from */
    size_t scratch_used;
    signet_error error;
};

void gather_init(struct gather *g, struct budget *budget);
/* Takes one that was never used; leaves it as after init. */
void gather_free(struct gather *g);
/* As after init, but keeps the memory of the piece table for the next use. */
void gather_clear(struct gather *g);

/* Appends memory of `owner`, which is retained until it has been consumed. */
void gather_add(struct gather *g, struct block *owner, uint8_t *data, size_t size);
/* Appends `size` bytes of scratch for the caller to fill, now or later; NULL after an error. */
uint8_t *gather_room(struct gather *g, size_t size);
/* Appends a copy. */
void gather_copy(struct gather *g, struct slice bytes);
/* Moves all of `from` to the end of `to`; `from` is left empty.  Both charge one budget. */
void gather_splice(struct gather *to, struct gather *from);

/* A place to come back to: gather_rewind drops all that was appended since. */
struct gather_mark {
    size_t count;     /* pieces */
    size_t last_size; /* bytes of the last of them */
    size_t size;
};
struct gather_mark gather_mark(const struct gather *g);
void gather_rewind(struct gather *g, struct gather_mark mark);

/* Fills at most `max` entries with what comes first; returns how many. */
size_t gather_peek(const struct gather *g, struct iovec *ret_pieces, size_t max);
/* Drops `size` bytes from the front; size <= g->size. */
void gather_consume(struct gather *g, size_t size);
/* Copies all of it to `ret_memory`, which has g->size bytes. */
void gather_flatten(const struct gather *g, uint8_t *ret_memory);

#endif
