/* SPDX-License-Identifier: Apache-2.0 */
#include "net/endpoint.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static struct endpoint v4_endpoint(const struct in_addr *number, uint16_t port)
{
    struct endpoint endpoint = { .size = sizeof endpoint.of.v4 };
    endpoint.of.v4.sin_family = AF_INET;
    endpoint.of.v4.sin_port = htons(port);
    endpoint.of.v4.sin_addr = *number;
    return endpoint;
}

static struct endpoint v6_endpoint(const struct in6_addr *number, uint32_t zone, uint16_t port)
{
    struct endpoint endpoint = { .size = sizeof endpoint.of.v6 };
    endpoint.of.v6.sin6_family = AF_INET6;
    endpoint.of.v6.sin6_port = htons(port);
    endpoint.of.v6.sin6_addr = *number;
    endpoint.of.v6.sin6_scope_id = zone;
    return endpoint;
}

static struct endpoint local_endpoint(const char *path)
{
    struct endpoint endpoint = { .size = sizeof endpoint.of.local };
    endpoint.of.local.sun_family = AF_UNIX;
    memcpy(endpoint.of.local.sun_path, path, strnlen(path, sizeof endpoint.of.local.sun_path - 1));
    return endpoint;
}

/* A zone is the name or the number of an interface (RFC 4007, 11). */
static signet_error number_with_zone(const struct address *address, struct endpoint *ret_endpoint)
{
    char number[INET6_ADDRSTRLEN];
    struct in6_addr v6;
    size_t size = strcspn(address->host, "%");
    if (size >= sizeof number) {
        return SIGNET_ERROR_UNSUPPORTED;
    }
    memcpy(number, address->host, size);
    number[size] = '\0';
    if (inet_pton(AF_INET6, number, &v6) != 1) {
        return SIGNET_ERROR_UNSUPPORTED;
    }
    const char *zone = address->host[size] ? address->host + size + 1 : "";
    uint32_t index = *zone ? if_nametoindex(zone) : 0;
    if (index == 0) {
        index = (uint32_t)strtoul(zone, NULL, 10);
    }
    *ret_endpoint = v6_endpoint(&v6, index, address->port);
    return SIGNET_OK;
}

signet_error endpoint_of_address(const struct address *address, struct endpoint *ret_endpoint)
{
    struct in_addr v4;
    if (address->kind == ADDRESS_UNIX) {
        *ret_endpoint = local_endpoint(address->host);
        return SIGNET_OK;
    }
    const char *host = strcasecmp(address->host, "localhost") == 0 ? "127.0.0.1" : address->host;
    if (inet_pton(AF_INET, host, &v4) == 1) {
        *ret_endpoint = v4_endpoint(&v4, address->port);
        return SIGNET_OK;
    }
    return number_with_zone(address, ret_endpoint);
}

static signet_error ask_resolver(const struct address *address, struct endpoint *ret_endpoint, struct cause *ret_cause)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
    struct addrinfo *found = NULL;
    char port[8];
    (void)snprintf(port, sizeof port, "%u", (unsigned)address->port);
    int failure = getaddrinfo(address->host, port, &hints, &found);
    if (failure) {
        cause_set(ret_cause, "cannot resolve %s: %s", address->host, gai_strerror(failure));
        return SIGNET_ERROR_SYSTEM;
    }
    bool usable = endpoint_of_sockaddr(found->ai_addr, found->ai_addrlen, ret_endpoint);
    freeaddrinfo(found);
    return usable ? SIGNET_OK : SIGNET_ERROR_SYSTEM;
}

signet_error endpoint_resolve(const struct address *address, struct endpoint *ret_endpoint, struct cause *ret_cause)
{
    signet_error error = endpoint_of_address(address, ret_endpoint);
    return error == SIGNET_ERROR_UNSUPPORTED ? ask_resolver(address, ret_endpoint, ret_cause) : error;
}

bool endpoint_of_sockaddr(const struct sockaddr *from, socklen_t size, struct endpoint *ret_endpoint)
{
    struct endpoint endpoint = { .size = size };
    if (size < sizeof from->sa_family || size > sizeof endpoint.of) {
        return false;
    }
    bool known = (from->sa_family == AF_INET && size == sizeof endpoint.of.v4) ||
                 (from->sa_family == AF_INET6 && size == sizeof endpoint.of.v6) || from->sa_family == AF_UNIX;
    if (known) {
        memcpy(&endpoint.of, from, size);
        *ret_endpoint = endpoint;
    }
    return known;
}

signet_error endpoint_of_local(int descriptor, struct endpoint *ret_endpoint)
{
    struct endpoint endpoint = { .size = sizeof endpoint.of };
    if (getsockname(descriptor, &endpoint.of.any, &endpoint.size) != 0) {
        return SIGNET_ERROR_SYSTEM;
    }
    *ret_endpoint = endpoint;
    return SIGNET_OK;
}

bool endpoint_is_unix(const struct endpoint *endpoint)
{
    return endpoint->size != 0 && endpoint->of.any.sa_family == AF_UNIX;
}

static bool is_v4(const struct endpoint *endpoint)
{
    return endpoint->size != 0 && endpoint->of.any.sa_family == AF_INET;
}

static bool is_v6(const struct endpoint *endpoint)
{
    return endpoint->size != 0 && endpoint->of.any.sa_family == AF_INET6;
}

static bool is_mapped(const struct endpoint *endpoint)
{
    return is_v6(endpoint) && IN6_IS_ADDR_V4MAPPED(&endpoint->of.v6.sin6_addr);
}

/* In network order, as the last four bytes of a mapped number are. */
static struct in_addr v4_number(const struct endpoint *endpoint)
{
    struct in_addr number = endpoint->of.v4.sin_addr;
    if (is_mapped(endpoint)) {
        memcpy(&number, endpoint->of.v6.sin6_addr.s6_addr + 12, sizeof number);
    }
    return number;
}

bool endpoint_is_loopback(const struct endpoint *endpoint)
{
    if (is_v4(endpoint) || is_mapped(endpoint)) {
        return ntohl(v4_number(endpoint).s_addr) >> 24 == IN_LOOPBACKNET;
    }
    return endpoint_is_unix(endpoint) || (is_v6(endpoint) && IN6_IS_ADDR_LOOPBACK(&endpoint->of.v6.sin6_addr));
}

uint16_t endpoint_port(const struct endpoint *endpoint)
{
    if (is_v6(endpoint)) {
        return ntohs(endpoint->of.v6.sin6_port);
    }
    return is_v4(endpoint) ? ntohs(endpoint->of.v4.sin_port) : 0;
}

static void local_text(const struct endpoint *endpoint, char ret_text[ENDPOINT_TEXT_BYTES])
{
    size_t before = offsetof(struct sockaddr_un, sun_path);
    size_t max = endpoint->size > before ? endpoint->size - before : 0;
    int size = (int)strnlen(endpoint->of.local.sun_path, max);
    const char *colon = size ? ":" : "";
    (void)snprintf(ret_text, ENDPOINT_TEXT_BYTES, "unix%s%.*s", colon, size, endpoint->of.local.sun_path);
    /* A peer may be bound to a path of its choice, and this text goes into logs. */
    for (char *c = ret_text; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 127) {
            *c = '?';
        }
    }
}

void endpoint_text(const struct endpoint *endpoint, char ret_text[ENDPOINT_TEXT_BYTES])
{
    char number[INET6_ADDRSTRLEN] = "?";
    unsigned port = endpoint_port(endpoint);
    if (endpoint_is_unix(endpoint)) {
        local_text(endpoint, ret_text);
    } else if (is_v6(endpoint) && !is_mapped(endpoint)) {
        inet_ntop(AF_INET6, &endpoint->of.v6.sin6_addr, number, sizeof number);
        (void)snprintf(ret_text, ENDPOINT_TEXT_BYTES, "[%s]:%u", number, port);
    } else if (endpoint->size != 0) {
        struct in_addr v4 = v4_number(endpoint);
        inet_ntop(AF_INET, &v4, number, sizeof number);
        (void)snprintf(ret_text, ENDPOINT_TEXT_BYTES, "%s:%u", number, port);
    } else {
        (void)snprintf(ret_text, ENDPOINT_TEXT_BYTES, "unknown");
    }
}

void endpoint_network(const struct endpoint *endpoint, uint8_t ret_network[ENDPOINT_NETWORK_BYTES])
{
    memset(ret_network, 0, ENDPOINT_NETWORK_BYTES);
    if (is_v4(endpoint) || is_mapped(endpoint)) {
        struct in_addr number = v4_number(endpoint);
        memcpy(ret_network, &number, sizeof number);
    } else if (is_v6(endpoint)) {
        memcpy(ret_network, endpoint->of.v6.sin6_addr.s6_addr, ENDPOINT_NETWORK_BYTES);
    }
}
