/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in a segment, batch after batch, for somebody to look at: nothing
 * is judged.  The file may be anything; memory stays within a window, or one
 * batch of SURVEY_LARGE_BYTES_MAX.
 */
#ifndef SIGNET_VERIFY_LISTING_H
#define SIGNET_VERIFY_LISTING_H

#include "base/block.h"
#include "kafka/batch.h"

enum listing_kind {
    LISTING_BATCH,  /* whole */
    LISTING_LARGE,  /* too large to be looked into; the listing goes on behind it */
    LISTING_TORN,   /* would end behind the end of the file */
    LISTING_ZEROS,  /* to the end of the file: room made beforehand */
    LISTING_BROKEN, /* no batch of magic 2 begins here; the listing ends */
};

struct listing_item {
    enum listing_kind kind;
    uint64_t position, size; /* bytes: of the batch, or to the end of the file */
    int64_t base_offset;     /* what stands there; -1 when there are too few bytes */
    int magic;               /* the same */
    struct batch batch;      /* LISTING_BATCH only; lies in `owner` */
    struct block *owner;
};

typedef void listing_hook(void *context, const struct listing_item *item);

/* Calls `hook` for what is in `file`, of `size` bytes.  SYSTEM with errno; OUT_OF_MEMORY. */
signet_error listing_run(struct budget *budget, int file, uint64_t size, listing_hook *hook, void *context);

#endif
