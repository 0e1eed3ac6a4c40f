/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/identity.h"

#include <stdio.h>

bool identity_of_client(const struct config_listener *listener, const struct connection *connection,
                        char *ret_principal, size_t size)
{
    ret_principal[0] = '\0';
    switch (listener->clients_known_by) {
    case KNOWN_BY_CLIENT_CERTIFICATE: {
        const char *subject = connection_peer_subject(connection);
        /* Without a subject, which a certificate may have that names a host only, all would be one. */
        int length = subject && subject[0] ? snprintf(ret_principal, size, "User:%s", subject) : -1;
        return length > 0 && (size_t)length < size;
    }
    case KNOWN_BY_LOOPBACK:
        return endpoint_is_loopback(connection_peer(connection));
    case KNOWN_BY_UNIX_SOCKET:
        return endpoint_is_unix(connection_peer(connection));
    case KNOWN_BY_BROKERS:
        return listener->trust_brokers_for_identity;
    }
    return false;
}

bool identity_is_the_brokers(const struct config_listener *listener)
{
    return listener->clients_known_by == KNOWN_BY_BROKERS;
}
