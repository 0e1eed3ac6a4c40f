/* SPDX-License-Identifier: Apache-2.0 */
/* The name of one log: cluster, writer and instance (spec/ledger.md, section 2). */
#ifndef SIGNET_SEAL_LEDGER_ORIGIN_H
#define SIGNET_SEAL_LEDGER_ORIGIN_H

#include "base/cursor.h"
#include "base/limits.h"
#include "seal/ledger_leaf.h"

enum { LEDGER_ORIGIN_BYTES_MAX = 17 + CLUSTER_ID_BYTES_MAX + 1 + 2 * WRITER_KEY_BYTES + 1 + 2 * LEDGER_INSTANCE_BYTES };

struct ledger_origin {
    struct slice cluster; /* as it stands in the text */
    uint8_t writer[WRITER_KEY_BYTES];
    uint8_t instance[LEDGER_INSTANCE_BYTES];
};

/* LIMIT for a cluster id that is empty or longer than CLUSTER_ID_BYTES_MAX; NO_SPACE. */
signet_error ledger_origin_write(struct writer *w, struct slice cluster_id, const uint8_t writer[WRITER_KEY_BYTES],
                                 const uint8_t instance[LEDGER_INSTANCE_BYTES]);
/* MALFORMED.  Slices borrow `text`. */
signet_error ledger_origin_read(struct slice text, struct ledger_origin *ret_origin);
/* Does the cluster part follow from this cluster id? */
bool ledger_origin_is_of(const struct ledger_origin *origin, struct slice cluster_id);

#endif
