/* SPDX-License-Identifier: Apache-2.0 */
#include "base/gather.h"

#include <assert.h>
#include <stdlib.h>

#include "base/limits.h"

void gather_init(struct gather *g, struct budget *budget)
{
    *g = (struct gather){ .budget = budget };
}

static void release_pieces(struct gather *g, size_t from)
{
    for (size_t i = from; i < g->count; i++) {
        block_release(g->pieces[i].owner);
    }
}

void gather_clear(struct gather *g)
{
    release_pieces(g, g->first);
    block_release(g->scratch);
    g->first = g->count = g->size = g->scratch_used = 0;
    g->scratch = NULL;
    g->error = SIGNET_OK;
}

void gather_free(struct gather *g)
{
    gather_clear(g);
    free(g->pieces);
    gather_init(g, g->budget);
}

static bool grow(struct gather *g)
{
    if (g->first > 0) {
        memmove(g->pieces, g->pieces + g->first, (g->count - g->first) * sizeof *g->pieces);
        g->count -= g->first;
        g->first = 0;
    }
    if (g->count < g->capacity) {
        return true;
    }
    size_t capacity = g->capacity ? g->capacity * 2 : 8;
    struct piece *pieces = realloc(g->pieces, capacity * sizeof *pieces);
    if (!pieces) {
        g->error = SIGNET_ERROR_OUT_OF_MEMORY;
        return false;
    }
    g->pieces = pieces;
    g->capacity = capacity;
    return true;
}

static bool extend_last(struct gather *g, const struct block *owner, const uint8_t *data, size_t size)
{
    if (g->count == g->first) {
        return false;
    }
    struct piece *last = &g->pieces[g->count - 1];
    if (last->owner != owner || last->data + last->size != data) {
        return false;
    }
    last->size += size;
    g->size += size;
    return true;
}

void gather_add(struct gather *g, struct block *owner, uint8_t *data, size_t size)
{
    if (g->error || size == 0 || extend_last(g, owner, data, size)) {
        return;
    }
    if (g->count == g->capacity && !grow(g)) {
        return;
    }
    g->pieces[g->count++] = (struct piece){ block_retain(owner), data, size };
    g->size += size;
}

static bool new_scratch(struct gather *g, size_t size)
{
    size_t capacity = size > SCRATCH_BLOCK_BYTES ? size : SCRATCH_BLOCK_BYTES;
    struct block *scratch = block_new(g->budget, capacity);
    if (!scratch) {
        g->error = SIGNET_ERROR_OUT_OF_MEMORY;
        return false;
    }
    block_release(g->scratch);
    g->scratch = scratch;
    g->scratch_used = 0;
    return true;
}

uint8_t *gather_room(struct gather *g, size_t size)
{
    if (g->error) {
        return NULL;
    }
    bool fits = g->scratch && size <= g->scratch->capacity - g->scratch_used;
    if (!fits && !new_scratch(g, size)) {
        return NULL;
    }
    uint8_t *room = g->scratch->data + g->scratch_used;
    g->scratch_used += size;
    gather_add(g, g->scratch, room, size);
    return g->error ? NULL : room;
}

void gather_copy(struct gather *g, struct slice bytes)
{
    uint8_t *room = gather_room(g, bytes.size);
    if (room && bytes.size) {
        memcpy(room, bytes.data, bytes.size);
    }
}

void gather_splice(struct gather *to, struct gather *from)
{
    if (from->error && !to->error) {
        to->error = from->error;
    }
    for (size_t i = from->first; i < from->count; i++) {
        gather_add(to, from->pieces[i].owner, from->pieces[i].data, from->pieces[i].size);
    }
    gather_clear(from);
}

struct gather_mark gather_mark(const struct gather *g)
{
    assert(g->first == 0);
    return (struct gather_mark){
        .count = g->count,
        .last_size = g->count ? g->pieces[g->count - 1].size : 0,
        .size = g->size,
    };
}

void gather_rewind(struct gather *g, struct gather_mark mark)
{
    assert(g->first == 0 && mark.count <= g->count);
    release_pieces(g, mark.count);
    g->count = mark.count;
    g->size = mark.size;
    if (mark.count) {
        g->pieces[mark.count - 1].size = mark.last_size;
    }
}

size_t gather_peek(const struct gather *g, struct iovec *ret_pieces, size_t max)
{
    size_t n = 0;
    for (size_t i = g->first; i < g->count && n < max; i++, n++) {
        ret_pieces[n] = (struct iovec){ g->pieces[i].data, g->pieces[i].size };
    }
    return n;
}

void gather_consume(struct gather *g, size_t size)
{
    assert(size <= g->size);
    g->size -= size;
    while (size > 0) {
        struct piece *piece = &g->pieces[g->first];
        if (size < piece->size) {
            piece->data += size;
            piece->size -= size;
            return;
        }
        size -= piece->size;
        block_release(piece->owner);
        g->first++;
    }
    if (g->first == g->count) {
        gather_clear(g);
    }
}

void gather_flatten(const struct gather *g, uint8_t *ret_memory)
{
    for (size_t i = g->first; i < g->count; i++) {
        memcpy(ret_memory, g->pieces[i].data, g->pieces[i].size);
        ret_memory += g->pieces[i].size;
    }
}
