/* SPDX-License-Identifier: Apache-2.0 */
#include "seal/merkle.h"

static const uint8_t prefix_leaf = 0x00, prefix_node = 0x01;

void merkle_leaf_hash(struct slice leaf, uint8_t ret_hash[SHA256_BYTES])
{
    const struct slice pieces[] = { slice_of(&prefix_leaf, 1), leaf };
    sha256_pieces(pieces, 2, ret_hash);
}

void merkle_node_hash(const uint8_t left[SHA256_BYTES], const uint8_t right[SHA256_BYTES],
                      uint8_t ret_hash[SHA256_BYTES])
{
    const struct slice pieces[] = {
        slice_of(&prefix_node, 1),
        slice_of(left, SHA256_BYTES),
        slice_of(right, SHA256_BYTES),
    };
    sha256_pieces(pieces, 3, ret_hash);
}

static bool has_level(uint64_t size, unsigned level)
{
    return (size >> level) & 1;
}

signet_error merkle_append(struct merkle_frontier *f, const uint8_t leaf_hash[SHA256_BYTES])
{
    if (f->size >= MERKLE_SIZE_MAX) {
        return SIGNET_ERROR_LIMIT;
    }
    uint8_t hash[SHA256_BYTES];
    unsigned level = 0;
    memcpy(hash, leaf_hash, sizeof hash);
    for (; has_level(f->size, level); level++) {
        merkle_node_hash(f->subtrees[level], hash, hash);
    }
    memcpy(f->subtrees[level], hash, sizeof hash);
    f->size++;
    return SIGNET_OK;
}

void merkle_root(const struct merkle_frontier *f, uint8_t ret_root[SHA256_BYTES])
{
    bool started = false;
    sha256((struct slice){ 0 }, ret_root);
    for (unsigned level = 0; level < MERKLE_LEVELS; level++) {
        if (!has_level(f->size, level)) {
            continue;
        }
        if (started) {
            merkle_node_hash(f->subtrees[level], ret_root, ret_root);
        } else {
            memcpy(ret_root, f->subtrees[level], SHA256_BYTES);
        }
        started = true;
    }
}

size_t merkle_frontier_bytes(uint64_t size)
{
    size_t digits = 0;
    for (; size; size &= size - 1) {
        digits++;
    }
    return digits * SHA256_BYTES;
}

signet_error merkle_frontier_read(struct reader *r, uint64_t size, struct merkle_frontier *ret_frontier)
{
    if (size > MERKLE_SIZE_MAX) {
        return SIGNET_ERROR_LIMIT;
    }
    struct slice bytes = read_bytes(r, merkle_frontier_bytes(size));
    if (r->error) {
        return r->error;
    }
    const uint8_t *at = bytes.data;
    ret_frontier->size = size;
    for (unsigned level = MERKLE_LEVELS; level-- > 0;) {
        if (has_level(size, level)) {
            memcpy(ret_frontier->subtrees[level], at, SHA256_BYTES);
            at += SHA256_BYTES;
        }
    }
    return SIGNET_OK;
}

void merkle_frontier_write(struct writer *w, const struct merkle_frontier *f)
{
    for (unsigned level = MERKLE_LEVELS; level-- > 0;) {
        if (has_level(f->size, level)) {
            write_bytes(w, slice_of(f->subtrees[level], SHA256_BYTES));
        }
    }
}
