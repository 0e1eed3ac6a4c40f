/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/gates.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "net/socket.h"

enum { UNIX_SOCKET_MODE = 0660 };

struct gates {
    struct gate *list;
    size_t count, capacity;
    struct cause *cause;
};

static signet_error open_one(struct gates *gates, const struct config_listener *listener, const struct address *address,
                             int32_t node)
{
    struct endpoint endpoint;
    int descriptor = -1;
    signet_error error = endpoint_resolve(address, &endpoint, gates->cause);
    error = error ? error : socket_listen(&endpoint, UNIX_SOCKET_MODE, &descriptor, gates->cause);
    if (error) {
        return error;
    }
    struct gate *list = array_with_room(gates->list, gates->count, &gates->capacity, sizeof *list, 16);
    if (!list) {
        socket_close_listening(descriptor);
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    gates->list = list;
    gates->list[gates->count++] = (struct gate){ listener, descriptor, node };
    return SIGNET_OK;
}

static signet_error open_node(struct gates *gates, const struct config_listener *listener, int32_t node, uint16_t port)
{
    struct address address = listener->address;
    if (address.kind == ADDRESS_UNIX) {
        char path[ADDRESS_HOST_BYTES_MAX + 16];
        snprintf(path, sizeof path, "%s.%ld", listener->address.host, (long)node);
        signet_error error = address_of_path(path, &address);
        if (error) {
            cause_set(gates->cause, "%s is too long for a Unix socket", path);
            return error;
        }
    } else {
        address.port = port;
    }
    return open_one(gates, listener, &address, node);
}

static signet_error open_listener(struct gates *gates, const struct config_listener *listener)
{
    const struct config_advertised *advertised = &listener->advertised;
    signet_error error = open_one(gates, listener, &listener->address, -1);
    if (advertised->sni_pattern) {
        return error;
    }
    for (size_t i = 0; !error && i < advertised->port_map_count; i++) {
        error = open_node(gates, listener, advertised->port_map[i].node, advertised->port_map[i].port);
    }
    for (int32_t node = 0; !error && advertised->node_port_base && node < advertised->node_ports; node++) {
        uint16_t port = 0;
        bool mapped = config_node_port(advertised, node, &port) && port != advertised->node_port_base + node;
        error = mapped ? SIGNET_OK : open_node(gates, listener, node, port);
    }
    return error;
}

signet_error gates_open(const struct config *config, struct gate **ret_gates, size_t *ret_count,
                        struct cause *ret_cause)
{
    struct gates gates = { .cause = ret_cause };
    for (size_t i = 0; i < config->listener_count; i++) {
        signet_error error = open_listener(&gates, &config->listeners[i]);
        if (error) {
            gates_close(gates.list, gates.count);
            return error;
        }
    }
    *ret_gates = gates.list;
    *ret_count = gates.count;
    return SIGNET_OK;
}

void gates_stop(struct gate *gates, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (gates[i].descriptor >= 0) {
            socket_close_listening(gates[i].descriptor);
            gates[i].descriptor = -1;
        }
    }
}

void gates_close(struct gate *gates, size_t count)
{
    gates_stop(gates, count);
    free(gates);
}
