/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/err.h>

#include "base/limits.h"
#include "net/distinguished_name.h"
#include "scratch_folder.h"
#include "tls_fixture.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

struct file_case {
    const char *label;
    struct tls_config config;
    signet_error error;
    const char *named; /* the file in the cause */
    const char *text;
};

static const struct file_case file_cases[] = {
    { "locked, right",
      { .certificate = files.server, .key = files.locked_key, .key_passphrase_file = files.good_passphrase },
      SIGNET_OK,
      NULL,
      NULL },
    { "locked, wrong",
      { .certificate = files.server, .key = files.locked_key, .key_passphrase_file = files.bad_passphrase },
      SIGNET_ERROR_PASSPHRASE,
      files.locked_key,
      "is wrong" },
    { "locked, none",
      { .certificate = files.server, .key = files.locked_key },
      SIGNET_ERROR_PASSPHRASE,
      files.locked_key,
      "no passphrase file" },
    { "locked, empty",
      { .certificate = files.server, .key = files.locked_key, .key_passphrase_file = files.empty },
      SIGNET_ERROR_PASSPHRASE,
      files.empty,
      "no passphrase can be read" },
    { "locked, missing",
      { .certificate = files.server, .key = files.locked_key, .key_passphrase_file = files.missing },
      SIGNET_ERROR_PASSPHRASE,
      files.missing,
      "no passphrase can be read" },
    { "not locked",
      { .certificate = files.server, .key = files.server_key, .key_passphrase_file = files.good_passphrase },
      SIGNET_OK,
      NULL,
      NULL },
    { "another key",
      { .certificate = files.server, .key = files.client_key },
      SIGNET_ERROR_NO_KEY,
      files.client_key,
      "does not belong" },
    { "no key", { .certificate = files.server }, SIGNET_ERROR_NO_KEY, files.server, "no private key" },
    { "certificate missing",
      { .certificate = files.missing, .key = files.server_key },
      SIGNET_ERROR_SYSTEM,
      files.missing,
      "No such file" },
    { "certificate is none",
      { .certificate = files.no_pem, .key = files.server_key },
      SIGNET_ERROR_MALFORMED,
      files.no_pem,
      "PEM" },
    { "certificate is a key",
      { .certificate = files.server_key, .key = files.server_key },
      SIGNET_ERROR_MALFORMED,
      files.server_key,
      "PEM" },
    { "certificate is empty",
      { .certificate = files.empty, .key = files.server_key },
      SIGNET_ERROR_MALFORMED,
      files.empty,
      "PEM" },
    { "key missing",
      { .certificate = files.server, .key = files.missing },
      SIGNET_ERROR_SYSTEM,
      files.missing,
      "No such file" },
    { "key is none", { .certificate = files.server, .key = files.no_pem }, SIGNET_ERROR_MALFORMED, files.no_pem, NULL },
    { "authorities missing",
      { .certificate = files.server, .key = files.server_key, .ca = files.missing },
      SIGNET_ERROR_SYSTEM,
      files.missing,
      "No such file" },
    { "authorities are none",
      { .certificate = files.server, .key = files.server_key, .ca = files.no_pem },
      SIGNET_ERROR_MALFORMED,
      files.no_pem,
      NULL },
    { "authorities are empty",
      { .certificate = files.server, .key = files.server_key, .ca = files.empty },
      SIGNET_ERROR_MALFORMED,
      files.empty,
      NULL },
};

typedef signet_error new_context(const struct tls_config *config, struct tls_context **ret, struct cause *ret_cause);

static void check_file_case(const struct file_case *c, new_context *make)
{
    struct tls_context *context = NULL;
    struct cause cause = { "" };
    signet_error error = make(&c->config, &context, &cause);
    bool named = !c->named || strstr(cause.text, c->named);
    if (error != c->error || !named || (c->text && !strstr(cause.text, c->text))) {
        fail_msg("%s: %s (%s)", c->label, cause.text, signet_error_text(error));
    }
    assert_null(strstr(cause.text, "horse"));
    assert_int_equal(ERR_peek_error(), 0);
    tls_context_release(context);
}

static void bad_files_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(file_cases); i++) {
        check_file_case(&file_cases[i], tls_server_new);
        check_file_case(&file_cases[i], tls_client_new);
    }
    const struct file_case none = { "no certificate", { .ca = files.ca }, SIGNET_ERROR_NO_KEY, NULL, "certificate" };
    check_file_case(&none, tls_server_new);
}

static void a_slot_keeps_what_is_in_use(void **state)
{
    (void)state;
    struct tls_slot slot;
    tls_slot_init(&slot, NULL);
    assert_null(tls_slot_get(&slot));
    tls_slot_put(&slot, server_context(NULL));
    struct tls_context *in_use = tls_slot_get(&slot);
    tls_slot_put(&slot, server_context(NULL));
    struct tls_context *current = tls_slot_get(&slot);
    assert_ptr_not_equal(current, in_use);
    tls_context_release(current);
    tls_slot_free(&slot);
    int pair[2];
    struct party a = { .total = 1000 }, b = { .read_max = 0 };
    make_socket_pair(pair);
    talk_tls(pair, client_context(good_client()), "broker.example", &a, in_use, &b);
    check_echo(&a, &b, a.total);
}

/* Subjects; the texts are what X500Principal.getName() of OpenJDK 17 gives for the same certificates. */

struct subject_case {
    const char *label;
    struct test_name_part parts[6];
    const char *text;
};

#define UTF8(type, value)                 \
    {                                     \
        type, MBSTRING_UTF8, value, false \
    }
#define CODED(type, coding, value) \
    {                              \
        type, coding, value, false \
    }
#define JOINED(type, value)              \
    {                                    \
        type, MBSTRING_UTF8, value, true \
    }
static const struct subject_case subject_cases[] = {
    { "nothing", { UTF8(NULL, NULL) }, "" },
    { "one part", { UTF8("CN", "alice") }, "CN=alice" },
    { "the last is first",
      { UTF8("C", "DE"), UTF8("O", "Example"), UTF8("OU", "Orders"), UTF8("CN", "alice") },
      "CN=alice,OU=Orders,O=Example,C=DE" },
    { "other keywords",
      { CODED("DC", V_ASN1_IA5STRING, "example"), UTF8("ST", "Bavaria"), UTF8("L", "Munich"),
        UTF8("street", "1 Main Street"), UTF8("UID", "a1") },
      "UID=a1,STREET=1 Main Street,L=Munich,ST=Bavaria,DC=example" },
    { "joined",
      { UTF8("O", "Example"), UTF8("CN", "alice"), JOINED("UID", "a1"), JOINED("OU", "x") },
      "OU=x+CN=alice+UID=a1,O=Example" },
    { "special characters", { UTF8("CN", "a,b+c=d\"e\\f<g>h;i#j/k") }, "CN=a\\,b\\+c\\=d\\\"e\\\\f\\<g\\>h\\;i\\#j/k" },
    { "leading hash", { UTF8("CN", "#1") }, "CN=\\#1" },
    { "spaces around", { UTF8("CN", "  a b  ") }, "CN=\\ \\ a b\\ \\ " },
    { "only spaces", { UTF8("CN", "  ") }, "CN=\\ \\ " },
    { "beyond ASCII", { UTF8("CN", "J\xc3\xbcrgen \xe2\x82\xac") }, "CN=J\xc3\xbcrgen \xe2\x82\xac" },
    { "line ends", { UTF8("CN", "a\nb\r") }, "CN=a\nb\\\r" },
    { "e-mail",
      { UTF8("CN", "alice"), CODED("emailAddress", V_ASN1_IA5STRING, "a@example.com") },
      "1.2.840.113549.1.9.1=#160d61406578616d706c652e636f6d,CN=alice" },
    { "serial number",
      { CODED("serialNumber", V_ASN1_PRINTABLESTRING, "77"), UTF8("CN", "alice") },
      "CN=alice,2.5.4.5=#13023737" },
    { "a type of one's own",
      { CODED("1.2.3.4.5", V_ASN1_UTF8STRING, "x"), UTF8("CN", "alice") },
      "CN=alice,1.2.3.4.5=#0c0178" },
    { "title and surname",
      { UTF8("title", "Dr"), UTF8("SN", "Doe"), UTF8("CN", "Jane") },
      "CN=Jane,2.5.4.4=#0c03446f65,2.5.4.12=#0c024472" },
    { "PrintableString", { CODED("CN", V_ASN1_PRINTABLESTRING, "al ice") }, "CN=al ice" },
    { "T61String in ASCII", { CODED("CN", V_ASN1_T61STRING, "alice") }, "CN=alice" },
    { "NumericString", { CODED("CN", V_ASN1_NUMERICSTRING, "12") }, "CN=#12023132" },
    /* Here Java has a letter that stands for every broken one; two people must not share it. */
    { "T61String in Latin-1", { CODED("CN", V_ASN1_T61STRING, "J\xfcrgen") }, "CN=#14064afc7267656e" },
    { "BMPString", { CODED("CN", V_ASN1_BMPSTRING, "abcd") }, "CN=#1e0461626364" },
};

static void check_subject(const struct test_identity *identity, const struct subject_case *c)
{
    char text[PRINCIPAL_BYTES_MAX + 1];
    const X509_NAME *name = X509_get_subject_name(identity->certificate);
    for (size_t size = 0; size <= strlen(c->text); size++) {
        assert_int_equal(distinguished_name_text(name, text, size), SIGNET_ERROR_LIMIT);
    }
    if (distinguished_name_text(name, text, strlen(c->text) + 1) != SIGNET_OK || strcmp(text, c->text) != 0) {
        fail_msg("%s: %s", c->label, text);
    }
}

static void subjects_are_as_kafka_writes_them(void **state)
{
    (void)state;
    struct test_identity ca = test_authority_new("Test CA");
    for (size_t i = 0; i < COUNT(subject_cases); i++) {
        struct test_identity identity = test_identity_new(&ca, subject_cases[i].parts, NULL);
        check_subject(&identity, &subject_cases[i]);
        test_identity_free(&identity);
    }
    test_identity_free(&ca);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_files_are_named),
        cmocka_unit_test(a_slot_keeps_what_is_in_use),
        cmocka_unit_test(subjects_are_as_kafka_writes_them),
    };
    return cmocka_run_group_tests(tests, tls_fixture_setup, scratch_folder_teardown);
}
