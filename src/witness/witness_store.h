/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a witness remembers: of each log the last checkpoint that it cosigned,
 * in a file of its own (spec/ledger.md, section 5.2).
 *
 *   <cluster>+<writer>+<instance>.cosigned    the checkpoint and the cosignature
 *   <cluster>+<writer>+<instance>.fork        a checkpoint that contradicts it, the first one met
 *
 * The rule to keep: between looking at a log and replacing what is remembered
 * of it, its lock is held; and nothing is answered that is not on disk.
 */
#ifndef SIGNET_WITNESS_WITNESS_STORE_H
#define SIGNET_WITNESS_WITNESS_STORE_H

#include <pthread.h>

#include "net/cause.h"
#include "seal/consistency.h"
#include "seal/ledger_origin.h"

struct witness_store;

struct witness_store_limits {
    uint32_t logs, logs_per_writer;
};

/* The folder is there, and this process's alone until it is closed.  SYSTEM with a cause; OUT_OF_MEMORY. */
signet_error witness_store_open(const char *path, struct witness_store_limits limits, struct witness_store **ret_store,
                                struct cause *ret_cause);
/* Takes NULL. */
void witness_store_close(struct witness_store *store);
uint32_t witness_store_count(const struct witness_store *store);

/* A log, locked. */
struct witness_log {
    struct witness_store *store;
    pthread_mutex_t *lock;
    struct slice origin; /* borrowed */
    const struct ledger_origin *parts;
    struct tree_head head; /* what was cosigned last; size 0: nothing yet */
};

/* Waits for the lock; to be ended by witness_log_end only when it succeeded.  MALFORMED: what is remembered cannot be believed.  SYSTEM with errno. */
signet_error witness_log_begin(struct witness_store *store, struct slice origin, const struct ledger_origin *parts,
                               struct witness_log *ret_log);
/* On disk when it returns.  LIMIT: it would be one log too many.  SYSTEM with errno: nothing may be answered. */
signet_error witness_log_replace(struct witness_log *log, struct slice note);
/* Kept for those who look into it; as far as that is possible. */
void witness_log_keep_fork(struct witness_log *log, struct slice note);
void witness_log_end(struct witness_log *log);

#endif
