/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "gateway/config_restart.h"

#define REST "topics: [{ match: \"*\", seal: false }]\n"
#define BROKERS                                                                                             \
    "cluster: { bootstrap-servers: [\"127.0.0.1:9092\"], nodes: [{ id: 1, address: \"127.0.0.1:9093\" }], " \
    "tls: { ca: ca.pem } }\n"
#define APPS                                                                                              \
    "  - { name: apps, address: \"127.0.0.1:1\", clients-known-by: brokers, trust-brokers-for-identity: " \
    "true, connections: 5, tls: { certificate: c, key: k }, advertised: { host: h, node-port-base: 100, " \
    "node-ports: 9, port-map: [{ node: 20, port: 90 }] } }\n"
#define NAMES                                                                                               \
    "  - { name: names, address: \"127.0.0.1:2\", clients-known-by: loopback, tls: { certificate: c, key: " \
    "k }, sni: { pattern: \"b{node}.x\", port: 7 } }\n"
#define LIMITS                                                                                      \
    "workers: 2\nlimits: { connections: 100, memory: 64MiB, frame-bytes: 10MiB, idle-timeout: 6m, " \
    "handshake-timeout: 3s, connect-timeout: 2s, drain-timeout: 1m }\nstatus-address: \"127.0.0.1:80\"\n"

#define LEDGER                                                                                                      \
    "identity: { writer-key: w }\ntrust-file: t\nledger: { directory: l, topic: { name: audit, bootstrap-servers: " \
    "[\"127.0.0.2:5\"], tls: { ca: audit.pem }, sasl: { mechanism: SCRAM-SHA-256, username: gateway, "              \
    "password-file: p } } }\n"

static const char before[] = BROKERS "listeners:\n" APPS NAMES REST LIMITS LEDGER;

struct restart_case {
    const char *from, *to; /* what is written otherwise in the next */
    const char *told;      /* "key listener change;" of each */
    bool apps_same, brokers_same;
};

static const struct restart_case cases[] = {
    /* What counts at once. */
    { "certificate: c, key: k }, adv", "certificate: d, key: k, client-ca: a }, adv", "", true, true },
    { "ca: ca.pem", "ca: ca.pem, verify-hostname: false, certificate: c, key: k", "", true, true },
    { "seal: false }", "seal: false }, { match: a, seal: false }", "", true, true },
    { "workers: 2\n", "workers: 2\nprincipal-in-envelope: true\nlog: { level: debug }\n", "", true, true },
    /* Listeners. */
    { "127.0.0.1:1", "127.0.0.1:3", "address apps has changed;", false, true },
    { "brokers, trust-brokers-for-identity: true", "loopback",
      "clients-known-by apps has changed;trust-brokers-for-identity apps has changed;", false, true },
    { "tls: { certificate: c, key: k }, adv", "adv", "tls.enabled apps has changed;", false, true },
    { "tls: { certificate: c, key: k }, adv", "tls: { enabled: false }, adv", "tls.enabled apps has changed;", false,
      true },
    { "host: h", "host: i", "advertised.host apps has changed;", false, true },
    { "node-port-base: 100", "node-port-base: 101", "advertised.node-port-base apps has changed;", false, true },
    { "node-ports: 9", "node-ports: 8", "advertised.node-ports apps has changed;", false, true },
    { "port: 90", "port: 91", "advertised.port-map apps has changed;", false, true },
    { "{ node: 20, port: 90 }", "", "advertised.port-map apps has changed;", false, true },
    { "b{node}.x", "c{node}.x", "sni.pattern names has changed;", true, true },
    { "port: 7", "port: 8", "sni.port names has changed;", true, true },
    { "connections: 5, ", "", "connections apps has changed;", true, true },
    { "name: apps", "name: others", "listeners apps is gone;listeners others is new;", false, true },
    { NAMES, "", "listeners names is gone;", true, true },
    /* Brokers. */
    { "127.0.0.1:9092", "127.0.0.1:9094", "cluster.bootstrap-servers has changed;", true, false },
    { "[\"127.0.0.1:9092\"]", "[\"127.0.0.1:9092\", \"127.0.0.1:9094\"]", "cluster.bootstrap-servers has changed;",
      true, false },
    { "127.0.0.1:9093", "127.0.0.1:9095", "cluster.nodes has changed;", true, false },
    { "id: 1", "id: 2", "cluster.nodes has changed;", true, false },
    { "ca: ca.pem", "enabled: false", "cluster.tls.enabled has changed;", true, false },
    /* The rest. */
    { "directory: l", "directory: m", "ledger has changed;", true, true },
    { "name: audit", "name: other", "ledger has changed;", true, true },
    { "127.0.0.2:5", "127.0.0.2:6", "ledger has changed;", true, true },
    { "ca: audit.pem", "ca: other.pem", "ledger has changed;", true, true },
    { "SHA-256", "SHA-512", "ledger has changed;", true, true },
    { "username: gateway", "username: other", "ledger has changed;", true, true },
    { "password-file: p", "password-file: q", "ledger has changed;", true, true },
    { "workers: 2", "workers: 3", "workers has changed;", true, true },
    { "connections: 100", "connections: 101", "limits.connections has changed;", true, true },
    { "64MiB", "65MiB", "limits.memory has changed;", true, true },
    { "10MiB", "11MiB", "limits.frame-bytes has changed;", true, true },
    { "6m", "7m", "limits.idle-timeout has changed;", true, true },
    { "3s", "4s", "limits.handshake-timeout has changed;", true, true },
    { "2s", "5s", "limits.connect-timeout has changed;", true, true },
    { "1m", "2m", "limits.drain-timeout has changed;", true, true },
    { "127.0.0.1:80\"", "127.0.0.1:81\"", "status-address has changed;", true, true },
    { "status-address: \"127.0.0.1:80\"\n", "", "status-address has changed;", true, true },
};

static struct config *parse(const char *text)
{
    struct report report = { 0 };
    struct config *config = NULL;
    signet_error error = config_parse(slice_of_text(text), "g.yaml", &config, &report);
    for (size_t i = 0; error && i < report.count; i++) {
        print_error("%s: %s\n", report.findings[i].key_path, report.findings[i].text);
    }
    report_free(&report);
    return config;
}

static void note(void *context, const char *key, const char *listener, const char *change)
{
    char *told = context;
    size_t used = strlen(told);
    snprintf(told + used, 512 - used, "%s%s%s %s;", key, listener ? " " : "", listener ? listener : "", change);
}

static void replace(char *ret, size_t size, const char *from, const char *to)
{
    const char *at = strstr(before, from);
    assert_non_null(at);
    snprintf(ret, size, "%.*s%s%s", (int)(at - before), before, to, at + strlen(from));
}

static bool case_holds(const struct config *now, const struct restart_case *c)
{
    char text[4096], told[512] = "";
    replace(text, sizeof text, c->from, c->to);
    struct config *next = parse(text);
    if (!next) {
        print_error("%s -> %s: not a configuration\n", c->from, c->to);
        return false;
    }
    config_tell_restart(now, next, note, told);
    const struct config_listener *apps = config_same_listener(&now->listeners[0], next);
    bool good = strcmp(told, c->told) == 0 && (apps != NULL) == c->apps_same &&
                config_same_brokers(now, next) == c->brokers_same;
    if (!good) {
        print_error("%s -> %s: told %s\n", c->from, c->to, told);
    }
    config_free(next);
    return good;
}

static void every_key_that_needs_a_restart_is_named(void **state)
{
    (void)state;
    size_t wrong = 0;
    struct config *now = parse(before);
    assert_non_null(now);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wrong += !case_holds(now, &cases[i]);
    }
    config_free(now);
    assert_int_equal(wrong, 0);
}

/* Two listeners exchange their names: neither is the other, so that certificates stay where they are. */
static void names_do_not_carry_certificates_to_other_ports(void **state)
{
    (void)state;
    char text[4096];
    struct config *now = parse(before);
    replace(text, sizeof text, APPS NAMES, "@");
    char *at = strchr(text, '@');
    char rest[2048];
    snprintf(rest, sizeof rest, "%s", at + 1);
    snprintf(
        at, sizeof text - (size_t)(at - text), "%s%s%s",
        "  - { name: names, address: \"127.0.0.1:1\", clients-known-by: loopback, tls: { certificate: c, key: k }, "
        "advertised: { host: h, node-port-base: 100 } }\n",
        "  - { name: apps, address: \"127.0.0.1:2\", clients-known-by: loopback, tls: { certificate: d, key: k }, "
        "advertised: { host: h, node-port-base: 200 } }\n",
        rest);
    struct config *next = parse(text);
    assert_non_null(next);
    assert_null(config_same_listener(&now->listeners[0], next));
    assert_null(config_same_listener(&now->listeners[1], next));
    config_free(next);
    config_free(now);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_that_needs_a_restart_is_named),
        cmocka_unit_test(names_do_not_carry_certificates_to_other_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
