/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Merkle tree of RFC 6962, section 2.1, as a log that only grows needs it:
 * its frontier, which is the roots of the full subtrees that the digits of its
 * size name.  Appending and the root follow from it; no leaf is kept.
 */
#ifndef SIGNET_SEAL_MERKLE_H
#define SIGNET_SEAL_MERKLE_H

#include "base/cursor.h"
#include "crypto/hash.h"

enum {
    MERKLE_LEVELS = 63, /* sizes are below 2^63 */
    MERKLE_FRONTIER_BYTES_MAX = MERKLE_LEVELS * SHA256_BYTES,
};

#define MERKLE_SIZE_MAX ((uint64_t)INT64_MAX)

/* Zeroed, it is the empty tree. */
struct merkle_frontier {
    uint64_t size;                                 /* leaves */
    uint8_t subtrees[MERKLE_LEVELS][SHA256_BYTES]; /* [i] has 2^i leaves; of meaning where size has that digit */
};

void merkle_leaf_hash(struct slice leaf, uint8_t ret_hash[SHA256_BYTES]);
/* `ret_hash` may be either of the two. */
void merkle_node_hash(const uint8_t left[SHA256_BYTES], const uint8_t right[SHA256_BYTES],
                      uint8_t ret_hash[SHA256_BYTES]);
/* LIMIT when the tree is full; `frontier` is unchanged then. */
signet_error merkle_append(struct merkle_frontier *frontier, const uint8_t leaf_hash[SHA256_BYTES]);
void merkle_root(const struct merkle_frontier *frontier, uint8_t ret_root[SHA256_BYTES]);

/* Bytes of the frontier of a tree of that size, written. */
size_t merkle_frontier_bytes(uint64_t size);
/* The largest subtree first.  LIMIT for a size above MERKLE_SIZE_MAX. */
signet_error merkle_frontier_read(struct reader *r, uint64_t size, struct merkle_frontier *ret_frontier);
void merkle_frontier_write(struct writer *w, const struct merkle_frontier *frontier);

#endif
