/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a loop, for the files of this layer that hang something on it.
 *
 * A turn: events and timers (libuv), then jobs that could not wait for an
 * event, then deferred jobs, then settling, which is where interest is told to
 * the system and watches are closed.
 */
#ifndef SIGNET_NET_LOOP_BODY_H
#define SIGNET_NET_LOOP_BODY_H

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "net/loop.h"

struct job_queue {
    struct job *first, **end;
};

struct question;

struct signal_watch {
    uv_signal_t handle;
    job_fn *run;
    void *context;
};

struct loop {
    uv_loop_t uv;
    uv_async_t wakeup;
    atomic_bool stopping;
    pthread_mutex_t lock;    /* over `posted` */
    struct job_queue posted; /* by other threads */
    struct job_queue again;  /* without waiting for an event: TLS holds bytes */
    struct job_queue deferred;
    struct job_queue settling;
    struct question *questions; /* to the resolver, that whoever wants to know the same may join */
    size_t questions_asked;     /* with those that nobody wants any more */
    size_t signal_count;
    struct signal_watch signals[LOOP_SIGNALS_MAX];
};

/* Runs in the next turn, which then does not wait. */
void loop_again(struct loop *loop, struct job *job);
/* Runs at the very end of this turn. */
void loop_settle(struct loop *loop, struct job *job);
/* It will not run again, if it was to. */
void loop_not_again(struct loop *loop, struct job *job);

#endif
