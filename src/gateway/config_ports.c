/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/config_ports.h"

#include <stdlib.h>

#include "keys/yaml_value.h"

/* Ports from `first` to `last` of one host, and the key that asks for them. */
struct port_range {
    const char *host;
    uint32_t first, last;
    size_t listener;
    const char *key; /* under listeners[n]: "address", "advertised.node-port-base", "advertised.port-map" */
    size_t row;      /* of the port map */
};

struct ranges {
    struct port_range *items;
    size_t count;
};

static struct key_path range_path(const struct port_range *range)
{
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
    const char *name = config->listeners[earlier->listener].name;
    yaml_file_complain(file, SEVERITY_ERROR, range_path(later), "each port can be listened on once",
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
    size_t count = 0;
    for (size_t i = 0; i < config->listener_count; i++) {
        count += 2 + config->listeners[i].advertised.port_map_count;
    }
    return count;
}

static void check_paths(const struct yaml_file *file, const struct config *config)
{
    for (size_t i = 0; i < config->listener_count; i++) {
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
    if (ranges.items && ranges.count > 0) {
        qsort(ranges.items, ranges.count, sizeof *ranges.items, compare_ranges);
        check_sorted(file, config, &ranges);
    }
    free(ranges.items);
    check_paths(file, config);
}
