/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a connection: what plain bytes and TLS have in common, and the
 * table of what each does in its own way.
 *
 * A transport that fails calls connection_fail or sets `error` itself; from
 * then on connection.c answers FAILED and the transport is not called again,
 * except to be freed.
 */
#ifndef SIGNET_NET_TRANSPORT_H
#define SIGNET_NET_TRANSPORT_H

#include "net/connection.h"

struct transport {
    enum io_outcome (*handshake)(struct connection *connection);
    enum io_outcome (*read)(struct connection *connection, uint8_t *memory, size_t size, size_t *ret_bytes);
    enum io_outcome (*write)(struct connection *connection, const struct iovec *pieces, size_t count,
                             size_t *ret_bytes);
    enum io_outcome (*finish)(struct connection *connection); /* the transport's own goodbye */
    bool (*has_pending)(const struct connection *connection);
    const char *(*protocol)(const struct connection *connection);
    const char *(*server_name)(const struct connection *connection);
    const char *(*peer_subject)(const struct connection *connection);
    void (*cause)(const struct connection *connection, struct cause *ret_cause); /* when there is no system_error */
    void (*free)(struct connection *connection); /* all memory; the descriptor is closed elsewhere */
};

struct connection {
    const struct transport *transport;
    int descriptor;
    bool accepted;
    bool connected; /* the descriptor is */
    bool established;
    bool finished;
    bool was_cut;
    /* What the last attempt stopped at, where that is not what it is named after. */
    bool handshake_needs_write, read_needs_write, write_needs_read;
    signet_error error;
    int system_error;
    struct endpoint peer;
};

/* Keeps the first failure.  Always FAILED. */
enum io_outcome connection_fail(struct connection *connection, signet_error error, int system_error);
/* SYSTEM, or CLOSED where that is what errno means. */
signet_error connection_system_error(int system_error);

/* One send or receive that waits for nothing and raises no signal; -1 leaves errno.  EINTR is seen to. */
ssize_t connection_receive(const struct connection *connection, void *memory, size_t size);
ssize_t connection_send(const struct connection *connection, const struct iovec *pieces, size_t count);

/* Members of `base` that are known are set by the caller. */
signet_error plain_transport_new(const struct connection *base, struct connection **ret_connection);
/* `server_name` is NULL on the accepted side. */
signet_error tls_transport_new(const struct connection *base, struct tls_context *context, const char *server_name,
                               struct connection **ret_connection);

#endif
