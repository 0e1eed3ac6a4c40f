/* SPDX-License-Identifier: Apache-2.0 */
/* One vector in the making, and its file (spec/vectors/README.md).  A fault in here aborts. */
#ifndef SIGNET_TESTS_VECTOR_FILE_H
#define SIGNET_TESTS_VECTOR_FILE_H

#include <jansson.h>

#include "seal/outcome.h"
#include "seal/verdict.h"
#include "vector_world.h"

enum { EXCEPTIONS_MAX = 4 };

struct vector_writer {
    int index; /* of the world's */
    const char *topic;
    int64_t not_before_ms, not_after_ms; /* 0 open */
    bool revoked;
    int64_t last_good; /* -1 none */
};

struct vector {
    struct world *world;
    const char *folder, *name, *comment;
    bool log_append_time;
    int64_t cut_over;
    struct vector_writer writers[WORLD_WRITERS];
    size_t writer_count;
    int64_t exceptions[EXCEPTIONS_MAX][2];
    size_t exception_count;
    const char *rows_topic; /* the name in the trust file's rows; NULL: the world's */
    int recipients[WORLD_RECIPIENTS];
    size_t recipient_count;
    json_t *fetches, *fetch, *batches;
    uint8_t *log;
    size_t log_size;
};

/* Streams and randomness begin anew.  Trusts writer 0 for orders*, and opens with recipient 0's key; what is to be otherwise is set by the caller. */
struct vector vector_begin(struct world *w, const char *folder, const char *name, const char *comment);
/* Writes it below `root` and frees it. */
void vector_end(struct vector *v, const char *root);

/* A fetch begins, and with it the one before ends.  `label` may be NULL. */
void fetch_begin(struct vector *v, int64_t offset, const char *label);
void fetch_share_group(struct vector *v);
void fetch_committed(struct vector *v, const struct aborted_transaction *aborted, size_t count);

/* Bytes of which nothing is expected: what stands behind a refused batch, or is not a whole one. */
void fetch_bytes(struct vector *v, const uint8_t *bytes, size_t size);
/* Delivered as the producer sent it. */
void fetch_good(struct vector *v, const struct made *made, enum verdict verdict);
/* Refused, and nothing behind it is judged unless it is a share group's. */
void fetch_bad(struct vector *v, const struct made *made, enum verdict verdict);
/* Bad but accepted, so delivered or replaced. */
void fetch_accepted(struct vector *v, const struct made *made, enum verdict verdict);
void fetch_wrong_offset(struct vector *v, const struct made *made, int64_t expected, bool accepted);
void fetch_removed(struct vector *v, const struct made *made, int64_t missed, bool accepted);

#endif
