/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <sys/ioctl.h>

#include "scratch_folder.h"
#include "tls_fixture.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

static void ten_megabytes_come_back_with_names_on_both_sides(void **state)
{
    (void)state;
    int pair[2];
    struct party a = { .total = 10 * 1000 * 1000, .read_max = 30011 }, b = { .read_max = 7001 };
    make_tcp_pair(pair);
    talk_tls(pair, client_context(good_client()), "Broker.Example", &a, server_context(files.ca), &b);
    check_echo(&a, &b, a.total);
    assert_string_equal(b.server_name, "broker.example");
    assert_string_equal(b.subject, "CN=alice,OU=Orders,O=Example\\, Inc.");
    assert_string_equal(a.protocol, "TLSv1.3");
    assert_false(a.has_server_name || a.has_subject);
    assert_true(b.closed && !b.cut);
}

static void one_byte_reads_and_a_small_buffer_lose_nothing(void **state)
{
    (void)state;
    int pair[2], small = 1;
    struct party a = { .total = 100 * 1000, .read_max = 1 }, b = { .read_max = 1 };
    make_socket_pair(pair);
    assert_int_equal(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    assert_int_equal(setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    talk_tls(pair, client_context(good_client()), "broker.example", &a, server_context(NULL), &b);
    check_echo(&a, &b, a.total);
    assert_false(b.has_subject);
}

static void a_finished_stream_is_still_answered(void **state)
{
    (void)state;
    int pair[2];
    struct party a = { .total = 1000 * 1000, .half_closes = true }, b = { .read_max = 999 };
    make_tcp_pair(pair);
    talk_tls(pair, client_context(good_client()), "127.0.0.1", &a, server_context(NULL), &b);
    check_echo(&a, &b, a.total);
    assert_true(a.closed && b.closed);
    assert_false(a.cut || b.cut);
    assert_false(b.has_server_name);
}

/* Step by step, without a loop. */

struct ends {
    int pair[2];
    struct connection *client, *server;
};

static struct ends new_ends(const struct tls_config *config, const char *client_ca)
{
    struct ends ends;
    const struct endpoint nobody = { .size = 0 };
    struct tls_context *client = client_context(config), *server = server_context(client_ca);
    make_socket_pair(ends.pair);
    assert_int_equal(connection_connecting(ends.pair[0], &nobody, client, "broker.example", &ends.client), SIGNET_OK);
    assert_int_equal(connection_accepted(ends.pair[1], &nobody, server, &ends.server), SIGNET_OK);
    tls_context_release(client);
    tls_context_release(server);
    enum io_outcome outcomes[2] = { IO_WOULD_BLOCK, IO_WOULD_BLOCK };
    while (outcomes[0] == IO_WOULD_BLOCK || outcomes[1] == IO_WOULD_BLOCK) {
        outcomes[0] = connection_handshake(ends.client);
        outcomes[1] = connection_handshake(ends.server);
    }
    return ends;
}

static void free_ends(struct ends *ends)
{
    connection_free(ends->client);
    connection_free(ends->server);
}

static void an_end_behind_bytes_is_pending(void **state)
{
    (void)state;
    char memory[100];
    size_t size = 0;
    struct ends ends = new_ends(good_client(), files.ca);
    const struct iovec piece = { "hello", 5 };
    assert_int_equal(connection_write(ends.client, &piece, 1, &size), IO_DONE);
    assert_int_equal(connection_finish(ends.client), IO_DONE);
    assert_int_equal(connection_read(ends.server, memory, sizeof memory, &size), IO_DONE);
    assert_int_equal(size, 5);
    assert_true(connection_has_pending(ends.server));
    assert_int_equal(connection_read(ends.server, memory, sizeof memory, &size), IO_CLOSED);
    assert_false(connection_has_pending(ends.server) || connection_was_cut(ends.server));
    assert_int_equal(connection_write(ends.server, &piece, 1, &size), IO_DONE);
    assert_int_equal(connection_read(ends.client, memory, 2, &size), IO_DONE);
    assert_true(connection_has_pending(ends.client));
    assert_int_equal(connection_read(ends.client, memory, sizeof memory, &size), IO_DONE);
    assert_int_equal(size, 3);
    assert_false(connection_has_pending(ends.client));
    free_ends(&ends);
}

static void small_pieces_share_a_record(void **state)
{
    (void)state;
    enum { PIECES = 100, PIECE_BYTES = 10, RECORD_OVERHEAD_MAX = 64 };
    char memory[PIECES * PIECE_BYTES];
    struct iovec pieces[PIECES];
    size_t size = 0;
    int waiting = 0;
    struct ends ends = new_ends(good_client(), files.ca);
    memset(memory, 'x', sizeof memory);
    for (size_t i = 0; i < PIECES; i++) {
        pieces[i] = (struct iovec){ memory + i * PIECE_BYTES, PIECE_BYTES };
    }
    assert_int_equal(connection_write(ends.client, pieces, PIECES, &size), IO_DONE);
    assert_int_equal(size, sizeof memory);
    assert_int_equal(ioctl(ends.pair[1], FIONREAD, &waiting), 0);
    assert_in_range(waiting, sizeof memory, sizeof memory + RECORD_OVERHEAD_MAX);
    free_ends(&ends);
}

/* A client of TLS 1.3 is done before the server has looked at its certificate. */
static void a_write_tells_why_the_peer_has_gone(void **state)
{
    (void)state;
    size_t size;
    struct cause cause;
    const struct tls_config nameless = { .ca = files.ca, .verify_hostname = true };
    struct ends ends = new_ends(&nameless, files.ca);
    const struct iovec piece = { "hello", 5 };
    assert_true(connection_is_established(ends.client));
    assert_int_equal(connection_error(ends.server), SIGNET_ERROR_REFUSED);
    connection_free(ends.server);
    ends.server = NULL;
    assert_int_equal(connection_write(ends.client, &piece, 1, &size), IO_FAILED);
    assert_int_equal(connection_error(ends.client), SIGNET_ERROR_REFUSED);
    connection_cause(ends.client, &cause);
    assert_non_null(strstr(cause.text, "certificate required"));
    free_ends(&ends);
}

/* Who is accepted. */

struct acceptance_case {
    const char *label;
    const char *client_ca; /* what the server asks for */
    const char *certificate, *key, *ca;
    const char *host;
    bool any_host;
    signet_error client_error, server_error;
    const char *client_text, *server_text; /* part of the cause */
};

static const struct acceptance_case acceptance_cases[] = {
    { .label = "all is right",
      .client_ca = files.ca,
      .certificate = files.client,
      .key = files.client_key,
      .ca = files.ca,
      .host = "broker.example" },
    { .label = "by number", .ca = files.ca, .host = "127.0.0.1" },
    { .label = "the broker's own certificate is trusted", .ca = files.server, .host = "broker.example" },
    { .label = "another host, and it does not matter", .ca = files.ca, .host = "other.example", .any_host = true },
    { .label = "no client certificate",
      .client_ca = files.ca,
      .ca = files.ca,
      .host = "broker.example",
      .client_error = SIGNET_ERROR_REFUSED,
      .client_text = "certificate required",
      .server_error = SIGNET_ERROR_REFUSED,
      .server_text = "did not return a certificate" },
    { .label = "a client of another authority",
      .client_ca = files.ca,
      .certificate = files.stranger,
      .key = files.stranger_key,
      .ca = files.ca,
      .host = "broker.example",
      .client_error = SIGNET_ERROR_REFUSED,
      .client_text = "alert unknown ca",
      .server_error = SIGNET_ERROR_REFUSED,
      .server_text = "unable to get local issuer certificate" },
    { .label = "a broker of another authority",
      .ca = files.other_ca,
      .host = "broker.example",
      .client_error = SIGNET_ERROR_REFUSED,
      .client_text = "unable to get local issuer certificate",
      .server_error = SIGNET_ERROR_REFUSED,
      .server_text = "alert unknown ca" },
    { .label = "another authority, and hosts do not matter",
      .ca = files.other_ca,
      .host = "broker.example",
      .any_host = true,
      .client_error = SIGNET_ERROR_REFUSED,
      .client_text = "unable to get local issuer certificate",
      .server_error = SIGNET_ERROR_REFUSED },
    { .label = "the system's authorities",
      .host = "broker.example",
      .client_error = SIGNET_ERROR_REFUSED,
      .client_text = "issuer certificate",
      .server_error = SIGNET_ERROR_REFUSED },
    { .label = "another host",
      .ca = files.ca,
      .host = "other.example",
      .client_error = SIGNET_ERROR_REFUSED,
      .client_text = "hostname mismatch",
      .server_error = SIGNET_ERROR_REFUSED },
    { .label = "another number",
      .ca = files.ca,
      .host = "127.0.0.2",
      .client_error = SIGNET_ERROR_REFUSED,
      .client_text = "IP address mismatch",
      .server_error = SIGNET_ERROR_REFUSED },
};

static void check_failure(const char *label, const struct party *party, signet_error error, const char *text)
{
    if (party->error != error || (text && !strstr(party->cause.text, text))) {
        fail_msg("%s: \"%s\" (%s)", label, party->cause.text, signet_error_text(party->error));
    }
}

static void only_what_is_trusted_is_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(acceptance_cases); i++) {
        int pair[2];
        const struct acceptance_case *c = &acceptance_cases[i];
        const struct tls_config config = {
            .certificate = c->certificate, .key = c->key, .ca = c->ca, .verify_hostname = !c->any_host
        };
        struct party a = { .total = 100 }, b = { .read_max = 0 };
        make_tcp_pair(pair);
        talk_tls(pair, client_context(&config), c->host, &a, server_context(c->client_ca), &b);
        check_failure(c->label, &a, c->client_error, c->client_text);
        check_failure(c->label, &b, c->server_error, c->server_text);
        assert_int_equal(a.received, c->client_error ? 0 : a.total);
        assert_int_equal(b.received, c->server_error ? 0 : a.total);
    }
}

static void a_subject_that_is_too_long_is_refused(void **state)
{
    int pair[2];
    static const char sixty[] = "sixty-letters-of-a-unit-are-within-the-bounds-of-the-format-";
    const struct test_name_part parts[] = {
        { "OU", MBSTRING_UTF8, sixty, false },   { "OU", MBSTRING_UTF8, sixty, false },
        { "OU", MBSTRING_UTF8, sixty, false },   { "OU", MBSTRING_UTF8, sixty, false },
        { "CN", MBSTRING_UTF8, "alice", false }, { NULL, 0, NULL, false },
    };
    struct test_identity ca = test_authority_new("Long CA"), client = test_identity_new(&ca, parts, NULL);
    char long_ca[256], certificate[256], key[256];
    struct party a = { .total = 100 }, b = { .read_max = 0 };
    set_path(long_ca, *state, "long-ca.pem");
    set_path(certificate, *state, "long.pem");
    set_path(key, *state, "long.key");
    test_certificate_write(&ca, long_ca);
    write_identity(&client, certificate, key);
    test_identity_free(&ca);
    const struct tls_config config = { .certificate = certificate, .key = key, .ca = files.ca };
    make_tcp_pair(pair);
    talk_tls(pair, client_context(&config), "broker.example", &a, server_context(long_ca), &b);
    check_failure("too long", &b, SIGNET_ERROR_LIMIT, "too long");
    assert_int_equal(b.received, 0);
}

/* What is not TLS, or ends too early. */

static void send_all(int descriptor, const void *bytes, size_t size)
{
    assert_int_equal(send(descriptor, bytes, size, MSG_NOSIGNAL), size);
}

static void serve_alone(int descriptor, struct party *party)
{
    struct loop *loop;
    struct tls_context *context = server_context(NULL);
    const struct endpoint nobody = { .size = 0 };
    assert_int_equal(loop_new(&loop), SIGNET_OK);
    assert_int_equal(connection_accepted(descriptor, &nobody, context, &party->connection), SIGNET_OK);
    tls_context_release(context);
    party->echoes = true;
    party_start(loop, party);
    loop_run(loop);
    party_free(party);
    loop_free(loop);
}

struct garbage_case {
    const char *label;
    const char *bytes;
    size_t size;
    signet_error error;
};

static const struct garbage_case garbage_cases[] = {
    { "nothing", "", 0, SIGNET_ERROR_CLOSED },
    { "HTTP", "GET / HTTP/1.0\r\n\r\n", 18, SIGNET_ERROR_PROTOCOL },
    { "Kafka in clear", "\0\0\0\x12\0\x12\0\3\0\0\0\1\0\1x\0\1x\1x\1\0", 22, SIGNET_ERROR_PROTOCOL },
    { "a record of another kind", "\x17\3\3\0\5hello", 10, SIGNET_ERROR_PROTOCOL },
    { "an overlong record", "\x16\3\1\xff\xff\1\0\0", 8, SIGNET_ERROR_PROTOCOL },
    { "half a record", "\x16\3\1\1\0\1\0\0", 8, SIGNET_ERROR_CLOSED },
    { "an alert", "\x15\3\1\0\2\2\x28", 7, SIGNET_ERROR_PROTOCOL },
};

static void garbage_is_an_error_and_closes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(garbage_cases); i++) {
        int pair[2];
        char rest[64];
        struct party b = { .read_max = 0 };
        make_tcp_pair(pair);
        send_all(pair[0], garbage_cases[i].bytes, garbage_cases[i].size);
        assert_int_equal(shutdown(pair[0], SHUT_WR), 0);
        serve_alone(pair[1], &b);
        check_failure(garbage_cases[i].label, &b, garbage_cases[i].error, "TLS handshake with");
        while (recv(pair[0], rest, sizeof rest, 0) > 0) {
        }
        close(pair[0]);
    }
}

/* A client of plain OpenSSL, blocking, on its own thread. */
struct raw_client {
    int descriptor;
    int version_max;
    SSL_SESSION *session; /* to resume, and then the one that was got */
    const char *host;
    bool skips_goodbye, renegotiates;
    bool connected, resumed, echoed;
    int version;
};

static void exchange(SSL *ssl, struct raw_client *client)
{
    char back[6] = "";
    size_t size = 0;
    client->connected = true;
    client->resumed = SSL_session_reused(ssl);
    client->version = SSL_version(ssl);
    if (client->renegotiates) {
        client->renegotiates = SSL_renegotiate(ssl) == 1 && SSL_do_handshake(ssl) == 1;
    }
    char hello[5];
    for (size_t i = 0; i < sizeof hello; i++) {
        hello[i] = (char)stream_byte(i);
    }
    client->echoed =
        SSL_write(ssl, hello, 5) == 5 && SSL_read_ex(ssl, back, 5, &size) && size == 5 && memcmp(back, hello, 5) == 0;
    SSL_SESSION_free(client->session);
    client->session = SSL_get1_session(ssl);
    if (!client->skips_goodbye) {
        SSL_shutdown(ssl);
    }
}

static void *run_raw_client(void *context)
{
    struct raw_client *client = context;
    SSL_CTX *library = SSL_CTX_new(TLS_client_method());
    SSL_CTX_load_verify_locations(library, files.ca, NULL);
    SSL_CTX_set_verify(library, SSL_VERIFY_PEER, NULL);
    SSL_CTX_use_certificate_chain_file(library, files.client);
    SSL_CTX_use_PrivateKey_file(library, files.client_key, SSL_FILETYPE_PEM);
    SSL_CTX_set_security_level(library, 0);
    SSL_CTX_set_min_proto_version(library, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(library, client->version_max);
    SSL *ssl = SSL_new(library);
    SSL_set_fd(ssl, client->descriptor);
    SSL_set_tlsext_host_name(ssl, client->host);
    if (client->session) {
        SSL_set_session(ssl, client->session);
    }
    if (SSL_connect(ssl) == 1) {
        exchange(ssl, client);
    }
    SSL_free(ssl);
    SSL_CTX_free(library);
    close(client->descriptor);
    return NULL;
}

static void set_blocking(int descriptor)
{
    const struct timeval limit = { .tv_sec = 20 };
    assert_int_equal(setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    int zero = 0;
    assert_int_equal(ioctl(descriptor, FIONBIO, &zero), 0);
}

static void serve_raw_client(struct tls_context *context, struct raw_client *client, struct party *party)
{
    int pair[2];
    pthread_t thread;
    struct loop *loop;
    const struct endpoint nobody = { .size = 0 };
    make_tcp_pair(pair);
    set_blocking(pair[0]);
    client->descriptor = pair[0];
    party->echoes = true;
    assert_int_equal(loop_new(&loop), SIGNET_OK);
    assert_int_equal(connection_accepted(pair[1], &nobody, context, &party->connection), SIGNET_OK);
    assert_int_equal(pthread_create(&thread, NULL, run_raw_client, client), 0);
    party_start(loop, party);
    loop_run(loop);
    assert_int_equal(pthread_join(thread, NULL), 0);
    party_free(party);
    loop_free(loop);
}

static void old_versions_are_refused_and_1_2_is_not(void **state)
{
    (void)state;
    static const struct {
        int version;
        bool accepted;
    } cases[] = { { TLS1_VERSION, false }, { TLS1_1_VERSION, false }, { TLS1_2_VERSION, true }, { 0, true } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raw_client client = { .version_max = cases[i].version, .host = "broker.example" };
        struct party party = { .read_max = 0 };
        struct tls_context *context = server_context(files.ca);
        serve_raw_client(context, &client, &party);
        assert_int_equal(client.echoed, cases[i].accepted);
        assert_int_equal(party.error, cases[i].accepted ? SIGNET_OK : SIGNET_ERROR_PROTOCOL);
        SSL_SESSION_free(client.session);
        tls_context_release(context);
    }
}

static void a_client_cannot_renegotiate(void **state)
{
    (void)state;
    struct raw_client client = { .version_max = TLS1_2_VERSION, .host = "broker.example", .renegotiates = true };
    struct party party = { .read_max = 0 };
    struct tls_context *context = server_context(NULL);
    serve_raw_client(context, &client, &party);
    assert_true(client.connected);
    assert_false(client.renegotiates);
    SSL_SESSION_free(client.session);
    tls_context_release(context);
}

static void a_cut_stream_is_told_from_a_finished_one(void **state)
{
    (void)state;
    for (int skips = 0; skips < 2; skips++) {
        struct raw_client client = { .host = "broker.example", .skips_goodbye = skips };
        struct party party = { .read_max = 0 };
        struct tls_context *context = server_context(NULL);
        serve_raw_client(context, &client, &party);
        assert_true(client.echoed && party.closed);
        assert_int_equal(party.error, SIGNET_OK);
        assert_int_equal(party.cut, skips);
        SSL_SESSION_free(client.session);
        tls_context_release(context);
    }
}

/* The name is that of this hello, and the subject that of the session's certificate. */
static void a_resumed_session_has_its_own_name_and_the_subject(void **state)
{
    (void)state;
    static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    for (size_t i = 0; i < COUNT(versions); i++) {
        struct raw_client client = { .version_max = versions[i], .host = "node-1.example" };
        struct party first = { .read_max = 0 }, second = first;
        struct tls_context *context = server_context(files.ca);
        serve_raw_client(context, &client, &first);
        assert_true(client.echoed && !client.resumed);
        client.host = "node-2.example";
        serve_raw_client(context, &client, &second);
        assert_true(client.echoed && client.resumed);
        assert_string_equal(first.server_name, "node-1.example");
        assert_string_equal(second.server_name, "node-2.example");
        assert_string_equal(second.subject, first.subject);
        assert_true(second.has_subject);
        SSL_SESSION_free(client.session);
        tls_context_release(context);
    }
}

/* A reload changes authorities; a ticket of before must not get anyone in. */
static void a_session_does_not_outlive_its_context(void **state)
{
    (void)state;
    struct raw_client client = { .host = "broker.example" };
    struct party first = { .read_max = 0 }, second = first;
    struct tls_context *before = server_context(files.ca), *after = server_context(files.other_ca);
    serve_raw_client(before, &client, &first);
    assert_true(client.echoed);
    client.echoed = false;
    serve_raw_client(after, &client, &second);
    assert_false(client.echoed);
    assert_int_equal(second.error, SIGNET_ERROR_REFUSED);
    SSL_SESSION_free(client.session);
    tls_context_release(before);
    tls_context_release(after);
}

enum {
    KEY_UPDATES = 7000,
    KEY_UPDATE_RECORD_BYTES = 27,
};

/* A client of plain OpenSSL and our server, whose hands are shaken step by step. */
static SSL *connect_raw(SSL_CTX *library, int descriptor, struct connection *server)
{
    SSL *ssl = SSL_new(library);
    SSL_set_fd(ssl, descriptor);
    enum io_outcome outcome = IO_WOULD_BLOCK;
    while (SSL_connect(ssl) != 1 || outcome != IO_DONE) {
        outcome = connection_handshake(server);
        assert_int_not_equal(outcome, IO_FAILED);
    }
    return ssl;
}

/* The client's next records, in memory instead of on their way. */
static size_t write_key_updates(SSL *ssl, uint8_t *ret_records, size_t size)
{
    BIO *memory = BIO_new(BIO_s_mem());
    SSL_set0_wbio(ssl, memory);
    for (int i = 0; i < KEY_UPDATES; i++) {
        assert_int_equal(SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        assert_int_equal(SSL_do_handshake(ssl), 1);
    }
    assert_int_equal(SSL_write(ssl, "hello", 5), 5);
    return (size_t)BIO_read(memory, ret_records, (int)size);
}

static void records_without_data_do_not_hold_a_read(void **state)
{
    (void)state;
    static uint8_t records[KEY_UPDATES * KEY_UPDATE_RECORD_BYTES + 100];
    int pair[2], before = 0, after = 0, reads = 1;
    size_t got = 0;
    char memory[100];
    struct connection *server;
    const struct endpoint nobody = { .size = 0 };
    struct tls_context *context = server_context(NULL);
    SSL_CTX *library = SSL_CTX_new(TLS_client_method());
    make_socket_pair(pair);
    assert_int_equal(connection_accepted(pair[1], &nobody, context, &server), SIGNET_OK);
    SSL *ssl = connect_raw(library, pair[0], server);
    send_all(pair[0], (const char *)records, write_key_updates(ssl, records, sizeof records));
    assert_int_equal(ioctl(pair[1], FIONREAD, &before), 0);
    enum io_outcome outcome = connection_read(server, memory, sizeof memory, &got);
    assert_int_equal(ioctl(pair[1], FIONREAD, &after), 0);
    assert_int_equal(outcome, IO_WOULD_BLOCK);
    assert_in_range(after, 1, before - 1);
    for (; outcome == IO_WOULD_BLOCK; reads++) {
        outcome = connection_read(server, memory, sizeof memory, &got);
    }
    assert_int_equal(outcome, IO_DONE);
    assert_memory_equal(memory, "hello", 5);
    assert_true(reads < 10);
    SSL_free(ssl);
    SSL_CTX_free(library);
    connection_free(server);
    tls_context_release(context);
    close(pair[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_megabytes_come_back_with_names_on_both_sides),
        cmocka_unit_test(one_byte_reads_and_a_small_buffer_lose_nothing),
        cmocka_unit_test(a_finished_stream_is_still_answered),
        cmocka_unit_test(an_end_behind_bytes_is_pending),
        cmocka_unit_test(small_pieces_share_a_record),
        cmocka_unit_test(a_write_tells_why_the_peer_has_gone),
        cmocka_unit_test(only_what_is_trusted_is_accepted),
        cmocka_unit_test(a_subject_that_is_too_long_is_refused),
        cmocka_unit_test(garbage_is_an_error_and_closes),
        cmocka_unit_test(old_versions_are_refused_and_1_2_is_not),
        cmocka_unit_test(a_client_cannot_renegotiate),
        cmocka_unit_test(a_cut_stream_is_told_from_a_finished_one),
        cmocka_unit_test(a_resumed_session_has_its_own_name_and_the_subject),
        cmocka_unit_test(a_session_does_not_outlive_its_context),
        cmocka_unit_test(records_without_data_do_not_hold_a_read),
    };
    return cmocka_run_group_tests(tests, tls_fixture_setup, scratch_folder_teardown);
}
