/* SPDX-License-Identifier: Apache-2.0 */
#include "net/loop.h"

#include <assert.h>
#include <stdlib.h>

#include "net/loop_body.h"

enum {
    /* A resolver that answers at all mostly does so in this time; one whose server is silent takes many seconds. */
    RESOLVER_WAIT_MS = 100,
};

static void queue_init(struct job_queue *queue)
{
    queue->first = NULL;
    queue->end = &queue->first;
}

static void queue_add(struct job_queue *queue, struct job *job)
{
    job->next = NULL;
    job->link = queue->end;
    *queue->end = job;
    queue->end = &job->next;
}

static void queue_remove(struct job_queue *queue, struct job *job)
{
    *job->link = job->next; /* NOLINT(clang-analyzer-core.NullDereference): a job in a queue has a link */
    if (job->next) {
        job->next->link = job->link;
    } else {
        queue->end = job->link;
    }
    job->link = NULL;
}

static void queue_add_once(struct job_queue *queue, struct job *job)
{
    if (!job->link) {
        queue_add(queue, job);
    }
}

/* Leaves `from` empty. */
static void queue_take(struct job_queue *from, struct job_queue *ret_taken)
{
    *ret_taken = *from;
    queue_init(from);
    if (ret_taken->first) {
        ret_taken->first->link = &ret_taken->first;
    } else {
        ret_taken->end = &ret_taken->first;
    }
}

static void run_first(struct job_queue *queue)
{
    struct job *job = queue->first;
    queue_remove(queue, job);
    job->run(job->context);
}

/* What is in the queue now; what is added meanwhile waits for the next turn. */
static void run_once(struct job_queue *queue)
{
    struct job mark = { 0 };
    queue_add(queue, &mark);
    while (queue->first != &mark) {
        run_first(queue);
    }
    queue_remove(queue, &mark);
}

static void run_all(struct job_queue *queue)
{
    while (queue->first) {
        run_first(queue);
    }
}

static void on_wakeup(uv_async_t *handle)
{
    struct loop *loop = handle->data;
    struct job_queue posted;
    pthread_mutex_lock(&loop->lock);
    queue_take(&loop->posted, &posted);
    pthread_mutex_unlock(&loop->lock);
    run_all(&posted);
}

signet_error loop_new(struct loop **ret_loop)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (!loop) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    if (uv_loop_init(&loop->uv) != 0) {
        free(loop);
        return SIGNET_ERROR_SYSTEM;
    }
    if (uv_async_init(&loop->uv, &loop->wakeup, on_wakeup) != 0) {
        (void)uv_loop_close(&loop->uv);
        free(loop);
        return SIGNET_ERROR_SYSTEM;
    }
    loop->wakeup.data = loop;
    pthread_mutex_init(&loop->lock, NULL);
    queue_init(&loop->posted);
    queue_init(&loop->again);
    queue_init(&loop->deferred);
    queue_init(&loop->settling);
    *ret_loop = loop;
    return SIGNET_OK;
}

void loop_run(struct loop *loop)
{
    /* What was asked for before the first turn. */
    run_all(&loop->settling);
    while (!atomic_load(&loop->stopping)) {
        bool wait = !loop->again.first && !loop->deferred.first;
        uv_run(&loop->uv, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT);
        run_once(&loop->again);
        run_once(&loop->deferred);
        run_all(&loop->settling);
    }
    atomic_store(&loop->stopping, false);
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->stopping, true);
    uv_async_send(&loop->wakeup);
}

static void nothing_is_left_open(uv_handle_t *handle, void *context)
{
    (void)context;
    (void)handle;
    assert(uv_is_closing(handle));
}

static void on_patience_end(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

/* Of what is closing, and of questions to the resolver, though not of one that takes its time. */
static void finish_callbacks(struct loop *loop)
{
    uv_timer_t patience;
    (void)uv_timer_init(&loop->uv, &patience);
    (void)uv_timer_start(&patience, on_patience_end, RESOLVER_WAIT_MS, 0);
    uv_unref((uv_handle_t *)&patience);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&patience, NULL);
    uv_run(&loop->uv, UV_RUN_NOWAIT);
}

void loop_free(struct loop *loop)
{
    if (!loop) {
        return;
    }
    run_all(&loop->settling);
    uv_close((uv_handle_t *)&loop->wakeup, NULL);
    for (size_t i = 0; i < loop->signal_count; i++) {
        uv_close((uv_handle_t *)&loop->signals[i].handle, NULL);
    }
    uv_walk(&loop->uv, nothing_is_left_open, NULL);
    finish_callbacks(loop);
    if (loop->questions_asked > 0) {
        return; /* a thread will still write to it */
    }
    (void)uv_loop_close(&loop->uv);
    pthread_mutex_destroy(&loop->lock);
    free(loop);
}

void loop_post(struct loop *loop, struct job *job)
{
    pthread_mutex_lock(&loop->lock);
    queue_add(&loop->posted, job);
    pthread_mutex_unlock(&loop->lock);
    uv_async_send(&loop->wakeup);
}

void loop_defer(struct loop *loop, struct job *job)
{
    queue_add_once(&loop->deferred, job);
}

void loop_undefer(struct loop *loop, struct job *job)
{
    if (job->link) {
        queue_remove(&loop->deferred, job);
    }
}

void loop_again(struct loop *loop, struct job *job)
{
    queue_add_once(&loop->again, job);
}

void loop_settle(struct loop *loop, struct job *job)
{
    queue_add_once(&loop->settling, job);
}

void loop_not_again(struct loop *loop, struct job *job)
{
    if (job->link) {
        queue_remove(&loop->again, job);
    }
}

int64_t loop_now_ms(const struct loop *loop)
{
    return (int64_t)uv_now(&loop->uv);
}

static void on_signal(uv_signal_t *handle, int signal_number)
{
    (void)signal_number;
    struct signal_watch *watch = handle->data;
    watch->run(watch->context);
}

signet_error loop_on_signal(struct loop *loop, int signal_number, job_fn *run, void *context)
{
    if (loop->signal_count == LOOP_SIGNALS_MAX) {
        return SIGNET_ERROR_LIMIT;
    }
    struct signal_watch *watch = &loop->signals[loop->signal_count];
    *watch = (struct signal_watch){ .run = run, .context = context };
    if (uv_signal_init(&loop->uv, &watch->handle) != 0) {
        return SIGNET_ERROR_SYSTEM;
    }
    watch->handle.data = watch;
    loop->signal_count++;
    return uv_signal_start(&watch->handle, on_signal, signal_number) == 0 ? SIGNET_OK : SIGNET_ERROR_SYSTEM;
}
