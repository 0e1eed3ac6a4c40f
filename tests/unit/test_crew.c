/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/crew.h"

enum {
    THREADS = 3,
    OWNERS = 4,
    ROUNDS = 200,
    TASKS = 40,
};

struct sum {
    struct crew_task task;
    uint64_t from, result;
    size_t who;
};

static void add_up(struct crew_task *task, size_t who)
{
    struct sum *sum = (struct sum *)task;
    sum->who = who;
    for (uint64_t i = 0; i < 1000; i++) {
        sum->result += sum->from + i;
    }
}

static void check(const struct sum *sum, uint64_t from, size_t size)
{
    assert_int_equal(sum->result, 1000 * from + 999 * 1000 / 2);
    assert_true(sum->who <= size);
}

/* Tasks are posted now and then, as a response comes in, and waited for more than once. */
static void run_rounds(struct crew *crew)
{
    static _Thread_local struct sum sums[TASKS];
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct crew_job job = { .crew = crew };
        for (uint64_t i = 0; i < TASKS; i++) {
            sums[i] = (struct sum){ .task.run = add_up, .from = round + i };
            crew_post(&job, &sums[i].task);
            if (i % 16 == 15) {
                crew_finish(&job);
                check(&sums[i], round + i, crew_size(crew));
            }
        }
        crew_finish(&job);
        crew_finish(&job);
        for (uint64_t i = 0; i < TASKS; i++) {
            check(&sums[i], round + i, crew_size(crew));
        }
    }
}

static void without_a_crew_the_owner_does_it_all(void **state)
{
    (void)state;
    assert_int_equal(crew_size(NULL), 0);
    run_rounds(NULL);
    crew_free(NULL);
}

static void all_that_is_posted_is_done(void **state)
{
    (void)state;
    struct crew *crew = crew_new(THREADS);
    assert_non_null(crew);
    assert_int_equal(crew_size(crew), THREADS);
    run_rounds(crew);
    crew_free(crew);
}

static void *own(void *crew)
{
    run_rounds(crew);
    return NULL;
}

static void owners_do_not_mix(void **state)
{
    (void)state;
    pthread_t owners[OWNERS];
    struct crew *crew = crew_new(THREADS);
    assert_non_null(crew);
    for (size_t i = 0; i < OWNERS; i++) {
        assert_int_equal(pthread_create(&owners[i], NULL, own, crew), 0);
    }
    for (size_t i = 0; i < OWNERS; i++) {
        assert_int_equal(pthread_join(owners[i], NULL), 0);
    }
    crew_free(crew);
}

/* Tasks that hold the crew up until they are let go. */
struct gate_task {
    struct crew_task task;
    atomic_bool *open;
    atomic_int *begun, *passed;
};

static void pass(struct crew_task *task, size_t who)
{
    struct gate_task *gated = (struct gate_task *)task;
    (void)who;
    atomic_fetch_add(gated->begun, 1);
    while (!atomic_load(gated->open)) {
        sched_yield();
    }
    atomic_fetch_add(gated->passed, 1);
}

static void what_is_dropped_is_not_begun(void **state)
{
    (void)state;
    atomic_bool open = false;
    atomic_int begun = 0, passed = 0;
    struct gate_task blocking[THREADS], more[TASKS];
    struct crew *crew = crew_new(THREADS);
    struct crew_job job = { .crew = crew }, other = { .crew = crew };
    for (size_t i = 0; i < THREADS; i++) {
        blocking[i] = (struct gate_task){ { .run = pass }, &open, &begun, &passed };
        crew_post(&job, &blocking[i].task);
    }
    while (atomic_load(&begun) < THREADS) {
        sched_yield();
    }
    for (size_t i = 0; i < TASKS; i++) {
        more[i] = (struct gate_task){ { .run = pass }, &open, &begun, &passed };
        crew_post(&other, &more[i].task);
    }
    crew_drop(&other);
    atomic_store(&open, true);
    crew_finish(&job);
    assert_int_equal(atomic_load(&passed), THREADS);
    crew_drop(&job);
    crew_free(crew);
}

static void jobs_take_turns(void **state)
{
    (void)state;
    struct crew *crew = crew_new(1);
    static struct sum many[ROUNDS * TASKS], few[2];
    struct crew_job large = { .crew = crew }, small = { .crew = crew };
    for (size_t i = 0; i < ROUNDS * TASKS; i++) {
        many[i] = (struct sum){ .task.run = add_up, .from = i };
        crew_post(&large, &many[i].task);
    }
    for (size_t i = 0; i < 2; i++) {
        few[i] = (struct sum){ .task.run = add_up, .from = i };
        crew_post(&small, &few[i].task);
    }
    crew_finish(&small);
    crew_finish(&large);
    check(&few[1], 1, 1);
    check(&many[ROUNDS * TASKS - 1], ROUNDS * TASKS - 1, 1);
    crew_free(crew);
}

static void an_idle_crew_goes(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        crew_free(crew_new(1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_crew_the_owner_does_it_all),
        cmocka_unit_test(all_that_is_posted_is_done),
        cmocka_unit_test(owners_do_not_mix),
        cmocka_unit_test(what_is_dropped_is_not_begun),
        cmocka_unit_test(jobs_take_turns),
        cmocka_unit_test(an_idle_crew_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
