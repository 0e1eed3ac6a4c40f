/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a connection knows of what it reads: where each partition is being
 * fetched from, and what has been followed there.  With a fetch session
 * (KIP-227) the broker remembers the offsets that a request leaves out, and so
 * does this.
 */
#ifndef SIGNET_RELAY_READING_H
#define SIGNET_RELAY_READING_H

#include "seal/open.h"

struct reading_partition {
    struct place place; /* an empty slot has the zero id */
    int64_t fetch_offset;
    struct judge_partition open;
};

/* Starts as all zero. */
struct reading {
    int32_t session_id;                   /* the broker's fetch session on this connection; 0 none */
    bool overtaken;                       /* the broker has that session further than the client has brought it */
    struct reading_partition *partitions; /* open addressing, at most half full */
    size_t count, capacity;
};

void reading_free(struct reading *reading);
/* NULL when it is not being read. */
struct reading_partition *reading_find(const struct reading *reading, const struct place *place);
/* Found or made; good until the next call.  NULL when memory is out or past the limit. */
struct reading_partition *reading_partition(struct reading *reading, const struct place *place);

#endif
