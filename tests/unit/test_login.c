/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "client/login.h"
#include "crypto/random.h"

static const char password[] = "pencil";

static struct login_account *account_new(enum login_mechanism mechanism)
{
    struct login_account *account = NULL;
    assert_int_equal(login_account_new(mechanism, "user", slice_of_text(password), &account), SIGNET_OK);
    assert_int_equal(login_account_mechanism(account), mechanism);
    return account;
}

static struct login *begin(struct login_account *account)
{
    struct login *login = NULL;
    assert_int_equal(login_new(account, "broker.example", &login), SIGNET_OK);
    assert_false(login_is_over(login));
    return login;
}

static void plain_says_it_in_one_token(void **state)
{
    (void)state;
    struct login_account *account = account_new(LOGIN_PLAIN);
    struct login *login = begin(account);
    struct slice token;
    assert_int_equal(login_step(login, slice_of(NULL, 0), &token), SIGNET_OK);
    assert_true(slice_equal(token, slice_of("\0user\0pencil", 12)));
    assert_true(login_is_over(login));
    assert_int_equal(login_step(login, slice_of(NULL, 0), &token), SIGNET_ERROR_PROTOCOL);
    login_free(login);
    login_account_free(account);
}

/* The broker's side (RFC 5802, section 3), written from the RFC: what it says last is computed here. */

struct broker {
    const EVP_MD *hash;
    const char *password;
    const char *iterations;
    char client_first[256], first[256]; /* client_first without the GS2 header */
};

static const char salt[] = "W22ZaJ0SNY7soEsUEjb6gQ==";

static void text_of(struct slice token, char *ret_text, size_t size)
{
    assert_true(token.size < size);
    memcpy(ret_text, token.data, token.size);
    ret_text[token.size] = '\0';
}

static const char *broker_first(struct broker *broker, struct slice token)
{
    char said[256];
    text_of(token, said, sizeof said);
    assert_memory_equal(said, "n,,n=user,r=", 12);
    (void)snprintf(broker->client_first, sizeof broker->client_first, "%s", said + 3);
    (void)snprintf(broker->first, sizeof broker->first, "r=%.200snonce,s=%s,i=%s", said + 12, salt, broker->iterations);
    return broker->first;
}

static void mac(const struct broker *broker, const uint8_t *key, const char *text, uint8_t *ret_mac)
{
    assert_non_null(
        HMAC(broker->hash, key, EVP_MD_size(broker->hash), (const uint8_t *)text, strlen(text), ret_mac, NULL));
}

static const char *broker_final(const struct broker *broker, struct slice token, char ret_final[256])
{
    static const uint8_t salt_bytes[] = "\x5b\x6d\x99\x68\x9d\x12\x35\x8e\xec\xa0\x4b\x14\x12\x36\xfa\x81";
    uint8_t salted[EVP_MAX_MD_SIZE], key[EVP_MAX_MD_SIZE], signature[EVP_MAX_MD_SIZE];
    char said[512], message[1024];
    text_of(token, said, sizeof said);
    char *proof = strstr(said, ",p=");
    assert_non_null(proof);
    *proof = '\0';
    (void)snprintf(message, sizeof message, "%s,%s,%s", broker->client_first, broker->first, said);
    assert_int_equal(PKCS5_PBKDF2_HMAC(broker->password, (int)strlen(broker->password), salt_bytes, 16, 4096,
                                       broker->hash, EVP_MD_size(broker->hash), salted),
                     1);
    mac(broker, salted, "Server Key", key);
    mac(broker, key, message, signature);
    ret_final[0] = 'v';
    ret_final[1] = '=';
    EVP_EncodeBlock((uint8_t *)ret_final + 2, signature, EVP_MD_size(broker->hash));
    return ret_final;
}

/* What the client finds when the broker has ended with that, or with its own signature. */
static signet_error ending(enum login_mechanism mechanism, const char *brokers_password, const char *instead,
                           bool *ret_over)
{
    struct broker broker = {
        .hash = mechanism == LOGIN_SCRAM_SHA_256 ? EVP_sha256() : EVP_sha512(),
        .password = brokers_password,
        .iterations = "4096",
    };
    struct login_account *account = account_new(mechanism);
    struct login *login = begin(account);
    struct slice token;
    char last[256];
    assert_int_equal(login_step(login, slice_of(NULL, 0), &token), SIGNET_OK);
    assert_int_equal(login_step(login, slice_of_text(broker_first(&broker, token)), &token), SIGNET_OK);
    assert_false(login_is_over(login));
    broker_final(&broker, token, last);
    signet_error error = login_step(login, slice_of_text(instead ? instead : last), &token);
    assert_int_equal(error ? 0 : token.size, 0);
    *ret_over = login_is_over(login);
    login_free(login);
    login_account_free(account);
    return error;
}

static void scram_ends_with_the_broker_s_signature(void **state)
{
    (void)state;
    for (enum login_mechanism mechanism = LOGIN_SCRAM_SHA_256; mechanism <= LOGIN_SCRAM_SHA_512; mechanism++) {
        bool over = false;
        assert_int_equal(ending(mechanism, password, NULL, &over), SIGNET_OK);
        assert_true(over);
    }
}

static void a_broker_without_the_password_is_refused(void **state)
{
    (void)state;
    for (enum login_mechanism mechanism = LOGIN_SCRAM_SHA_256; mechanism <= LOGIN_SCRAM_SHA_512; mechanism++) {
        bool over = false;
        assert_int_equal(ending(mechanism, "pencils", NULL, &over), SIGNET_ERROR_REFUSED);
        assert_false(over);
    }
}

static void endings_without_signature_are_refused(void **state)
{
    (void)state;
    static const char *const endings[] = { "", "v=", "v=AAAA", "v", "e=other-error", "x=AAAA", "\n" };
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        bool over = false;
        print_message("%zu\n", i);
        assert_int_not_equal(ending(LOGIN_SCRAM_SHA_512, password, endings[i], &over), SIGNET_OK);
        assert_false(over);
    }
}

static void beginnings_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const beginnings[] = {
        "", "r=", "r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", "m=must,r=a,s=b,i=5000", "i=4096", "r=x,s=%%,i=5000",
    };
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        struct login_account *account = account_new(LOGIN_SCRAM_SHA_256);
        struct login *login = begin(account);
        struct slice token;
        print_message("%s\n", beginnings[i]);
        assert_int_equal(login_step(login, slice_of(NULL, 0), &token), SIGNET_OK);
        assert_int_not_equal(login_step(login, slice_of_text(beginnings[i]), &token), SIGNET_OK);
        assert_false(login_is_over(login));
        login_free(login);
        login_account_free(account);
    }
}

static void iterations_have_bounds(void **state)
{
    (void)state;
    static const struct {
        const char *iterations;
        signet_error error;
    } cases[] = {
        { "4096", SIGNET_OK },
        { "65536", SIGNET_OK },
        { "4095", SIGNET_ERROR_LIMIT },
        { "65537", SIGNET_ERROR_LIMIT },
        { "4294967295", SIGNET_ERROR_LIMIT },
        { "18446744073709555712", SIGNET_ERROR_LIMIT },
        { " 5000", SIGNET_ERROR_LIMIT },
        { "-5000", SIGNET_ERROR_LIMIT },
        { "", SIGNET_ERROR_LIMIT },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct broker broker = { .iterations = cases[i].iterations };
        struct login_account *account = account_new(LOGIN_SCRAM_SHA_512);
        struct login *login = begin(account);
        struct slice token;
        print_message("%s\n", cases[i].iterations);
        assert_int_equal(login_step(login, slice_of(NULL, 0), &token), SIGNET_OK);
        assert_int_equal(login_step(login, slice_of_text(broker_first(&broker, token)), &token), cases[i].error);
        login_free(login);
        login_account_free(account);
    }
}

static int start(void **state)
{
    (void)state;
    return crypto_start() == SIGNET_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_says_it_in_one_token),
        cmocka_unit_test(scram_ends_with_the_broker_s_signature),
        cmocka_unit_test(a_broker_without_the_password_is_refused),
        cmocka_unit_test(endings_without_signature_are_refused),
        cmocka_unit_test(beginnings_that_are_none_are_refused),
        cmocka_unit_test(iterations_have_bounds),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
