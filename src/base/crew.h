/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A crew: threads that help event loops with work of independent parts, such
 * as hashing the batches of one large response.  Each event loop does its own
 * parts too while it waits for the rest, so that work goes on at its own pace
 * when the machine is busy, and faster when it is not.
 *
 * A job and its tasks are the caller's memory and stay where they are until
 * crew_finish has returned.  What a task reads must not be written meanwhile,
 * and what it writes is the caller's again after crew_finish.
 */
#ifndef SIGNET_BASE_CREW_H
#define SIGNET_BASE_CREW_H

#include <stddef.h>

struct crew;

struct crew_job {
    struct crew *crew; /* NULL: tasks are done at once by whoever posts them */
    /* The crew's, under its lock, from here on. */
    struct crew_task *first, *last; /* those that nobody has begun */
    struct crew_job *next, *before; /* in the ring of jobs that have some */
    size_t unfinished;
};

struct crew_task {
    /* `who` is 0 for the thread that owns the job, and from 1 on for those of the crew: for memory that is not to be shared. */
    void (*run)(struct crew_task *task, size_t who);
    struct crew_task *next; /* the crew's: in its job */
};

/* `threads` > 0.  NULL when there is no memory or no thread to be had. */
struct crew *crew_new(size_t threads);
/* When no job is under way any more.  Takes NULL. */
void crew_free(struct crew *crew);
/* Threads besides the caller's; 0 for NULL. */
size_t crew_size(const struct crew *crew);

void crew_post(struct crew_job *job, struct crew_task *task);
/* Returns when all tasks of the job have been done.  Only the thread that posted them calls it. */
void crew_finish(struct crew_job *job);
/* Gives up those that nobody has begun, and returns when the others have been done. */
void crew_drop(struct crew_job *job);

#endif
