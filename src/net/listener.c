/* SPDX-License-Identifier: Apache-2.0 */
#include "net/listener.h"

#include <errno.h>
#include <stdlib.h>

#include "net/loop_body.h"
#include "net/socket.h"
#include "net/timer.h"

struct listener {
    uv_poll_t poll;
    int descriptor;
    struct listener_handler handler;
    struct timer *pause; /* set: not polling */
};

static void pause_accepting(struct listener *listener)
{
    (void)uv_poll_stop(&listener->poll);
    timer_set(listener->pause, LISTENER_PAUSE_MS);
}

static bool wants_more(const struct listener *listener)
{
    const struct listener_handler *handler = &listener->handler;
    return !handler->may_accept || handler->may_accept(handler->context);
}

/* Anything else is about the one connection that was waiting, or another loop took it. */
static bool is_shortage(int system_error)
{
    return system_error == EMFILE || system_error == ENFILE || system_error == ENOBUFS || system_error == ENOMEM;
}

static void accept_one(struct listener *listener)
{
    int descriptor;
    struct endpoint peer;
    const struct listener_handler *handler = &listener->handler;
    if (socket_accept(listener->descriptor, &descriptor, &peer) == SIGNET_OK) {
        handler->on_accepted(handler->context, descriptor, &peer);
        return;
    }
    int system_error = errno;
    if (is_shortage(system_error)) {
        pause_accepting(listener);
        if (handler->on_shortage) {
            handler->on_shortage(handler->context, system_error);
        }
    }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void)events;
    struct listener *listener = poll->data;
    /* libuv stops polling on an error; a pause keeps that from becoming a spin. */
    if (status < 0 || !wants_more(listener)) {
        pause_accepting(listener);
        return;
    }
    accept_one(listener);
}

static void poll_again(struct listener *listener)
{
    timer_stop(listener->pause);
    (void)uv_poll_start(&listener->poll, UV_READABLE, on_poll);
}

static void on_pause_over(void *context)
{
    poll_again(context);
}

signet_error listener_new(struct loop *loop, int descriptor, const struct listener_handler *handler,
                          struct listener **ret_listener)
{
    struct listener *listener = calloc(1, sizeof *listener);
    if (!listener || timer_new(loop, on_pause_over, listener, &listener->pause) != SIGNET_OK) {
        free(listener);
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    int failure = uv_poll_init(&loop->uv, &listener->poll, descriptor);
    if (failure) {
        timer_free(listener->pause);
        free(listener);
        errno = -failure;
        return SIGNET_ERROR_SYSTEM;
    }
    listener->poll.data = listener;
    listener->descriptor = descriptor;
    listener->handler = *handler;
    poll_again(listener);
    *ret_listener = listener;
    return SIGNET_OK;
}

void listener_resume(struct listener *listener)
{
    if (timer_is_set(listener->pause)) {
        poll_again(listener);
    }
}

static void release(uv_handle_t *handle)
{
    free(handle->data);
}

void listener_close(struct listener *listener)
{
    if (!listener) {
        return;
    }
    timer_free(listener->pause);
    uv_close((uv_handle_t *)&listener->poll, release);
}
