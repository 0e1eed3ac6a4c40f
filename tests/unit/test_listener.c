/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "loop_fixture.h"
#include "net/listener.h"
#include "net/socket.h"
#include "net/timer.h"
#include "net_party.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

enum { LISTENING_THREADS = 2, CALLERS = 300 };

static atomic_int accepted_total;

struct acceptor {
    struct loop *loop;
    struct listener *listener;
    pthread_t thread;
    int accepted, shortages, refused;
    int limit; /* 0: none */
};

static void on_accepted(void *context, int descriptor, const struct endpoint *peer)
{
    struct acceptor *acceptor = context;
    assert_true(endpoint_is_loopback(peer));
    acceptor->accepted++;
    atomic_fetch_add(&accepted_total, 1);
    close(descriptor);
}

static void on_shortage(void *context, int system_error)
{
    struct acceptor *acceptor = context;
    acceptor->shortages += system_error == EMFILE;
}

static bool may_accept(void *context)
{
    struct acceptor *acceptor = context;
    bool may = acceptor->limit == 0 || acceptor->accepted < acceptor->limit;
    acceptor->refused += !may;
    return may;
}

static void listen_with(struct acceptor *acceptor, int listening)
{
    const struct listener_handler handler = {
        .may_accept = may_accept, .on_accepted = on_accepted, .on_shortage = on_shortage, .context = acceptor
    };
    assert_int_equal(listener_new(acceptor->loop, listening, &handler, &acceptor->listener), SIGNET_OK);
}

static void *run_acceptor(void *context)
{
    struct acceptor *acceptor = context;
    loop_run(acceptor->loop);
    listener_close(acceptor->listener);
    return NULL;
}

static void call(const struct endpoint *endpoint)
{
    int descriptor;
    assert_int_equal(socket_connect(endpoint, &descriptor), SIGNET_OK);
    struct pollfd waiting = { .fd = descriptor, .events = POLLIN };
    assert_int_equal(poll(&waiting, 1, 10 * 1000), 1);
    close(descriptor);
}

static void loops_share_a_descriptor(void **state)
{
    (void)state;
    struct endpoint endpoint;
    int listening = listen_on_loopback(&endpoint);
    struct acceptor acceptors[LISTENING_THREADS] = { { .limit = 0 } };
    atomic_store(&accepted_total, 0);
    for (size_t i = 0; i < LISTENING_THREADS; i++) {
        acceptors[i].loop = new_loop();
        listen_with(&acceptors[i], listening);
        assert_int_equal(pthread_create(&acceptors[i].thread, NULL, run_acceptor, &acceptors[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        call(&endpoint);
    }
    for (size_t i = 0; i < LISTENING_THREADS; i++) {
        loop_stop(acceptors[i].loop);
        assert_int_equal(pthread_join(acceptors[i].thread, NULL), 0);
        loop_free(acceptors[i].loop);
    }
    assert_int_equal(atomic_load(&accepted_total), CALLERS);
    assert_int_equal(acceptors[0].accepted + acceptors[1].accepted, CALLERS);
    assert_int_equal(acceptors[0].shortages + acceptors[1].shortages, 0);
    socket_close_listening(listening);
}

static void no_more_than_wanted_is_accepted(void **state)
{
    (void)state;
    struct endpoint endpoint;
    int listening = listen_on_loopback(&endpoint), callers[3];
    struct acceptor acceptor = { .loop = new_loop(), .limit = 2 };
    listen_with(&acceptor, listening);
    for (size_t i = 0; i < COUNT(callers); i++) {
        assert_int_equal(socket_connect(&endpoint, &callers[i]), SIGNET_OK);
    }
    run_for(acceptor.loop, LISTENER_PAUSE_MS / 2);
    assert_int_equal(acceptor.accepted, 2);
    assert_int_equal(acceptor.refused, 1);
    acceptor.limit = 3;
    listener_resume(acceptor.listener);
    run_for(acceptor.loop, 5);
    assert_int_equal(acceptor.accepted, 3);
    listener_close(acceptor.listener);
    for (size_t i = 0; i < COUNT(callers); i++) {
        close(callers[i]);
    }
    loop_free(acceptor.loop);
    socket_close_listening(listening);
}

static void a_shortage_of_descriptors_is_a_pause(void **state)
{
    (void)state;
    struct endpoint endpoint;
    struct rlimit before, none;
    int listening = listen_on_loopback(&endpoint), caller;
    struct acceptor acceptor = { .loop = new_loop() };
    listen_with(&acceptor, listening);
    assert_int_equal(socket_connect(&endpoint, &caller), SIGNET_OK);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = (rlim_t)caller; /* the next descriptor's number is not below it */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    run_for(acceptor.loop, LISTENER_PAUSE_MS / 2);
    assert_int_equal(acceptor.accepted, 0);
    assert_int_equal(acceptor.shortages, 1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    run_for(acceptor.loop, LISTENER_PAUSE_MS * 2);
    assert_int_equal(acceptor.accepted, 1);
    listener_close(acceptor.listener);
    close(caller);
    loop_free(acceptor.loop);
    socket_close_listening(listening);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loops_share_a_descriptor),
        cmocka_unit_test(no_more_than_wanted_is_accepted),
        cmocka_unit_test(a_shortage_of_descriptors_is_a_pause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
