/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/upstream.h"

#include <errno.h>

#include "net/socket.h"

void upstream_choose(struct upstream *u, struct plant *plant, int32_t node)
{
    const struct config_cluster *cluster = &plant->config->cluster;
    u->provisional = false;
    if (node >= 0 && nodes_find(plant->nodes, node, &u->broker)) {
        u->servers_left = 0;
        return;
    }
    bool again = u->servers_left > 0;
    u->server = again ? u->server + 1 : atomic_fetch_add(&plant->next_bootstrap, 1);
    u->server %= cluster->bootstrap_server_count;
    u->servers_left = again ? u->servers_left - 1 : cluster->bootstrap_server_count - 1;
    u->broker = cluster->bootstrap_servers[u->server];
    u->provisional = node >= 0;
}

bool upstream_has_another(const struct upstream *u)
{
    return u->servers_left > 0;
}

void upstream_resolved(struct upstream *u, const struct resolution_answer *answer)
{
    u->found = *answer;
    u->next_endpoint = 0;
}

bool upstream_has_endpoint(const struct upstream *u)
{
    return u->next_endpoint < u->found.count;
}

signet_error upstream_connect(struct upstream *u, int *ret_descriptor, struct endpoint *ret_endpoint,
                              struct cause *ret_cause)
{
    const struct endpoint *endpoint = NULL;
    int system_error = 0;
    while (upstream_has_endpoint(u)) {
        endpoint = &u->found.endpoints[u->next_endpoint++];
        if (!socket_connect(endpoint, ret_descriptor)) {
            *ret_endpoint = *endpoint;
            return SIGNET_OK;
        }
        system_error = errno;
    }
    char text[ENDPOINT_TEXT_BYTES];
    endpoint_text(endpoint, text);
    cause_set_system(ret_cause, "cannot connect to", text, system_error);
    return SIGNET_ERROR_SYSTEM;
}

bool upstream_is_misplaced(struct upstream *u, struct nodes *nodes, int32_t node)
{
    struct address known;
    if (!u->provisional || !nodes_find(nodes, node, &known)) {
        return false;
    }
    u->provisional = false;
    return !address_equal(&known, &u->broker);
}
