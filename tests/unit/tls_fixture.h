/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates, keys and other files for tests of TLS, and contexts made of them. */
#ifndef SIGNET_TLS_FIXTURE_H
#define SIGNET_TLS_FIXTURE_H

#include "net/tls.h"
#include "net_party.h"
#include "test_certificates.h"

/* Paths of what all tests use. */
extern struct tls_files {
    char ca[256], other_ca[256];
    char server[256], server_key[256];
    char client[256], client_key[256];
    char stranger[256], stranger_key[256]; /* of the other authority */
    char locked_key[256];                  /* the server's */
    char no_pem[256], good_passphrase[256], bad_passphrase[256], empty[256], missing[256];
} files;

/* As cmocka's setup: makes the files in a scratch folder, whose teardown removes them. */
int tls_fixture_setup(void **state);
void set_path(char path[256], const char *folder, const char *name);
/* PEM files of it; it is freed. */
void write_identity(struct test_identity *identity, const char *certificate, const char *key);

/* NULL: clients need no certificate. */
struct tls_context *server_context(const char *client_ca);
struct tls_context *client_context(const struct tls_config *config);
/* Of a client that the server accepts, and that accepts the server. */
const struct tls_config *good_client(void);

/* Two parties talk until both are gone.  Takes over both references. */
void talk_tls(const int pair[2], struct tls_context *client, const char *host, struct party *a,
              struct tls_context *server, struct party *b);
void check_echo(const struct party *a, const struct party *b, size_t total);

#endif
