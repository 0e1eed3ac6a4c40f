/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verifying what a broker has on its disks: log directories, folders of one
 * partition, and single segments, without any decryption key.  The broker may
 * be running.  What signatures, chains and acknowledged predecessors prove is
 * told; what was cut off at the end, nothing in a log can tell.
 */
#ifndef SIGNET_VERIFY_VERIFY_H
#define SIGNET_VERIFY_VERIFY_H

#include "verify/survey.h"

struct verify_request {
    const struct trust *trust;
    const struct policy *policy; /* which topics must be sealed, and what their timestamps are */
    int64_t append_skew_ms;
    size_t threads;        /* > 0 */
    struct stored *stored; /* what was found is kept there; may be NULL */
    bool maps;             /* surveys of what must be sealed get one */
    /* Called now and then, by one thread at a time; may be NULL. */
    void (*progress)(void *context, uint64_t done_bytes, uint64_t all_bytes);
    void *progress_context;
    /* As in verify/survey.h; may be NULL. */
    void (*watch)(void *context, const struct judge_run *run, const struct judged *batch);
    void *watch_context;
};

struct verify_result {
    struct survey *surveys; /* by path as they were given, then by name */
    size_t count, capacity;
    struct flaws flaws;       /* of what is no partition */
    uint64_t aside;           /* folders that brokers have put aside: -delete, -future, -stray */
    uint64_t *writer_batches; /* by the trust file's writers: authentic ones */
    uint64_t all_bytes;
    bool bad, unknown;
};

/* Finds what is at `path`; several may be added. OUT_OF_MEMORY, or else what is wrong with it is in `flaws`. */
signet_error verify_add(const struct verify_request *request, const char *path, struct verify_result *result);
/* OUT_OF_MEMORY when it could not be told; what is wrong is in the result. */
signet_error verify_run(const struct verify_request *request, struct verify_result *result);
void verify_result_free(struct verify_result *result);

#endif
