/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gateway's configuration (docs/configuration.md) as plain values: what
 * the file says, with defaults filled in, units resolved, paths joined to the
 * folder of the file and topics in the order in which they are tried.  Reading it opens no other file; gateway/material.h does.
 *
 * The rule to keep: a configuration that would open messages for anyone is an
 * error, never a warning.
 */
#ifndef SIGNET_GATEWAY_CONFIG_H
#define SIGNET_GATEWAY_CONFIG_H

#include "base/limits.h"
#include "base/slice.h"
#include "client/login.h"
#include "crypto/hash.h"
#include "keys/report.h"
#include "keys/yaml_outline.h"
#include "net/address.h"
#include "relay/policy.h"

/* Towards the brokers. */
struct config_client_tls {
    bool enabled;
    char *ca;                  /* NULL: the system's */
    char *certificate, *key;   /* both or neither */
    char *key_passphrase_file; /* NULL: the key is not locked */
    bool verify_hostname;
};

struct config_node {
    int32_t id;
    struct address address;
};

struct config_cluster {
    struct address *bootstrap_servers; /* at least one */
    size_t bootstrap_server_count;
    struct config_node *nodes; /* addresses to use instead of those in Metadata */
    size_t node_count;
    struct config_client_tls tls;
};

enum clients_known_by {
    KNOWN_BY_CLIENT_CERTIFICATE,
    KNOWN_BY_LOOPBACK,
    KNOWN_BY_UNIX_SOCKET,
    KNOWN_BY_BROKERS, /* only with trust-brokers-for-identity: true */
};

/* Towards clients. */
struct config_server_tls {
    bool enabled;
    char *certificate, *key; /* set when enabled */
    char *key_passphrase_file;
    char *client_ca;  /* set: a client certificate is required */
    char *client_crl; /* revoked ones; NULL: none is */
};

struct config_node_port {
    int32_t node;
    uint16_t port;
};

/*
 * How clients are told to reach node n.  By port: at `host`, at the port that
 * port_map gives, else at node_port_base + n while n < node_ports.  By name:
 * at sni_pattern with {node} replaced, at sni_port.
 */
struct config_advertised {
    char *host;              /* NULL when by name */
    uint16_t node_port_base; /* 0 when there is only a map */
    uint16_t node_ports;
    struct config_node_port *port_map;
    size_t port_map_count;
    char *sni_pattern; /* in lower case; NULL when by port */
    uint16_t sni_port;
};

struct config_listener {
    char *name;
    struct address address; /* where bootstrap connections come in */
    enum clients_known_by clients_known_by;
    bool trust_brokers_for_identity;
    uint32_t connections; /* of its clients; 0: no limit but that of all listeners together */
    struct config_server_tls tls;
    struct config_advertised advertised;
};

struct config_topic {
    char *match; /* a pattern, as in seal/trust.h */
    bool seal;
    bool open;
    enum timestamp_type timestamp_type;
    int64_t retention_ms, retention_bytes; /* 0: not pinned */
};

struct config_secret_file {
    char *file;
    char *passphrase_file; /* NULL: not locked */
};

/* What becomes of batches that the ledger has no room for. */
enum ledger_full { LEDGER_FULL_REFUSE, LEDGER_FULL_CONTINUE };

/* How brokers know us by name. */
struct config_sasl {
    enum login_mechanism mechanism;
    char *username; /* NULL: there is no SASL */
    char *password_file;
};

struct config_ledger_topic {
    char *name;                        /* NULL: none */
    struct address *bootstrap_servers; /* at least one when there is a name */
    size_t bootstrap_server_count;
    struct config_client_tls tls;
    struct config_sasl sasl;
};

/* Neither directory nor topic: none is kept. */
struct config_ledger {
    char *directory;
    struct config_ledger_topic topic;
    int64_t interval_ms;
    uint64_t buffer_bytes; /* of what is not yet written */
    enum ledger_full when_full;
};

static inline bool config_keeps_ledger(const struct config_ledger *ledger)
{
    return ledger->directory || ledger->topic.name;
}

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

struct config {
    char *file;                   /* as it was given */
    uint8_t digest[SHA256_BYTES]; /* of its text */
    struct yaml_outline outline;  /* lines of its keys, for findings */
    struct config_cluster cluster;
    struct config_secret_file identity; /* file is NULL when nothing is sealed here */
    char **recipients;                  /* paths of *.pub files */
    size_t recipient_count;
    struct config_secret_file *recipient_keys;
    size_t recipient_key_count;
    char *trust_file; /* NULL when nothing is sealed or opened */
    struct config_listener *listeners;
    size_t listener_count;
    struct config_topic *topics; /* the most specific first: the first that matches counts */
    size_t topic_count;
    struct known_topic *known_topics; /* ascending by id */
    size_t known_topic_count;
    struct {
        int64_t max_age_ms;
        uint64_t max_bytes;
        uint64_t max_batches;
    } data_keys;
    struct config_ledger ledger;
    int16_t fetch_refusal_error; /* Kafka's code: 2 or 87 */
    bool principal_in_envelope;
    uint32_t workers; /* 0: one for each CPU */
    struct {
        uint32_t connections;
        uint64_t memory_bytes;
        uint32_t frame_bytes;
        int64_t idle_ms; /* a connection without traffic is closed after this */
        int64_t handshake_ms;
        int64_t connect_ms;
        int64_t drain_ms; /* at most this long for open requests when stopping */
    } limits;
    struct {
        enum log_level level;
        enum log_format format;
    } log;
    bool has_status_address;
    struct address status_address; /* of the HTTP server for metrics and health */
};

/* Parses and checks.  `file` is named in findings, and paths in the text are relative to its folder.  MALFORMED with at least one error in `report`. */
signet_error config_parse(struct slice text, const char *file, struct config **ret_config, struct report *report);
/* The same from a file; one that cannot be read is a finding too. */
signet_error config_read(const char *path, struct config **ret_config, struct report *report);
/* Takes NULL. */
void config_free(struct config *config);
/* What it says of topics, whose patterns and names stay the configuration's; `topics` of it is to be freed.  OUT_OF_MEMORY. */
signet_error config_policy(const struct config *config, struct policy *ret_policy);

/* The first rule that matches; NULL: no rule, and the topic is passed through as it is. */
const struct config_topic *config_find_topic(const struct config *config, struct slice name);
/* False when the listener has no port for that node. */
bool config_node_port(const struct config_advertised *advertised, int32_t node, uint16_t *ret_port);

/*
 * Is a worker's share of limits.memory less than a frame may have?  The default
 * of limits.frame-bytes is what brokers take at most and hardly anyone sends,
 * so that it is held only against what a frame of one batch needs.
 */
bool config_share_is_small(const struct config *config, uint64_t share_bytes);

/* Where a finding about a key is.  The path is borrowed. */
struct finding_place config_place(const struct config *config, const char *key_path);

/* "client-certificate", as in the file */
const char *clients_known_by_word(enum clients_known_by known_by);

#endif
