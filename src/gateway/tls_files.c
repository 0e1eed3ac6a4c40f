/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/tls_files.h"

#include <errno.h>

#include "crypto/certificate.h"
#include "gateway/advertised.h"
#include "keys/secret_file.h"
#include "keys/yaml_value.h"

enum {
    /* The system's bundle of authorities has about 250 KiB. */
    PEM_BYTES_MAX = 4 * 1024 * 1024,
    /* RSA with 16384 bits takes 13 KiB. */
    KEY_PEM_BYTES_MAX = 64 * 1024,
};

static const int64_t WARNING_MS = INT64_C(14) * 24 * 60 * 60 * 1000;

/* One `tls` section. */
struct section {
    const struct config *config;
    struct report *report;
    struct key_path prefix;
    int64_t now_ms;
    const char *certificate, *key, *key_passphrase_file;
    const struct config_advertised *advertised; /* of a listener */
};

static void add(const struct section *s, enum severity severity, const char *key, const char *hint, const char *file,
                const char *text)
{
    struct key_path path = key_path_join(s->prefix, key);
    report_add(s->report, severity, config_place(s->config, path.text), hint, "%s: %s", file, text);
}

static bool read_part(const struct section *s, const char *key, const char *file, bool secret,
                      struct file_text *ret_text)
{
    signet_error error =
        secret ? secret_file_read(file, KEY_PEM_BYTES_MAX, ret_text) : file_text_read(file, PEM_BYTES_MAX, ret_text);
    if (error == SIGNET_ERROR_PERMISSION) {
        add(s, SEVERITY_ERROR, key, "chmod 600 the file, and think about who has read it", file,
            "others than its owner have access to this secret");
    } else if (error) {
        const char *why = error == SIGNET_ERROR_SYSTEM ? strerror(errno) : signet_error_text(error);
        add(s, SEVERITY_ERROR, key, NULL, file, why);
    }
    return !error;
}

static void check_dates(const struct section *s, const char *key, const char *file, struct slice pem)
{
    struct certificate_dates dates;
    if (certificate_read_dates(pem, &dates)) {
        add(s, SEVERITY_ERROR, key, "it must be PEM, -----BEGIN CERTIFICATE----- and so on", file,
            "there is no certificate in it, or one that does not parse");
    } else if (dates.not_after_ms < s->now_ms) {
        add(s, SEVERITY_ERROR, key, "renew it", file, "a certificate in it has expired");
    } else if (dates.not_before_ms > s->now_ms) {
        add(s, SEVERITY_ERROR, key, "is the clock right?", file, "a certificate in it is not valid yet");
    } else if (dates.not_after_ms < s->now_ms + WARNING_MS) {
        add(s, SEVERITY_WARNING, key, "renew it", file, "a certificate in it expires within two weeks");
    }
}

/* Authorities: one that has expired is of no use, and the others still are. */
static void check_authorities(const struct section *s, const char *key, const char *file)
{
    struct file_text text;
    struct certificate_dates dates;
    if (!file || !read_part(s, key, file, false, &text)) {
        return;
    }
    if (certificate_read_dates(file_text_slice(&text), &dates)) {
        add(s, SEVERITY_ERROR, key, "it must be PEM, -----BEGIN CERTIFICATE----- and so on", file,
            "there is no certificate in it, or one that does not parse");
    } else if (dates.not_after_ms < s->now_ms) {
        bool all = dates.count == 1;
        add(s, all ? SEVERITY_ERROR : SEVERITY_WARNING, key, "renew it", file, "a certificate in it has expired");
    }
    file_text_free(&text);
}

static void check_pair(const struct section *s, struct slice certificate, struct slice key, struct slice passphrase)
{
    switch (certificate_check_key(certificate, key, passphrase)) {
    case SIGNET_OK:
        break;
    case SIGNET_ERROR_PASSPHRASE:
        add(s, SEVERITY_ERROR, "key",
            passphrase.size ? NULL : "give its passphrase in a file, under key-passphrase-file", s->key,
            passphrase.size ? "the passphrase is wrong" : "the key is locked with a passphrase");
        break;
    case SIGNET_ERROR_NO_KEY:
        add(s, SEVERITY_ERROR, "key", NULL, s->key, "it is not the key of the certificate");
        break;
    default:
        add(s, SEVERITY_ERROR, "key", "it must be PEM, -----BEGIN PRIVATE KEY----- and so on", s->key,
            "there is no private key in it, or one that does not parse");
    }
}

static bool read_passphrase(const struct section *s, struct file_text *ret_text)
{
    static const char key[] = "key-passphrase-file";
    *ret_text = (struct file_text){ 0 };
    signet_error error = s->key_passphrase_file ? passphrase_file_read(s->key_passphrase_file, ret_text) : SIGNET_OK;
    if (error == SIGNET_ERROR_PERMISSION) {
        add(s, SEVERITY_ERROR, key, "chmod 600 the file", s->key_passphrase_file,
            "others than its owner have access to this passphrase");
    } else if (error) {
        add(s, SEVERITY_ERROR, key, "a passphrase file has one line", s->key_passphrase_file,
            error == SIGNET_ERROR_SYSTEM ? strerror(errno) : signet_error_text(error));
    }
    return !error;
}

static void check_revocations(const struct section *s, const char *file)
{
    struct file_text text;
    int64_t next_update_ms = 0;
    if (!file || !read_part(s, "client-crl", file, false, &text)) {
        return;
    }
    if (certificate_read_revocations(file_text_slice(&text), &next_update_ms)) {
        add(s, SEVERITY_ERROR, "client-crl", "it must be PEM, -----BEGIN X509 CRL----- and so on", file,
            "there is no list of revoked certificates in it, or one that does not parse");
    } else if (next_update_ms < s->now_ms) {
        add(s, SEVERITY_ERROR, "client-crl", "fetch the next one", file,
            "a list in it has expired, so that every client of its authority would be refused");
    }
    file_text_free(&text);
}

/* The node ids that are held against a pattern of names: those of the configuration, else small ones. */
static bool covers_nodes(const struct config *config, const struct config_advertised *advertised, struct slice pem)
{
    char host[256];
    int32_t port = 0;
    bool listed = config->cluster.node_count > 0;
    for (size_t i = 0; i < (listed ? config->cluster.node_count : NODE_PORTS_DEFAULT); i++) {
        int32_t node = listed ? config->cluster.nodes[i].id : (int32_t)i;
        if (advertised_address(advertised, node, host, &port) && certificate_covers_host(pem, host)) {
            return true;
        }
    }
    return false;
}

/* Most clients hold the certificate against the name that Metadata gave them. */
static void check_covers(const struct section *s, const struct config_advertised *advertised, const char *file,
                         struct slice pem)
{
    struct finding_place place = config_place(s->config, key_path_join(s->prefix, "certificate").text);
    const char *told = advertised->sni_pattern ? advertised->sni_pattern : advertised->host;
    bool covers = advertised->sni_pattern ? covers_nodes(s->config, advertised, pem)
                                          : !advertised->host || certificate_covers_host(pem, advertised->host);
    if (!covers) {
        report_add(s->report, SEVERITY_WARNING, place, "clients that verify names will not connect: issue it for that",
                   "%s: the certificate is not for `%s`, which is what clients are told", file, told);
    }
}

static void check_identity(const struct section *s)
{
    struct file_text certificate = { 0 }, key = { 0 }, passphrase = { 0 };
    if (!s->certificate || !s->key) {
        return;
    }
    bool certificate_read = read_part(s, "certificate", s->certificate, false, &certificate);
    bool key_read = read_part(s, "key", s->key, true, &key);
    bool passphrase_read = read_passphrase(s, &passphrase);
    if (certificate_read) {
        size_t errors_before = s->report->error_count;
        check_dates(s, "certificate", s->certificate, file_text_slice(&certificate));
        bool parsed = s->report->error_count == errors_before;
        if (key_read && passphrase_read && parsed) {
            check_pair(s, file_text_slice(&certificate), file_text_slice(&key), file_text_slice(&passphrase));
        }
        if (parsed && s->advertised) {
            check_covers(s, s->advertised, s->certificate, file_text_slice(&certificate));
        }
    }
    file_text_free(&certificate);
    file_text_free(&key);
    file_text_free(&passphrase);
}

/* What the library itself would not take at the start, such as a key that is too short. */
static void check_loads(const struct section *s, signet_error error, const struct cause *cause)
{
    struct key_path path = key_path_join(s->prefix, s->certificate ? "certificate" : "ca");
    if (error == SIGNET_ERROR_OUT_OF_MEMORY) {
        s->report->error = error;
    } else if (error) {
        report_add(s->report, SEVERITY_ERROR, config_place(s->config, path.text), NULL, "%s", cause->text);
    }
}

static void check_client(struct section *s, const char *prefix, const struct config_client_tls *tls)
{
    size_t errors_before = s->report->error_count;
    struct tls_context *context = NULL;
    struct cause cause = { "" };
    s->prefix = key_path_of("%s", prefix);
    s->certificate = tls->certificate;
    s->key = tls->key;
    s->key_passphrase_file = tls->key_passphrase_file;
    check_authorities(s, "ca", tls->ca);
    check_identity(s);
    if (s->report->error_count == errors_before) {
        check_loads(s, tls_files_load_client(tls, &context, &cause), &cause);
    }
    tls_context_release(context);
}

static void check_listener(struct section *s, size_t index)
{
    const struct config_listener *listener = &s->config->listeners[index];
    const struct config_server_tls *tls = &listener->tls;
    size_t errors_before = s->report->error_count;
    struct tls_context *context = NULL;
    struct cause cause = { "" };
    s->prefix = key_path_of("listeners[%zu].tls", index);
    s->certificate = tls->certificate;
    s->key = tls->key;
    s->key_passphrase_file = tls->key_passphrase_file;
    s->advertised = &listener->advertised;
    check_authorities(s, "client-ca", tls->client_ca);
    check_revocations(s, tls->client_crl);
    check_identity(s);
    if (s->report->error_count == errors_before) {
        check_loads(s, tls_files_load_server(tls, &context, &cause), &cause);
    }
    tls_context_release(context);
}

void tls_files_check(const struct config *config, int64_t now_ms, struct report *report)
{
    struct section s = { .config = config, .report = report, .now_ms = now_ms };
    if (config->cluster.tls.enabled) {
        check_client(&s, "cluster.tls", &config->cluster.tls);
    }
    if (config->ledger.topic.tls.enabled) {
        check_client(&s, "ledger.topic.tls", &config->ledger.topic.tls);
    }
    for (size_t i = 0; i < config->listener_count; i++) {
        if (config->listeners[i].tls.enabled) {
            check_listener(&s, i);
        }
    }
}

signet_error tls_files_load_server(const struct config_server_tls *tls, struct tls_context **ret_context,
                                   struct cause *ret_cause)
{
    const struct tls_config config = {
        .certificate = tls->certificate,
        .key = tls->key,
        .key_passphrase_file = tls->key_passphrase_file,
        .ca = tls->client_ca,
        .crl = tls->client_crl,
    };
    *ret_context = NULL;
    return tls->enabled ? tls_server_new(&config, ret_context, ret_cause) : SIGNET_OK;
}

signet_error tls_files_load_client(const struct config_client_tls *tls, struct tls_context **ret_context,
                                   struct cause *ret_cause)
{
    const struct tls_config config = {
        .certificate = tls->certificate,
        .key = tls->key,
        .key_passphrase_file = tls->key_passphrase_file,
        .ca = tls->ca,
        .verify_hostname = tls->verify_hostname,
    };
    *ret_context = NULL;
    return tls->enabled ? tls_client_new(&config, ret_context, ret_cause) : SIGNET_OK;
}
