/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/config_ports.h"

#include <stdio.h>
#include <stdlib.h>

#include "keys/yaml_value.h"

static const char status_key[] = "status-address";

/* Ports from `first` to `last` of one host, and the key that asks for them. */
struct port_range {
    const char *host;
    uint32_t first, last;
    size_t listener;
    const char
        *key;   /* status_key, or under listeners[n]: "address", "advertised.node-port-base", "advertised.port-map" */
    size_t row; /* of the port map */
};

struct ranges {
    struct port_range *items;
    size_t count;
};

static struct key_path range_path(const struct port_range *range)
{
    if (range->key == status_key) {
        return key_path_of("%s", status_key);
    }
    if (strcmp(range->key, "advertised.port-map") == 0) {
        return key_path_of("listeners[%zu].%s[%zu].port", range->listener, range->key, range->row);
    }
    return key_path_of("listeners[%zu].%s", range->listener, range->key);
}

static bool is_wildcard(const char *host)
{
    return strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

/* Names are taken as they are: two that mean one host show only when they are bound. */
static bool hosts_meet(const char *a, const char *b)
{
    return is_wildcard(a) || is_wildcard(b) || strcmp(a, b) == 0;
}

static void add_range(struct ranges *ranges, struct port_range range)
{
    ranges->items[ranges->count++] = range;
}

static void add_listener(struct ranges *ranges, size_t index, const struct config_listener *listener)
{
    const char *host = listener->address.host;
    const struct config_advertised *advertised = &listener->advertised;
    uint32_t port = listener->address.port;
    add_range(ranges, (struct port_range){ host, port, port, index, "address", 0 });
    if (advertised->node_port_base) {
        uint32_t first = advertised->node_port_base, last = first + advertised->node_ports - 1;
        add_range(ranges, (struct port_range){ host, first, last, index, "advertised.node-port-base", 0 });
    }
    for (size_t i = 0; i < advertised->port_map_count; i++) {
        port = advertised->port_map[i].port;
        add_range(ranges, (struct port_range){ host, port, port, index, "advertised.port-map", i });
    }
}

static int compare_ranges(const void *a, const void *b)
{
    const struct port_range *x = a, *y = b;
    int order = (x->first > y->first) - (x->first < y->first);
    order = order ? order : (x->listener > y->listener) - (x->listener < y->listener);
    return order ? order : (x->row > y->row) - (x->row < y->row);
}

static void complain(const struct yaml_file *file, const struct config *config, const struct port_range *later,
                     const struct port_range *earlier)
{
    struct key_path other = range_path(earlier);
    unsigned line = yaml_outline_line(&file->outline, other.text);
    static const char hint[] = "each port can be listened on once";
    if (earlier->key == status_key) {
        yaml_file_complain(file, SEVERITY_ERROR, range_path(later), hint, "port %u is also used by %s (line %u)",
                           later->first, status_key, line);
        return;
    }
    const char *name = config->listeners[earlier->listener].name;
    yaml_file_complain(file, SEVERITY_ERROR, range_path(later), hint,
                       "port %u is also used by %s of listener `%s` (line %u)", later->first, earlier->key, name, line);
}

/* Each range is held against those that begin before it and reach into it. */
static void check_sorted(const struct yaml_file *file, const struct config *config, const struct ranges *ranges)
{
    for (size_t i = 1; i < ranges->count; i++) {
        for (size_t j = i; j-- > 0 && ranges->items[i].first < ranges->items[j].first + NODE_PORTS_MAX;) {
            const struct port_range *later = &ranges->items[i], *earlier = &ranges->items[j];
            if (earlier->last >= later->first && hosts_meet(earlier->host, later->host)) {
                complain(file, config, later, earlier);
                break;
            }
        }
    }
}

static size_t count_ranges(const struct config *config)
{
    size_t count = 1;
    for (size_t i = 0; i < config->listener_count; i++) {
        count += 2 + config->listeners[i].advertised.port_map_count;
    }
    return count;
}

/* A node's socket is the listener's path, a dot and the node's id (gateway/gates.c). */
static void check_length(const struct yaml_file *file, size_t index, const struct config_listener *listener)
{
    const struct config_advertised *advertised = &listener->advertised;
    int32_t last = advertised->node_port_base ? advertised->node_ports - 1 : 0;
    for (size_t i = 0; i < advertised->port_map_count; i++) {
        last = advertised->port_map[i].node > last ? advertised->port_map[i].node : last;
    }
    int length = snprintf(NULL, 0, "%s.%ld", listener->address.host, (long)last);
    if (length > ADDRESS_PATH_BYTES_MAX) {
        yaml_file_complain(file, SEVERITY_ERROR, key_path_of("listeners[%zu].address", index), NULL,
                           "the path has %d bytes with a node's id behind it, and a Unix socket's has at most %d",
                           length, ADDRESS_PATH_BYTES_MAX);
    }
}

/* The node whose socket of that listener the path is, or -1. */
static int32_t node_of_path(const struct config_listener *listener, const char *path)
{
    char again[ADDRESS_HOST_BYTES_MAX + 16];
    uint16_t port = 0;
    size_t size = strlen(listener->address.host);
    if (strncmp(path, listener->address.host, size) != 0 || path[size] != '.') {
        return -1;
    }
    long node = strtol(path + size + 1, NULL, 10);
    snprintf(again, sizeof again, "%s.%ld", listener->address.host, node);
    bool is_node = node >= 0 && node <= INT32_MAX && strcmp(again, path) == 0 &&
                   config_node_port(&listener->advertised, (int32_t)node, &port);
    return is_node ? (int32_t)node : -1;
}

static void check_node_paths(const struct yaml_file *file, const struct config *config, size_t index)
{
    const struct config_listener *listener = &config->listeners[index];
    for (size_t i = 0; i < config->listener_count; i++) {
        const struct address *address = &config->listeners[i].address;
        int32_t node = address->kind == ADDRESS_UNIX ? node_of_path(listener, address->host) : -1;
        if (node >= 0) {
            yaml_file_complain(file, SEVERITY_ERROR, key_path_of("listeners[%zu].address", i), NULL,
                               "listener `%s` has this socket for node %d", listener->name, node);
        }
    }
}

static void check_paths(const struct yaml_file *file, const struct config *config)
{
    for (size_t i = 0; i < config->listener_count; i++) {
        if (config->listeners[i].address.kind == ADDRESS_UNIX) {
            check_length(file, i, &config->listeners[i]);
            check_node_paths(file, config, i);
        }
        for (size_t j = 0; j < i; j++) {
            const struct address *a = &config->listeners[i].address, *b = &config->listeners[j].address;
            if (a->kind == ADDRESS_UNIX && address_equal(a, b)) {
                yaml_file_complain(file, SEVERITY_ERROR, key_path_of("listeners[%zu].address", i), NULL,
                                   "listener `%s` has this socket already", config->listeners[j].name);
            }
        }
    }
}

void config_check_ports(const struct yaml_file *file, const struct config *config)
{
    struct ranges ranges = { .items = yaml_array(file, count_ranges(config), sizeof *ranges.items) };
    for (size_t i = 0; ranges.items && i < config->listener_count; i++) {
        if (config->listeners[i].address.kind == ADDRESS_TCP) {
            add_listener(&ranges, i, &config->listeners[i]);
        }
    }
    if (ranges.items && config->has_status_address && config->status_address.kind == ADDRESS_TCP) {
        const struct address *status = &config->status_address;
        size_t last = config->listener_count; /* so that it is told of, not they */
        add_range(&ranges, (struct port_range){ status->host, status->port, status->port, last, status_key, 0 });
    }
    if (ranges.items && ranges.count > 0) {
        qsort(ranges.items, ranges.count, sizeof *ranges.items, compare_ranges);
        check_sorted(file, config, &ranges);
    }
    free(ranges.items);
    check_paths(file, config);
}
