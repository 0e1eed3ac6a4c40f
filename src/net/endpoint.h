/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An endpoint is what the system binds, connects and reports: a number and a
 * port, or the path of a Unix socket.
 */
#ifndef SIGNET_NET_ENDPOINT_H
#define SIGNET_NET_ENDPOINT_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "net/address.h"
#include "net/cause.h"

enum {
    /* "[", an IPv6 number with its zone, "]:65535", NUL; or "unix:" and a path */
    ENDPOINT_TEXT_BYTES = 128,
    ENDPOINT_NETWORK_BYTES = 8,
};

struct endpoint {
    socklen_t size; /* 0: not known */
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
    } of;
};

/* Numbers, paths and localhost, without asking anyone; UNSUPPORTED for any other name. */
signet_error endpoint_of_address(const struct address *address, struct endpoint *ret_endpoint);
/* For listeners, at start-up only: a name is looked up and the thread waits.  SYSTEM with a cause. */
signet_error endpoint_resolve(const struct address *address, struct endpoint *ret_endpoint, struct cause *ret_cause);
/* False for a family that is none of ours, or a size that does not fit. */
bool endpoint_of_sockaddr(const struct sockaddr *from, socklen_t size, struct endpoint *ret_endpoint);
/* What a descriptor is bound to (the port that the system chose). */
signet_error endpoint_of_local(int descriptor, struct endpoint *ret_endpoint);

/* Unix sockets, 127.0.0.0/8, ::1, and the former mapped into IPv6. */
bool endpoint_is_loopback(const struct endpoint *endpoint);
bool endpoint_is_unix(const struct endpoint *endpoint);
/* 0 for a Unix socket. */
uint16_t endpoint_port(const struct endpoint *endpoint);
/* "192.0.2.1:9092" (also when mapped into IPv6), "[2001:db8::1]:9092", "unix:/path"; "unix" for a peer without a path. */
void endpoint_text(const struct endpoint *endpoint, char ret_text[ENDPOINT_TEXT_BYTES]);
/*
 * To tell peers apart by: the number, of IPv6 the first 64 bits, as anyone who
 * has one of those has them all.  The same for all Unix sockets.
 */
void endpoint_network(const struct endpoint *endpoint, uint8_t ret_network[ENDPOINT_NETWORK_BYTES]);

#endif
