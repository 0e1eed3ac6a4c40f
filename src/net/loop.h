/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An event loop and the thread that runs it.  A turn waits for events, calls
 * back, and then does in one place what the callbacks asked for: deferred
 * jobs, interest in descriptors, closing.
 *
 * The rule to keep: everything made on a loop is touched by its thread only,
 * except loop_stop and loop_post.
 */
#ifndef SIGNET_NET_LOOP_H
#define SIGNET_NET_LOOP_H

#include "base/error.h"
#include "base/slice.h"
#include "net/cause.h"

enum {
    /* Stop, reload, reopen logs, print state; and some. */
    LOOP_SIGNALS_MAX = 8,
};

typedef void job_fn(void *context);

/*
 * A piece of work, in memory of whoever wants it done.  It is the loop's from
 * when it is handed over until `run` is called, and is in one queue at a time.
 */
struct job {
    job_fn *run;
    void *context;
    struct job *next, **link; /* the loop's; zero to begin with */
};

struct loop;

/* May be called by another thread than the one that will run it. */
signet_error loop_new(struct loop **ret_loop);
/* Until loop_stop, which may also have come before. */
void loop_run(struct loop *loop);
/* Any thread, also a callback: the turn is finished, then loop_run returns. */
void loop_stop(struct loop *loop);
/*
 * Once nothing runs it.  Watches and listeners must be closed, timers freed and
 * resolutions cancelled before; closed watches get their last callback here.  Jobs
 * that have not run are dropped.  While a thread still asks the resolver for it
 * (resolution_is_asking) its memory stays.  Takes NULL.
 */
void loop_free(struct loop *loop);

/* Any thread: `job` runs on the loop's thread, in the order of posting. */
void loop_post(struct loop *loop, struct job *job);
/* The loop's thread: `job` runs once at the end of this turn, however often it was deferred, before interest and closing are seen to. */
void loop_defer(struct loop *loop, struct job *job);
/* It will not run, if it was deferred. */
void loop_undefer(struct loop *loop, struct job *job);

/* Milliseconds that never go back, as of the start of the turn. */
int64_t loop_now_ms(const struct loop *loop);

/* One loop of the process only.  `run` is called on its thread, as often as the system says.  LIMIT or SYSTEM. */
signet_error loop_on_signal(struct loop *loop, int signal_number, job_fn *run, void *context);

#endif
