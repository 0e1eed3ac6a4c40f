/* SPDX-License-Identifier: Apache-2.0 */
#include "net/connection.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "net/transport.h"

static signet_error make(const struct connection *base, struct tls_context *tls, const char *server_name,
                         struct connection **ret_connection)
{
    signet_error error =
        tls ? tls_transport_new(base, tls, server_name, ret_connection) : plain_transport_new(base, ret_connection);
    if (error) {
        (void)close(base->descriptor);
    }
    return error;
}

signet_error connection_accepted(int descriptor, const struct endpoint *peer, struct tls_context *tls,
                                 struct connection **ret_connection)
{
    const struct connection base = { .descriptor = descriptor, .accepted = true, .connected = true, .peer = *peer };
    return make(&base, tls, NULL, ret_connection);
}

signet_error connection_connecting(int descriptor, const struct endpoint *peer, struct tls_context *tls,
                                   const char *server_name, struct connection **ret_connection)
{
    const struct connection base = { .descriptor = descriptor, .handshake_needs_write = true, .peer = *peer };
    return make(&base, tls, server_name, ret_connection);
}

enum io_outcome connection_fail(struct connection *connection, signet_error error, int system_error)
{
    if (!connection->error) {
        connection->error = error;
        connection->system_error = system_error;
    }
    return IO_FAILED;
}

signet_error connection_system_error(int system_error)
{
    return system_error == ECONNRESET || system_error == EPIPE ? SIGNET_ERROR_CLOSED : SIGNET_ERROR_SYSTEM;
}

static enum io_outcome fail_with(struct connection *connection, int system_error)
{
    return connection_fail(connection, connection_system_error(system_error), system_error);
}

/* SO_ERROR alone cannot tell a connection that is there from one that is still under way. */
static enum io_outcome finish_connecting(struct connection *connection)
{
    int failure = 0;
    socklen_t size = sizeof failure;
    struct sockaddr_storage peer;
    socklen_t peer_size = sizeof peer;
    if (getsockopt(connection->descriptor, SOL_SOCKET, SO_ERROR, &failure, &size) != 0) {
        return fail_with(connection, errno);
    }
    if (failure) {
        return fail_with(connection, failure);
    }
    if (getpeername(connection->descriptor, (struct sockaddr *)&peer, &peer_size) != 0) {
        return errno == ENOTCONN ? IO_WOULD_BLOCK : fail_with(connection, errno);
    }
    connection->connected = true;
    return IO_DONE;
}

enum io_outcome connection_handshake(struct connection *connection)
{
    if (connection->error) {
        return IO_FAILED;
    }
    if (connection->established) {
        return IO_DONE;
    }
    if (!connection->connected) {
        enum io_outcome outcome = finish_connecting(connection);
        if (outcome != IO_DONE) {
            return outcome;
        }
    }
    enum io_outcome outcome = connection->transport->handshake(connection);
    connection->established = outcome == IO_DONE;
    return outcome;
}

bool connection_is_established(const struct connection *connection)
{
    return connection->established;
}

enum io_outcome connection_read(struct connection *connection, void *memory, size_t size, size_t *ret_bytes)
{
    assert(connection->established && size > 0);
    if (connection->error) {
        return IO_FAILED;
    }
    return connection->transport->read(connection, memory, size, ret_bytes);
}

enum io_outcome connection_write(struct connection *connection, const struct iovec *pieces, size_t count,
                                 size_t *ret_bytes)
{
    assert(connection->established && !connection->finished);
    if (connection->error) {
        return IO_FAILED;
    }
    return connection->transport->write(connection, pieces, count, ret_bytes);
}

enum io_outcome connection_finish(struct connection *connection)
{
    if (connection->error) {
        return IO_FAILED;
    }
    if (connection->finished) {
        return IO_DONE;
    }
    enum io_outcome outcome = connection->established ? connection->transport->finish(connection) : IO_DONE;
    if (outcome == IO_DONE) {
        connection->finished = true;
        /* A peer that has gone already is no failure of a goodbye. */
        (void)shutdown(connection->descriptor, SHUT_WR);
    }
    return outcome;
}

void connection_free(struct connection *connection)
{
    if (!connection) {
        return;
    }
    if (connection->established && !connection->error && !connection->finished) {
        (void)connection->transport->finish(connection);
    }
    (void)close(connection->descriptor);
    connection->transport->free(connection);
}

bool connection_has_pending(const struct connection *connection)
{
    return connection->established && connection->transport->has_pending(connection);
}

bool connection_was_cut(const struct connection *connection)
{
    return connection->was_cut;
}

int connection_descriptor(const struct connection *connection)
{
    return connection->descriptor;
}

const struct endpoint *connection_peer(const struct connection *connection)
{
    return &connection->peer;
}

const char *connection_protocol(const struct connection *connection)
{
    return connection->transport->protocol(connection);
}

const char *connection_server_name(const struct connection *connection)
{
    return connection->transport->server_name(connection);
}

const char *connection_peer_subject(const struct connection *connection)
{
    return connection->transport->peer_subject(connection);
}

signet_error connection_error(const struct connection *connection)
{
    return connection->error;
}

void connection_cause(const struct connection *connection, struct cause *ret_cause)
{
    char peer[ENDPOINT_TEXT_BYTES];
    if (!connection->system_error) {
        connection->transport->cause(connection, ret_cause);
        return;
    }
    endpoint_text(&connection->peer, peer);
    const char *what = connection->connected ? "connection with" : "cannot connect to";
    cause_set_system(ret_cause, what, peer, connection->system_error);
}

ssize_t connection_receive(const struct connection *connection, void *memory, size_t size)
{
    ssize_t got;
    do {
        got = recv(connection->descriptor, memory, size, 0);
    } while (got < 0 && errno == EINTR);
    return got;
}

ssize_t connection_send(const struct connection *connection, const struct iovec *pieces, size_t count)
{
    const struct msghdr message = {
        .msg_iov = (struct iovec *)pieces, /* not written to: POSIX has no const here */
        .msg_iovlen = count < IOV_MAX ? count : IOV_MAX,
    };
    ssize_t sent;
    do {
        sent = sendmsg(connection->descriptor, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent;
}
