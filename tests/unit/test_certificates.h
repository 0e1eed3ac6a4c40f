/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates for tests, made on the spot, so that none expires in the tree.
 * Whatever fails here fails the test.
 */
#ifndef SIGNET_TEST_CERTIFICATES_H
#define SIGNET_TEST_CERTIFICATES_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

struct test_name_part {
    const char *type;  /* "CN", or a dotted number */
    int coding;        /* MBSTRING_UTF8, or V_ASN1_… for the bytes as they are */
    const char *value; /* NULL ends the list */
    bool joined;       /* in one RDN with the part before */
};

struct test_identity {
    EVP_PKEY *key;
    X509 *certificate;
};

/* Signs itself. */
struct test_identity test_authority_new(const char *common_name);
/* `alternatives` as in OpenSSL's configuration ("DNS:localhost,IP:127.0.0.1"), or NULL. */
struct test_identity test_identity_new(const struct test_identity *issuer, const struct test_name_part *parts,
                                       const char *alternatives);
void test_identity_free(struct test_identity *identity);

/* PEM; the key is locked when there is a passphrase. */
void test_certificate_write(const struct test_identity *identity, const char *path);
void test_key_write(const struct test_identity *identity, const char *path, const char *passphrase);

#endif
