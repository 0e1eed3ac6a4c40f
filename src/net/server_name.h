/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The name that a client asks for (RFC 6066, 3), read out of its own hello:
 * the library would answer with the name of an earlier session when one is
 * resumed.
 */
#ifndef SIGNET_NET_SERVER_NAME_H
#define SIGNET_NET_SERVER_NAME_H

#include "base/error.h"
#include "base/slice.h"

enum {
    /* A host name (RFC 1035, 2.3.4). */
    SERVER_NAME_BYTES_MAX = 253,
};

/* `extension` is the server_name extension's data.  In lower case.  MALFORMED also for characters that no host name has. */
signet_error server_name_parse(struct slice extension, char ret_name[SERVER_NAME_BYTES_MAX + 1]);

#endif
