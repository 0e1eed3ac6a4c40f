/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crew.h"

#include <stdlib.h>

#include "base/thread.h"

struct hand {
    struct crew *crew;
    size_t who;
    pthread_t thread;
};

struct crew {
    pthread_mutex_t lock;
    pthread_cond_t posted; /* there is a task, or no more will come */
    pthread_cond_t done;   /* some job has no unfinished task left */
    struct crew_job *jobs; /* whose turn it is next */
    bool closing;
    size_t size;
    struct hand hands[];
};

/* Jobs take turns, so that a large one does not keep the others waiting. */
static void enter(struct crew *crew, struct crew_job *job)
{
    if (crew->jobs) {
        job->next = crew->jobs;
        job->before = crew->jobs->before;
        job->before->next = job->next->before = job;
    } else {
        crew->jobs = job->next = job->before = job;
    }
}

static void leave(struct crew *crew, struct crew_job *job)
{
    job->before->next = job->next;
    job->next->before = job->before;
    if (crew->jobs == job) {
        crew->jobs = job->next == job ? NULL : job->next;
    }
    job->next = job->before = NULL;
}

static struct crew_task *take(struct crew *crew, struct crew_job *job)
{
    struct crew_task *task = job->first;
    job->first = task->next;
    if (!job->first) {
        job->last = NULL;
        leave(crew, job);
    }
    return task;
}

/* With the lock held, which is given up meanwhile. */
static void run(struct crew *crew, struct crew_job *job, struct crew_task *task, size_t who)
{
    pthread_mutex_unlock(&crew->lock);
    task->run(task, who);
    pthread_mutex_lock(&crew->lock);
    if (--job->unfinished == 0 && who > 0) {
        pthread_cond_broadcast(&crew->done);
    }
}

static void *work(void *context)
{
    struct hand *hand = context;
    struct crew *crew = hand->crew;
    pthread_mutex_lock(&crew->lock);
    while (!crew->closing) {
        struct crew_job *job = crew->jobs;
        if (job) {
            crew->jobs = job->next;
            run(crew, job, take(crew, job), hand->who);
        } else {
            pthread_cond_wait(&crew->posted, &crew->lock);
        }
    }
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

static size_t start(struct crew *crew, size_t threads)
{
    while (crew->size < threads) {
        struct hand *hand = &crew->hands[crew->size];
        *hand = (struct hand){ .crew = crew, .who = crew->size + 1 };
        if (!thread_start(&hand->thread, work, hand)) {
            break;
        }
        crew->size++;
    }
    return crew->size;
}

struct crew *crew_new(size_t threads)
{
    struct crew *crew = calloc(1, sizeof *crew + threads * sizeof *crew->hands);
    if (!crew) {
        return NULL;
    }
    pthread_mutex_init(&crew->lock, NULL);
    pthread_cond_init(&crew->posted, NULL);
    pthread_cond_init(&crew->done, NULL);
    if (start(crew, threads) == 0) {
        crew_free(crew);
        return NULL;
    }
    return crew;
}

void crew_free(struct crew *crew)
{
    if (!crew) {
        return;
    }
    pthread_mutex_lock(&crew->lock);
    crew->closing = true;
    pthread_cond_broadcast(&crew->posted);
    pthread_mutex_unlock(&crew->lock);
    for (size_t i = 0; i < crew->size; i++) {
        pthread_join(crew->hands[i].thread, NULL);
    }
    pthread_cond_destroy(&crew->done);
    pthread_cond_destroy(&crew->posted);
    pthread_mutex_destroy(&crew->lock);
    free(crew);
}

size_t crew_size(const struct crew *crew)
{
    return crew ? crew->size : 0;
}

void crew_post(struct crew_job *job, struct crew_task *task)
{
    struct crew *crew = job->crew;
    task->next = NULL;
    if (!crew) {
        task->run(task, 0);
        return;
    }
    pthread_mutex_lock(&crew->lock);
    if (job->last) {
        job->last->next = task;
    } else {
        job->first = task;
        enter(crew, job);
    }
    job->last = task;
    job->unfinished++;
    pthread_mutex_unlock(&crew->lock);
    pthread_cond_signal(&crew->posted); /* a thread that wakes up finds the lock free */
}

static void wait_for_others(struct crew *crew, const struct crew_job *job)
{
    while (job->unfinished > 0) {
        pthread_cond_wait(&crew->done, &crew->lock);
    }
}

void crew_finish(struct crew_job *job)
{
    struct crew *crew = job->crew;
    if (!crew) {
        return;
    }
    pthread_mutex_lock(&crew->lock);
    while (job->first) {
        run(crew, job, take(crew, job), 0);
    }
    wait_for_others(crew, job);
    pthread_mutex_unlock(&crew->lock);
}

void crew_drop(struct crew_job *job)
{
    struct crew *crew = job->crew;
    if (!crew) {
        return;
    }
    pthread_mutex_lock(&crew->lock);
    while (job->first) {
        take(crew, job);
        job->unfinished--;
    }
    wait_for_others(crew, job);
    pthread_mutex_unlock(&crew->lock);
}
