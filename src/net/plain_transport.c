/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "net/transport.h"

static enum io_outcome handshake(struct connection *connection)
{
    (void)connection;
    return IO_DONE;
}

static enum io_outcome not_now(struct connection *connection)
{
    if (errno == EAGAIN) {
        return IO_WOULD_BLOCK;
    }
    return connection_fail(connection, connection_system_error(errno), errno);
}

static enum io_outcome read_some(struct connection *connection, uint8_t *memory, size_t size, size_t *ret_bytes)
{
    ssize_t got = connection_receive(connection, memory, size);
    if (got < 0) {
        return not_now(connection);
    }
    if (got == 0) {
        return IO_CLOSED;
    }
    *ret_bytes = (size_t)got;
    return IO_DONE;
}

static enum io_outcome write_some(struct connection *connection, const struct iovec *pieces, size_t count,
                                  size_t *ret_bytes)
{
    ssize_t sent = connection_send(connection, pieces, count);
    if (sent < 0) {
        return not_now(connection);
    }
    *ret_bytes = (size_t)sent;
    return IO_DONE;
}

static enum io_outcome finish(struct connection *connection)
{
    (void)connection;
    return IO_DONE;
}

static bool has_pending(const struct connection *connection)
{
    (void)connection;
    return false;
}

static const char *protocol(const struct connection *connection)
{
    (void)connection;
    return "plain";
}

static const char *nobody(const struct connection *connection)
{
    (void)connection;
    return NULL;
}

static void no_cause(const struct connection *connection, struct cause *ret_cause)
{
    cause_set(ret_cause, "%s", signet_error_text(connection->error));
}

static void release(struct connection *connection)
{
    free(connection);
}

static const struct transport plain = {
    .handshake = handshake,
    .read = read_some,
    .write = write_some,
    .finish = finish,
    .has_pending = has_pending,
    .protocol = protocol,
    .server_name = nobody,
    .peer_subject = nobody,
    .cause = no_cause,
    .free = release,
};

signet_error plain_transport_new(const struct connection *base, struct connection **ret_connection)
{
    struct connection *connection = malloc(sizeof *connection);
    if (!connection) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    *connection = *base;
    connection->transport = &plain;
    connection->established = connection->connected;
    *ret_connection = connection;
    return SIGNET_OK;
}
