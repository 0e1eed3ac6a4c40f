/* SPDX-License-Identifier: Apache-2.0 */
#include "net/channel.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "net/socket.h"
#include "net/transport.h"

struct channel {
    struct connection *connection;
    char name[ADDRESS_TEXT_BYTES];
};

static signet_error find_endpoint(const struct address *address, struct endpoint *ret_endpoint, struct cause *ret_cause)
{
    signet_error error = endpoint_of_address(address, ret_endpoint);
    return error == SIGNET_ERROR_UNSUPPORTED ? endpoint_resolve(address, ret_endpoint, ret_cause) : error;
}

static signet_error await(const struct channel *c, bool writable, int64_t deadline_ms, struct cause *ret_cause)
{
    struct pollfd waiting = { connection_descriptor(c->connection), writable ? POLLOUT : POLLIN, 0 };
    for (;;) {
        int64_t left = deadline_ms - monotonic_clock_ms();
        int ready = left > 0 ? poll(&waiting, 1, left < INT_MAX ? (int)left : INT_MAX) : 0;
        if (ready > 0) {
            return SIGNET_OK;
        }
        if (ready == 0) {
            cause_set_system(ret_cause, "the broker", c->name, ETIMEDOUT);
            return SIGNET_ERROR_SYSTEM;
        }
        if (errno != EINTR) {
            cause_set_system(ret_cause, "the broker", c->name, errno);
            return SIGNET_ERROR_SYSTEM;
        }
    }
}

static signet_error failure(const struct channel *c, struct cause *ret_cause)
{
    struct cause why = { "" };
    connection_cause(c->connection, &why);
    cause_set(ret_cause, "the broker %s: %.200s", c->name, why.text);
    return connection_error(c->connection);
}

static signet_error shake_hands(struct channel *c, int64_t deadline_ms, struct cause *ret_cause)
{
    for (;;) {
        enum io_outcome outcome = connection_handshake(c->connection);
        if (outcome == IO_DONE) {
            return SIGNET_OK;
        }
        if (outcome != IO_WOULD_BLOCK) {
            return failure(c, ret_cause);
        }
        signet_error error = await(c, c->connection->handshake_needs_write, deadline_ms, ret_cause);
        if (error) {
            return error;
        }
    }
}

static signet_error begin(const struct address *address, struct tls_context *tls, struct channel *c,
                          struct cause *ret_cause)
{
    struct endpoint endpoint;
    int descriptor = -1;
    address_text(address, c->name);
    signet_error error = find_endpoint(address, &endpoint, ret_cause);
    if (error) {
        return error;
    }
    error = socket_connect(&endpoint, &descriptor);
    if (error) {
        cause_set_system(ret_cause, "the broker", c->name, errno);
        return error;
    }
    error = connection_connecting(descriptor, &endpoint, tls, address->host, &c->connection);
    if (error) {
        cause_set(ret_cause, "the broker %s: %s", c->name, signet_error_text(error));
    }
    return error;
}

signet_error channel_open(const struct address *address, struct tls_context *tls, int64_t deadline_ms,
                          struct channel **ret_channel, struct cause *ret_cause)
{
    struct channel *c = calloc(1, sizeof *c);
    if (!c) {
        cause_set(ret_cause, "%s", signet_error_text(SIGNET_ERROR_OUT_OF_MEMORY));
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    signet_error error = begin(address, tls, c, ret_cause);
    error = error ? error : shake_hands(c, deadline_ms, ret_cause);
    if (error) {
        channel_close(c);
        return error;
    }
    *ret_channel = c;
    return SIGNET_OK;
}

signet_error channel_send(struct channel *c, struct slice bytes, int64_t deadline_ms, struct cause *ret_cause)
{
    while (bytes.size > 0) {
        struct iovec piece = { (void *)(uintptr_t)bytes.data, bytes.size };
        size_t sent = 0;
        enum io_outcome outcome = connection_write(c->connection, &piece, 1, &sent);
        if (outcome == IO_DONE) {
            bytes = slice_of(bytes.data + sent, bytes.size - sent);
            continue;
        }
        signet_error error = outcome == IO_WOULD_BLOCK
                                 ? await(c, !c->connection->write_needs_read, deadline_ms, ret_cause)
                                 : failure(c, ret_cause);
        if (error) {
            return error;
        }
    }
    return SIGNET_OK;
}

static signet_error wait_for_bytes(struct channel *c, enum io_outcome outcome, int64_t deadline_ms,
                                   struct cause *ret_cause)
{
    if (outcome == IO_CLOSED) {
        cause_set(ret_cause, "the broker %s closed the connection", c->name);
        return SIGNET_ERROR_CLOSED;
    }
    return outcome == IO_WOULD_BLOCK ? await(c, c->connection->read_needs_write, deadline_ms, ret_cause)
                                     : failure(c, ret_cause);
}

signet_error channel_receive(struct channel *c, void *memory, size_t size, int64_t deadline_ms, struct cause *ret_cause)
{
    uint8_t *at = memory;
    while (size > 0) {
        size_t got = 0;
        enum io_outcome outcome = connection_read(c->connection, at, size, &got);
        signet_error error = outcome == IO_DONE ? SIGNET_OK : wait_for_bytes(c, outcome, deadline_ms, ret_cause);
        if (error) {
            return error;
        }
        at += got;
        size -= got;
    }
    return SIGNET_OK;
}

void channel_close(struct channel *c)
{
    if (c) {
        if (c->connection) {
            connection_free(c->connection);
        }
        free(c);
    }
}
