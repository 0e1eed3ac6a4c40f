/* SPDX-License-Identifier: Apache-2.0 */
#include "base/block.h"

#include <assert.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/wipe.h"

/* While a block is kept nobody may touch it, and the sanitizer sees to that. */
#if defined __SANITIZE_ADDRESS__
#define ADDRESS_SANITIZER 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER 1
#endif
#endif
#ifdef ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size)   ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

/* Frames that are nearly as large share blocks: sizes are rounded up by less than a quarter. */
static size_t rounded(size_t capacity)
{
    size_t step = KEPT_BLOCK_BYTES_MIN / 4;
    while (step < capacity / 8) {
        step *= 2;
    }
    return (capacity + step - 1) / step * step;
}

static struct block *take_kept(struct budget *budget, size_t capacity)
{
    for (struct block **at = &budget->kept; *at; at = &(*at)->next) {
        struct block *block = *at;
        if (block->capacity == capacity) {
            *at = block->next;
            budget->kept_bytes -= capacity;
            ASAN_UNPOISON_MEMORY_REGION(block->data, capacity);
            return block;
        }
    }
    return NULL;
}

static bool is_kept_size(const struct budget *budget, size_t capacity)
{
    return capacity >= KEPT_BLOCK_BYTES_MIN && capacity <= budget->kept_bytes_max;
}

/* Those that have not been used for longest make room. */
static void make_room(struct budget *budget, size_t capacity)
{
    while (budget->kept && budget->kept_bytes + capacity > budget->kept_bytes_max) {
        struct block **at = &budget->kept;
        while ((*at)->next) {
            at = &(*at)->next;
        }
        budget->kept_bytes -= (*at)->capacity;
        free(*at);
        *at = NULL;
    }
}

static void keep(struct budget *budget, struct block *block)
{
    make_room(budget, block->capacity);
    block->aged = false;
    block->next = budget->kept;
    budget->kept = block;
    budget->kept_bytes += block->capacity;
    ASAN_POISON_MEMORY_REGION(block->data, block->capacity);
}

void budget_trim(struct budget *budget)
{
    for (struct block *block; (block = budget->kept);) {
        budget->kept = block->next;
        free(block);
    }
    budget->kept_bytes = 0;
}

void budget_sweep(struct budget *budget)
{
    struct block **at = &budget->kept;
    while (*at && !(*at)->aged) { /* the last released come first */
        (*at)->aged = true;
        at = &(*at)->next;
    }
    for (struct block *block; (block = *at);) {
        *at = block->next;
        budget->kept_bytes -= block->capacity;
        free(block);
    }
}

struct block *block_new(struct budget *budget, size_t capacity)
{
    bool keepable = is_kept_size(budget, capacity);
    capacity = keepable ? rounded(capacity) : capacity;
    struct block *block = keepable ? take_kept(budget, capacity) : NULL;
    block = block ? block : malloc(sizeof *block + capacity);
    if (!block) {
        return NULL;
    }
    *block = (struct block){ .budget = budget, .references = 1, .capacity = capacity };
    budget->used_bytes += capacity;
    return block;
}

struct block *block_retain(struct block *block)
{
    block->references++;
    return block;
}

void block_release(struct block *block)
{
    if (!block) {
        return;
    }
    assert(block->references > 0);
    if (--block->references > 0) {
        return;
    }
    block->budget->used_bytes -= block->capacity;
    if (block->secret) {
        wipe(block->data, block->capacity);
    }
    if (is_kept_size(block->budget, block->capacity)) {
        keep(block->budget, block);
    } else {
        free(block);
    }
}

bool budget_admits(const struct budget *budget, size_t size)
{
    if (budget->used_bytes + size <= budget->limit_bytes) {
        return true;
    }
    return budget->used_bytes <= BUDGET_IDLE_BYTES && size > budget->limit_bytes / 2;
}
