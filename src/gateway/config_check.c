/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/config_check.h"

#include "gateway/config_ports.h"
#include "keys/yaml_value.h"

#define complain(file, path, hint, ...) yaml_file_complain(file, SEVERITY_ERROR, path, hint, __VA_ARGS__)
#define warn(file, path, hint, ...)     yaml_file_complain(file, SEVERITY_WARNING, path, hint, __VA_ARGS__)

static void check_server_tls(const struct yaml_file *file, struct key_path prefix, const struct config_server_tls *tls)
{
    if (!tls->enabled) {
        return;
    }
    if (!tls->certificate || !tls->key) {
        complain(file, key_path_join(prefix, tls->certificate ? "key" : "certificate"), NULL,
                 "TLS needs a certificate and its key");
    }
    if (tls->client_crl && !tls->client_ca) {
        complain(file, key_path_join(prefix, "client-crl"), "name the authority of the clients' certificates",
                 "without client-ca nobody is asked for the certificates that it revokes");
    }
}

/* Design: messages are sealed and opened only for clients that the gateway knows (spec/threat-model.md). */
static void check_known_by(const struct yaml_file *file, struct key_path prefix, const struct config_listener *listener)
{
    bool local_socket = listener->address.kind == ADDRESS_UNIX;
    struct key_path path = key_path_join(prefix, "clients-known-by");
    switch (listener->clients_known_by) {
    case KNOWN_BY_CLIENT_CERTIFICATE:
        if (!listener->tls.enabled || !listener->tls.client_ca) {
            complain(file, path, "turn tls on and name the authority of the clients' certificates under tls.client-ca",
                     "clients cannot be known by certificates that they are not asked for");
        }
        break;
    case KNOWN_BY_LOOPBACK:
        if (local_socket || !address_is_loopback(&listener->address)) {
            complain(file, path, local_socket ? "write unix-socket" : "listen on 127.0.0.1 or [::1]",
                     "the address is not one of loopback, so others could connect to it");
        }
        break;
    case KNOWN_BY_UNIX_SOCKET:
        if (!local_socket) {
            complain(file, path, "write the address as unix:/path", "the address is not a Unix socket");
        }
        break;
    case KNOWN_BY_BROKERS:
        if (!listener->trust_brokers_for_identity) {
            complain(file, path, "state trust-brokers-for-identity: true beside it, or know clients in another way",
                     "whoever administers the brokers could add a user and read through this listener");
        }
        break;
    }
    if (listener->trust_brokers_for_identity && listener->clients_known_by != KNOWN_BY_BROKERS) {
        warn(file, key_path_join(prefix, "trust-brokers-for-identity"), "remove it",
             "this has no effect, as clients are known by %s", clients_known_by_word(listener->clients_known_by));
    }
}

static bool sni_pattern_valid(const char *pattern)
{
    static const char mark[] = "{node}";
    struct address address;
    char name[ADDRESS_HOST_BYTES_MAX + 1];
    const char *at = strstr(pattern, mark);
    /* An id has up to ten digits where the mark has six characters. */
    if (!at || strlen(pattern) + 4 > ADDRESS_HOST_BYTES_MAX) {
        return false;
    }
    size_t before = (size_t)(at - pattern);
    memcpy(name, pattern, before);
    name[before] = '0';
    memcpy(name + before + 1, at + sizeof mark - 1, strlen(at + sizeof mark - 1) + 1);
    return address_of_host(name, 1, &address) == SIGNET_OK && !address_is_number(&address);
}

static void check_by_name(const struct yaml_file *file, struct key_path prefix, const struct config_listener *listener)
{
    const struct config_advertised *advertised = &listener->advertised;
    if (advertised->host || advertised->node_ports || advertised->port_map_count) {
        complain(file, key_path_join(prefix, "sni"), "keep one of the two",
                 "nodes are told apart by name or by port, not both");
    }
    if (!listener->tls.enabled) {
        complain(file, key_path_join(prefix, "sni"), "turn tls on, or use advertised with ports",
                 "names of nodes are seen only in TLS");
    }
    if (!sni_pattern_valid(advertised->sni_pattern)) {
        complain(file, key_path_join(prefix, "sni.pattern"), "b{node}.kafka.example.com",
                 "`%s` is not a host name with {node} in it", advertised->sni_pattern);
    }
    if (advertised->sni_port == 0) {
        complain(file, key_path_join(prefix, "sni.port"), NULL, "this key is missing");
    }
}

static void check_map(const struct yaml_file *file, struct key_path prefix, const struct config_advertised *advertised)
{
    for (size_t i = 0; i < advertised->port_map_count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (advertised->port_map[i].node == advertised->port_map[j].node) {
                complain(file, key_path_of("%s.port-map[%zu].node", prefix.text, i), NULL, "node %d has a port already",
                         advertised->port_map[i].node);
                break;
            }
        }
    }
}

static void check_by_port(const struct yaml_file *file, struct key_path prefix, const struct config_listener *listener)
{
    const struct config_advertised *advertised = &listener->advertised;
    struct key_path path = key_path_join(prefix, "advertised");
    struct address address;
    if (!advertised->node_port_base && !advertised->port_map_count) {
        complain(file, path, "advertised: { node-port-base: 9100 } puts node n on port 9100 + n; or use sni",
                 "there is no way for clients to reach the single brokers");
    } else if (!advertised->host) {
        complain(file, key_path_join(path, "host"), "advertised: { host: gateway.example.com }",
                 "clients must be told a host, and the address does not name one");
    } else if (address_of_host(advertised->host, 1, &address)) {
        complain(file, key_path_join(path, "host"), NULL, "`%s` is not the name or number of a host", advertised->host);
    }
    if (advertised->node_ports && !advertised->node_port_base) {
        complain(file, key_path_join(path, "node-ports"), NULL, "this needs node-port-base beside it");
    } else if (advertised->node_port_base + advertised->node_ports - 1 > UINT16_MAX) {
        complain(file, key_path_join(path, "node-ports"), NULL, "the ports of the nodes run past 65535");
    }
    check_map(file, path, advertised);
}

/* Metadata names every broker: one that clients cannot be told of ends each of their conversations. */
static void check_nodes_have_ports(const struct yaml_file *file, const struct config *config,
                                   const struct config_listener *listener)
{
    const struct config_advertised *advertised = &listener->advertised;
    bool by_port = advertised->node_port_base || advertised->port_map_count;
    for (size_t i = 0; by_port && i < config->cluster.node_count; i++) {
        uint16_t port = 0;
        int32_t node = config->cluster.nodes[i].id;
        if (!config_node_port(advertised, node, &port)) {
            complain(file, key_path_of("cluster.nodes[%zu].id", i),
                     "raise its advertised.node-ports, or add the node to its advertised.port-map",
                     "listener `%s` has no port for node %d, and without one it can serve no client", listener->name,
                     node);
        }
    }
}

static void check_listener(const struct yaml_file *file, const struct config *config, size_t index)
{
    const struct config_listener *listener = &config->listeners[index];
    struct key_path prefix = key_path_of("listeners[%zu]", index);
    check_known_by(file, prefix, listener);
    check_server_tls(file, key_path_join(prefix, "tls"), &listener->tls);
    if (listener->advertised.sni_pattern) {
        check_by_name(file, prefix, listener);
    } else {
        check_by_port(file, prefix, listener);
        check_nodes_have_ports(file, config, listener);
    }
    if (listener->clients_known_by == KNOWN_BY_BROKERS && !listener->tls.enabled &&
        !address_is_loopback(&listener->address)) {
        warn(file, key_path_join(prefix, "tls"), "turn tls on",
             "clients' passwords and messages cross the network in clear");
    }
    if (listener->connections > config->limits.connections) {
        warn(file, key_path_join(prefix, "connections"), "lower it, so that the other listeners have some left",
             "this has no effect, as limits.connections is %u", config->limits.connections);
    }
    for (size_t i = 0; i < index; i++) {
        if (strcmp(config->listeners[i].name, listener->name) == 0) {
            complain(file, key_path_join(prefix, "name"), NULL, "another listener has this name");
            break;
        }
    }
}

static bool all_loopback(const struct address *servers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!address_is_loopback(&servers[i])) {
            return false;
        }
    }
    return true;
}

/* `section` is the path of what has these servers and this tls. */
static void check_brokers(const struct yaml_file *file, const char *section, const struct address *servers,
                          size_t count, const struct config_client_tls *tls)
{
    struct key_path path = key_path_of("%s.tls", section);
    if (count == 0) {
        complain(file, key_path_of("%s.bootstrap-servers", section), "bootstrap-servers: [kafka-1:9092]",
                 "there is no broker to connect to");
    }
    if (!tls->enabled) {
        if (!all_loopback(servers, count)) {
            warn(file, path, "tls: { ca: ca.pem }",
                 "brokers are talked to in clear, and any machine in between can pose as one");
        }
        return;
    }
    if (!tls->certificate != !tls->key) {
        complain(file, key_path_join(path, tls->certificate ? "key" : "certificate"), NULL,
                 "certificate and key go together");
    }
    if (!tls->verify_hostname) {
        warn(file, key_path_join(path, "verify-hostname"), "give the brokers certificates with their names",
             "any holder of a certificate of this authority can pose as a broker");
    }
}

static void check_cluster(const struct yaml_file *file, const struct config_cluster *cluster)
{
    for (size_t i = 0; i < cluster->node_count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (cluster->nodes[i].id == cluster->nodes[j].id) {
                complain(file, key_path_of("cluster.nodes[%zu].id", i), NULL, "node %d stands here twice",
                         cluster->nodes[i].id);
                break;
            }
        }
    }
    check_brokers(file, "cluster", cluster->bootstrap_servers, cluster->bootstrap_server_count, &cluster->tls);
}

/* The first rule that seals, or opens; topic_count when none does. */
static size_t first_sealed(const struct config *config)
{
    size_t i = 0;
    while (i < config->topic_count && !config->topics[i].seal) {
        i++;
    }
    return i;
}

static size_t first_opened(const struct config *config)
{
    size_t i = 0;
    while (i < config->topic_count && !config->topics[i].open) {
        i++;
    }
    return i;
}

static void check_means_to_seal(const struct yaml_file *file, const struct config *config, size_t rule)
{
    struct key_path path = key_path_of("topics[%zu].seal", rule);
    if (!config->identity.file) {
        warn(
            file, path, "make a key with `signet keys writer NAME` and name it under identity.writer-key",
            "without an identity nothing can be sealed: this gateway is for consumers only, and producers are refused");
    } else if (config->recipient_count == 0) {
        complain(file, path, "list the *.pub files of those who may open it under recipients",
                 "nobody could open what is sealed, as there are no recipients");
    }
}

static void check_means_to_open(const struct yaml_file *file, const struct config *config, size_t rule)
{
    struct key_path path = key_path_of("topics[%zu].open", rule);
    if (config->recipient_key_count == 0) {
        complain(file, path, "name a recipient's *.key file under recipient-keys, or write open: false",
                 "nothing can be opened without recipient keys");
    }
}

/* To open a topic is to hold it to being sealed. */
static void check_open_is_sealed(const struct yaml_file *file, const struct config *config)
{
    for (size_t i = 0; i < config->topic_count; i++) {
        if (config->topics[i].open && !config->topics[i].seal) {
            complain(file, key_path_of("topics[%zu].open", i),
                     "write seal: true; clear data from before is let through by a cut-over in the trust file",
                     "a topic that is not sealed cannot be opened");
        }
    }
}

static void check_means(const struct yaml_file *file, const struct config *config)
{
    size_t sealed = first_sealed(config), opened = first_opened(config);
    if (sealed < config->topic_count) {
        check_means_to_seal(file, config, sealed);
    }
    if (opened < config->topic_count) {
        check_means_to_open(file, config, opened);
    }
    check_open_is_sealed(file, config);
    if (sealed == config->topic_count && opened == config->topic_count) {
        warn(file, key_path_of("topics"), "topics: [{ match: \"orders*\", seal: true }]",
             "no topic is sealed or opened, so everything passes through as it is");
    } else if (!config->trust_file) {
        size_t rule = sealed < opened ? sealed : opened;
        complain(file, key_path_of("topics[%zu]", rule),
                 "write one as in spec/trust-file.md and name it under trust-file",
                 "without a trust file nobody knows which cluster this is and whom to believe");
    }
}

/* A slip of the pen in a pattern lets the topics that were meant pass in clear. */
static void check_all_topics_are_ruled(const struct yaml_file *file, const struct config *config)
{
    for (size_t i = 0; i < config->topic_count; i++) {
        if (strcmp(config->topics[i].match, "*") == 0) {
            return;
        }
    }
    if (first_sealed(config) < config->topic_count) {
        warn(file, key_path_of("topics"),
             "add { match: \"*\", seal: true }, or seal: false to say that the others are not secret",
             "topics that no rule matches pass through in clear, also when a rule was mistyped");
    }
}

static void check_limits(const struct yaml_file *file, const struct config *config)
{
    uint64_t share = config->limits.memory_bytes / (config->workers ? config->workers : 1);
    if (config_share_is_small(config, share)) {
        warn(file, key_path_of("limits.memory"), "raise it, or lower workers or limits.frame-bytes",
             "each worker's share is %llu KiB: frames larger than that pass only while a worker has nothing else to do",
             (unsigned long long)(share / 1024));
    }
}

/* Kafka's own rule (Topic.java). */
static bool is_topic_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t size = strlen(name);
    return size > 0 && size <= TOPIC_NAME_BYTES_MAX && strspn(name, letters) == size && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

static void check_sasl(const struct yaml_file *file, const struct config_ledger_topic *topic)
{
    const struct config_sasl *sasl = &topic->sasl;
    struct key_path path = key_path_of("ledger.topic.sasl");
    if (sasl->mechanism == LOGIN_PLAIN && !topic->tls.enabled) {
        complain(file, key_path_join(path, "mechanism"), "turn tls on, or use SCRAM-SHA-512",
                 "PLAIN gives the password to whoever listens");
    }
    if (!*sasl->username || strlen(sasl->username) > USERNAME_BYTES_MAX) {
        complain(file, key_path_join(path, "username"), NULL, "a name has from 1 to %d bytes", USERNAME_BYTES_MAX);
    }
}

static void check_ledger_topic(const struct yaml_file *file, const struct config_ledger_topic *topic)
{
    if (!is_topic_name(topic->name)) {
        complain(file, key_path_of("ledger.topic.name"), NULL, "no topic has this name");
    }
    check_brokers(file, "ledger.topic", topic->bootstrap_servers, topic->bootstrap_server_count, &topic->tls);
    if (topic->sasl.username) {
        check_sasl(file, topic);
    }
}

static void check_ledger(const struct yaml_file *file, const struct config *config)
{
    if (config_keeps_ledger(&config->ledger) && !config->identity.file) {
        complain(file, key_path_of("ledger"), "name a writer's key under identity.writer-key, or remove the ledger",
                 "a ledger is signed by the writer, and there is no identity");
    } else if (config_keeps_ledger(&config->ledger) && !config->trust_file) {
        complain(file, key_path_of("ledger"), "write one as in spec/trust-file.md and name it under trust-file",
                 "a ledger names its cluster, and without a trust file nobody knows which it is");
    }
}

static void check_status_address(const struct yaml_file *file, const struct config *config)
{
    if (config->has_status_address && !address_is_loopback(&config->status_address)) {
        warn(file, key_path_of("status-address"), "127.0.0.1, or a firewall before it",
             "whoever reaches this address sees how much passes and is refused: nobody is asked who he is");
    }
}

static void check_topics(const struct yaml_file *file, const struct config *config)
{
    for (size_t i = 0; i < config->topic_count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(config->topics[i].match, config->topics[j].match) == 0) {
                complain(file, key_path_of("topics[%zu].match", i), NULL, "another rule has this pattern");
                break;
            }
        }
    }
}

static void check_topic_ids(const struct yaml_file *file, const struct config *config)
{
    for (size_t i = 0; i < config->known_topic_count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (topic_id_equal(&config->known_topics[i].id, &config->known_topics[j].id)) {
                complain(file, key_path_of("topic-ids[%zu].topic-id", i), NULL, "another row has this id");
                break;
            }
        }
    }
}

void config_check(const struct yaml_file *file, const struct config *config)
{
    check_cluster(file, &config->cluster);
    if (config->listener_count == 0) {
        complain(file, key_path_of("listeners"), NULL, "there is no listener, so no client can connect");
    }
    for (size_t i = 0; i < config->listener_count; i++) {
        check_listener(file, config, i);
    }
    config_check_ports(file, config);
    check_topics(file, config);
    check_topic_ids(file, config);
    check_means(file, config);
    check_all_topics_are_ruled(file, config);
    check_limits(file, config);
    check_ledger(file, config);
    if (config->ledger.topic.name) {
        check_ledger_topic(file, &config->ledger.topic);
    }
    check_status_address(file, config);
}
