/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder of ledger files (spec/ledger.md, section 4): each process writes
 * its log to files of its own, the next one when one is large, and never to
 * one that was there.
 *
 *   <instance>-<number of its first record>.ledger
 *   <instance>.over        nothing in it: that log was closed or retired
 *
 * The process keeps its first file locked: so others in the same folder know
 * that it is alive.
 */
#ifndef SIGNET_GATEWAY_LEDGER_FOLDER_H
#define SIGNET_GATEWAY_LEDGER_FOLDER_H

#include "net/cause.h"
#include "seal/ledger_record.h"

struct ledger_folder;

/* The folder must be there.  SYSTEM with a cause; OUT_OF_MEMORY. */
signet_error ledger_folder_open(const char *path, struct ledger_folder **ret_folder, struct cause *ret_cause);
/* Takes NULL. */
void ledger_folder_close(struct ledger_folder *folder);

/* The last state of a log of a process that is gone. */
struct ledger_found {
    uint8_t writer[WRITER_KEY_BYTES], instance[LEDGER_INSTANCE_BYTES];
    uint64_t size;
    uint8_t root[SHA256_BYTES];
    int64_t time_ms;
    bool closed;
};
/*
 * Those that are not over and have a record of their own writer's, at most
 * `max`; and the one that was written to last, over or not, if there is any.
 * What cannot be read is passed by.  SYSTEM with a cause; OUT_OF_MEMORY.
 */
signet_error ledger_folder_find(struct ledger_folder *folder, struct ledger_found *ret_found, size_t max,
                                size_t *ret_count, struct ledger_found *ret_last, bool *ret_has_last,
                                struct cause *ret_cause);

/* What is appended from now on is that log's. */
void ledger_folder_begin(struct ledger_folder *folder, const uint8_t instance[LEDGER_INSTANCE_BYTES]);
/* On disk when it returns.  SYSTEM with a cause: it is not, and what there is of it is cut off or left behind in a torn file. */
signet_error ledger_folder_append(struct ledger_folder *folder, uint64_t number, struct slice record,
                                  struct cause *ret_cause);
/* That log is over: it need not be looked at again.  It does no harm that this is not known. */
void ledger_folder_mark_over(struct ledger_folder *folder, const uint8_t instance[LEDGER_INSTANCE_BYTES]);

#endif
