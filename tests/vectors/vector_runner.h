/* SPDX-License-Identifier: Apache-2.0 */
/* Opens the fetches of a vector (spec/vectors/README.md) with what its context says.  A vector that breaks its form aborts. */
#ifndef SIGNET_TESTS_VECTOR_RUNNER_H
#define SIGNET_TESTS_VECTOR_RUNNER_H

#include <jansson.h>

#include "keys/unwrap_cache.h"
#include "seal/open.h"

enum {
    RUNNER_FINDINGS_MAX = 64,
    RUNNER_RECIPIENTS_MAX = 8,
    RUNNER_WRITERS_MAX = 4,
    RUNNER_EXCEPTIONS_MAX = 4,
};

struct vector_runner {
    struct budget budget;
    struct compression compression;
    struct zstd_frame *zstd;
    struct unwrap_cache *cache;
    uint8_t secrets[RUNNER_RECIPIENTS_MAX][BOX_SECRET_BYTES];
    struct trusted_writer writers[RUNNER_WRITERS_MAX];
    char *patterns[RUNNER_WRITERS_MAX];
    struct last_good last_good[RUNNER_WRITERS_MAX];
    char *rows_topic;
    struct cut_over cut_over;
    struct accepted_exception exceptions[RUNNER_EXCEPTIONS_MAX];
    struct trust trust;
    struct opener opener;
    struct judge_partition partition;
    struct open_request request;
    bool looks_ahead; /* as for a large response that comes in parts; with opener.crew, if there is one */

    /* Of the last fetch. */
    struct open_finding findings[RUNNER_FINDINGS_MAX]; /* slices in them are stale */
    size_t finding_count;
    struct open_result result;
    struct block *opened; /* all that came out, in a row */
    size_t opened_size;
};

/* `vector` must outlive it. */
void vector_runner_init(struct vector_runner *r, const json_t *vector);
/* Aborts unless all memory has come back. */
void vector_runner_free(struct vector_runner *r);
void vector_runner_fetch(struct vector_runner *r, const json_t *fetch);

const char *vector_text(const json_t *object, const char *key);
int64_t vector_number(const json_t *object, const char *key, int64_t otherwise);
void vector_hex(const char *text, uint8_t *ret, size_t size);
/* One reference, charged to the runner. */
struct block *vector_base64(struct vector_runner *r, const char *text, size_t *ret_size);

#endif
