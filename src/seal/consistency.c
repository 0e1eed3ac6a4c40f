/* SPDX-License-Identifier: Apache-2.0 */
#include "seal/consistency.h"

/* Where a walk from the old tree's last leaf to the root has got to, in both trees. */
struct walk_up {
    uint64_t old_node, node;
    uint8_t old_root[SHA256_BYTES], root[SHA256_BYTES];
};

static void go_up(struct walk_up *w)
{
    w->old_node >>= 1;
    w->node >>= 1;
}

/* One hash of the proof: false when the walk was over before. */
static bool take(struct walk_up *w, const uint8_t hash[SHA256_BYTES])
{
    if (w->node == 0) {
        return false;
    }
    if ((w->old_node & 1) || w->old_node == w->node) {
        merkle_node_hash(hash, w->old_root, w->old_root);
        merkle_node_hash(hash, w->root, w->root);
        while (w->old_node != 0 && !(w->old_node & 1)) {
            go_up(w);
        }
    } else {
        merkle_node_hash(w->root, hash, w->root);
    }
    go_up(w);
    return true;
}

/* With 0 < old size < size. */
static bool verify_growth(const struct tree_head *old, const struct tree_head *head,
                          const struct consistency_proof *proof)
{
    bool is_full = (old->size & (old->size - 1)) == 0;
    struct walk_up w = { old->size - 1, head->size - 1, { 0 }, { 0 } };
    if (proof->count == 0) {
        return false;
    }
    while (w.old_node & 1) {
        go_up(&w);
    }
    const uint8_t *first = is_full ? old->root : proof->hashes[0];
    memcpy(w.old_root, first, sizeof w.old_root);
    memcpy(w.root, first, sizeof w.root);
    for (size_t i = is_full ? 0 : 1; i < proof->count; i++) {
        if (!take(&w, proof->hashes[i])) {
            return false;
        }
    }
    return w.node == 0 && memcmp(w.old_root, old->root, sizeof w.old_root) == 0 &&
           memcmp(w.root, head->root, sizeof w.root) == 0;
}

bool consistency_verify(const struct tree_head *old, const struct tree_head *head,
                        const struct consistency_proof *proof)
{
    if (old->size == 0) {
        return proof->count == 0;
    }
    if (old->size == head->size) {
        return proof->count == 0 && memcmp(old->root, head->root, sizeof old->root) == 0;
    }
    return old->size < head->size && verify_growth(old, head, proof);
}
