/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/nodes.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"

struct node {
    int32_t id;
    bool configured;
    struct address address;
};

struct nodes {
    pthread_mutex_t lock;
    struct node *list;
    size_t count, capacity;
};

static struct node *find(struct nodes *nodes, int32_t id)
{
    for (size_t i = 0; i < nodes->count; i++) {
        if (nodes->list[i].id == id) {
            return &nodes->list[i];
        }
    }
    return NULL;
}

static signet_error put(struct nodes *nodes, int32_t id, const struct address *address, bool configured)
{
    struct node *node = find(nodes, id);
    if (!node && nodes->count >= NODES_MAX) {
        return SIGNET_ERROR_LIMIT;
    }
    if (!node) {
        struct node *list = array_with_room(nodes->list, nodes->count, &nodes->capacity, sizeof *list, 8);
        if (!list) {
            return SIGNET_ERROR_OUT_OF_MEMORY;
        }
        nodes->list = list;
        node = &nodes->list[nodes->count++];
        *node = (struct node){ .id = id };
    }
    if (configured || !node->configured) {
        node->address = *address;
        node->configured = configured;
    }
    return SIGNET_OK;
}

struct nodes *nodes_new(const struct config_cluster *cluster)
{
    struct nodes *nodes = calloc(1, sizeof *nodes);
    if (!nodes) {
        return NULL;
    }
    pthread_mutex_init(&nodes->lock, NULL);
    for (size_t i = 0; i < cluster->node_count; i++) {
        if (put(nodes, cluster->nodes[i].id, &cluster->nodes[i].address, true)) {
            nodes_free(nodes);
            return NULL;
        }
    }
    return nodes;
}

void nodes_free(struct nodes *nodes)
{
    if (nodes) {
        pthread_mutex_destroy(&nodes->lock);
        free(nodes->list);
        free(nodes);
    }
}

signet_error nodes_learn(struct nodes *nodes, int32_t id, struct slice host, int32_t port)
{
    char text[ADDRESS_HOST_BYTES_MAX + 1];
    struct address address;
    if (host.size > ADDRESS_HOST_BYTES_MAX || port < 1 || port > UINT16_MAX || id < 0) {
        return SIGNET_ERROR_MALFORMED;
    }
    snprintf(text, sizeof text, "%.*s", (int)host.size, (const char *)host.data);
    signet_error error = address_of_host(text, (uint16_t)port, &address);
    if (error) {
        return error;
    }
    pthread_mutex_lock(&nodes->lock);
    error = put(nodes, id, &address, false);
    pthread_mutex_unlock(&nodes->lock);
    return error;
}

bool nodes_find(struct nodes *nodes, int32_t id, struct address *ret_address)
{
    pthread_mutex_lock(&nodes->lock);
    const struct node *node = find(nodes, id);
    if (node) {
        *ret_address = node->address;
    }
    pthread_mutex_unlock(&nodes->lock);
    return node != NULL;
}
