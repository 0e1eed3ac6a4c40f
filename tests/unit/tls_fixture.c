/* SPDX-License-Identifier: Apache-2.0 */
#include "tls_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "scratch_folder.h"

static const char passphrase[] = "correct horse";

struct tls_files files;

static const struct test_name_part server_name_parts[] = { { "CN", MBSTRING_UTF8, "broker", false },
                                                           { NULL, 0, NULL, false } };
static const struct test_name_part client_name_parts[] = { { "O", MBSTRING_UTF8, "Example, Inc.", false },
                                                           { "OU", MBSTRING_UTF8, "Orders", false },
                                                           { "CN", MBSTRING_UTF8, "alice", false },
                                                           { NULL, 0, NULL, false } };

void set_path(char path[256], const char *folder, const char *name)
{
    (void)snprintf(path, 256, "%s/%s", folder, name);
}

void write_identity(struct test_identity *identity, const char *certificate, const char *key)
{
    test_certificate_write(identity, certificate);
    test_key_write(identity, key, NULL);
    test_identity_free(identity);
}

static void name_files(const char *folder)
{
    set_path(files.ca, folder, "ca.pem");
    set_path(files.other_ca, folder, "other-ca.pem");
    set_path(files.server, folder, "server.pem");
    set_path(files.server_key, folder, "server.key");
    set_path(files.client, folder, "client.pem");
    set_path(files.client_key, folder, "client.key");
    set_path(files.stranger, folder, "stranger.pem");
    set_path(files.stranger_key, folder, "stranger.key");
    set_path(files.locked_key, folder, "locked.key");
    set_path(files.missing, folder, "missing.pem");
    set_path(files.no_pem, folder, "no-pem");
    set_path(files.good_passphrase, folder, "good");
    set_path(files.bad_passphrase, folder, "bad");
    set_path(files.empty, folder, "empty");
    scratch_write(folder, "no-pem", 0600, "this is no certificate\n");
    scratch_write(folder, "good", 0600, "correct horse\n");
    scratch_write(folder, "bad", 0600, "wrong horse\n");
    scratch_write(folder, "empty", 0600, "");
}

int tls_fixture_setup(void **state)
{
    if (scratch_folder_setup(state) != 0) {
        return -1;
    }
    name_files(*state);
    struct test_identity ca = test_authority_new("Test CA"), other = test_authority_new("Other CA");
    struct test_identity server = test_identity_new(&ca, server_name_parts, "DNS:broker.example,IP:127.0.0.1");
    struct test_identity client = test_identity_new(&ca, client_name_parts, NULL);
    struct test_identity stranger = test_identity_new(&other, client_name_parts, "DNS:broker.example");
    test_key_write(&server, files.locked_key, passphrase);
    test_certificate_write(&ca, files.ca);
    test_certificate_write(&other, files.other_ca);
    write_identity(&server, files.server, files.server_key);
    write_identity(&client, files.client, files.client_key);
    write_identity(&stranger, files.stranger, files.stranger_key);
    test_identity_free(&ca);
    test_identity_free(&other);
    return 0;
}

struct tls_context *server_context(const char *client_ca)
{
    struct cause cause = { "" };
    struct tls_context *context;
    const struct tls_config config = { .certificate = files.server, .key = files.server_key, .ca = client_ca };
    signet_error error = tls_server_new(&config, &context, &cause);
    if (error) {
        fail_msg("%s", cause.text);
    }
    return context;
}

struct tls_context *client_context(const struct tls_config *config)
{
    struct cause cause = { "" };
    struct tls_context *context;
    signet_error error = tls_client_new(config, &context, &cause);
    if (error) {
        fail_msg("%s", cause.text);
    }
    return context;
}

const struct tls_config *good_client(void)
{
    static struct tls_config config;
    config = (struct tls_config){
        .certificate = files.client, .key = files.client_key, .ca = files.ca, .verify_hostname = true
    };
    return &config;
}

static void connect_parties(const int pair[2], struct tls_context *client, const char *host, struct party *a,
                            struct tls_context *server, struct party *b)
{
    const struct endpoint nobody = { .size = 0 };
    assert_int_equal(connection_connecting(pair[0], &nobody, client, host, &a->connection), SIGNET_OK);
    assert_int_equal(connection_accepted(pair[1], &nobody, server, &b->connection), SIGNET_OK);
    tls_context_release(client);
    tls_context_release(server);
}

void talk_tls(const int pair[2], struct tls_context *client, const char *host, struct party *a,
              struct tls_context *server, struct party *b)
{
    struct loop *loop;
    assert_int_equal(loop_new(&loop), SIGNET_OK);
    connect_parties(pair, client, host, a, server, b);
    parties_talk(loop, a, b);
    loop_free(loop);
}

void check_echo(const struct party *a, const struct party *b, size_t total)
{
    if (a->error || b->error) {
        fail_msg("%s / %s", a->cause.text, b->cause.text);
    }
    assert_int_equal(a->received, total);
    assert_int_equal(b->received, total);
    assert_false(a->altered || b->altered);
}
