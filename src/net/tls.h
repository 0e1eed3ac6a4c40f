/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS contexts: certificates, keys and rules for one listener, or for all
 * connections to the brokers.  TLS 1.2 with forward secrecy and authenticated
 * encryption, or 1.3; no renegotiation, no compression, no early data.
 *
 * The rule to keep: there is no way to leave out the check of a certificate
 * chain.  Host names may be left out, by saying so.
 *
 * A context never changes once made and may be used by all threads; a reload
 * makes a new one and puts it into the slot.  Connections keep what they were
 * made with.
 */
#ifndef SIGNET_NET_TLS_H
#define SIGNET_NET_TLS_H

#include <pthread.h>

#include "base/error.h"
#include "base/slice.h"
#include "net/cause.h"

enum {
    /* A session can be resumed for so long without showing the certificate again. */
    TLS_SESSION_SECONDS = 10 * 60,
    /* Longer chains are refused; real ones have three. */
    TLS_CHAIN_DEPTH_MAX = 8,
    /* What a peer may send as its chain. */
    TLS_CHAIN_BYTES_MAX = 64 * 1024,
};

/* Paths of PEM files; borrowed for the call. */
struct tls_config {
    const char *certificate;         /* with its chain; a server needs one */
    const char *key;                 /* goes with `certificate` */
    const char *key_passphrase_file; /* its first line; NULL: the key is not locked */
    const char
        *ca; /* server: clients must show a certificate of it, NULL asks for none; client: NULL is the system's store */
    const char *crl;      /* server only: lists of clients' certificates that are revoked; NULL: none is */
    bool verify_hostname; /* client only */
};

struct tls_context;

/* SYSTEM, MALFORMED, PASSPHRASE, NO_KEY (key and certificate do not belong together) or CRYPTO, with a cause that names the file. */
signet_error tls_server_new(const struct tls_config *config, struct tls_context **ret_context, struct cause *ret_cause);
signet_error tls_client_new(const struct tls_config *config, struct tls_context **ret_context, struct cause *ret_cause);
/* Any thread. */
struct tls_context *tls_context_retain(struct tls_context *context);
/* Any thread; takes NULL. */
void tls_context_release(struct tls_context *context);

/* The current context of a listener or a cluster; any thread. */
struct tls_slot {
    pthread_mutex_t lock;
    struct tls_context *current;
};

/* Takes over the caller's reference to `context`, which may be NULL: plain TCP. */
void tls_slot_init(struct tls_slot *slot, struct tls_context *context);
/* A reference for the caller to release; NULL when there is none. */
struct tls_context *tls_slot_get(struct tls_slot *slot);
/* Takes over the caller's reference and releases the one before. */
void tls_slot_put(struct tls_slot *slot, struct tls_context *context);
void tls_slot_free(struct tls_slot *slot);

#endif
