/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration as it stands in the file: every value as text, every key
 * optional, nothing checked but shape.  gateway/config.c turns it into values.
 *
 * Words of a choice are one more than their enum, so that zero is left for a
 * key that is not there.
 */
#ifndef SIGNET_GATEWAY_CONFIG_SCHEMA_H
#define SIGNET_GATEWAY_CONFIG_SCHEMA_H

#include "gateway/config_value.h"
#include "keys/yaml_file.h"

struct tls_text {
    enum yaml_bool enabled, verify_hostname;
    char *ca, *client_ca, *client_crl, *certificate, *key, *key_passphrase_file;
};

struct node_text {
    char *id, *address;
};

struct cluster_text {
    char **bootstrap_servers;
    size_t bootstrap_servers_count;
    struct node_text *nodes;
    size_t nodes_count;
    struct tls_text *tls;
};

struct secret_file_text {
    char *file, *passphrase_file;
};

struct node_port_text {
    char *node, *port;
};

struct advertised_text {
    char *host, *node_port_base, *node_ports;
    struct node_port_text *port_map;
    size_t port_map_count;
};

struct sni_text {
    char *pattern, *port;
};

struct listener_text {
    char *name, *address;
    uint32_t clients_known_by;
    enum yaml_bool trust_brokers;
    char *connections;
    struct tls_text *tls;
    struct advertised_text *advertised;
    struct sni_text *sni;
};

struct topic_text {
    char *match;
    enum yaml_bool seal, open;
    uint32_t timestamp_type;
    char *retention_ms, *retention_bytes;
};

struct topic_id_text {
    char *topic, *topic_id;
};

struct data_keys_text {
    char *max_age, *max_bytes, *max_batches;
};

struct limits_text {
    char *connections, *memory, *frame_bytes, *idle_timeout, *handshake_timeout, *connect_timeout, *drain_timeout;
};

struct sasl_text {
    uint32_t mechanism;
    char *username, *password_file;
};

struct ledger_topic_text {
    char *name;
    char **bootstrap_servers;
    size_t bootstrap_servers_count;
    struct tls_text *tls;
    struct sasl_text *sasl;
};

struct ledger_text {
    struct ledger_topic_text *topic;
    char *directory, *interval, *buffer;
    uint32_t when_full;
};

struct config_text {
    struct cluster_text cluster;
    struct secret_file_text *identity;
    char **recipients;
    size_t recipients_count;
    struct secret_file_text *recipient_keys;
    size_t recipient_keys_count;
    char *trust_file;
    struct listener_text *listeners;
    size_t listeners_count;
    struct topic_text *topics;
    size_t topics_count;
    struct topic_id_text *topic_ids;
    size_t topic_ids_count;
    struct data_keys_text data_keys;
    struct ledger_text *ledger;
    uint32_t fetch_refusal_error;
    enum yaml_bool principal_in_envelope;
    char *workers;
    struct limits_text limits;
    struct log_text log;
    char *status_address;
};

extern const cyaml_schema_value_t config_schema;

/* Kafka's error codes by their words in the file. */
enum { REFUSAL_CORRUPT_MESSAGE = 2, REFUSAL_INVALID_RECORD = 87 };

#endif
