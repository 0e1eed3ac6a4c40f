/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/advertised.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static const char placeholder[] = "{node}";

static bool fits(int length)
{
    return length > 0 && length < 256;
}

bool advertised_address(const struct config_advertised *advertised, int32_t node, char ret_host[256], int32_t *ret_port)
{
    uint16_t port = 0;
    if (advertised->sni_pattern) {
        const char *at = strstr(advertised->sni_pattern, placeholder);
        *ret_port = advertised->sni_port;
        return at && fits(snprintf(ret_host, 256, "%.*s%ld%s", (int)(at - advertised->sni_pattern),
                                   advertised->sni_pattern, (long)node, at + sizeof placeholder - 1));
    }
    if (!advertised->host || !config_node_port(advertised, node, &port)) {
        return false;
    }
    *ret_port = port;
    return fits(snprintf(ret_host, 256, "%s", advertised->host));
}

int32_t advertised_node(const struct config_advertised *advertised, const char *server_name)
{
    const char *at = advertised->sni_pattern ? strstr(advertised->sni_pattern, placeholder) : NULL;
    if (!at || !server_name) {
        return -1;
    }
    size_t front = (size_t)(at - advertised->sni_pattern);
    const char *tail = at + sizeof placeholder - 1;
    size_t size = strlen(server_name), tail_size = strlen(tail);
    if (size < front + 1 + tail_size || strncasecmp(server_name, advertised->sni_pattern, front) != 0 ||
        strcasecmp(server_name + size - tail_size, tail) != 0) {
        return -1;
    }
    char *end = NULL;
    long node = server_name[front] >= '0' && server_name[front] <= '9' ? strtol(server_name + front, &end, 10) : -1;
    bool whole = end == server_name + size - tail_size;
    return whole && node >= 0 && node <= INT32_MAX ? (int32_t)node : -1;
}
