/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/wipe.h"
#include "net/tls_context.h"

/* Forward secrecy and authenticated encryption only.  Names of TLS 1.2 first, then of 1.3. */
static const char suites_1_2[] = "ECDHE+AESGCM:ECDHE+CHACHA20";
static const char suites_1_3[] = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256";
static const char groups[] = "X25519:P-256:P-384";

struct tls_context {
    atomic_size_t references;
    SSL_CTX *library;
    bool server;
    bool verify_hostname;
};

/* What the library asks us for when a key file is locked. */
struct passphrase {
    const char *file; /* NULL: there is none */
    bool asked;
    bool unreadable;
};

/* The first line, without its end; 0 when there is none or it does not fit. */
static size_t read_first_line(const char *path, char *ret_line, size_t size)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        return 0;
    }
    /* No second copy of the secret in the stream's own buffer. */
    (void)setvbuf(file, NULL, _IONBF, 0);
    char *line = fgets(ret_line, (int)size, file);
    (void)fclose(file);
    size_t length = line ? strcspn(line, "\r\n") : 0;
    return length + 1 < size ? length : 0;
}

/* Ours always, so that the library never asks at a terminal. */
static int on_passphrase(char *memory, int size, int writing, void *context)
{
    struct passphrase *passphrase = context;
    char line[PASSPHRASE_BYTES_MAX + 2];
    (void)writing;
    if (!passphrase) {
        return -1;
    }
    passphrase->asked = true;
    size_t length = passphrase->file ? read_first_line(passphrase->file, line, sizeof line) : 0;
    bool fits = length > 0 && length <= (size_t)size;
    passphrase->unreadable = passphrase->file && !fits;
    if (fits) {
        memcpy(memory, line, length);
    }
    wipe(line, sizeof line);
    return fits ? (int)length : -1;
}

/* The first error on the library's list is the one nearest to the reason. */
static const char *library_reason(unsigned long code)
{
    if (ERR_SYSTEM_ERROR(code)) {
        return strerror((int)ERR_GET_REASON(code));
    }
    if (ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE) {
        return "nothing of that kind in it (PEM is expected)";
    }
    const char *reason = ERR_reason_error_string(code);
    return reason ? reason : "the TLS library failed";
}

static signet_error file_failed(struct cause *ret_cause, const char *what, const char *file)
{
    unsigned long code = ERR_peek_error();
    cause_set(ret_cause, "cannot use %s %s: %s", what, file, library_reason(code));
    ERR_clear_error();
    return ERR_SYSTEM_ERROR(code) ? SIGNET_ERROR_SYSTEM : SIGNET_ERROR_MALFORMED;
}

static signet_error library_failed(struct cause *ret_cause, const char *doing)
{
    cause_set(ret_cause, "%s: %s", doing, library_reason(ERR_peek_error()));
    ERR_clear_error();
    return SIGNET_ERROR_CRYPTO;
}

static signet_error passphrase_failed(const struct tls_config *config, const struct passphrase *passphrase,
                                      struct cause *ret_cause)
{
    ERR_clear_error();
    if (!passphrase->file) {
        cause_set(ret_cause, "private key %s is locked and no passphrase file is given", config->key);
    } else if (passphrase->unreadable) {
        cause_set(ret_cause, "private key %s is locked and no passphrase can be read from %s", config->key,
                  passphrase->file);
    } else {
        cause_set(ret_cause, "private key %s is locked and the passphrase in %s is wrong", config->key,
                  passphrase->file);
    }
    return SIGNET_ERROR_PASSPHRASE;
}

static bool is_mismatch(unsigned long code)
{
    int reason = ERR_GET_REASON(code);
    return ERR_GET_LIB(code) == ERR_LIB_X509 &&
           (reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH);
}

static signet_error key_mismatch(const struct tls_config *config, struct cause *ret_cause)
{
    ERR_clear_error();
    cause_set(ret_cause, "private key %s does not belong to certificate %s", config->key, config->certificate);
    return SIGNET_ERROR_NO_KEY;
}

static signet_error load_key(SSL_CTX *library, const struct tls_config *config, struct cause *ret_cause)
{
    struct passphrase passphrase = { .file = config->key_passphrase_file };
    SSL_CTX_set_default_passwd_cb_userdata(library, &passphrase);
    bool loaded = SSL_CTX_use_PrivateKey_file(library, config->key, SSL_FILETYPE_PEM) == 1;
    SSL_CTX_set_default_passwd_cb_userdata(library, NULL);
    if (loaded && SSL_CTX_check_private_key(library) == 1) {
        return SIGNET_OK;
    }
    if (loaded || is_mismatch(ERR_peek_error()) || is_mismatch(ERR_peek_last_error())) {
        return key_mismatch(config, ret_cause);
    }
    return passphrase.asked ? passphrase_failed(config, &passphrase, ret_cause)
                            : file_failed(ret_cause, "private key", config->key);
}

static signet_error load_identity(SSL_CTX *library, const struct tls_config *config, struct cause *ret_cause)
{
    if (!config->key) {
        cause_set(ret_cause, "certificate %s has no private key beside it", config->certificate);
        return SIGNET_ERROR_NO_KEY;
    }
    if (SSL_CTX_use_certificate_chain_file(library, config->certificate) != 1) {
        return file_failed(ret_cause, "certificate", config->certificate);
    }
    return load_key(library, config, ret_cause);
}

/* A certificate in the file is trusted as it stands, be it a root or not, as one in a Java trust store is. */
static signet_error load_authorities(SSL_CTX *library, const char *ca, struct cause *ret_cause)
{
    if (SSL_CTX_load_verify_locations(library, ca, NULL) != 1) {
        return file_failed(ret_cause, "CA file", ca);
    }
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(library), X509_V_FLAG_PARTIAL_CHAIN);
    return SIGNET_OK;
}

static bool set_protocol(SSL_CTX *library)
{
    SSL_CTX_set_security_level(library, 2);
    SSL_CTX_set_options(library, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_PRIORITIZE_CHACHA);
    return SSL_CTX_set_min_proto_version(library, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(library, 0) == 1 && SSL_CTX_set_cipher_list(library, suites_1_2) == 1 &&
           SSL_CTX_set_ciphersuites(library, suites_1_3) == 1 && SSL_CTX_set1_groups_list(library, groups) == 1;
}

static void set_memory(SSL_CTX *library)
{
    /* Idle connections hold no buffers; what could not be sent may come again from another place. */
    SSL_CTX_set_mode(library,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    /* One receive brings the head and the body of a record. */
    SSL_CTX_set_read_ahead(library, 1);
    SSL_CTX_set_max_cert_list(library, TLS_CHAIN_BYTES_MAX);
    SSL_CTX_set_verify_depth(library, TLS_CHAIN_DEPTH_MAX);
}

static signet_error context_new(const SSL_METHOD *method, struct tls_context **ret_context, struct cause *ret_cause)
{
    struct tls_context *context = calloc(1, sizeof *context);
    if (!context) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    atomic_init(&context->references, 1);
    ERR_clear_error();
    context->library = SSL_CTX_new(method);
    if (!context->library || !set_protocol(context->library)) {
        tls_context_release(context);
        return library_failed(ret_cause, "cannot set up TLS");
    }
    set_memory(context->library);
    SSL_CTX_set_default_passwd_cb(context->library, on_passphrase);
    *ret_context = context;
    return SIGNET_OK;
}

/* Clients choose among their certificates by the names that are sent of our authorities. */
static signet_error require_clients(SSL_CTX *library, const char *ca, struct cause *ret_cause)
{
    signet_error error = load_authorities(library, ca, ret_cause);
    if (error) {
        return error;
    }
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(ca);
    if (!names) {
        return file_failed(ret_cause, "CA file", ca);
    }
    SSL_CTX_set_client_CA_list(library, names);
    SSL_CTX_set_verify(library, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return SIGNET_OK;
}

/*
 * Clients' own certificates are looked up, not those of authorities between:
 * these are left out of the CA file to be rid of them.  A client is refused
 * when the file has no list of its authority's, or an old one.
 */
static signet_error load_revocations(SSL_CTX *library, const char *crl, struct cause *ret_cause)
{
    X509_LOOKUP *lookup = X509_STORE_add_lookup(SSL_CTX_get_cert_store(library), X509_LOOKUP_file());
    if (!lookup || X509_load_crl_file(lookup, crl, X509_FILETYPE_PEM) < 1) {
        return file_failed(ret_cause, "CRL file", crl);
    }
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(library), X509_V_FLAG_CRL_CHECK);
    return SIGNET_OK;
}

/* Sessions live in tickets that the client keeps; their keys are the context's own and go with it. */
static bool set_sessions(SSL_CTX *library)
{
    static const uint8_t name[] = "signet";
    SSL_CTX_set_session_cache_mode(library, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(library, TLS_SESSION_SECONDS);
    return SSL_CTX_set_num_tickets(library, 1) == 1 &&
           SSL_CTX_set_session_id_context(library, name, sizeof name - 1) == 1;
}

static signet_error set_up_server(SSL_CTX *library, const struct tls_config *config, struct cause *ret_cause)
{
    if (!config->certificate) {
        cause_set(ret_cause, "a TLS listener needs a certificate");
        return SIGNET_ERROR_NO_KEY;
    }
    if (!set_sessions(library)) {
        return library_failed(ret_cause, "cannot set up TLS sessions");
    }
    SSL_CTX_set_client_hello_cb(library, tls_transport_on_hello, NULL);
    signet_error error = load_identity(library, config, ret_cause);
    error = error || !config->ca ? error : require_clients(library, config->ca, ret_cause);
    return error || !config->crl ? error : load_revocations(library, config->crl, ret_cause);
}

signet_error tls_server_new(const struct tls_config *config, struct tls_context **ret_context, struct cause *ret_cause)
{
    struct tls_context *context = NULL;
    signet_error error = context_new(TLS_server_method(), &context, ret_cause);
    if (error) {
        return error;
    }
    context->server = true;
    error = set_up_server(context->library, config, ret_cause);
    if (error) {
        tls_context_release(context);
        return error;
    }
    *ret_context = context;
    return SIGNET_OK;
}

static signet_error set_up_client(SSL_CTX *library, const struct tls_config *config, struct cause *ret_cause)
{
    SSL_CTX_set_session_cache_mode(library, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(library, SSL_VERIFY_PEER, NULL);
    if (!config->ca && SSL_CTX_set_default_verify_paths(library) != 1) {
        return library_failed(ret_cause, "cannot use the system's certificate authorities");
    }
    signet_error error = config->ca ? load_authorities(library, config->ca, ret_cause) : SIGNET_OK;
    return error || !config->certificate ? error : load_identity(library, config, ret_cause);
}

signet_error tls_client_new(const struct tls_config *config, struct tls_context **ret_context, struct cause *ret_cause)
{
    struct tls_context *context = NULL;
    signet_error error = context_new(TLS_client_method(), &context, ret_cause);
    if (error) {
        return error;
    }
    context->verify_hostname = config->verify_hostname;
    error = set_up_client(context->library, config, ret_cause);
    if (error) {
        tls_context_release(context);
        return error;
    }
    *ret_context = context;
    return SIGNET_OK;
}

struct tls_context *tls_context_retain(struct tls_context *context)
{
    atomic_fetch_add_explicit(&context->references, 1, memory_order_relaxed);
    return context;
}

void tls_context_release(struct tls_context *context)
{
    if (context && atomic_fetch_sub_explicit(&context->references, 1, memory_order_acq_rel) == 1) {
        SSL_CTX_free(context->library);
        free(context);
    }
}

SSL *tls_session_new(struct tls_context *context)
{
    SSL *session = SSL_new(context->library);
    if (session && context->server) {
        SSL_set_accept_state(session);
    } else if (session) {
        SSL_set_connect_state(session);
    }
    return session;
}

bool tls_session_expect(struct tls_context *context, SSL *session, const char *server_name)
{
    assert(server_name);
    X509_VERIFY_PARAM *rules = SSL_get0_param(session);
    ASN1_OCTET_STRING *number = a2i_IPADDRESS(server_name);
    bool is_number = number != NULL;
    ASN1_OCTET_STRING_free(number);
    ERR_clear_error();
    /* SNI carries names only (RFC 6066, 3). */
    if (!is_number && SSL_set_tlsext_host_name(session, server_name) != 1) {
        return false;
    }
    if (!context->verify_hostname) {
        return true;
    }
    X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return (is_number ? X509_VERIFY_PARAM_set1_ip_asc(rules, server_name)
                      : X509_VERIFY_PARAM_set1_host(rules, server_name, 0)) == 1;
}

void tls_slot_init(struct tls_slot *slot, struct tls_context *context)
{
    pthread_mutex_init(&slot->lock, NULL);
    slot->current = context;
}

struct tls_context *tls_slot_get(struct tls_slot *slot)
{
    pthread_mutex_lock(&slot->lock);
    struct tls_context *context = slot->current ? tls_context_retain(slot->current) : NULL;
    pthread_mutex_unlock(&slot->lock);
    return context;
}

void tls_slot_put(struct tls_slot *slot, struct tls_context *context)
{
    pthread_mutex_lock(&slot->lock);
    struct tls_context *before = slot->current;
    slot->current = context;
    pthread_mutex_unlock(&slot->lock);
    tls_context_release(before);
}

void tls_slot_free(struct tls_slot *slot)
{
    tls_context_release(slot->current);
    pthread_mutex_destroy(&slot->lock);
    slot->current = NULL;
}
