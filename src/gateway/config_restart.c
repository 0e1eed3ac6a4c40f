/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/config_restart.h"

static bool texts_equal(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool port_maps_equal(const struct config_advertised *a, const struct config_advertised *b)
{
    bool same = a->port_map_count == b->port_map_count;
    for (size_t i = 0; same && i < a->port_map_count; i++) {
        same = a->port_map[i].node == b->port_map[i].node && a->port_map[i].port == b->port_map[i].port;
    }
    return same;
}

static bool addresses_equal(const struct address *a, size_t a_count, const struct address *b, size_t b_count)
{
    bool same = a_count == b_count;
    for (size_t i = 0; same && i < a_count; i++) {
        same = address_equal(&a[i], &b[i]);
    }
    return same;
}

static bool servers_equal(const struct config_cluster *a, const struct config_cluster *b)
{
    return addresses_equal(a->bootstrap_servers, a->bootstrap_server_count, b->bootstrap_servers,
                           b->bootstrap_server_count);
}

static bool nodes_equal(const struct config_cluster *a, const struct config_cluster *b)
{
    bool same = a->node_count == b->node_count;
    for (size_t i = 0; same && i < a->node_count; i++) {
        same = a->nodes[i].id == b->nodes[i].id && address_equal(&a->nodes[i].address, &b->nodes[i].address);
    }
    return same;
}

/* One key and whether it is as it was; tables of them end with NULL. */
struct compared {
    const char *key;
    bool same;
};

enum { LISTENER_KEYS = 11 };

static void compare_listeners(const struct config_listener *a, const struct config_listener *b,
                              struct compared ret_keys[LISTENER_KEYS])
{
    const struct config_advertised *x = &a->advertised, *y = &b->advertised;
    const struct compared keys[LISTENER_KEYS] = {
        { "address", address_equal(&a->address, &b->address) },
        { "clients-known-by", a->clients_known_by == b->clients_known_by },
        { "trust-brokers-for-identity", a->trust_brokers_for_identity == b->trust_brokers_for_identity },
        { "tls.enabled", a->tls.enabled == b->tls.enabled },
        { "advertised.host", texts_equal(x->host, y->host) },
        { "advertised.node-port-base", x->node_port_base == y->node_port_base },
        { "advertised.node-ports", x->node_ports == y->node_ports },
        { "advertised.port-map", port_maps_equal(x, y) },
        { "sni.pattern", texts_equal(x->sni_pattern, y->sni_pattern) },
        { "sni.port", x->sni_port == y->sni_port },
        { NULL, true },
    };
    memcpy(ret_keys, keys, sizeof keys);
}

static const struct config_listener *find_listener(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->listener_count; i++) {
        if (strcmp(config->listeners[i].name, name) == 0) {
            return &config->listeners[i];
        }
    }
    return NULL;
}

const struct config_listener *config_same_listener(const struct config_listener *now, const struct config *next)
{
    struct compared keys[LISTENER_KEYS];
    const struct config_listener *found = find_listener(next, now->name);
    if (!found) {
        return NULL;
    }
    compare_listeners(now, found, keys);
    for (const struct compared *c = keys; c->key; c++) {
        if (!c->same) {
            return NULL;
        }
    }
    return found;
}

bool config_same_brokers(const struct config *now, const struct config *next)
{
    const struct config_cluster *a = &now->cluster, *b = &next->cluster;
    return servers_equal(a, b) && nodes_equal(a, b) && a->tls.enabled == b->tls.enabled;
}

static void tell_compared(const struct compared *keys, const char *listener, config_restart_teller *tell, void *context)
{
    for (; keys->key; keys++) {
        if (!keys->same) {
            tell(context, keys->key, listener, "has changed");
        }
    }
}

static void tell_listeners(const struct config *now, const struct config *next, config_restart_teller *tell,
                           void *context)
{
    struct compared keys[LISTENER_KEYS];
    for (size_t i = 0; i < now->listener_count; i++) {
        const struct config_listener *listener = &now->listeners[i], *found = find_listener(next, listener->name);
        if (!found) {
            tell(context, "listeners", listener->name, "is gone");
            continue;
        }
        compare_listeners(listener, found, keys);
        tell_compared(keys, listener->name, tell, context);
        /* Apart from the others: it says nothing about whether the port is the same. */
        const struct compared limit[] = { { "connections", listener->connections == found->connections },
                                          { NULL, true } };
        tell_compared(limit, listener->name, tell, context);
    }
    for (size_t i = 0; i < next->listener_count; i++) {
        if (!find_listener(now, next->listeners[i].name)) {
            tell(context, "listeners", next->listeners[i].name, "is new");
        }
    }
}

static bool client_tls_equal(const struct config_client_tls *a, const struct config_client_tls *b)
{
    return a->enabled == b->enabled && a->verify_hostname == b->verify_hostname && texts_equal(a->ca, b->ca) &&
           texts_equal(a->certificate, b->certificate) && texts_equal(a->key, b->key) &&
           texts_equal(a->key_passphrase_file, b->key_passphrase_file);
}

static bool sasl_equal(const struct config_sasl *a, const struct config_sasl *b)
{
    return a->mechanism == b->mechanism && texts_equal(a->username, b->username) &&
           texts_equal(a->password_file, b->password_file);
}

static bool ledger_topics_equal(const struct config_ledger_topic *a, const struct config_ledger_topic *b)
{
    return texts_equal(a->name, b->name) && client_tls_equal(&a->tls, &b->tls) && sasl_equal(&a->sasl, &b->sasl) &&
           addresses_equal(a->bootstrap_servers, a->bootstrap_server_count, b->bootstrap_servers,
                           b->bootstrap_server_count);
}

static bool ledgers_equal(const struct config_ledger *a, const struct config_ledger *b)
{
    return texts_equal(a->directory, b->directory) && ledger_topics_equal(&a->topic, &b->topic) &&
           a->interval_ms == b->interval_ms && a->buffer_bytes == b->buffer_bytes && a->when_full == b->when_full;
}

void config_tell_restart(const struct config *now, const struct config *next, config_restart_teller *tell,
                         void *context)
{
    const struct compared keys[] = {
        { "cluster.bootstrap-servers", servers_equal(&now->cluster, &next->cluster) },
        { "cluster.nodes", nodes_equal(&now->cluster, &next->cluster) },
        { "cluster.tls.enabled", now->cluster.tls.enabled == next->cluster.tls.enabled },
        { "ledger", ledgers_equal(&now->ledger, &next->ledger) },
        { "workers", now->workers == next->workers },
        { "limits.connections", now->limits.connections == next->limits.connections },
        { "limits.memory", now->limits.memory_bytes == next->limits.memory_bytes },
        { "limits.frame-bytes", now->limits.frame_bytes == next->limits.frame_bytes },
        { "limits.idle-timeout", now->limits.idle_ms == next->limits.idle_ms },
        { "limits.handshake-timeout", now->limits.handshake_ms == next->limits.handshake_ms },
        { "limits.connect-timeout", now->limits.connect_ms == next->limits.connect_ms },
        { "limits.drain-timeout", now->limits.drain_ms == next->limits.drain_ms },
        { "status-address",
          now->has_status_address == next->has_status_address &&
              (!now->has_status_address || address_equal(&now->status_address, &next->status_address)) },
        { NULL, true },
    };
    tell_compared(keys, NULL, tell, context);
    tell_listeners(now, next, tell, context);
}
