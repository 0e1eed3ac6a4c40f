/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "base/clock.h"
#include "loop_fixture.h"
#include "net/loop_body.h"
#include "net/resolution.h"
#include "net/timer.h"
#include "net_party.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* Timers. */

struct counter {
    struct loop *loop;
    struct timer *timer;
    int count, stop_at;
    int64_t at_ms;
};

static void count(void *context)
{
    struct counter *counter = context;
    counter->at_ms = loop_now_ms(counter->loop);
    if (++counter->count == counter->stop_at) {
        loop_stop(counter->loop);
    }
}

static void timers_fire_once_or_again_and_again(void **state)
{
    (void)state;
    struct loop *loop = new_loop();
    struct counter once = { .loop = loop }, often = { .loop = loop, .stop_at = 3 }, never = { .loop = loop };
    assert_int_equal(timer_new(loop, count, &once, &once.timer), SIGNET_OK);
    assert_int_equal(timer_new(loop, count, &often, &often.timer), SIGNET_OK);
    assert_int_equal(timer_new(loop, count, &never, &never.timer), SIGNET_OK);
    int64_t start = loop_now_ms(loop);
    timer_set(once.timer, 5);
    timer_repeat(often.timer, 10);
    timer_set(never.timer, 1);
    timer_stop(never.timer);
    assert_true(timer_is_set(once.timer) && !timer_is_set(never.timer));
    loop_run(loop);
    assert_int_equal(once.count, 1);
    assert_int_equal(often.count, 3);
    assert_int_equal(never.count, 0);
    assert_true(often.at_ms - start >= 30);
    assert_true(timer_is_set(often.timer) && !timer_is_set(once.timer));
    timer_free(once.timer);
    timer_free(often.timer);
    timer_free(never.timer);
    loop_free(loop);
}

static void free_itself(void *context)
{
    struct counter *counter = context;
    counter->count++;
    timer_free(counter->timer);
    loop_stop(counter->loop);
}

static void a_timer_may_free_itself(void **state)
{
    (void)state;
    struct loop *loop = new_loop();
    struct counter counter = { .loop = loop };
    assert_int_equal(timer_new(loop, free_itself, &counter, &counter.timer), SIGNET_OK);
    timer_repeat(counter.timer, 0);
    loop_run(loop);
    assert_int_equal(counter.count, 1);
    timer_free(NULL);
    loop_free(loop);
    loop_free(NULL);
}

static void the_wall_clock_is_unix_time(void **state)
{
    (void)state;
    assert_true(wall_clock_ms() / 1000 - (int64_t)time(NULL) <= 1);
    assert_true((int64_t)time(NULL) - wall_clock_ms() / 1000 <= 1);
}

/* Jobs. */

struct note {
    struct job job;
    char letter;
    char *text; /* to which the letter is appended */
};

static void take_note(void *context)
{
    struct note *note = context;
    size_t size = strlen(note->text);
    note->text[size] = note->letter;
    note->text[size + 1] = '\0';
}

static struct note new_note(char letter, char *text)
{
    return (struct note){ .letter = letter, .text = text };
}

static void bind_note(struct note *note)
{
    note->job.run = take_note;
    note->job.context = note;
}

static void deferred_jobs_run_once_a_turn_in_order(void **state)
{
    (void)state;
    char text[16] = "";
    struct loop *loop = new_loop();
    struct note notes[3] = { new_note('a', text), new_note('b', text), new_note('c', text) };
    for (size_t i = 0; i < COUNT(notes); i++) {
        bind_note(&notes[i]);
        loop_defer(loop, &notes[i].job);
    }
    loop_defer(loop, &notes[0].job);
    loop_undefer(loop, &notes[1].job);
    loop_undefer(loop, &notes[1].job);
    loop_stop(loop);
    loop_run(loop);
    assert_string_equal(text, "");
    run_for(loop, 1);
    assert_string_equal(text, "ac");
    loop_defer(loop, &notes[0].job);
    loop_free(loop);
    assert_string_equal(text, "ac");
}

struct repeater {
    struct job job;
    struct loop *loop;
    int left;
};

static void repeat(void *context)
{
    struct repeater *repeater = context;
    if (--repeater->left > 0) {
        loop_defer(repeater->loop, &repeater->job);
    } else {
        loop_stop(repeater->loop);
    }
}

static void a_job_that_defers_itself_does_not_wait_for_events(void **state)
{
    (void)state;
    struct loop *loop = new_loop();
    struct repeater repeater = { .loop = loop, .left = 1000 };
    repeater.job = (struct job){ .run = repeat, .context = &repeater };
    loop_defer(loop, &repeater.job);
    loop_run(loop);
    assert_int_equal(repeater.left, 0);
    loop_free(loop);
}

enum { POSTERS = 4, POSTS = 2000 };

struct poster {
    struct loop *loop;
    pthread_t thread;
    struct post {
        struct job job;
        struct poster *poster;
        int number;
    } posts[POSTS];
    int seen; /* the loop's thread only */
    bool disordered;
};

static int posts_left;

static void on_post(void *context)
{
    struct post *post = context;
    post->poster->disordered |= post->number != post->poster->seen++;
    if (--posts_left == 0) {
        loop_stop(post->poster->loop);
    }
}

static void *post_all(void *context)
{
    struct poster *poster = context;
    for (int i = 0; i < POSTS; i++) {
        struct post *post = &poster->posts[i];
        *post = (struct post){ .poster = poster, .number = i };
        post->job = (struct job){ .run = on_post, .context = post };
        loop_post(poster->loop, &post->job);
    }
    return NULL;
}

static void posts_of_other_threads_arrive_in_order(void **state)
{
    (void)state;
    static struct poster posters[POSTERS];
    struct loop *loop = new_loop();
    posts_left = POSTERS * POSTS;
    for (size_t i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){ .loop = loop };
        assert_int_equal(pthread_create(&posters[i].thread, NULL, post_all, &posters[i]), 0);
    }
    loop_run(loop);
    for (size_t i = 0; i < POSTERS; i++) {
        assert_int_equal(pthread_join(posters[i].thread, NULL), 0);
        assert_int_equal(posters[i].seen, POSTS);
        assert_false(posters[i].disordered);
    }
    loop_free(loop);
}

static void signals_are_told_on_the_loop(void **state)
{
    (void)state;
    struct loop *loop = new_loop();
    struct counter counter = { .loop = loop, .stop_at = 1 };
    assert_int_equal(loop_on_signal(loop, SIGUSR1, count, &counter), SIGNET_OK);
    assert_int_equal(kill(getpid(), SIGUSR1), 0);
    loop_run(loop);
    assert_int_equal(counter.count, 1);
    for (size_t i = 1; i < LOOP_SIGNALS_MAX; i++) {
        assert_int_equal(loop_on_signal(loop, SIGUSR2, count, &counter), SIGNET_OK);
    }
    assert_int_equal(loop_on_signal(loop, SIGUSR2, count, &counter), SIGNET_ERROR_LIMIT);
    loop_free(loop);
}

/* Watches. */

struct watcher {
    struct loop *loop;
    struct watch *watch;
    unsigned events;
    int calls, closed;
};

static void on_ready(void *context, unsigned events)
{
    struct watcher *watcher = context;
    watcher->events |= events;
    watcher->calls++;
}

static void on_closed(void *context)
{
    struct watcher *watcher = context;
    watcher->closed++;
    loop_stop(watcher->loop);
}

static void watch_descriptor(struct watcher *watcher, int descriptor)
{
    const struct watch_handler handler = { .on_ready = on_ready, .on_closed = on_closed, .context = watcher };
    const struct endpoint nobody = { .size = 0 };
    struct connection *connection;
    assert_int_equal(connection_accepted(descriptor, &nobody, NULL, &connection), SIGNET_OK);
    assert_int_equal(watch_new(watcher->loop, connection, &handler, &watcher->watch), SIGNET_OK);
}

static void only_what_is_wanted_is_told(void **state)
{
    (void)state;
    int pair[2];
    struct watcher watcher = { .loop = new_loop() };
    make_socket_pair(pair);
    watch_descriptor(&watcher, pair[0]);
    assert_int_equal(write(pair[1], "x", 1), 1);
    run_for(watcher.loop, 5);
    assert_int_equal(watcher.calls, 0);
    watch_want(watcher.watch, WATCH_READ);
    run_for(watcher.loop, 5);
    assert_int_equal(watcher.events, WATCH_READ);
    watcher.events = 0;
    watch_want(watcher.watch, WATCH_WRITE);
    run_for(watcher.loop, 5);
    assert_int_equal(watcher.events, WATCH_WRITE);
    watch_want(watcher.watch, 0);
    run_for(watcher.loop, 5);
    watcher.calls = 0;
    run_for(watcher.loop, 5);
    assert_int_equal(watcher.calls, 0);
    watch_close(watcher.watch);
    watch_close(watcher.watch);
    assert_int_equal(watcher.closed, 0);
    loop_run(watcher.loop);
    assert_int_equal(watcher.closed, 1);
    assert_int_equal(send(pair[1], "x", 1, MSG_NOSIGNAL), -1);
    assert_int_equal(errno, EPIPE);
    close(pair[1]);
    loop_free(watcher.loop);
}

static void a_hangup_is_told_once_without_reading(void **state)
{
    (void)state;
    for (int gone = 0; gone < 2; gone++) {
        int pair[2];
        struct watcher watcher = { .loop = new_loop() };
        make_tcp_pair(pair);
        watch_descriptor(&watcher, pair[0]);
        watch_want(watcher.watch, WATCH_HANGUP);
        assert_int_equal(write(pair[1], "x", 1), 1);
        run_for(watcher.loop, 5);
        assert_int_equal(watcher.calls, 0);
        assert_int_equal(write(pair[0], "x", 1), 1);
        /* Closing with a byte unread resets the connection. */
        assert_int_equal(gone ? close(pair[1]) : shutdown(pair[1], SHUT_WR), 0);
        run_for(watcher.loop, 20);
        assert_int_equal(watcher.events, WATCH_HANGUP);
        assert_int_equal(watcher.calls, 1);
        watch_close(watcher.watch);
        loop_free(watcher.loop);
        assert_int_equal(watcher.closed, 1);
        if (!gone) {
            close(pair[1]);
        }
    }
}

/* Resolution. */

struct inquiry {
    struct loop *loop;
    struct resolution_answer answer;
    int answered;
};

static void on_answer(void *context, const struct resolution_answer *answer)
{
    struct inquiry *question = context;
    question->answer = *answer;
    question->answered++;
    loop_stop(question->loop);
}

static void ask(struct inquiry *question, const char *text, struct resolution **ret_resolution)
{
    struct address address;
    assert_int_equal(address_parse(slice_of_text(text), &address), SIGNET_OK);
    assert_int_equal(resolution_begin(question->loop, &address, on_answer, question, ret_resolution), SIGNET_OK);
    assert_int_equal(question->answered, 0);
}

static void addresses_are_resolved(void **state)
{
    (void)state;
    static const char *const texts[] = { "127.0.0.1:9092", "[::1]:9092", "unix:/x", "localhost:9092" };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct inquiry question = { .loop = new_loop() };
        struct resolution *resolution;
        ask(&question, texts[i], &resolution);
        loop_run(question.loop);
        assert_int_equal(question.answered, 1);
        assert_int_equal(question.answer.error, SIGNET_OK);
        assert_true(question.answer.count >= 1);
        assert_true(endpoint_is_loopback(&question.answer.endpoints[0]));
        loop_free(question.loop);
    }
}

static void an_unknown_name_is_an_error(void **state)
{
    (void)state;
    struct inquiry question = { .loop = new_loop() };
    struct resolution *resolution;
    /* Longer than any label may be, so that no server is asked. */
    ask(&question, "a234567890123456789012345678901234567890123456789012345678901234567890.invalid:1", &resolution);
    loop_run(question.loop);
    assert_int_equal(question.answer.error, SIGNET_ERROR_SYSTEM);
    assert_int_equal(question.answer.count, 0);
    assert_non_null(strstr(question.answer.cause.text, "cannot resolve a2345"));
    loop_free(question.loop);
}

static void a_cancelled_resolution_is_silent(void **state)
{
    (void)state;
    static const char *const texts[] = { "127.0.0.1:9092", "localhost:9092" };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct inquiry question = { .loop = new_loop() };
        struct resolution *resolution;
        ask(&question, texts[i], &resolution);
        resolution_cancel(resolution);
        run_for(question.loop, 20);
        assert_int_equal(question.answered, 0);
        loop_free(question.loop);
    }
    resolution_cancel(NULL);
}

enum { ASKERS = 1000 };

/* One of many who ask for the same name at once. */
struct asker {
    struct inquiry question;
    struct resolution *resolution;
    struct asker *cancels; /* when it is answered */
    int *left;             /* to be answered */
};

static void on_shared_answer(void *context, const struct resolution_answer *answer)
{
    struct asker *asker = context;
    asker->question.answer = *answer;
    asker->question.answered++;
    if (asker->cancels && !asker->cancels->question.answered) {
        resolution_cancel(asker->cancels->resolution);
        --*asker->left;
    }
    if (--*asker->left == 0) {
        loop_stop(asker->question.loop);
    }
}

static void ask_with_others(struct loop *loop, struct asker *asker, uint16_t port, int *left)
{
    struct address address;
    *asker = (struct asker){ .question = { .loop = loop }, .left = left };
    ++*left;
    assert_int_equal(address_of_host("localhost", port, &address), SIGNET_OK);
    assert_int_equal(resolution_begin(loop, &address, on_shared_answer, asker, &asker->resolution), SIGNET_OK);
}

static void those_who_ask_for_one_name_share_a_question(void **state)
{
    (void)state;
    static struct asker askers[ASKERS];
    struct loop *loop = new_loop();
    int left = 0;
    for (size_t i = 0; i < ASKERS; i++) {
        ask_with_others(loop, &askers[i], i % 2 ? 1001 : 1000, &left);
    }
    assert_int_equal(loop->questions_asked, 2);
    resolution_cancel(askers[0].resolution);
    resolution_cancel(askers[7].resolution);
    resolution_cancel(askers[ASKERS - 1].resolution);
    left -= 3;
    loop_run(loop);
    for (size_t i = 0; i < ASKERS; i++) {
        bool cancelled = i == 0 || i == 7 || i == ASKERS - 1;
        assert_int_equal(askers[i].question.answered, !cancelled);
        assert_true(cancelled || endpoint_port(&askers[i].question.answer.endpoints[0]) == 1000 + i % 2);
    }
    assert_int_equal(loop->questions_asked, 0);
    assert_false(resolution_is_asking());
    loop_free(loop);
}

static void an_answer_may_cancel_another_of_its_question(void **state)
{
    (void)state;
    struct asker askers[3];
    struct loop *loop = new_loop();
    int left = 0;
    for (size_t i = 0; i < COUNT(askers); i++) {
        ask_with_others(loop, &askers[i], 1000, &left);
    }
    askers[0].cancels = &askers[1];
    askers[1].cancels = &askers[0];
    loop_run(loop);
    assert_int_equal(askers[0].question.answered + askers[1].question.answered, 1);
    assert_int_equal(askers[2].question.answered, 1);
    loop_free(loop);
}

static void who_comes_after_everybody_has_left_is_answered(void **state)
{
    (void)state;
    struct asker askers[2];
    struct loop *loop = new_loop();
    int left = 0;
    ask_with_others(loop, &askers[0], 1000, &left);
    resolution_cancel(askers[0].resolution);
    left--;
    ask_with_others(loop, &askers[1], 1000, &left);
    loop_run(loop);
    assert_int_equal(askers[0].question.answered, 0);
    assert_int_equal(askers[1].question.answered, 1);
    run_for(loop, 20);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_once_or_again_and_again),
        cmocka_unit_test(a_timer_may_free_itself),
        cmocka_unit_test(the_wall_clock_is_unix_time),
        cmocka_unit_test(deferred_jobs_run_once_a_turn_in_order),
        cmocka_unit_test(a_job_that_defers_itself_does_not_wait_for_events),
        cmocka_unit_test(posts_of_other_threads_arrive_in_order),
        cmocka_unit_test(signals_are_told_on_the_loop),
        cmocka_unit_test(only_what_is_wanted_is_told),
        cmocka_unit_test(a_hangup_is_told_once_without_reading),
        cmocka_unit_test(addresses_are_resolved),
        cmocka_unit_test(an_unknown_name_is_an_error),
        cmocka_unit_test(a_cancelled_resolution_is_silent),
        cmocka_unit_test(those_who_ask_for_one_name_share_a_question),
        cmocka_unit_test(an_answer_may_cancel_another_of_its_question),
        cmocka_unit_test(who_comes_after_everybody_has_left_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
