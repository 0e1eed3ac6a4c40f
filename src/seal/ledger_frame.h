/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of records in a file (spec/ledger.md, section 4): what a crash leaves is told from damage. */
#ifndef SIGNET_SEAL_LEDGER_FRAME_H
#define SIGNET_SEAL_LEDGER_FRAME_H

#include "base/cursor.h"
#include "base/limits.h"

enum { LEDGER_FRAME_HEADER_BYTES = 12 };

enum ledger_frame {
    LEDGER_FRAME_GOOD,
    LEDGER_FRAME_WHOLE, /* the file ends here, between frames */
    LEDGER_FRAME_TORN,
    LEDGER_FRAME_DAMAGED,
};

/* What stands before a record in a file; it has 1 to LEDGER_RECORD_BYTES_MAX bytes. */
void ledger_frame_header(struct slice record, uint8_t ret_header[LEDGER_FRAME_HEADER_BYTES]);
/* Of the record behind such a header; 0 when it is none. */
uint32_t ledger_frame_size(const uint8_t header[LEDGER_FRAME_HEADER_BYTES]);
/* `r` is over all that is left of the file, and moves past a good frame only. */
enum ledger_frame ledger_frame_next(struct reader *r, struct slice *ret_record);

#endif
