/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets: descriptors that are non-blocking, closed on exec, and on TCP send
 * without delay and notice a dead peer.  Nothing else in the program makes one.
 */
#ifndef SIGNET_NET_SOCKET_H
#define SIGNET_NET_SOCKET_H

#include <sys/types.h>

#include "net/endpoint.h"

enum {
    /* What the kernel's own limit (net.core.somaxconn) is on current systems: a storm of reconnecting clients waits here. */
    SOCKET_BACKLOG = 4096,
    /* A peer that answers nothing is given up after 60 + 4 * 15 seconds. */
    SOCKET_KEEPALIVE_IDLE_SECONDS = 60,
    SOCKET_KEEPALIVE_INTERVAL_SECONDS = 15,
    SOCKET_KEEPALIVE_PROBES = 4,
};

/*
 * Binds and listens.  A path left behind by a dead process is replaced, but
 * only when it is a socket and nobody answers on it; `unix_mode` is set before
 * anyone can connect.  An IPv6 wildcard takes IPv4 too.  SYSTEM with a cause,
 * and errno.
 */
signet_error socket_listen(const struct endpoint *endpoint, mode_t unix_mode, int *ret_descriptor,
                           struct cause *ret_cause);
/* Closes a listening descriptor and removes its path, if the path is still ours. */
void socket_close_listening(int descriptor);

/* SYSTEM leaves errno: EAGAIN when nobody is waiting. */
signet_error socket_accept(int listening, int *ret_descriptor, struct endpoint *ret_peer);
/* Begins; the connection is there when the descriptor is writable (connection_handshake looks).  SYSTEM leaves errno. */
signet_error socket_connect(const struct endpoint *endpoint, int *ret_descriptor);

#endif
