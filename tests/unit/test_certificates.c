/* SPDX-License-Identifier: Apache-2.0 */
#include "test_certificates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum { LIFETIME_SECONDS = 24 * 3600 };

static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static X509 *blank_certificate(EVP_PKEY *key)
{
    static long serial = 1;
    X509 *certificate = X509_new();
    assert_non_null(certificate);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), LIFETIME_SECONDS);
    assert_int_equal(X509_set_pubkey(certificate, key), 1);
    return certificate;
}

static void add_part(X509_NAME *name, const struct test_name_part *part)
{
    const unsigned char *bytes = (const unsigned char *)part->value;
    int set = part->joined ? -1 : 0;
    assert_int_equal(X509_NAME_add_entry_by_txt(name, part->type, part->coding, bytes, -1, -1, set), 1);
}

static void sign(X509 *certificate, const struct test_identity *issuer)
{
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer->certificate));
    assert_true(X509_sign(certificate, issuer->key, EVP_sha256()) > 0);
}

/* As a peer reads it: parts of one RDN are in the order of their encoding. */
static void read_back(struct test_identity *identity)
{
    unsigned char *der = NULL;
    int size = i2d_X509(identity->certificate, &der);
    assert_true(size > 0);
    const unsigned char *at = der;
    X509_free(identity->certificate);
    identity->certificate = d2i_X509(NULL, &at, size);
    assert_non_null(identity->certificate);
    OPENSSL_free(der);
}

struct test_identity test_authority_new(const char *common_name)
{
    struct test_identity authority = { .key = EVP_EC_gen("P-256") };
    assert_non_null(authority.key);
    authority.certificate = blank_certificate(authority.key);
    const struct test_name_part part = { "CN", MBSTRING_UTF8, common_name, false };
    add_part(X509_get_subject_name(authority.certificate), &part);
    add_extension(authority.certificate, authority.certificate, NID_basic_constraints, "critical,CA:TRUE");
    sign(authority.certificate, &authority);
    return authority;
}

struct test_identity test_identity_new(const struct test_identity *issuer, const struct test_name_part *parts,
                                       const char *alternatives)
{
    struct test_identity identity = { .key = EVP_EC_gen("P-256") };
    assert_non_null(identity.key);
    identity.certificate = blank_certificate(identity.key);
    for (; parts->value; parts++) {
        add_part(X509_get_subject_name(identity.certificate), parts);
    }
    add_extension(identity.certificate, issuer->certificate, NID_basic_constraints, "critical,CA:FALSE");
    if (alternatives) {
        add_extension(identity.certificate, issuer->certificate, NID_subject_alt_name, alternatives);
    }
    sign(identity.certificate, issuer);
    read_back(&identity);
    return identity;
}

void test_identity_free(struct test_identity *identity)
{
    EVP_PKEY_free(identity->key);
    X509_free(identity->certificate);
    *identity = (struct test_identity){ .key = NULL };
}

void test_certificate_write(const struct test_identity *identity, const char *path)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, identity->certificate), 1);
    assert_int_equal(fclose(file), 0);
}

void test_key_write(const struct test_identity *identity, const char *path, const char *passphrase)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    const EVP_CIPHER *cipher = passphrase ? EVP_aes_256_cbc() : NULL;
    int size = passphrase ? (int)strlen(passphrase) : 0;
    assert_int_equal(PEM_write_PKCS8PrivateKey(file, identity->key, cipher, passphrase, size, NULL, NULL), 1);
    assert_int_equal(fclose(file), 0);
}
