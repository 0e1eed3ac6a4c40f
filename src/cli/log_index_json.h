/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in the files beside a segment, entry by entry: offsets, times,
 * aborted transactions, and producers' state.  Nothing is judged but the one
 * checksum that there is.  Fields whose names end in "-ms" are times.
 */
#ifndef SIGNET_CLI_LOG_INDEX_JSON_H
#define SIGNET_CLI_LOG_INDEX_JSON_H

#include "kafka/log_index.h"

struct json_t;

/* The object is borrowed, and NULL when memory is out. */
typedef void log_index_hook(void *context, struct json_t *item);

struct log_index_listing {
    int file;
    uint64_t size;
    struct log_index_name name; /* of a kind that is not LOG_INDEX_NONE */
    int64_t first, last;        /* only what is about these offsets; producers all the same */
    log_index_hook *hook;
    void *context;
    /* Filled in. */
    bool wrong;   /* the checksum is, or there is not what the header says */
    bool unknown; /* a version that is not known here: what is behind it is not shown */
};

/* SYSTEM with errno. */
signet_error log_index_list(struct log_index_listing *listing);

#endif
