/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/config.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/config_check.h"
#include "gateway/config_schema.h"
#include "gateway/config_value.h"
#include "keys/scalar.h"
#include "keys/yaml_value.h"
#include "seal/trust.h"

static const int64_t MIB = INT64_C(1) << 20, GIB = INT64_C(1) << 30;

#define complain(file, path, hint, ...) yaml_file_complain(file, SEVERITY_ERROR, path, hint, __VA_ARGS__)

static bool take_bool(enum yaml_bool text, bool otherwise)
{
    return text == YAML_UNSET ? otherwise : text == YAML_TRUE;
}

/* A choice whose words are one more than its values. */
static unsigned take_word(uint32_t word, unsigned otherwise)
{
    return word ? word - 1 : otherwise;
}

static void take_port(const struct yaml_file *file, struct key_path path, const char *text, uint16_t *ret_port)
{
    int64_t port = *ret_port;
    yaml_take_integer(file, path, text, 1, UINT16_MAX, &port);
    *ret_port = (uint16_t)port;
}

static void take_node_id(const struct yaml_file *file, struct key_path prefix, const char *key, const char *text,
                         int32_t *ret_id)
{
    int64_t id = 0;
    yaml_require(file, prefix, key, text);
    yaml_take_integer(file, key_path_join(prefix, key), text, 0, INT32_MAX, &id);
    *ret_id = (int32_t)id;
}

static void take_client_tls(const struct yaml_file *file, const struct tls_text *text, struct config_client_tls *tls)
{
    if (!text) {
        return;
    }
    tls->enabled = take_bool(text->enabled, true);
    tls->ca = config_take_path(file, text->ca);
    tls->certificate = config_take_path(file, text->certificate);
    tls->key = config_take_path(file, text->key);
    tls->key_passphrase_file = config_take_path(file, text->key_passphrase_file);
    tls->verify_hostname = take_bool(text->verify_hostname, true);
}

/* `key` is that of the list. */
static struct address *take_servers(const struct yaml_file *file, const char *key, char *const *texts, size_t count,
                                    size_t *ret_count)
{
    struct address *servers = yaml_array(file, count, sizeof *servers);
    for (size_t i = 0; servers && i < count; i++) {
        config_take_address(file, key_path_of("%s[%zu]", key, i), "", texts[i], &servers[i]);
    }
    *ret_count = servers ? count : 0;
    return servers;
}

static void take_cluster(const struct yaml_file *file, const struct cluster_text *text, struct config_cluster *cluster)
{
    cluster->bootstrap_servers = take_servers(file, "cluster.bootstrap-servers", text->bootstrap_servers,
                                              text->bootstrap_servers_count, &cluster->bootstrap_server_count);
    cluster->nodes = yaml_array(file, text->nodes_count, sizeof *cluster->nodes);
    for (size_t i = 0; cluster->nodes && i < text->nodes_count; i++) {
        struct key_path path = key_path_of("cluster.nodes[%zu]", i);
        struct config_node *node = &cluster->nodes[cluster->node_count++];
        take_node_id(file, path, "id", text->nodes[i].id, &node->id);
        config_take_address(file, path, "address", text->nodes[i].address, &node->address);
    }
    take_client_tls(file, text->tls, &cluster->tls);
}

static void take_recipients(const struct yaml_file *file, const struct config_text *text, struct config *config)
{
    config->recipients = yaml_array(file, text->recipients_count, sizeof *config->recipients);
    for (size_t i = 0; config->recipients && i < text->recipients_count; i++) {
        config->recipients[config->recipient_count++] = config_take_path(file, text->recipients[i]);
    }
    config->recipient_keys = yaml_array(file, text->recipient_keys_count, sizeof *config->recipient_keys);
    for (size_t i = 0; config->recipient_keys && i < text->recipient_keys_count; i++) {
        struct config_secret_file *key = &config->recipient_keys[config->recipient_key_count++];
        yaml_require(file, key_path_of("recipient-keys[%zu]", i), "file", text->recipient_keys[i].file);
        key->file = config_take_path(file, text->recipient_keys[i].file);
        key->passphrase_file = config_take_path(file, text->recipient_keys[i].passphrase_file);
    }
}

static void take_identity(const struct yaml_file *file, const struct config_text *text, struct config *config)
{
    if (text->identity) {
        yaml_require(file, key_path_of("identity"), "writer-key", text->identity->file);
        config->identity.file = config_take_path(file, text->identity->file);
        config->identity.passphrase_file = config_take_path(file, text->identity->passphrase_file);
    }
    config->trust_file = config_take_path(file, text->trust_file);
}

static void take_server_tls(const struct yaml_file *file, const struct tls_text *text, struct config_server_tls *tls)
{
    if (!text) {
        return;
    }
    tls->enabled = take_bool(text->enabled, true);
    tls->certificate = config_take_path(file, text->certificate);
    tls->key = config_take_path(file, text->key);
    tls->key_passphrase_file = config_take_path(file, text->key_passphrase_file);
    tls->client_ca = config_take_path(file, text->client_ca);
    tls->client_crl = config_take_path(file, text->client_crl);
}

static void take_node_ports(const struct yaml_file *file, struct key_path prefix, const struct advertised_text *text,
                            struct config_advertised *advertised)
{
    int64_t count = text->node_port_base ? NODE_PORTS_DEFAULT : 0;
    take_port(file, key_path_join(prefix, "node-port-base"), text->node_port_base, &advertised->node_port_base);
    yaml_take_integer(file, key_path_join(prefix, "node-ports"), text->node_ports, 1, NODE_PORTS_MAX, &count);
    advertised->node_ports = (uint16_t)count;
    advertised->port_map = yaml_array(file, text->port_map_count, sizeof *advertised->port_map);
    for (size_t i = 0; advertised->port_map && i < text->port_map_count; i++) {
        struct key_path path = key_path_of("%s.port-map[%zu]", prefix.text, i);
        struct config_node_port *row = &advertised->port_map[advertised->port_map_count++];
        take_node_id(file, path, "node", text->port_map[i].node, &row->node);
        yaml_require(file, path, "port", text->port_map[i].port);
        take_port(file, key_path_join(path, "port"), text->port_map[i].port, &row->port);
    }
}

static void take_advertised(const struct yaml_file *file, struct key_path prefix, const struct listener_text *text,
                            struct config_listener *listener)
{
    struct config_advertised *advertised = &listener->advertised;
    if (text->advertised) {
        advertised->host = yaml_copy(file, text->advertised->host);
        take_node_ports(file, key_path_join(prefix, "advertised"), text->advertised, advertised);
    }
    if (text->sni) {
        struct key_path sni = key_path_join(prefix, "sni");
        yaml_require(file, sni, "pattern", text->sni->pattern);
        advertised->sni_pattern = yaml_copy(file, text->sni->pattern);
        for (char *c = advertised->sni_pattern; c && *c; c++) {
            *c = (char)tolower((unsigned char)*c); /* names of hosts are compared so */
        }
        advertised->sni_port = listener->address.port;
        take_port(file, key_path_join(sni, "port"), text->sni->port, &advertised->sni_port);
    }
}

/* Clients are told the host that is listened on, unless it is all of them. */
static void default_host(const struct yaml_file *file, struct config_listener *listener)
{
    const struct address *address = &listener->address;
    bool wildcard = strcmp(address->host, "0.0.0.0") == 0 || strcmp(address->host, "::") == 0;
    struct config_advertised *advertised = &listener->advertised;
    if (!advertised->host && !advertised->sni_pattern && address->kind == ADDRESS_TCP && !wildcard && *address->host) {
        advertised->host = yaml_copy(file, address->host);
    }
}

static void take_listener(const struct yaml_file *file, size_t index, const struct listener_text *text,
                          struct config_listener *listener)
{
    struct key_path prefix = key_path_of("listeners[%zu]", index);
    int64_t connections = 0;
    yaml_require(file, prefix, "name", text->name);
    listener->name = yaml_copy(file, text->name);
    config_take_address(file, prefix, "address", text->address, &listener->address);
    if (!text->clients_known_by) {
        complain(file, key_path_join(prefix, "clients-known-by"),
                 "client-certificate, loopback or unix-socket; or brokers, which lets their administrators read",
                 "the listener does not say how its clients are known, so it would open messages for anyone");
    }
    listener->clients_known_by = (enum clients_known_by)take_word(text->clients_known_by, 0);
    listener->trust_brokers_for_identity = take_bool(text->trust_brokers, false);
    yaml_take_integer(file, key_path_join(prefix, "connections"), text->connections, 1, CONNECTIONS_MAX, &connections);
    listener->connections = (uint32_t)connections;
    take_server_tls(file, text->tls, &listener->tls);
    take_advertised(file, prefix, text, listener);
    default_host(file, listener);
}

static void take_listeners(const struct yaml_file *file, const struct config_text *text, struct config *config)
{
    config->listeners = yaml_array(file, text->listeners_count, sizeof *config->listeners);
    for (size_t i = 0; config->listeners && i < text->listeners_count; i++) {
        take_listener(file, i, &text->listeners[i], &config->listeners[config->listener_count++]);
    }
}

static void take_topic(const struct yaml_file *file, size_t index, const struct topic_text *text,
                       struct config_topic *topic)
{
    struct key_path prefix = key_path_of("topics[%zu]", index);
    if (yaml_require(file, prefix, "match", text->match) && !topic_pattern_valid(text->match)) {
        complain(file, key_path_join(prefix, "match"), "letters, digits, . _ - as in names of topics, and * and ?",
                 "`%s` is not a topic or a pattern of topics", text->match);
    }
    yaml_require(file, prefix, "seal", text->seal ? "" : NULL);
    topic->match = yaml_copy(file, text->match);
    topic->seal = take_bool(text->seal, false);
    topic->open = take_bool(text->open, topic->seal);
    topic->timestamp_type = (enum timestamp_type)take_word(text->timestamp_type, TIMESTAMP_CREATE_TIME);
    yaml_take_integer(file, key_path_join(prefix, "retention-ms"), text->retention_ms, 1, INT64_MAX,
                      &topic->retention_ms);
    yaml_take_size(file, key_path_join(prefix, "retention-bytes"), text->retention_bytes, 1, INT64_MAX,
                   &topic->retention_bytes);
}

static void take_topics(const struct yaml_file *file, const struct config_text *text, struct config *config)
{
    config->topics = yaml_array(file, text->topics_count, sizeof *config->topics);
    for (size_t i = 0; config->topics && i < text->topics_count; i++) {
        take_topic(file, i, &text->topics[i], &config->topics[config->topic_count++]);
    }
}

static void take_topic_ids(const struct yaml_file *file, const struct config_text *text, struct config *config)
{
    config->known_topics = yaml_array(file, text->topic_ids_count, sizeof *config->known_topics);
    for (size_t i = 0; config->known_topics && i < text->topic_ids_count; i++) {
        struct key_path prefix = key_path_of("topic-ids[%zu]", i);
        struct known_topic *known = &config->known_topics[config->known_topic_count++];
        yaml_check_topic(file, prefix, text->topic_ids[i].topic);
        yaml_take_topic_id(file, prefix, text->topic_ids[i].topic_id, &known->id);
        known->name = yaml_copy(file, text->topic_ids[i].topic);
    }
}

static void take_data_keys(const struct yaml_file *file, const struct data_keys_text *text, struct config *config)
{
    int64_t age = DATA_KEY_AGE_MS_DEFAULT, bytes = DATA_KEY_GIB_DEFAULT * GIB, batches = DATA_KEY_BATCHES_DEFAULT;
    yaml_take_duration(file, key_path_of("data-keys.max-age"), text->max_age, 1000, DATA_KEY_AGE_S_MAX * INT64_C(1000),
                       &age);
    yaml_take_size(file, key_path_of("data-keys.max-bytes"), text->max_bytes, MIB, DATA_KEY_GIB_MAX * GIB, &bytes);
    yaml_take_integer(file, key_path_of("data-keys.max-batches"), text->max_batches, 1, DATA_KEY_BATCHES_MAX, &batches);
    config->data_keys.max_age_ms = age;
    config->data_keys.max_bytes = (uint64_t)bytes;
    config->data_keys.max_batches = (uint64_t)batches;
}

static void take_sasl(const struct yaml_file *file, struct key_path prefix, const struct sasl_text *text,
                      struct config_sasl *sasl)
{
    if (!text) {
        return;
    }
    yaml_require(file, prefix, "mechanism", text->mechanism ? "" : NULL);
    yaml_require(file, prefix, "username", text->username);
    yaml_require(file, prefix, "password-file", text->password_file);
    sasl->mechanism = (enum login_mechanism)take_word(text->mechanism, LOGIN_SCRAM_SHA_512);
    sasl->username = yaml_copy(file, text->username);
    sasl->password_file = config_take_path(file, text->password_file);
}

static void take_ledger_topic(const struct yaml_file *file, const struct ledger_topic_text *text,
                              struct config_ledger_topic *topic)
{
    if (yaml_require(file, key_path_of("ledger.topic"), "name", text->name)) {
        topic->name = yaml_copy(file, text->name);
    }
    topic->bootstrap_servers = take_servers(file, "ledger.topic.bootstrap-servers", text->bootstrap_servers,
                                            text->bootstrap_servers_count, &topic->bootstrap_server_count);
    take_client_tls(file, text->tls, &topic->tls);
    take_sasl(file, key_path_of("ledger.topic.sasl"), text->sasl, &topic->sasl);
}

static void take_ledger(const struct yaml_file *file, const struct ledger_text *text, struct config_ledger *ledger)
{
    struct key_path path = key_path_of("ledger");
    int64_t interval = LEDGER_INTERVAL_MS_DEFAULT, buffer = LEDGER_BUFFER_MIB_DEFAULT * MIB;
    if (!text) {
        return;
    }
    if (text->topic) {
        take_ledger_topic(file, text->topic, &ledger->topic);
    } else {
        yaml_require(file, path, "directory", text->directory);
    }
    ledger->directory = config_take_path(file, text->directory);
    yaml_take_duration(file, key_path_join(path, "interval"), text->interval, LEDGER_INTERVAL_MS_MIN,
                       LEDGER_INTERVAL_MS_MAX, &interval);
    yaml_take_size(file, key_path_join(path, "buffer"), text->buffer, MIB, LEDGER_BUFFER_MIB_MAX * MIB, &buffer);
    ledger->interval_ms = interval;
    ledger->buffer_bytes = (uint64_t)buffer;
    ledger->when_full = (enum ledger_full)take_word(text->when_full, LEDGER_FULL_REFUSE);
}

static void take_timeouts(const struct yaml_file *file, const struct limits_text *text, struct config *config)
{
    config->limits.idle_ms = IDLE_MS_DEFAULT;
    config->limits.handshake_ms = HANDSHAKE_MS_DEFAULT;
    config->limits.connect_ms = CONNECT_MS_DEFAULT;
    config->limits.drain_ms = DRAIN_MS_DEFAULT;
    yaml_take_duration(file, key_path_of("limits.idle-timeout"), text->idle_timeout, IDLE_MS_MIN, IDLE_MS_MAX,
                       &config->limits.idle_ms);
    yaml_take_duration(file, key_path_of("limits.handshake-timeout"), text->handshake_timeout, SHORT_MS_MIN,
                       SHORT_MS_MAX, &config->limits.handshake_ms);
    yaml_take_duration(file, key_path_of("limits.connect-timeout"), text->connect_timeout, SHORT_MS_MIN, SHORT_MS_MAX,
                       &config->limits.connect_ms);
    yaml_take_duration(file, key_path_of("limits.drain-timeout"), text->drain_timeout, SHORT_MS_MIN, SHORT_MS_MAX,
                       &config->limits.drain_ms);
}

static void take_limits(const struct yaml_file *file, const struct config_text *text, struct config *config)
{
    int64_t workers = 0, connections = CONNECTIONS_DEFAULT, memory = MEMORY_MIB_DEFAULT * MIB;
    int64_t frame_bytes = FRAME_BYTES_DEFAULT;
    yaml_take_integer(file, key_path_of("workers"), text->workers, 1, WORKERS_MAX, &workers);
    yaml_take_integer(file, key_path_of("limits.connections"), text->limits.connections, 1, CONNECTIONS_MAX,
                      &connections);
    yaml_take_size(file, key_path_of("limits.memory"), text->limits.memory, MEMORY_MIB_MIN * MIB, MEMORY_MIB_MAX * MIB,
                   &memory);
    yaml_take_size(file, key_path_of("limits.frame-bytes"), text->limits.frame_bytes, FRAME_BYTES_MIN, FRAME_BYTES_MAX,
                   &frame_bytes);
    config->workers = (uint32_t)workers;
    config->limits.connections = (uint32_t)connections;
    config->limits.memory_bytes = (uint64_t)memory;
    config->limits.frame_bytes = (uint32_t)frame_bytes;
    take_timeouts(file, &text->limits, config);
}

static void take_status_address(const struct yaml_file *file, const struct config_text *text, struct config *config)
{
    config->has_status_address = text->status_address;
    if (text->status_address) {
        config_take_http_address(file, "status-address", text->status_address, &config->status_address);
    }
}

static void take_choices(const struct config_text *text, struct config *config)
{
    config->fetch_refusal_error =
        (int16_t)(text->fetch_refusal_error ? text->fetch_refusal_error : REFUSAL_CORRUPT_MESSAGE);
    config->principal_in_envelope = take_bool(text->principal_in_envelope, false);
    config_take_log(&text->log, &config->log.level, &config->log.format);
}

static void take_all(const struct yaml_file *file, struct config *config)
{
    const struct config_text *text = file->data;
    config->file = yaml_copy(file, file->name);
    take_cluster(file, &text->cluster, &config->cluster);
    take_identity(file, text, config);
    take_status_address(file, text, config);
    take_recipients(file, text, config);
    take_listeners(file, text, config);
    take_topics(file, text, config);
    take_topic_ids(file, text, config);
    take_data_keys(file, &text->data_keys, config);
    take_ledger(file, text->ledger, &config->ledger);
    take_limits(file, text, config);
    take_choices(text, config);
}

struct ranked_topic {
    struct config_topic topic;
    size_t index;
};

static int compare_topics(const void *a, const void *b)
{
    const struct ranked_topic *x = a, *y = b;
    int order = pattern_compare(y->topic.match, x->topic.match);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* The most specific first; those that are equally so in the order of the file. */
static void sort_topics(const struct yaml_file *file, struct config *config)
{
    struct ranked_topic *ranked = yaml_array(file, config->topic_count, sizeof *ranked);
    if (!ranked) {
        return;
    }
    for (size_t i = 0; i < config->topic_count; i++) {
        ranked[i] = (struct ranked_topic){ config->topics[i], i };
    }
    qsort(ranked, config->topic_count, sizeof *ranked, compare_topics);
    for (size_t i = 0; i < config->topic_count; i++) {
        config->topics[i] = ranked[i].topic;
    }
    free(ranked);
}

signet_error config_parse(struct slice text, const char *name, struct config **ret_config, struct report *report)
{
    struct yaml_file file;
    size_t errors_before = report->error_count;
    signet_error error = yaml_file_load(text, name, &config_schema, report, &file);
    if (error) {
        return error;
    }
    struct config *config = yaml_array(&file, 1, sizeof *config);
    if (!config) {
        yaml_file_free(&file);
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    sha256(text, config->digest);
    take_all(&file, config);
    if (!report_since(report, errors_before)) {
        config_check(&file, config);
        sort_topics(&file, config);
        if (config->known_topic_count > 0) {
            qsort(config->known_topics, config->known_topic_count, sizeof *config->known_topics, known_topic_compare);
        }
    }
    config->outline = file.outline;
    file.outline = (struct yaml_outline){ 0 };
    yaml_file_free(&file);
    error = report_since(report, errors_before);
    if (error) {
        config_free(config);
        return error;
    }
    *ret_config = config;
    return SIGNET_OK;
}

signet_error config_read(const char *path, struct config **ret_config, struct report *report)
{
    struct file_text text;
    signet_error error = config_text_read(path, &text, report);
    if (error) {
        return error;
    }
    error = config_parse(file_text_slice(&text), path, ret_config, report);
    file_text_free(&text);
    return error;
}

signet_error config_policy(const struct config *config, struct policy *ret_policy)
{
    size_t count = config->topic_count;
    struct topic_policy *topics = calloc(count ? count : 1, sizeof *topics);
    if (!topics) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        const struct config_topic *topic = &config->topics[i];
        topics[i] = (struct topic_policy){
            .pattern = topic->match,
            .seal = topic->seal,
            .open = topic->open,
            .timestamp_type = topic->timestamp_type,
            .retention_ms = topic->retention_ms,
            .retention_bytes = (uint64_t)topic->retention_bytes,
        };
    }
    *ret_policy = (struct policy){
        .topics = topics,
        .count = count,
        .known = config->known_topics,
        .known_count = config->known_topic_count,
    };
    return SIGNET_OK;
}

const struct config_topic *config_find_topic(const struct config *config, struct slice name)
{
    for (size_t i = 0; i < config->topic_count; i++) {
        if (pattern_matches(config->topics[i].match, name)) {
            return &config->topics[i];
        }
    }
    return NULL;
}

bool config_node_port(const struct config_advertised *advertised, int32_t node, uint16_t *ret_port)
{
    for (size_t i = 0; i < advertised->port_map_count; i++) {
        if (advertised->port_map[i].node == node) {
            *ret_port = advertised->port_map[i].port;
            return true;
        }
    }
    if (node < 0 || node >= advertised->node_ports || advertised->node_port_base == 0) {
        return false;
    }
    *ret_port = (uint16_t)(advertised->node_port_base + node);
    return true;
}

bool config_share_is_small(const struct config *config, uint64_t share_bytes)
{
    bool stated = config->limits.frame_bytes != FRAME_BYTES_DEFAULT;
    return share_bytes < (stated ? config->limits.frame_bytes : FRAME_BYTES_MIN);
}

struct finding_place config_place(const struct config *config, const char *key_path)
{
    return (struct finding_place){
        .file = config->file,
        .line = yaml_outline_line(&config->outline, key_path),
        .key_path = key_path,
    };
}

const char *clients_known_by_word(enum clients_known_by known_by)
{
    static const char *const words[] = { "client-certificate", "loopback", "unix-socket", "brokers" };
    return words[known_by];
}
