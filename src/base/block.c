/* SPDX-License-Identifier: Apache-2.0 */
#include "base/block.h"

#include <assert.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/wipe.h"

struct block *block_new(struct budget *budget, size_t capacity)
{
    struct block *block = malloc(sizeof *block + capacity);
    if (!block) {
        return NULL;
    }
    block->budget = budget;
    block->references = 1;
    block->capacity = capacity;
    block->secret = false;
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
    free(block);
}

bool budget_admits(const struct budget *budget, size_t size)
{
    if (budget->used_bytes + size <= budget->limit_bytes) {
        return true;
    }
    return budget->used_bytes <= BUDGET_IDLE_BYTES && size > budget->limit_bytes / 2;
}
