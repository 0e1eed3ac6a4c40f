/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/config_schema.h"

#include "gateway/config.h"

static const cyaml_schema_value_t text_entry = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, YAML_VALUE_BYTES_MAX),
};

static const cyaml_schema_field_t client_tls_fields[] = {
    YAML_FIELD_BOOL("enabled", struct tls_text, enabled),
    YAML_FIELD_TEXT("ca", struct tls_text, ca),
    YAML_FIELD_TEXT("certificate", struct tls_text, certificate),
    YAML_FIELD_TEXT("key", struct tls_text, key),
    YAML_FIELD_TEXT("key-passphrase-file", struct tls_text, key_passphrase_file),
    YAML_FIELD_BOOL("verify-hostname", struct tls_text, verify_hostname),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t server_tls_fields[] = {
    YAML_FIELD_BOOL("enabled", struct tls_text, enabled),
    YAML_FIELD_TEXT("certificate", struct tls_text, certificate),
    YAML_FIELD_TEXT("key", struct tls_text, key),
    YAML_FIELD_TEXT("key-passphrase-file", struct tls_text, key_passphrase_file),
    YAML_FIELD_TEXT("client-ca", struct tls_text, client_ca),
    YAML_FIELD_TEXT("client-crl", struct tls_text, client_crl),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t node_fields[] = {
    YAML_FIELD_TEXT("id", struct node_text, id),
    YAML_FIELD_TEXT("address", struct node_text, address),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t node_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct node_text, node_fields),
};

static const cyaml_schema_field_t cluster_fields[] = {
    YAML_FIELD_LIST("bootstrap-servers", struct cluster_text, bootstrap_servers, &text_entry, CONFIG_SERVERS_MAX),
    YAML_FIELD_LIST("nodes", struct cluster_text, nodes, &node_entry, CONFIG_NODES_MAX),
    YAML_FIELD_PART_PTR("tls", struct cluster_text, tls, client_tls_fields),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t identity_fields[] = {
    YAML_FIELD_TEXT("writer-key", struct secret_file_text, file),
    YAML_FIELD_TEXT("passphrase-file", struct secret_file_text, passphrase_file),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t recipient_key_fields[] = {
    YAML_FIELD_TEXT("file", struct secret_file_text, file),
    YAML_FIELD_TEXT("passphrase-file", struct secret_file_text, passphrase_file),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t recipient_key_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct secret_file_text, recipient_key_fields),
};

static const cyaml_schema_field_t node_port_fields[] = {
    YAML_FIELD_TEXT("node", struct node_port_text, node),
    YAML_FIELD_TEXT("port", struct node_port_text, port),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t node_port_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct node_port_text, node_port_fields),
};

static const cyaml_schema_field_t advertised_fields[] = {
    YAML_FIELD_TEXT("host", struct advertised_text, host),
    YAML_FIELD_TEXT("node-port-base", struct advertised_text, node_port_base),
    YAML_FIELD_TEXT("node-ports", struct advertised_text, node_ports),
    YAML_FIELD_LIST("port-map", struct advertised_text, port_map, &node_port_entry, NODE_PORTS_MAX),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t sni_fields[] = {
    YAML_FIELD_TEXT("pattern", struct sni_text, pattern),
    YAML_FIELD_TEXT("port", struct sni_text, port),
    CYAML_FIELD_END,
};

static const cyaml_strval_t known_by_words[] = {
    { "client-certificate", KNOWN_BY_CLIENT_CERTIFICATE + 1 },
    { "loopback", KNOWN_BY_LOOPBACK + 1 },
    { "unix-socket", KNOWN_BY_UNIX_SOCKET + 1 },
    { "brokers", KNOWN_BY_BROKERS + 1 },
};

static const cyaml_schema_field_t listener_fields[] = {
    YAML_FIELD_TEXT("name", struct listener_text, name),
    YAML_FIELD_TEXT("address", struct listener_text, address),
    YAML_FIELD_WORD("clients-known-by", struct listener_text, clients_known_by, known_by_words),
    YAML_FIELD_BOOL("trust-brokers-for-identity", struct listener_text, trust_brokers),
    YAML_FIELD_TEXT("connections", struct listener_text, connections),
    YAML_FIELD_PART_PTR("tls", struct listener_text, tls, server_tls_fields),
    YAML_FIELD_PART_PTR("advertised", struct listener_text, advertised, advertised_fields),
    YAML_FIELD_PART_PTR("sni", struct listener_text, sni, sni_fields),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t listener_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct listener_text, listener_fields),
};

static const cyaml_strval_t timestamp_words[] = {
    { "create-time", TIMESTAMP_CREATE_TIME + 1 },
    { "log-append-time", TIMESTAMP_LOG_APPEND_TIME + 1 },
};

static const cyaml_schema_field_t topic_fields[] = {
    YAML_FIELD_TEXT("match", struct topic_text, match),
    YAML_FIELD_BOOL("seal", struct topic_text, seal),
    YAML_FIELD_BOOL("open", struct topic_text, open),
    YAML_FIELD_WORD("timestamp-type", struct topic_text, timestamp_type, timestamp_words),
    YAML_FIELD_TEXT("retention-ms", struct topic_text, retention_ms),
    YAML_FIELD_TEXT("retention-bytes", struct topic_text, retention_bytes),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t topic_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct topic_text, topic_fields),
};

static const cyaml_schema_field_t topic_id_fields[] = {
    YAML_FIELD_TEXT("topic", struct topic_id_text, topic),
    YAML_FIELD_TEXT("topic-id", struct topic_id_text, topic_id),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t topic_id_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct topic_id_text, topic_id_fields),
};

static const cyaml_schema_field_t data_keys_fields[] = {
    YAML_FIELD_TEXT("max-age", struct data_keys_text, max_age),
    YAML_FIELD_TEXT("max-bytes", struct data_keys_text, max_bytes),
    YAML_FIELD_TEXT("max-batches", struct data_keys_text, max_batches),
    CYAML_FIELD_END,
};

static const cyaml_strval_t when_full_words[] = {
    { "refuse", LEDGER_FULL_REFUSE + 1 },
    { "continue", LEDGER_FULL_CONTINUE + 1 },
};

static const cyaml_strval_t mechanism_words[] = {
    { "PLAIN", LOGIN_PLAIN + 1 },
    { "SCRAM-SHA-256", LOGIN_SCRAM_SHA_256 + 1 },
    { "SCRAM-SHA-512", LOGIN_SCRAM_SHA_512 + 1 },
};

static const cyaml_schema_field_t sasl_fields[] = {
    YAML_FIELD_WORD("mechanism", struct sasl_text, mechanism, mechanism_words),
    YAML_FIELD_TEXT("username", struct sasl_text, username),
    YAML_FIELD_TEXT("password-file", struct sasl_text, password_file),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t ledger_topic_fields[] = {
    YAML_FIELD_TEXT("name", struct ledger_topic_text, name),
    YAML_FIELD_LIST("bootstrap-servers", struct ledger_topic_text, bootstrap_servers, &text_entry, CONFIG_SERVERS_MAX),
    YAML_FIELD_PART_PTR("tls", struct ledger_topic_text, tls, client_tls_fields),
    YAML_FIELD_PART_PTR("sasl", struct ledger_topic_text, sasl, sasl_fields),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t ledger_fields[] = {
    YAML_FIELD_PART_PTR("topic", struct ledger_text, topic, ledger_topic_fields),
    YAML_FIELD_TEXT("directory", struct ledger_text, directory),
    YAML_FIELD_TEXT("interval", struct ledger_text, interval),
    YAML_FIELD_TEXT("buffer", struct ledger_text, buffer),
    YAML_FIELD_WORD("when-full", struct ledger_text, when_full, when_full_words),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t limits_fields[] = {
    YAML_FIELD_TEXT("connections", struct limits_text, connections),
    YAML_FIELD_TEXT("memory", struct limits_text, memory),
    YAML_FIELD_TEXT("frame-bytes", struct limits_text, frame_bytes),
    YAML_FIELD_TEXT("idle-timeout", struct limits_text, idle_timeout),
    YAML_FIELD_TEXT("handshake-timeout", struct limits_text, handshake_timeout),
    YAML_FIELD_TEXT("connect-timeout", struct limits_text, connect_timeout),
    YAML_FIELD_TEXT("drain-timeout", struct limits_text, drain_timeout),
    CYAML_FIELD_END,
};

static const cyaml_strval_t refusal_words[] = {
    { "corrupt-message", REFUSAL_CORRUPT_MESSAGE },
    { "invalid-record", REFUSAL_INVALID_RECORD },
};

static const cyaml_schema_field_t config_fields[] = {
    YAML_FIELD_PART("cluster", struct config_text, cluster, cluster_fields),
    YAML_FIELD_PART_PTR("identity", struct config_text, identity, identity_fields),
    YAML_FIELD_LIST("recipients", struct config_text, recipients, &text_entry, RECIPIENTS_MAX),
    YAML_FIELD_LIST("recipient-keys", struct config_text, recipient_keys, &recipient_key_entry, RECIPIENT_KEYS_MAX),
    YAML_FIELD_TEXT("trust-file", struct config_text, trust_file),
    YAML_FIELD_LIST("listeners", struct config_text, listeners, &listener_entry, CONFIG_LISTENERS_MAX),
    YAML_FIELD_LIST("topics", struct config_text, topics, &topic_entry, CONFIG_TOPICS_MAX),
    YAML_FIELD_LIST("topic-ids", struct config_text, topic_ids, &topic_id_entry, CONFIG_TOPICS_MAX),
    YAML_FIELD_PART("data-keys", struct config_text, data_keys, data_keys_fields),
    YAML_FIELD_PART_PTR("ledger", struct config_text, ledger, ledger_fields),
    YAML_FIELD_WORD("fetch-refusal-error", struct config_text, fetch_refusal_error, refusal_words),
    YAML_FIELD_BOOL("principal-in-envelope", struct config_text, principal_in_envelope),
    YAML_FIELD_TEXT("workers", struct config_text, workers),
    YAML_FIELD_PART("limits", struct config_text, limits, limits_fields),
    YAML_FIELD_PART("log", struct config_text, log, config_log_fields),
    YAML_FIELD_TEXT("status-address", struct config_text, status_address),
    CYAML_FIELD_END,
};

const cyaml_schema_value_t config_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct config_text, config_fields),
};
