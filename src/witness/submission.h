/* SPDX-License-Identifier: Apache-2.0 */
/* What a log sends to a witness: the body of C2SP tlog-witness's add-checkpoint (spec/ledger.md, section 5.1). */
#ifndef SIGNET_WITNESS_SUBMISSION_H
#define SIGNET_WITNESS_SUBMISSION_H

#include "seal/checkpoint.h"
#include "seal/consistency.h"

enum {
    /* "old ", a size and its line end; the hashes; the empty line; the checkpoint. */
    SUBMISSION_BYTES_MAX = 24 + CONSISTENCY_HASHES_MAX * 45 + 1 + CHECKPOINT_NOTE_BYTES_MAX,
};

struct submission {
    uint64_t old_size; /* at most MERKLE_SIZE_MAX */
    struct consistency_proof proof;
    struct checkpoint_note note;
};

/* MALFORMED, or LIMIT as checkpoint_read says; `ret_submission` has no meaning then.  Slices borrow `body`. */
signet_error submission_read(struct slice body, struct submission *ret_submission);
#endif
