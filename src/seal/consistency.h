/* SPDX-License-Identifier: Apache-2.0 */
/* Consistency proofs of RFC 6962, section 2.1.2: that a tree is a later state of another one. */
#ifndef SIGNET_SEAL_CONSISTENCY_H
#define SIGNET_SEAL_CONSISTENCY_H

#include "seal/merkle.h"

enum { CONSISTENCY_HASHES_MAX = MERKLE_LEVELS };

struct consistency_proof {
    uint8_t hashes[CONSISTENCY_HASHES_MAX][SHA256_BYTES];
    size_t count; /* 0 where the trees are of one size, or the old one is empty */
};

struct tree_head {
    uint64_t size; /* leaves, at most MERKLE_SIZE_MAX */
    uint8_t root[SHA256_BYTES];
};

/* Is `head` a later state of `old`, or the same?  Of an empty old tree the root does not matter (RFC 9162, section 2.1.4.2). */
bool consistency_verify(const struct tree_head *old, const struct tree_head *head,
                        const struct consistency_proof *proof);

#endif
