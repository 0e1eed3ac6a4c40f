/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The survey of one partition: its segments from the first to the last, every
 * batch judged as a reader would, and all that is wrong told of.
 *
 * The rule to keep: what could not be looked at is never counted as good.
 * Memory does not depend on how much there is: a window, and for one large
 * batch at a time, process-wide, a larger one.
 */
#ifndef SIGNET_VERIFY_SURVEY_H
#define SIGNET_VERIFY_SURVEY_H

#include <pthread.h>
#include <stdatomic.h>

#include "relay/policy.h"
#include "verify/flaw.h"
#include "verify/partition_map.h"
#include "verify/stored.h"

/* What all surveys share. */
struct survey_plant {
    const struct trust *trust;
    const struct policy *policy;
    int64_t append_skew_ms;
    struct stored *stored; /* what was found is kept there; may be NULL */
    pthread_mutex_t large; /* held by whoever has a large batch in memory */
    /* Called now and then, by one thread at a time; may be NULL. */
    void (*progress)(void *context, uint64_t done_bytes, uint64_t all_bytes);
    void *progress_context;
    /* Called with each batch that has its verdict, within its run; by several threads at a time.  May be NULL. */
    void (*watch)(void *context, const struct judge_run *run, const struct judged *batch);
    void *watch_context;
    pthread_mutex_t telling; /* held by whoever calls it */
    int64_t told_ms;
    uint64_t bytes_all; /* of segments */
    _Atomic uint64_t bytes_done;
};

/* What one thread needs; starts as all zero but for the plant. */
struct surveyor {
    struct survey_plant *plant;
    struct budget budget;
    struct compression compression;
    struct outer_codecs codecs;
    struct judge_scratch scratch;
    struct ahead *ahead;
    struct block *window;
    uint64_t *writer_batches; /* by the trust file's writers: authentic ones */
};
signet_error surveyor_init(struct surveyor *surveyor, struct survey_plant *plant);
void surveyor_free(struct surveyor *surveyor);

enum survey_scope {
    SURVEY_SEALED,   /* must be sealed, and was looked at */
    SURVEY_CLEAR,    /* left in clear by policy: not looked at */
    SURVEY_INTERNAL, /* the brokers' own: not looked at */
};

struct survey {
    char *path; /* of its folder */
    char topic[TOPIC_NAME_BYTES_MAX + 1];
    int32_t partition;
    uint32_t number;      /* among the surveys */
    int64_t only_segment; /* the one asked for; -1: all */
    enum survey_scope scope;
    const struct topic_policy *policy;
    uint64_t bytes; /* of its segments, when they were counted */
    /* Filled in. */
    struct flaws flaws;
    bool unread;               /* not all of the log could be read */
    struct partition_map *map; /* NULL: not asked for */
    struct place place;        /* with a topic id that is not zero, once it was looked at */
    uint64_t segments, batches, records;
    uint64_t verdicts[VERDICT_COUNT];
    uint64_t accepted;
    int64_t first_seal_ms, last_seal_ms; /* with authentic batches */
    int64_t first_offset, next_offset;   /* -1: nothing was there */
};
void survey_partition(struct surveyor *surveyor, struct survey *survey);
void survey_free(struct survey *survey);

#endif
