/* SPDX-License-Identifier: Apache-2.0 */
#include "net/watch.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "net/loop_body.h"
#include "net/transport.h"

struct watch {
    uv_poll_t poll;
    struct loop *loop;
    struct connection *connection;
    struct watch_handler handler;
    unsigned wanted;
    int polled; /* what the system was told, in libuv's bits */
    bool hangup_told;
    bool closing;
    struct job settle, again;
};

/* Which event of the descriptor does a read, or a write, wait for? */
static int event_for_read(const struct connection *connection)
{
    return connection->read_needs_write ? UV_WRITABLE : UV_READABLE;
}

static int event_for_write(const struct connection *connection)
{
    return connection->write_needs_read ? UV_READABLE : UV_WRITABLE;
}

static bool tells_hangup(const struct watch *watch)
{
    return (watch->wanted & WATCH_HANGUP) && !watch->hangup_told;
}

static int needed_events(const struct watch *watch)
{
    const struct connection *connection = watch->connection;
    int events = tells_hangup(watch) ? UV_DISCONNECT : 0;
    if (!connection->established) {
        return watch->wanted ? (connection->handshake_needs_write ? UV_WRITABLE : UV_READABLE) : 0;
    }
    if (watch->wanted & WATCH_READ) {
        events |= event_for_read(connection);
    }
    if (watch->wanted & WATCH_WRITE) {
        events |= event_for_write(connection);
    }
    return events;
}

static unsigned wanted_of(const struct watch *watch, int events)
{
    const struct connection *connection = watch->connection;
    unsigned ready = 0;
    if (!connection->established) {
        return watch->wanted ? WATCH_READ | WATCH_WRITE : 0;
    }
    if (events & event_for_read(connection)) {
        ready |= WATCH_READ;
    }
    if (events & event_for_write(connection)) {
        ready |= WATCH_WRITE;
    }
    if ((events & UV_DISCONNECT) && tells_hangup(watch)) {
        ready |= WATCH_HANGUP;
    }
    return ready & watch->wanted;
}

static void tell(struct watch *watch, unsigned events)
{
    watch->hangup_told |= (events & WATCH_HANGUP) != 0;
    if (events && !watch->closing) {
        watch->handler.on_ready(watch->handler.context, events);
    }
    loop_settle(watch->loop, &watch->settle);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;
    if (status < 0) {
        /* The descriptor has an error and libuv has stopped polling; reading or writing will say which error it is. */
        watch->polled = 0;
        events = UV_READABLE | UV_WRITABLE | UV_DISCONNECT;
    }
    if (!watch->closing) {
        tell(watch, wanted_of(watch, events));
    }
}

static void on_again(void *context)
{
    struct watch *watch = context;
    if (!watch->closing) {
        tell(watch, watch->wanted & WATCH_READ);
    }
}

static void poll_for(struct watch *watch, int events)
{
    if (events == watch->polled) {
        return;
    }
    int failure = events ? uv_poll_start(&watch->poll, events, on_poll) : uv_poll_stop(&watch->poll);
    assert(failure == 0);
    (void)failure;
    watch->polled = events;
}

static void release(uv_handle_t *handle)
{
    free(handle->data);
}

/* The descriptor must be out of the poll set before it is closed, since its number is used again at once. */
static void close_now(struct watch *watch)
{
    struct watch_handler handler = watch->handler;
    loop_not_again(watch->loop, &watch->again);
    uv_close((uv_handle_t *)&watch->poll, release);
    connection_free(watch->connection);
    if (handler.on_closed) {
        handler.on_closed(handler.context);
    }
}

static void on_settle(void *context)
{
    struct watch *watch = context;
    if (watch->closing) {
        close_now(watch);
        return;
    }
    poll_for(watch, needed_events(watch));
    if ((watch->wanted & WATCH_READ) && connection_has_pending(watch->connection)) {
        loop_again(watch->loop, &watch->again);
    }
}

signet_error watch_new(struct loop *loop, struct connection *connection, const struct watch_handler *handler,
                       struct watch **ret_watch)
{
    struct watch *watch = calloc(1, sizeof *watch);
    if (!watch) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    int failure = uv_poll_init(&loop->uv, &watch->poll, connection_descriptor(connection));
    if (failure) {
        free(watch);
        errno = -failure;
        return SIGNET_ERROR_SYSTEM;
    }
    watch->poll.data = watch;
    watch->loop = loop;
    watch->connection = connection;
    watch->handler = *handler;
    watch->settle = (struct job){ .run = on_settle, .context = watch };
    watch->again = (struct job){ .run = on_again, .context = watch };
    *ret_watch = watch;
    return SIGNET_OK;
}

void watch_want(struct watch *watch, unsigned events)
{
    watch->wanted = events;
    loop_settle(watch->loop, &watch->settle);
}

unsigned watch_wanted(const struct watch *watch)
{
    return watch->wanted;
}

struct connection *watch_connection(struct watch *watch)
{
    return watch->connection;
}

void watch_close(struct watch *watch)
{
    if (watch) {
        watch->closing = true;
        loop_settle(watch->loop, &watch->settle);
    }
}
