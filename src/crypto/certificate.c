/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/certificate.h"

#include <limits.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

static BIO *bio_over(struct slice pem)
{
    return pem.size <= INT_MAX ? BIO_new_mem_buf(pem.data, (int)pem.size) : NULL;
}

static int64_t unix_ms(const ASN1_TIME *when, int64_t otherwise)
{
    struct tm parts;
    return ASN1_TIME_to_tm(when, &parts) == 1 ? (int64_t)timegm(&parts) * 1000 : otherwise;
}

static void take_dates(const X509 *certificate, struct certificate_dates *dates)
{
    int64_t not_before = unix_ms(X509_get0_notBefore(certificate), INT64_MAX);
    int64_t not_after = unix_ms(X509_get0_notAfter(certificate), INT64_MIN);
    dates->not_before_ms = not_before > dates->not_before_ms ? not_before : dates->not_before_ms;
    dates->not_after_ms = not_after < dates->not_after_ms ? not_after : dates->not_after_ms;
    dates->count++;
}

/* The reader stops at the end of the file, or at what does not parse. */
static bool stopped_at_end(void)
{
    unsigned long error = ERR_peek_last_error();
    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

signet_error certificate_read_dates(struct slice pem, struct certificate_dates *ret_dates)
{
    struct certificate_dates dates = { .not_before_ms = INT64_MIN, .not_after_ms = INT64_MAX };
    BIO *input = bio_over(pem);
    if (!input) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    ERR_clear_error();
    for (X509 *certificate; (certificate = PEM_read_bio_X509(input, NULL, NULL, NULL));) {
        take_dates(certificate, &dates);
        X509_free(certificate);
    }
    bool whole = stopped_at_end() && dates.count > 0;
    ERR_clear_error();
    BIO_free(input);
    if (!whole) {
        return SIGNET_ERROR_MALFORMED;
    }
    *ret_dates = dates;
    return SIGNET_OK;
}

signet_error certificate_read_revocations(struct slice pem, int64_t *ret_next_update_ms)
{
    int64_t next_update_ms = INT64_MAX;
    size_t count = 0;
    BIO *input = bio_over(pem);
    if (!input) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    ERR_clear_error();
    for (X509_CRL *list; (list = PEM_read_bio_X509_CRL(input, NULL, NULL, NULL)); count++) {
        const ASN1_TIME *when = X509_CRL_get0_nextUpdate(list);
        int64_t ms = when ? unix_ms(when, INT64_MIN) : INT64_MAX;
        next_update_ms = ms < next_update_ms ? ms : next_update_ms;
        X509_CRL_free(list);
    }
    bool whole = stopped_at_end() && count > 0;
    ERR_clear_error();
    BIO_free(input);
    if (!whole) {
        return SIGNET_ERROR_MALFORMED;
    }
    *ret_next_update_ms = next_update_ms;
    return SIGNET_OK;
}

bool certificate_covers_host(struct slice pem, const char *host)
{
    BIO *input = bio_over(pem);
    X509 *certificate = input ? PEM_read_bio_X509(input, NULL, NULL, NULL) : NULL;
    ASN1_OCTET_STRING *number = a2i_IPADDRESS(host);
    bool covers = false;
    if (certificate) {
        covers = number ? X509_check_ip_asc(certificate, host, 0) == 1
                        : X509_check_host(certificate, host, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
    }
    ASN1_OCTET_STRING_free(number);
    X509_free(certificate);
    ERR_clear_error();
    BIO_free(input);
    return covers;
}

struct asked {
    struct slice passphrase;
    bool was_asked;
};

/* OpenSSL asks for a passphrase only when the key is locked. */
static int give_passphrase(char *memory, int size, int writing, void *context)
{
    struct asked *asked = context;
    (void)writing;
    asked->was_asked = true;
    if (asked->passphrase.size == 0 || asked->passphrase.size > (size_t)size) {
        return -1;
    }
    memcpy(memory, asked->passphrase.data, asked->passphrase.size);
    return (int)asked->passphrase.size;
}

static signet_error read_key(struct slice pem, struct slice passphrase, EVP_PKEY **ret_key)
{
    struct asked asked = { .passphrase = passphrase };
    BIO *input = bio_over(pem);
    if (!input) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    *ret_key = PEM_read_bio_PrivateKey(input, NULL, give_passphrase, &asked);
    BIO_free(input);
    if (*ret_key) {
        return SIGNET_OK;
    }
    return asked.was_asked ? SIGNET_ERROR_PASSPHRASE : SIGNET_ERROR_MALFORMED;
}

signet_error certificate_check_key(struct slice certificate_pem, struct slice key_pem, struct slice passphrase)
{
    EVP_PKEY *key = NULL;
    X509 *certificate = NULL;
    BIO *input = bio_over(certificate_pem);
    signet_error error = SIGNET_ERROR_OUT_OF_MEMORY;
    if (!input) {
        return error;
    }
    certificate = PEM_read_bio_X509(input, NULL, NULL, NULL);
    error = certificate ? read_key(key_pem, passphrase, &key) : SIGNET_ERROR_MALFORMED;
    if (!error && X509_check_private_key(certificate, key) != 1) {
        error = SIGNET_ERROR_NO_KEY;
    }
    ERR_clear_error();
    EVP_PKEY_free(key);
    X509_free(certificate);
    BIO_free(input);
    return error;
}
