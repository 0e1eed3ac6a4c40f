/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection: TCP, a Unix socket, or TLS over either, behind one table of
 * functions.  Nothing here waits.  Bytes go between the socket (or the TLS
 * library) and the caller's memory.
 *
 * The rule to keep: what was offered to a write and not sent is offered again
 * by the next write, first and whole.  TLS may have encrypted it already.
 *
 * A connection belongs to one thread.  It is polled by a watch (net/watch.h),
 * which then owns it.
 */
#ifndef SIGNET_NET_CONNECTION_H
#define SIGNET_NET_CONNECTION_H

#include <sys/uio.h>

#include "net/endpoint.h"
#include "net/tls.h"

enum io_outcome {
    IO_DONE,
    IO_WOULD_BLOCK,
    IO_CLOSED, /* reading: the peer sends no more, but may still be written to */
    IO_FAILED, /* connection_error and connection_cause say why; only freeing is left */
};

struct connection;

/*
 * An accepted descriptor; `tls` is NULL for plain bytes and is borrowed for the
 * call.  The descriptor is taken, and closed also on failure.  OUT_OF_MEMORY or
 * CRYPTO.
 */
signet_error connection_accepted(int descriptor, const struct endpoint *peer, struct tls_context *tls,
                                 struct connection **ret_connection);
/* A descriptor from socket_connect.  `server_name` is the host that was asked for, name or number; the certificate is held against it. */
signet_error connection_connecting(int descriptor, const struct endpoint *peer, struct tls_context *tls,
                                   const char *server_name, struct connection **ret_connection);

/* Waits for the connect and shakes hands; an accepted plain connection is established from the start.  DONE, WOULD_BLOCK, or FAILED (also when the peer closes); after DONE it is DONE again. */
enum io_outcome connection_handshake(struct connection *connection);
bool connection_is_established(const struct connection *connection);

/* Established connections only; size > 0.  With DONE `*ret_bytes` > 0. */
enum io_outcome connection_read(struct connection *connection, void *memory, size_t size, size_t *ret_bytes);
/* With DONE `*ret_bytes` were sent, which may be fewer than all.  Never CLOSED. */
enum io_outcome connection_write(struct connection *connection, const struct iovec *pieces, size_t count,
                                 size_t *ret_bytes);
/* Nothing more will be written: close_notify and end of stream.  Reading goes on.  DONE, WOULD_BLOCK or FAILED. */
enum io_outcome connection_finish(struct connection *connection);
/* Says goodbye if that costs no waiting, and closes.  Takes NULL. */
void connection_free(struct connection *connection);

/* Bytes that a read would find although poll is silent: TLS holds them. */
bool connection_has_pending(const struct connection *connection);
/* Did the peer end its stream without close_notify?  Only after CLOSED; Kafka's frames show whether something is missing. */
bool connection_was_cut(const struct connection *connection);

int connection_descriptor(const struct connection *connection);
const struct endpoint *connection_peer(const struct connection *connection);
/* "plain", "TLSv1.2", "TLSv1.3" */
const char *connection_protocol(const struct connection *connection);
/* The name that the client asked for (SNI), in lower case; NULL when it named none.  Accepted side, once established. */
const char *connection_server_name(const struct connection *connection);
/* The subject of the client's verified certificate (net/distinguished_name.h); NULL when it showed none.  Accepted side, once established. */
const char *connection_peer_subject(const struct connection *connection);

/*
 * After FAILED.  CLOSED: reset, broken pipe, or gone while shaking hands.
 * REFUSED: a certificate is not accepted, by us or by the peer.  PROTOCOL: not
 * TLS, or none that both speak.  LIMIT: a subject that is too long.  SYSTEM:
 * anything else that the socket reports.
 */
signet_error connection_error(const struct connection *connection);
void connection_cause(const struct connection *connection, struct cause *ret_cause);

#endif
