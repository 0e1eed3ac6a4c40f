/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An address as people write it: host:port, [v6]:port or unix:/path.  It is
 * text with bounds; what the system binds and connects is an endpoint
 * (net/endpoint.h), which a name becomes only by a resolution (net/resolution.h).
 */
#ifndef SIGNET_NET_ADDRESS_H
#define SIGNET_NET_ADDRESS_H

#include "base/error.h"
#include "base/slice.h"

enum {
    /* A host name has at most 253 characters (RFC 1035, 2.3.4); an IPv6 number with its zone is shorter. */
    ADDRESS_HOST_BYTES_MAX = 253,
    /* sun_path has 108 bytes with the NUL. */
    ADDRESS_PATH_BYTES_MAX = 107,
    /* Brackets, colon, five digits, NUL; the prefix of a path is no longer. */
    ADDRESS_TEXT_BYTES = ADDRESS_HOST_BYTES_MAX + 9,
};

enum address_kind { ADDRESS_TCP, ADDRESS_UNIX };

struct address {
    enum address_kind kind;
    uint16_t port;                         /* 0 only for a Unix socket */
    char host[ADDRESS_HOST_BYTES_MAX + 1]; /* name, number without brackets, or the absolute path */
};

/* MALFORMED: no port, no host, a port outside 1 to 65535, an unbracketed IPv6 number, characters that no name has, a relative path.  LIMIT: too long. */
signet_error address_parse(struct slice text, struct address *ret_address);
/* The same rules for a host and a port that are known apart; brackets around a number are dropped. */
signet_error address_of_host(const char *host, uint16_t port, struct address *ret_address);
signet_error address_of_path(const char *path, struct address *ret_address);

/* A number, not a name?  Never for a Unix socket. */
bool address_is_number(const struct address *address);
/*
 * Can nobody but processes of this machine reach it?  Unix sockets, the
 * loopback numbers, and the name localhost, which is bound as 127.0.0.1 without
 * asking anyone (RFC 6761, 6.3).  Every other name is not, whatever it resolves to.
 */
bool address_is_loopback(const struct address *address);
bool address_equal(const struct address *a, const struct address *b);

/* As address_parse reads it back. */
void address_text(const struct address *address, char ret_text[ADDRESS_TEXT_BYTES]);

#endif
