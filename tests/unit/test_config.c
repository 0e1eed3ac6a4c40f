/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "gateway/config.h"
#include "scratch_folder.h"

#define CLUSTER "cluster: { bootstrap-servers: [\"127.0.0.1:9092\"] }\n"
#define LISTENER                       \
    "listeners:\n"                     \
    "  - name: apps\n"                 \
    "    address: 127.0.0.1:9192\n"    \
    "    clients-known-by: loopback\n" \
    "    advertised: { node-port-base: 9200 }\n"
#define KEYS                              \
    "identity: { writer-key: a.key }\n"   \
    "recipients: [r.pub]\n"               \
    "recipient-keys: [{ file: r.key }]\n" \
    "trust-file: trust.yaml\n"
#define ID_1   "AAAAAAAAAAAAAAAAAAAAAQ"
#define ID_2   "AAAAAAAAAAAAAAAAAAAAAg"
#define ID_3   "_____________________w"
#define TOPICS "topics: [{ match: \"orders*\", seal: true }, { match: \"*\", seal: false }]\n"

static const char whole[] =
    "cluster:\n"
    "  bootstrap-servers: [kafka-1:9093, \"[2001:db8::1]:9093\"]\n"
    "  nodes:\n"
    "    - { id: 1, address: kafka-1.internal:9093 }\n"
    "  tls: { enabled: true, ca: ca.pem, certificate: gw.pem, key: /etc/gw.key, "
    "key-passphrase-file: p, verify-hostname: false }\n"
    "identity: { writer-key: gateway-a.key, passphrase-file: secrets/p }\n"
    "recipients: [analytics.pub, backup.pub]\n"
    "recipient-keys: [{ file: analytics.key, passphrase-file: q }, { file: old.key }]\n"
    "trust-file: trust.yaml\n"
    "listeners:\n"
    "  - name: apps\n"
    "    address: 0.0.0.0:9092\n"
    "    clients-known-by: client-certificate\n"
    "    tls: { certificate: gw.pem, key: gw.key, client-ca: clients.pem }\n"
    "    advertised: { host: gw.example.com, node-port-base: 9100, node-ports: 8, port-map: [{ "
    "node: 1001, port: 9300 }] }\n"
    "  - name: names\n"
    "    address: 0.0.0.0:9443\n"
    "    clients-known-by: brokers\n"
    "    trust-brokers-for-identity: true\n"
    "    tls: { certificate: gw.pem, key: gw.key }\n"
    "    sni: { pattern: \"B{node}.Kafka.example.com\", port: 443 }\n"
    "  - name: sidecar\n"
    "    address: unix:/run/signet.sock\n"
    "    clients-known-by: unix-socket\n"
    "    advertised: { host: localhost, node-port-base: 19100 }\n"
    "topics:\n"
    "  - match: \"*\"\n"
    "    seal: false\n"
    "  - { match: \"orders*\", seal: true, timestamp-type: log-append-time, retention-ms: 604800000, "
    "retention-bytes: 2GiB }\n"
    "  - { match: \"orders-archive\", seal: true, open: false }\n"
    "topic-ids:\n"
    "  - { topic: clicks, topic-id: " ID_2 " }\n"
    "  - { topic: metrics, topic-id: " ID_1 " }\n"
    "  - { topic: clicks, topic-id: " ID_3 " }\n"
    "data-keys: { max-age: 30m, max-bytes: 1GiB, max-batches: 1000 }\n"
    "ledger: { directory: ledger, interval: 5s, buffer: 8MiB, when-full: continue }\n"
    "fetch-refusal-error: invalid-record\n"
    "principal-in-envelope: true\n"
    "workers: 2\n"
    "limits: { connections: 100, memory: 64MiB, frame-bytes: 10MiB, idle-timeout: 5m, "
    "handshake-timeout: 3s, connect-timeout: 2s, drain-timeout: 1m }\n"
    "log: { level: debug, format: json }\n";

static struct config *parse(const char *text, struct report *report)
{
    struct config *config = NULL;
    signet_error error = config_parse(slice_of_text(text), "/etc/signet/g.yaml", &config, report);
    for (size_t i = 0; error && i < report->count; i++) {
        print_message("%u: %s: %s\n", report->findings[i].line, report->findings[i].key_path, report->findings[i].text);
    }
    assert_int_equal(error, SIGNET_OK);
    return config;
}

static void check_whole_keys(const struct config *config)
{
    assert_string_equal(config->identity.file, "/etc/signet/gateway-a.key");
    assert_string_equal(config->identity.passphrase_file, "/etc/signet/secrets/p");
    assert_int_equal(config->recipient_count, 2);
    assert_string_equal(config->recipients[1], "/etc/signet/backup.pub");
    assert_int_equal(config->recipient_key_count, 2);
    assert_string_equal(config->recipient_keys[0].passphrase_file, "/etc/signet/q");
    assert_null(config->recipient_keys[1].passphrase_file);
    assert_string_equal(config->trust_file, "/etc/signet/trust.yaml");
}

static void check_whole_cluster(const struct config_cluster *cluster)
{
    assert_int_equal(cluster->bootstrap_server_count, 2);
    assert_string_equal(cluster->bootstrap_servers[1].host, "2001:db8::1");
    assert_int_equal(cluster->node_count, 1);
    assert_int_equal(cluster->nodes[0].id, 1);
    assert_string_equal(cluster->nodes[0].address.host, "kafka-1.internal");
    assert_true(cluster->tls.enabled);
    assert_false(cluster->tls.verify_hostname);
    assert_string_equal(cluster->tls.ca, "/etc/signet/ca.pem");
    assert_string_equal(cluster->tls.key, "/etc/gw.key");
}

static void check_whole_listeners(const struct config *config)
{
    uint16_t port = 0;
    assert_int_equal(config->listener_count, 3);
    const struct config_listener *apps = &config->listeners[0], *names = &config->listeners[1];
    assert_int_equal(apps->clients_known_by, KNOWN_BY_CLIENT_CERTIFICATE);
    assert_true(apps->tls.enabled);
    assert_string_equal(apps->tls.client_ca, "/etc/signet/clients.pem");
    assert_true(config_node_port(&apps->advertised, 7, &port));
    assert_int_equal(port, 9107);
    assert_true(config_node_port(&apps->advertised, 1001, &port));
    assert_int_equal(port, 9300);
    assert_false(config_node_port(&apps->advertised, 8, &port));
    assert_false(config_node_port(&apps->advertised, -1, &port));
    assert_int_equal(names->clients_known_by, KNOWN_BY_BROKERS);
    assert_true(names->trust_brokers_for_identity);
    assert_null(names->advertised.host);
    assert_string_equal(names->advertised.sni_pattern, "b{node}.kafka.example.com");
    assert_int_equal(names->advertised.sni_port, 443);
    assert_false(config_node_port(&names->advertised, 0, &port));
    assert_int_equal(config->listeners[2].address.kind, ADDRESS_UNIX);
}

static void check_whole_topics(const struct config *config)
{
    const struct config_topic *archive = config_find_topic(config, slice_of_text("orders-archive"));
    const struct config_topic *orders = config_find_topic(config, slice_of_text("orders-eu"));
    const struct config_topic *other = config_find_topic(config, slice_of_text("clicks"));
    assert_true(archive->seal && !archive->open);
    assert_true(orders->seal && orders->open);
    assert_int_equal(orders->timestamp_type, TIMESTAMP_LOG_APPEND_TIME);
    assert_int_equal(orders->retention_ms, 7 * 24 * 3600 * 1000);
    assert_int_equal(orders->retention_bytes, INT64_C(2) << 30);
    assert_int_equal(archive->retention_ms + archive->retention_bytes, 0);
    assert_true(!other->seal && !other->open);
    assert_int_equal(other->timestamp_type, TIMESTAMP_CREATE_TIME);
}

/* Ascending by id, as they are looked for. */
static void check_whole_topic_ids(const struct config *config)
{
    static const char *const names[] = { "metrics", "clicks", "clicks" };
    assert_int_equal(config->known_topic_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(config->known_topics[i].name, names[i]);
    }
    assert_int_equal(config->known_topics[0].id.bytes[15], 1);
    assert_int_equal(config->known_topics[1].id.bytes[15], 2);
    assert_int_equal(config->known_topics[2].id.bytes[0], 0xff);
    const struct policy policy = { .known = config->known_topics, .known_count = config->known_topic_count };
    for (size_t i = 0; i < 3; i++) {
        assert_ptr_equal(policy_known(&policy, &config->known_topics[i].id), &config->known_topics[i]);
    }
}

static void check_whole_rest(const struct config *config)
{
    assert_int_equal(config->data_keys.max_age_ms, 30 * 60 * 1000);
    assert_int_equal(config->data_keys.max_bytes, 1 << 30);
    assert_int_equal(config->data_keys.max_batches, 1000);
    assert_string_equal(config->ledger.directory, "/etc/signet/ledger");
    assert_int_equal(config->ledger.interval_ms, 5000);
    assert_int_equal(config->ledger.buffer_bytes, 8 << 20);
    assert_int_equal(config->ledger.when_full, LEDGER_FULL_CONTINUE);
    assert_int_equal(config->fetch_refusal_error, 87);
    assert_true(config->principal_in_envelope);
    assert_int_equal(config->workers, 2);
    assert_int_equal(config->limits.connections, 100);
    assert_int_equal(config->limits.memory_bytes, 64 << 20);
    assert_int_equal(config->limits.frame_bytes, 10 << 20);
    assert_int_equal(config->limits.idle_ms, 300000);
    assert_int_equal(config->limits.handshake_ms, 3000);
    assert_int_equal(config->limits.connect_ms, 2000);
    assert_int_equal(config->limits.drain_ms, 60000);
    assert_int_equal(config->log.level, LOG_DEBUG);
    assert_int_equal(config->log.format, LOG_JSON);
}

static void a_whole_file_is_understood(void **state)
{
    (void)state;
    struct report report = { 0 };
    struct config *config = parse(whole, &report);
    check_whole_keys(config);
    check_whole_cluster(&config->cluster);
    check_whole_listeners(config);
    check_whole_topics(config);
    check_whole_topic_ids(config);
    check_whole_rest(config);
    assert_int_equal(report.count, 1); /* verify-hostname: false is warned about */
    assert_int_equal(report.findings[0].line, 5);
    report_free(&report);
    config_free(config);
}

static void defaults_are_filled_in(void **state)
{
    (void)state;
    struct report report = { 0 };
    struct config *config = parse(CLUSTER LISTENER KEYS TOPICS, &report);
    assert_int_equal(report.count, 0);
    assert_false(config->cluster.tls.enabled);
    assert_string_equal(config->listeners[0].advertised.host, "127.0.0.1");
    assert_int_equal(config->listeners[0].advertised.node_ports, NODE_PORTS_DEFAULT);
    assert_int_equal(config->data_keys.max_age_ms, 3600000);
    assert_null(config->ledger.directory);
    assert_int_equal(config->fetch_refusal_error, 2);
    assert_false(config->principal_in_envelope);
    assert_int_equal(config->workers, 0);
    assert_int_equal(config->limits.connections, 10000);
    assert_int_equal(config->limits.memory_bytes, 256 << 20);
    assert_int_equal(config->limits.frame_bytes, FRAME_BYTES_DEFAULT);
    assert_int_equal(config->limits.idle_ms, 600000);
    assert_int_equal(config->log.level, LOG_INFO);
    assert_int_equal(config->log.format, LOG_TEXT);
    assert_int_equal(config->known_topic_count, 0);
    config_free(config);
}

static void a_topic_without_a_rule_has_none(void **state)
{
    (void)state;
    struct report report = { 0 };
    struct config *config = parse(CLUSTER LISTENER KEYS "topics: [{ match: \"orders*\", seal: true }]\n", &report);
    assert_non_null(config_find_topic(config, slice_of_text("orders")));
    assert_null(config_find_topic(config, slice_of_text("clicks")));
    report_free(&report);
    config_free(config);
}

static void paths_without_a_folder_stay(void **state)
{
    (void)state;
    struct report report = { 0 };
    struct config *config = NULL;
    assert_int_equal(config_parse(slice_of_text(CLUSTER LISTENER KEYS TOPICS), "g.yaml", &config, &report), SIGNET_OK);
    assert_string_equal(config->identity.file, "a.key");
    config_free(config);
}

struct finding_case {
    const char *label, *text;
    enum severity severity;
    unsigned line;
    const char *key_path, *words; /* of one of the findings */
};

#define L(body) \
    CLUSTER KEYS TOPICS "listeners:\n  - name: apps\n" body "    advertised: { host: h, node-port-base: 9200 }\n"
/* CLUSTER, KEYS and TOPICS take six lines, so `address` of the first listener is on line 9. */
#define TWO(first, second)                                                         \
    CLUSTER KEYS TOPICS "listeners:\n"                                             \
                        "  - { name: a, clients-known-by: loopback, " first " }\n" \
                        "  - { name: b, clients-known-by: loopback, " second " }\n"

#define A10  "aaaaaaaaaa"
#define A100 A10 A10 A10 A10 A10 A10 A10 A10 A10 A10

/* Rows of `topic-ids` begin on line 13. */
#define IDS(rows) CLUSTER LISTENER KEYS TOPICS "topic-ids:\n" rows

static const struct finding_case cases[] = {
    /* Listeners that would open messages for anyone. */
    { "clients not known", L("    address: 0.0.0.0:9092\n"), SEVERITY_ERROR, 8, "listeners[0].clients-known-by",
      "for anyone" },
    { "clients known somehow", L("    address: 0.0.0.0:9092\n    clients-known-by: sasl\n"), SEVERITY_ERROR, 10,
      "listeners[0].clients-known-by", "`sasl` is not a value" },
    { "loopback on all addresses", L("    address: 0.0.0.0:9092\n    clients-known-by: loopback\n"), SEVERITY_ERROR, 10,
      "listeners[0].clients-known-by", "not one of loopback" },
    { "loopback on a name", L("    address: apps.internal:9092\n    clients-known-by: loopback\n"), SEVERITY_ERROR, 10,
      "listeners[0].clients-known-by", "not one of loopback" },
    { "loopback on a Unix socket", L("    address: unix:/s\n    clients-known-by: loopback\n"), SEVERITY_ERROR, 10,
      "listeners[0].clients-known-by", "not one of loopback" },
    { "a Unix socket on TCP", L("    address: 127.0.0.1:9092\n    clients-known-by: unix-socket\n"), SEVERITY_ERROR, 10,
      "listeners[0].clients-known-by", "not a Unix socket" },
    { "certificates without TLS", L("    address: 0.0.0.0:9092\n    clients-known-by: client-certificate\n"),
      SEVERITY_ERROR, 10, "listeners[0].clients-known-by", "not asked for" },
    { "certificates with TLS off",
      L("    address: 0.0.0.0:9092\n    clients-known-by: client-certificate\n    tls: { enabled: false, certificate: "
        "c, key: k, client-ca: a }\n"),
      SEVERITY_ERROR, 10, "listeners[0].clients-known-by", "not asked for" },
    { "certificates of any authority",
      L("    address: 0.0.0.0:9092\n    clients-known-by: client-certificate\n    tls: { certificate: c, key: k }\n"),
      SEVERITY_ERROR, 10, "listeners[0].clients-known-by", "not asked for" },
    { "brokers without saying so", L("    address: 0.0.0.0:9092\n    clients-known-by: brokers\n"), SEVERITY_ERROR, 10,
      "listeners[0].clients-known-by", "administers the brokers" },
    { "brokers with a slip of the hand",
      L("    address: 0.0.0.0:9092\n    clients-known-by: brokers\n    trust-brokers-for-identity: flase\n"),
      SEVERITY_ERROR, 11, "listeners[0].trust-brokers-for-identity", "`flase` is not a value" },
    { "brokers and false",
      L("    address: 0.0.0.0:9092\n    clients-known-by: brokers\n    trust-brokers-for-identity: false\n"),
      SEVERITY_ERROR, 10, "listeners[0].clients-known-by", "administers the brokers" },
    { "brokers trusted for nothing",
      L("    address: 127.0.0.1:9092\n    clients-known-by: loopback\n    trust-brokers-for-identity: true\n"),
      SEVERITY_WARNING, 11, "listeners[0].trust-brokers-for-identity", "no effect" },
    { "passwords in clear",
      L("    address: 0.0.0.0:9092\n    clients-known-by: brokers\n    trust-brokers-for-identity: true\n"),
      SEVERITY_WARNING, 8, "listeners[0].tls", "in clear" },
    /* Listeners. */
    { "no listeners", CLUSTER KEYS TOPICS, SEVERITY_ERROR, 1, "listeners", "no listener" },
    { "no name", CLUSTER KEYS TOPICS "listeners:\n  - address: 127.0.0.1:1\n", SEVERITY_ERROR, 8, "listeners[0].name",
      "missing" },
    { "no address", CLUSTER KEYS TOPICS "listeners:\n  - name: a\n", SEVERITY_ERROR, 8, "listeners[0].address",
      "missing" },
    { "an address without port", L("    address: localhost\n"), SEVERITY_ERROR, 9, "listeners[0].address",
      "`localhost` is not an address" },
    { "a relative socket", L("    address: unix:run/s\n"), SEVERITY_ERROR, 9, "listeners[0].address",
      "not an address" },
    { "a name twice",
      CLUSTER KEYS TOPICS
      "listeners:\n"
      "  - { name: a, address: \"127.0.0.1:1\", clients-known-by: loopback, advertised: { node-port-base: 100 } }\n"
      "  - { name: a, address: \"127.0.0.1:2\", clients-known-by: loopback, advertised: { node-port-base: 200 } }\n",
      SEVERITY_ERROR, 9, "listeners[1].name", "another listener has this name" },
    { "TLS without a key",
      L("    address: 127.0.0.1:9092\n    clients-known-by: loopback\n    tls: { certificate: c }\n"), SEVERITY_ERROR,
      11, "listeners[0].tls.key", "TLS needs" },
    { "TLS without anything",
      L("    address: 127.0.0.1:9092\n    clients-known-by: loopback\n    tls: { enabled: true }\n"), SEVERITY_ERROR,
      11, "listeners[0].tls.certificate", "TLS needs" },
    { "no way to nodes",
      CLUSTER KEYS TOPICS "listeners:\n  - { name: a, address: \"127.0.0.1:1\", clients-known-by: loopback }\n",
      SEVERITY_ERROR, 8, "listeners[0].advertised", "single brokers" },
    { "no host",
      CLUSTER KEYS TOPICS "listeners:\n  - { name: a, address: \"unix:/s\", clients-known-by: unix-socket, advertised: "
                          "{ node-port-base: 1 } }\n",
      SEVERITY_ERROR, 8, "listeners[0].advertised.host", "told a host" },
    { "a bad host",
      CLUSTER KEYS TOPICS "listeners:\n  - { name: a, address: \"127.0.0.1:1\", clients-known-by: loopback, "
                          "advertised: { host: \"a b\", node-port-base: 7 } }\n",
      SEVERITY_ERROR, 8, "listeners[0].advertised.host", "`a b`" },
    { "ports without base",
      CLUSTER KEYS TOPICS "listeners:\n  - { name: a, address: \"127.0.0.1:1\", clients-known-by: loopback, "
                          "advertised: { node-ports: 7, port-map: [{node: 1, port: 5}] } }\n",
      SEVERITY_ERROR, 8, "listeners[0].advertised.node-ports", "node-port-base" },
    { "ports past the end",
      CLUSTER KEYS TOPICS "listeners:\n  - { name: a, address: \"127.0.0.1:1\", clients-known-by: loopback, "
                          "advertised: { node-port-base: 65530, node-ports: 7 } }\n",
      SEVERITY_ERROR, 8, "listeners[0].advertised.node-ports", "past 65535" },
    { "a node twice",
      CLUSTER KEYS TOPICS "listeners:\n  - { name: a, address: \"127.0.0.1:1\", clients-known-by: loopback, "
                          "advertised: { port-map: [{node: 1, port: 5}, {node: 1, port: 6}] } }\n",
      SEVERITY_ERROR, 8, "listeners[0].advertised.port-map[1].node", "node 1 has a port already" },
    { "names without TLS",
      CLUSTER KEYS TOPICS "listeners:\n  - { name: a, address: \"127.0.0.1:1\", clients-known-by: loopback, sni: { "
                          "pattern: \"b{node}.x\" } }\n",
      SEVERITY_ERROR, 8, "listeners[0].sni", "only in TLS" },
    { "names without a mark",
      CLUSTER KEYS TOPICS "listeners:\n  - { name: a, address: \"127.0.0.1:1\", clients-known-by: loopback, tls: { "
                          "certificate: c, key: k }, sni: { pattern: \"b.x\" } }\n",
      SEVERITY_ERROR, 8, "listeners[0].sni.pattern", "{node}" },
    { "two marks",
      CLUSTER KEYS TOPICS "listeners:\n  - { name: a, address: \"127.0.0.1:1\", clients-known-by: loopback, tls: { "
                          "certificate: c, key: k }, sni: { pattern: \"{node}.{node}.x\" } }\n",
      SEVERITY_ERROR, 8, "listeners[0].sni.pattern", "{node}" },
    { "names and ports",
      CLUSTER KEYS TOPICS "listeners:\n  - { name: a, address: \"127.0.0.1:1\", clients-known-by: loopback, tls: { "
                          "certificate: c, key: k }, sni: { pattern: \"{node}.x\" }, advertised: { host: h } }\n",
      SEVERITY_ERROR, 8, "listeners[0].sni", "not both" },
    /* Ports. */
    { "one port twice",
      TWO("address: \"127.0.0.1:1\", advertised: { node-port-base: 100 }",
          "address: \"127.0.0.1:1\", advertised: { node-port-base: 200 }"),
      SEVERITY_ERROR, 9, "listeners[1].address", "port 1 is also used by address of listener `a` (line 8)" },
    { "the port among its nodes",
      TWO("address: \"127.0.0.1:105\", advertised: { node-port-base: 100 }",
          "address: \"127.0.0.1:1\", advertised: { node-port-base: 200 }"),
      SEVERITY_ERROR, 8, "listeners[0].address", "port 105 is also used by advertised.node-port-base" },
    { "ranges that meet",
      TWO("address: \"127.0.0.1:1\", advertised: { node-port-base: 100 }",
          "address: \"127.0.0.1:2\", advertised: { node-port-base: 115 }"),
      SEVERITY_ERROR, 9, "listeners[1].advertised.node-port-base", "port 115" },
    { "a mapped port in a range",
      TWO("address: \"127.0.0.1:1\", advertised: { node-port-base: 100 }",
          "address: \"127.0.0.1:2\", advertised: { port-map: [{ node: 1, port: 50 }, { node: 7, port: 107 }] }"),
      SEVERITY_ERROR, 9, "listeners[1].advertised.port-map[1].port", "port 107" },
    { "a mapped port twice",
      TWO("address: \"127.0.0.1:1\", advertised: { node-port-base: 100 }",
          "address: \"127.0.0.1:2\", advertised: { port-map: [{ node: 1, port: 50 }, { node: 7, port: 50 }] }"),
      SEVERITY_ERROR, 9, "listeners[1].advertised.port-map[1].port", "port 50" },
    { "one socket twice",
      CLUSTER KEYS TOPICS "listeners:\n"
                          "  - { name: a, clients-known-by: unix-socket, address: \"unix:/s\", advertised: { host: h, "
                          "node-port-base: 7 } }\n"
                          "  - { name: b, clients-known-by: unix-socket, address: \"unix:/s\", advertised: { host: h, "
                          "node-port-base: 7 } }\n",
      SEVERITY_ERROR, 9, "listeners[1].address", "has this socket already" },
    { "a node's socket",
      CLUSTER KEYS TOPICS
      "listeners:\n"
      "  - { name: a, clients-known-by: unix-socket, address: \"unix:/s.3\", advertised: { host: h, "
      "node-port-base: 7 } }\n"
      "  - { name: b, clients-known-by: unix-socket, address: \"unix:/s\", advertised: { host: h, "
      "node-port-base: 7 } }\n",
      SEVERITY_ERROR, 8, "listeners[0].address", "listener `b` has this socket for node 3" },
    { "a mapped node's socket",
      CLUSTER KEYS TOPICS
      "listeners:\n"
      "  - { name: a, clients-known-by: unix-socket, address: \"unix:/s\", advertised: { host: h, "
      "port-map: [{ node: 30, port: 5 }] } }\n"
      "  - { name: b, clients-known-by: unix-socket, address: \"unix:/s.30\", advertised: { host: h, "
      "node-port-base: 7 } }\n",
      SEVERITY_ERROR, 9, "listeners[1].address", "listener `a` has this socket for node 30" },
    { "a long path",
      CLUSTER KEYS TOPICS "listeners:\n  - { name: a, clients-known-by: unix-socket, address: \"unix:/" A100
                          "1234\", advertised: { host: h, node-port-base: 7, node-ports: 11 } }\n",
      SEVERITY_ERROR, 8, "listeners[0].address", "108 bytes with a node's id" },
    { "the port of the status",
      TWO("address: \"127.0.0.1:1\", advertised: { node-port-base: 100 }",
          "address: \"127.0.0.1:2\", advertised: { node-port-base: 200 }") "status-address: \"127.0.0.1:2\"\n",
      SEVERITY_ERROR, 10, "status-address", "port 2 is also used by address of listener `b` (line 9)" },
    { "the status among the nodes",
      TWO("address: \"127.0.0.1:1\", advertised: { node-port-base: 100 }",
          "address: \"127.0.0.1:2\", advertised: { node-port-base: 200 }") "status-address: \"0.0.0.0:207\"\n",
      SEVERITY_ERROR, 10, "status-address", "port 207 is also used by advertised.node-port-base of listener `b`" },
    { "a node without a port",
      "cluster: { bootstrap-servers: [\"127.0.0.1:9\"], nodes: [{ id: 1, address: \"a:1\" },\n"
      "  { id: 16, address: \"b:1\" }] }\n" LISTENER KEYS TOPICS,
      SEVERITY_ERROR, 2, "cluster.nodes[1].id", "listener `apps` has no port for node 16" },
    { "a limit that is none",
      L("    address: 127.0.0.1:9092\n    clients-known-by: loopback\n    connections: 10001\n"), SEVERITY_WARNING, 11,
      "listeners[0].connections", "limits.connections is 10000" },
    { "no connections", L("    address: 127.0.0.1:9092\n    clients-known-by: loopback\n    connections: 0\n"),
      SEVERITY_ERROR, 11, "listeners[0].connections", "from 1 to 1000000" },
    /* Means. */
    { "no identity", CLUSTER LISTENER TOPICS "recipients: [r.pub]\nrecipient-keys: [{ file: k }]\ntrust-file: t\n",
      SEVERITY_WARNING, 7, "topics[0].seal", "for consumers only" },
    { "no recipients",
      CLUSTER LISTENER TOPICS "identity: { writer-key: k }\nrecipient-keys: [{ file: k }]\ntrust-file: t\n",
      SEVERITY_ERROR, 7, "topics[0].seal", "no recipients" },
    { "no trust file",
      CLUSTER LISTENER TOPICS "identity: { writer-key: k }\nrecipients: [r.pub]\nrecipient-keys: [{ file: k }]\n",
      SEVERITY_ERROR, 7, "topics[0]", "without a trust file" },
    { "no recipient keys", CLUSTER LISTENER TOPICS "identity: { writer-key: k }\nrecipients: [r.pub]\ntrust-file: t\n",
      SEVERITY_ERROR, 7, "topics[0].open", "without recipient keys" },
    { "opening what is not sealed",
      CLUSTER LISTENER
      "topics: [{ match: a, seal: false, open: true }]\nrecipient-keys: [{ file: k }]\ntrust-file: t\n",
      SEVERITY_ERROR, 7, "topics[0].open", "cannot be opened" },
    { "nothing to do", CLUSTER LISTENER "topics: [{ match: a, seal: false }]\n", SEVERITY_WARNING, 7, "topics",
      "no topic is sealed" },
    { "no rule for the rest", CLUSTER LISTENER KEYS "topics: [{ match: a, seal: true }]\n", SEVERITY_WARNING, 11,
      "topics", "no rule matches" },
    { "a small share", CLUSTER LISTENER KEYS TOPICS "workers: 256\nlimits:\n  memory: 16MiB\n", SEVERITY_WARNING, 14,
      "limits.memory", "share is 64 KiB" },
    { "a share smaller than a frame",
      CLUSTER LISTENER KEYS TOPICS "workers: 4\nlimits:\n  memory: 64MiB\n  frame-bytes: 17MiB\n", SEVERITY_WARNING, 14,
      "limits.memory", "share is 16384 KiB" },
    { "status for all", CLUSTER LISTENER KEYS TOPICS "status-address: \"0.0.0.0:9\"\n", SEVERITY_WARNING, 12,
      "status-address", "nobody is asked" },
    { "an identity without key", CLUSTER LISTENER TOPICS "identity: { passphrase-file: p }\n", SEVERITY_ERROR, 8,
      "identity.writer-key", "missing" },
    { "a recipient key without file", CLUSTER LISTENER TOPICS "recipient-keys:\n  - { passphrase-file: p }\n",
      SEVERITY_ERROR, 9, "recipient-keys[0].file", "missing" },
    /* Topics. */
    { "no seal", CLUSTER LISTENER KEYS "topics:\n  - match: a\n", SEVERITY_ERROR, 12, "topics[0].seal", "missing" },
    { "seal: yes", CLUSTER LISTENER KEYS "topics:\n  - match: a\n    seal: yes\n", SEVERITY_ERROR, 13, "topics[0].seal",
      "`yes` is not a value" },
    { "no match", CLUSTER LISTENER KEYS "topics:\n  - seal: true\n", SEVERITY_ERROR, 12, "topics[0].match", "missing" },
    { "a bad pattern", CLUSTER LISTENER KEYS "topics:\n  - match: \"a|b\"\n    seal: true\n", SEVERITY_ERROR, 12,
      "topics[0].match", "`a|b`" },
    { "no retention", CLUSTER LISTENER KEYS "topics:\n  - { match: a, seal: true,\n      retention-ms: 0 }\n",
      SEVERITY_ERROR, 13, "topics[0].retention-ms", "`0` is not" },
    { "a retention with a unit",
      CLUSTER LISTENER KEYS "topics:\n  - { match: a, seal: true,\n      retention-ms: 7d }\n", SEVERITY_ERROR, 13,
      "topics[0].retention-ms", "`7d` is not" },
    { "a retention of no bytes",
      CLUSTER LISTENER KEYS "topics:\n  - { match: a, seal: true,\n      retention-bytes: -1 }\n", SEVERITY_ERROR, 13,
      "topics[0].retention-bytes", "`-1` is not" },
    { "a pattern twice", CLUSTER LISTENER KEYS "topics:\n  - { match: a, seal: true }\n  - { match: a, seal: false }\n",
      SEVERITY_ERROR, 13, "topics[1].match", "another rule" },
    /* The cluster. */
    { "no cluster", LISTENER KEYS TOPICS, SEVERITY_ERROR, 1, "cluster.bootstrap-servers", "no broker" },
    { "a broker without port", "cluster: { bootstrap-servers: [\"a:1\", kafka] }\n" LISTENER KEYS TOPICS,
      SEVERITY_ERROR, 1, "cluster.bootstrap-servers[1]", "`kafka` is not an address" },
    { "brokers in clear", "cluster: { bootstrap-servers: [\"kafka:1\"] }\n" LISTENER KEYS TOPICS, SEVERITY_WARNING, 1,
      "cluster.tls", "in clear" },
    { "half an identity",
      "cluster: { bootstrap-servers: [\"kafka:1\"], tls: { certificate: c } }\n" LISTENER KEYS TOPICS, SEVERITY_ERROR,
      1, "cluster.tls.key", "go together" },
    { "a broker twice",
      "cluster: { bootstrap-servers: [\"127.0.0.1:1\"], nodes: [{ id: 1, address: \"a:1\" }, { id: 1, address: \"b:1\" "
      "}] }\n" LISTENER KEYS TOPICS,
      SEVERITY_ERROR, 1, "cluster.nodes[1].id", "twice" },
    /* Values. */
    { "an unknown key", CLUSTER LISTENER KEYS TOPICS "listner: []\n", SEVERITY_ERROR, 12, "listner", "no such key" },
    { "a key twice", CLUSTER LISTENER KEYS TOPICS "trust-file: t\n", SEVERITY_ERROR, 12, "trust-file", "twice" },
    { "no workers", CLUSTER LISTENER KEYS TOPICS "workers: 0\n", SEVERITY_ERROR, 12, "workers", "from 1 to 256" },
    { "a size without unit of this kind", CLUSTER LISTENER KEYS TOPICS "limits:\n  memory: 256MB\n", SEVERITY_ERROR, 13,
      "limits.memory", "`256MB` is not a size" },
    { "a small memory", CLUSTER LISTENER KEYS TOPICS "limits:\n  memory: 1MiB\n", SEVERITY_ERROR, 13, "limits.memory",
      "not between 16MiB and 1TiB" },
    { "a duration without unit", CLUSTER LISTENER KEYS TOPICS "limits:\n  idle-timeout: 10\n", SEVERITY_ERROR, 13,
      "limits.idle-timeout", "`10` is not a duration" },
    { "a long duration", CLUSTER LISTENER KEYS TOPICS "data-keys:\n  max-age: 31d\n", SEVERITY_ERROR, 13,
      "data-keys.max-age", "not between 1s and 30d" },
    { "a bad choice", CLUSTER LISTENER KEYS TOPICS "fetch-refusal-error: unknown\n", SEVERITY_ERROR, 12,
      "fetch-refusal-error", "`unknown` is not a value" },
    { "a choice by number", CLUSTER LISTENER KEYS TOPICS "fetch-refusal-error: 2\n", SEVERITY_ERROR, 12,
      "fetch-refusal-error", "`2` is not" },
    /* The ledger. */
    { "no directory", CLUSTER LISTENER KEYS TOPICS "ledger:\n  interval: 1s\n", SEVERITY_ERROR, 12, "ledger.directory",
      "missing" },
    { "a topic without a name", CLUSTER LISTENER KEYS TOPICS "ledger:\n  topic: { bootstrap-servers: [localhost:1] }\n",
      SEVERITY_ERROR, 13, "ledger.topic.name", "missing" },
    { "a topic that none is",
      CLUSTER LISTENER KEYS TOPICS "ledger:\n  topic: { name: a/b, bootstrap-servers: [localhost:1] }\n",
      SEVERITY_ERROR, 13, "ledger.topic.name", "no topic has this name" },
    { "a topic without servers", CLUSTER LISTENER KEYS TOPICS "ledger:\n  topic: { name: a }\n", SEVERITY_ERROR, 13,
      "ledger.topic.bootstrap-servers", "no broker to connect to" },
    { "a topic in clear", CLUSTER LISTENER KEYS TOPICS "ledger:\n  topic: { name: a, bootstrap-servers: [far:1] }\n",
      SEVERITY_WARNING, 13, "ledger.topic.tls", "in clear" },
    { "a password in clear",
      CLUSTER LISTENER KEYS TOPICS "ledger:\n  topic: { name: a, bootstrap-servers: [localhost:1],\n    sasl: { "
                                   "mechanism: PLAIN, username: u, password-file: p } }\n",
      SEVERITY_ERROR, 14, "ledger.topic.sasl.mechanism", "whoever listens" },
    { "no mechanism",
      CLUSTER LISTENER KEYS TOPICS "ledger:\n  topic: { name: a, bootstrap-servers: [localhost:1],\n    sasl: { "
                                   "username: u, password-file: p } }\n",
      SEVERITY_ERROR, 14, "ledger.topic.sasl.mechanism", "missing" },
    { "no name to log in with",
      CLUSTER LISTENER KEYS TOPICS "ledger:\n  topic: { name: a, bootstrap-servers: [localhost:1],\n    sasl: { "
                                   "mechanism: SCRAM-SHA-256, password-file: p } }\n",
      SEVERITY_ERROR, 14, "ledger.topic.sasl.username", "missing" },
    { "no password",
      CLUSTER LISTENER KEYS TOPICS "ledger:\n  topic: { name: a, bootstrap-servers: [localhost:1],\n    sasl: { "
                                   "mechanism: SCRAM-SHA-256, username: u } }\n",
      SEVERITY_ERROR, 14, "ledger.topic.sasl.password-file", "missing" },
    { "a mechanism that is not there",
      CLUSTER LISTENER KEYS TOPICS "ledger:\n  topic: { name: a, bootstrap-servers: [localhost:1],\n    sasl: { "
                                   "mechanism: DIGEST-MD5, username: u, password-file: p } }\n",
      SEVERITY_ERROR, 14, "ledger.topic.sasl.mechanism", "`DIGEST-MD5` is not a value" },
    { "a short interval", CLUSTER LISTENER KEYS TOPICS "ledger:\n  directory: l\n  interval: 99ms\n", SEVERITY_ERROR,
      14, "ledger.interval", "not between 100ms and 1h" },
    { "a small buffer", CLUSTER LISTENER KEYS TOPICS "ledger:\n  directory: l\n  buffer: 1KiB\n", SEVERITY_ERROR, 14,
      "ledger.buffer", "not between 1MiB and 1GiB" },
    { "nobody to sign", CLUSTER LISTENER "ledger:\n  directory: l\n", SEVERITY_ERROR, 7, "ledger", "no identity" },
    /* Ids of topics. */
    { "no topic", IDS("  - topic-id: " ID_1 "\n"), SEVERITY_ERROR, 13, "topic-ids[0].topic", "missing" },
    { "no id", IDS("  - topic: metrics\n"), SEVERITY_ERROR, 13, "topic-ids[0].topic-id", "missing" },
    { "neither", IDS("  - {}\n"), SEVERITY_ERROR, 13, "topic-ids[0].topic-id", "missing" },
    { "a pattern for a topic", IDS("  - topic: \"m*\"\n    topic-id: " ID_1 "\n"), SEVERITY_ERROR, 13,
      "topic-ids[0].topic", "`m*` cannot be the name" },
    { "a short id", IDS("  - topic: m\n    topic-id: AAAA\n"), SEVERITY_ERROR, 14, "topic-ids[0].topic-id",
      "`AAAA` is not a topic id" },
    { "an id of a character too many", IDS("  - topic: m\n    topic-id: " ID_1 "A\n"), SEVERITY_ERROR, 14,
      "topic-ids[0].topic-id", "is not a topic id" },
    { "an id with bits left over", IDS("  - topic: m\n    topic-id: AAAAAAAAAAAAAAAAAAAAAR\n"), SEVERITY_ERROR, 14,
      "topic-ids[0].topic-id", "is not a topic id" },
    { "an id of zero", IDS("  - topic: m\n    topic-id: AAAAAAAAAAAAAAAAAAAAAA\n"), SEVERITY_ERROR, 14,
      "topic-ids[0].topic-id", "zero" },
    { "an id twice", IDS("  - { topic: m, topic-id: " ID_1 " }\n  - topic: n\n    topic-id: " ID_1 "\n"),
      SEVERITY_ERROR, 15, "topic-ids[1].topic-id", "another row has this id" },
    { "an id twice, with others between",
      IDS("  - { topic: m, topic-id: " ID_1 " }\n  - { topic: m, topic-id: " ID_2 " }\n  - { topic: m, topic-id: " ID_1
          " }\n"),
      SEVERITY_ERROR, 15, "topic-ids[2].topic-id", "another row has this id" },
    { "an unknown key beside an id", IDS("  - { topic: m, topic-id: " ID_1 ",\n      partition: 0 }\n"), SEVERITY_ERROR,
      14, "topic-ids[0].partition", "no such key" },
    { "a mapping for topic ids", CLUSTER LISTENER KEYS TOPICS "topic-ids: { m: " ID_1 " }\n", SEVERITY_ERROR, 12,
      "topic-ids", "a list" },
    { "a list for a mapping", CLUSTER LISTENER KEYS TOPICS "log: [info]\n", SEVERITY_ERROR, 12, "log", "a mapping" },
};

static bool is_found(const struct finding_case *c, const struct report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct finding *found = &report->findings[i];
        if (found->severity == c->severity && found->line == c->line && found->key_path &&
            strcmp(found->key_path, c->key_path) == 0 && strstr(found->text, c->words)) {
            return true;
        }
    }
    return false;
}

static bool case_holds(const struct finding_case *c)
{
    struct config *config = NULL;
    struct report report = { 0 };
    signet_error error = config_parse(slice_of_text(c->text), "g.yaml", &config, &report);
    bool refused = c->severity == SEVERITY_ERROR;
    bool good = error == (refused ? SIGNET_ERROR_MALFORMED : SIGNET_OK) && is_found(c, &report);
    for (size_t i = 0; !good && i < report.count; i++) {
        print_error("%s: line %u: %s: %s\n", c->label, report.findings[i].line,
                    report.findings[i].key_path ? report.findings[i].key_path : "(none)", report.findings[i].text);
    }
    if (!good && report.count == 0) {
        print_error("%s: nothing found\n", c->label);
    }
    report_free(&report);
    config_free(config);
    return good;
}

static void each_slip_is_found_in_its_line(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wrong += !case_holds(&cases[i]);
    }
    assert_int_equal(wrong, 0);
}

static void assert_good(const char *text)
{
    struct report report = { 0 };
    config_free(parse(text, &report));
    if (report.count > 0) {
        fail_msg("%s", report.findings[0].text);
    }
}

/* Listeners that differ in their host may have the same ports; so may the status, and nodes beside others. */
static void ports_of_other_hosts_are_others(void **state)
{
    (void)state;
    assert_good(TWO("address: \"127.0.0.1:1\", advertised: { node-port-base: 100 }",
                    "address: \"127.0.0.2:1\", advertised: { node-port-base: 100 }"));
    assert_good(
        TWO("address: \"127.0.0.1:1\", advertised: { node-port-base: 100 }",
            "address: \"127.0.0.1:2\", advertised: { node-port-base: 200 }") "status-address: \"127.0.0.1:199\"\n");
}

static void paths_that_no_node_has_are_free(void **state)
{
    (void)state;
    assert_good(CLUSTER KEYS TOPICS
                "listeners:\n"
                "  - { name: a, clients-known-by: unix-socket, address: \"unix:/s\", advertised: { host: h, "
                "node-port-base: 7, node-ports: 3 } }\n"
                "  - { name: b, clients-known-by: unix-socket, address: \"unix:/s.3\", advertised: { host: h, "
                "node-port-base: 7 } }\n"
                "  - { name: c, clients-known-by: unix-socket, address: \"unix:/s.02\", advertised: { host: h, "
                "node-port-base: 7 } }\n"
                "  - { name: d, clients-known-by: unix-socket, address: \"unix:/" A100
                "1234\", advertised: { host: h, node-port-base: 7, node-ports: 10 } }\n");
}

/* The default of a frame is what brokers take at most, and no reason to warn. */
static void shares_of_the_defaults_are_good(void **state)
{
    (void)state;
    assert_good(CLUSTER LISTENER KEYS TOPICS "workers: 64\n");
    assert_good(CLUSTER LISTENER KEYS TOPICS "workers: 4\nlimits: { memory: 64MiB, frame-bytes: 16MiB }\n");
}

static void every_prefix_is_survived(void **state)
{
    (void)state;
    for (size_t size = 0; size < sizeof whole; size++) {
        struct config *config = NULL;
        struct report report = { 0 };
        signet_error error = config_parse(slice_of(whole, size), "g.yaml", &config, &report);
        assert_true(error ? error == SIGNET_ERROR_MALFORMED && report.error_count > 0 && !config : config != NULL);
        report_free(&report);
        config_free(config);
    }
}

static void files_are_read(void **state)
{
    struct report report = { 0 };
    struct config *config = NULL;
    const char *path = scratch_write(*state, "g.yaml", 0644, CLUSTER LISTENER KEYS TOPICS);
    assert_int_equal(config_read(path, &config, &report), SIGNET_OK);
    assert_string_equal(config->recipients[0], scratch_path(*state, "r.pub"));
    config_free(config);
    assert_int_equal(config_read(scratch_path(*state, "nothing"), &config, &report), SIGNET_ERROR_MALFORMED);
    assert_non_null(strstr(report.findings[0].text, "No such file"));
    report_free(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_file_is_understood),
        cmocka_unit_test(defaults_are_filled_in),
        cmocka_unit_test(a_topic_without_a_rule_has_none),
        cmocka_unit_test(paths_without_a_folder_stay),
        cmocka_unit_test(each_slip_is_found_in_its_line),
        cmocka_unit_test(ports_of_other_hosts_are_others),
        cmocka_unit_test(paths_that_no_node_has_are_free),
        cmocka_unit_test(shares_of_the_defaults_are_good),
        cmocka_unit_test(every_prefix_is_survived),
        cmocka_unit_test_setup_teardown(files_are_read, scratch_folder_setup, scratch_folder_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
