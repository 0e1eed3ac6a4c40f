/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "net/server_name.h"
#include "net/socket.h"
#include "net_party.h"
#include "scratch_folder.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

static const char long_label[] = "a-name-of-nearly-as-many-letters-as-one-label-may-have-in-all.";

struct address_case {
    const char *label;
    const char *text;
    const char *host;
    uint16_t port;
    enum address_kind kind;
    bool number, loopback;
};

static const struct address_case address_cases[] = {
    { "name", "broker-1.example.com:9092", "broker-1.example.com", 9092, ADDRESS_TCP, false, false },
    { "container's name", "kafka_1:9092", "kafka_1", 9092, ADDRESS_TCP, false, false },
    { "localhost", "localhost:1", "localhost", 1, ADDRESS_TCP, false, true },
    { "localhost, loudly", "LocalHost:1", "LocalHost", 1, ADDRESS_TCP, false, true },
    { "not quite localhost", "localhost.example:1", "localhost.example", 1, ADDRESS_TCP, false, false },
    { "IPv4", "192.0.2.7:65535", "192.0.2.7", 65535, ADDRESS_TCP, true, false },
    { "IPv4 loopback", "127.8.9.1:9092", "127.8.9.1", 9092, ADDRESS_TCP, true, true },
    { "IPv4 wildcard", "0.0.0.0:9092", "0.0.0.0", 9092, ADDRESS_TCP, true, false },
    { "short IPv4 is a name", "127.1:9092", "127.1", 9092, ADDRESS_TCP, false, false },
    { "IPv6", "[2001:db8::1]:9092", "2001:db8::1", 9092, ADDRESS_TCP, true, false },
    { "IPv6 loopback", "[::1]:9092", "::1", 9092, ADDRESS_TCP, true, true },
    { "IPv6 wildcard", "[::]:9092", "::", 9092, ADDRESS_TCP, true, false },
    { "mapped loopback", "[::ffff:127.0.0.1]:9092", "::ffff:127.0.0.1", 9092, ADDRESS_TCP, true, true },
    { "mapped", "[::ffff:192.0.2.1]:9092", "::ffff:192.0.2.1", 9092, ADDRESS_TCP, true, false },
    { "IPv6 with zone", "[fe80::1%eth0]:9092", "fe80::1%eth0", 9092, ADDRESS_TCP, true, false },
    { "path", "unix:/run/signet.sock", "/run/signet.sock", 0, ADDRESS_UNIX, false, true },
};

struct refused_case {
    const char *label;
    const char *text;
};

static const struct refused_case refused_cases[] = {
    { "nothing", "" },
    { "no port", "broker" },
    { "empty port", "broker:" },
    { "port zero", "broker:0" },
    { "port too large", "broker:65536" },
    { "port much too large", "broker:4294976388" },
    { "signed port", "broker:+9092" },
    { "port with a tail", "broker:9092/" },
    { "no host", ":9092" },
    { "empty brackets", "[]:9092" },
    { "open bracket", "[::1:9092" },
    { "name in brackets", "[broker]:9092" },
    { "IPv4 in brackets", "[127.0.0.1]:9092" },
    { "bare IPv6", "2001:db8::1:9092" },
    { "empty zone", "[fe80::1%]:9092" },
    { "zone with a newline", "[fe80::1%a\n]:9092" },
    { "with a scheme", "kafka://broker:9092" },
    { "space", "my broker:9092" },
    { "leading hyphen", "-broker:9092" },
    { "relative path", "unix:signet.sock" },
    { "no path", "unix:" },
};

static void addresses_are_read_and_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(address_cases); i++) {
        const struct address_case *c = &address_cases[i];
        struct address address = { .kind = ADDRESS_TCP };
        char text[ADDRESS_TEXT_BYTES];
        signet_error error = address_parse(slice_of_text(c->text), &address);
        if (error) {
            fail_msg("%s: %s", c->label, signet_error_text(error));
        }
        assert_string_equal(address.host, c->host);
        assert_int_equal(address.port, c->port);
        assert_int_equal(address.kind, c->kind);
        assert_int_equal(address_is_number(&address), c->number);
        assert_int_equal(address_is_loopback(&address), c->loopback);
        address_text(&address, text);
        assert_string_equal(text, c->text);
    }
}

static void bad_addresses_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused_cases); i++) {
        struct address address;
        if (address_parse(slice_of_text(refused_cases[i].text), &address) != SIGNET_ERROR_MALFORMED) {
            fail_msg("%s is accepted", refused_cases[i].label);
        }
    }
}

static void addresses_have_a_limit(void **state)
{
    (void)state;
    char text[600] = "";
    struct address address;
    for (size_t i = 0; i < 4; i++) {
        strcat(text, long_label);
    }
    strcat(text, "a.com:9092");
    assert_int_equal(strlen(text), ADDRESS_HOST_BYTES_MAX + 5);
    assert_int_equal(address_parse(slice_of_text(text), &address), SIGNET_OK);
    memmove(text + 1, text, strlen(text) + 1);
    assert_int_equal(address_parse(slice_of_text(text), &address), SIGNET_ERROR_LIMIT);
    (void)snprintf(text, sizeof text, "unix:/%0*d", ADDRESS_PATH_BYTES_MAX - 1, 0);
    assert_int_equal(address_parse(slice_of_text(text), &address), SIGNET_OK);
    (void)snprintf(text, sizeof text, "unix:/%0*d", ADDRESS_PATH_BYTES_MAX, 0);
    assert_int_equal(address_parse(slice_of_text(text), &address), SIGNET_ERROR_LIMIT);
    assert_int_equal(address_parse(slice_of("a\0b:1", 5), &address), SIGNET_ERROR_MALFORMED);
}

static void hosts_and_ports_make_addresses(void **state)
{
    (void)state;
    struct address with_brackets, without, parsed;
    assert_int_equal(address_of_host("[::1]", 9092, &with_brackets), SIGNET_OK);
    assert_int_equal(address_of_host("::1", 9092, &without), SIGNET_OK);
    assert_true(address_equal(&with_brackets, &without));
    assert_int_equal(address_parse(slice_of_text("Broker:9092"), &parsed), SIGNET_OK);
    assert_int_equal(address_of_host("broker", 9092, &without), SIGNET_OK);
    assert_true(address_equal(&parsed, &without));
    assert_int_equal(address_of_host("broker", 0, &without), SIGNET_ERROR_MALFORMED);
    assert_int_equal(address_of_host("bro ker", 1, &without), SIGNET_ERROR_MALFORMED);
    assert_int_equal(address_of_path("/a", &without), SIGNET_OK);
    assert_int_equal(address_of_path("a", &without), SIGNET_ERROR_MALFORMED);
}

struct endpoint_case {
    const char *address;
    const char *text; /* NULL: asks a resolver */
    bool loopback;
};

static const struct endpoint_case endpoint_cases[] = {
    { "127.0.0.1:9092", "127.0.0.1:9092", true },
    { "192.0.2.1:1", "192.0.2.1:1", false },
    { "localhost:9092", "127.0.0.1:9092", true },
    { "[::1]:9092", "[::1]:9092", true },
    { "[2001:db8::1]:9092", "[2001:db8::1]:9092", false },
    { "[::ffff:127.0.0.1]:9092", "127.0.0.1:9092", true },
    { "[::ffff:192.0.2.1]:9092", "192.0.2.1:9092", false },
    { "unix:/run/x", "unix:/run/x", true },
    { "broker.example:9092", NULL, false },
    { "127.1:9092", NULL, false },
};

static void addresses_become_endpoints(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(endpoint_cases); i++) {
        const struct endpoint_case *c = &endpoint_cases[i];
        struct address address;
        struct endpoint endpoint;
        char text[ENDPOINT_TEXT_BYTES];
        assert_int_equal(address_parse(slice_of_text(c->address), &address), SIGNET_OK);
        signet_error error = endpoint_of_address(&address, &endpoint);
        assert_int_equal(error, c->text ? SIGNET_OK : SIGNET_ERROR_UNSUPPORTED);
        if (!error) {
            endpoint_text(&endpoint, text);
            assert_string_equal(text, c->text);
            assert_int_equal(endpoint_is_loopback(&endpoint), c->loopback);
            assert_int_equal(endpoint_port(&endpoint), address.port);
        }
    }
}

struct network_case {
    const char *one, *other;
    bool same;
};

static const struct network_case network_cases[] = {
    { "192.0.2.1:1", "192.0.2.1:2", true },
    { "192.0.2.1:1", "192.0.2.2:1", false },
    { "192.0.2.1:1", "[::ffff:192.0.2.1]:1", true },
    { "[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.2]:1", false },
    { "[2001:db8:0:1::1]:1", "[2001:db8:0:1:ffff::]:2", true },
    { "[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1", false },
    { "[::1]:1", "127.0.0.1:1", false },
    { "unix:/run/x", "unix:/run/y", true },
};

static void networks_tell_peers_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(network_cases); i++) {
        const char *texts[] = { network_cases[i].one, network_cases[i].other };
        uint8_t networks[2][ENDPOINT_NETWORK_BYTES];
        for (size_t k = 0; k < 2; k++) {
            struct address address;
            struct endpoint endpoint;
            assert_int_equal(address_parse(slice_of_text(texts[k]), &address), SIGNET_OK);
            assert_int_equal(endpoint_of_address(&address, &endpoint), SIGNET_OK);
            endpoint_network(&endpoint, networks[k]);
        }
        bool same = memcmp(networks[0], networks[1], ENDPOINT_NETWORK_BYTES) == 0;
        if (same != network_cases[i].same) {
            fail_msg("%s and %s", texts[0], texts[1]);
        }
    }
}

static void a_path_of_a_peer_cannot_break_a_line(void **state)
{
    (void)state;
    char text[ENDPOINT_TEXT_BYTES];
    struct endpoint endpoint = { .size = sizeof endpoint.of.local };
    endpoint.of.local.sun_family = AF_UNIX;
    memset(endpoint.of.local.sun_path, '\n', sizeof endpoint.of.local.sun_path);
    endpoint_text(&endpoint, text);
    assert_null(strchr(text, '\n'));
    endpoint.size = sizeof endpoint.of.local.sun_family;
    endpoint_text(&endpoint, text);
    assert_string_equal(text, "unix");
}

static void each_prefix_of_a_server_name_is_refused(void **state)
{
    (void)state;
    static const uint8_t extension[] = { 0, 7, 0, 0, 4, 'B', 'r', '.', '1' };
    char name[SERVER_NAME_BYTES_MAX + 1] = "";
    for (size_t size = 0; size < sizeof extension; size++) {
        assert_int_equal(server_name_parse(slice_of(extension, size), name), SIGNET_ERROR_MALFORMED);
    }
    assert_string_equal(name, "");
    assert_int_equal(server_name_parse(slice_of(extension, sizeof extension), name), SIGNET_OK);
    assert_string_equal(name, "br.1");
    static const uint8_t newline[] = { 0, 4, 0, 0, 1, '\n' };
    assert_int_equal(server_name_parse(slice_of(newline, sizeof newline), name), SIGNET_ERROR_MALFORMED);
    static const uint8_t two[] = { 0, 8, 0, 0, 1, 'a', 0, 0, 1, 'b' };
    assert_int_equal(server_name_parse(slice_of(two, sizeof two), name), SIGNET_ERROR_MALFORMED);
    static const uint8_t empty[] = { 0, 3, 0, 0, 0 };
    assert_int_equal(server_name_parse(slice_of(empty, sizeof empty), name), SIGNET_ERROR_MALFORMED);
}

/* Plain connections. */

static void make_plain(int descriptor, struct party *party)
{
    const struct endpoint nobody = { .size = 0 };
    assert_int_equal(connection_accepted(descriptor, &nobody, NULL, &party->connection), SIGNET_OK);
}

static void check_echo(const struct party *a, const struct party *b, size_t total)
{
    assert_int_equal(a->error, SIGNET_OK);
    assert_int_equal(b->error, SIGNET_OK);
    assert_int_equal(a->received, total);
    assert_int_equal(b->received, total);
    assert_false(a->altered || b->altered);
}

static void ten_megabytes_come_back_over_tcp(void **state)
{
    (void)state;
    int pair[2];
    struct loop *loop;
    struct party a = { .total = 10 * 1000 * 1000, .read_max = 30011 }, b = { .read_max = 7001 };
    struct endpoint peer = { .size = 0 };
    assert_int_equal(loop_new(&loop), SIGNET_OK);
    make_tcp_pair(pair);
    assert_int_equal(connection_connecting(pair[0], &peer, NULL, NULL, &a.connection), SIGNET_OK);
    make_plain(pair[1], &b);
    parties_talk(loop, &a, &b);
    check_echo(&a, &b, a.total);
    assert_string_equal(a.protocol, "plain");
    loop_free(loop);
}

static void one_byte_reads_and_a_small_buffer_lose_nothing(void **state)
{
    (void)state;
    int pair[2], small = 1;
    struct loop *loop;
    struct party a = { .total = 300 * 1000, .read_max = 1 }, b = { .read_max = 1 };
    assert_int_equal(loop_new(&loop), SIGNET_OK);
    make_socket_pair(pair);
    assert_int_equal(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    assert_int_equal(setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    make_plain(pair[0], &a);
    make_plain(pair[1], &b);
    parties_talk(loop, &a, &b);
    check_echo(&a, &b, a.total);
    loop_free(loop);
}

static void a_finished_stream_is_still_answered(void **state)
{
    (void)state;
    int pair[2];
    struct loop *loop;
    struct party a = { .total = 1000 * 1000, .half_closes = true }, b = { .read_max = 999 };
    assert_int_equal(loop_new(&loop), SIGNET_OK);
    make_tcp_pair(pair);
    make_plain(pair[0], &a);
    make_plain(pair[1], &b);
    parties_talk(loop, &a, &b);
    check_echo(&a, &b, a.total);
    assert_true(a.closed && b.closed);
    loop_free(loop);
}

static void a_peer_that_is_gone_is_an_error_and_no_signal(void **state)
{
    (void)state;
    int pair[2];
    size_t sent;
    struct cause cause;
    struct party a = { .total = 1 };
    make_socket_pair(pair);
    make_plain(pair[0], &a);
    assert_int_equal(close(pair[1]), 0);
    struct iovec piece = { "x", 1 };
    assert_int_equal(connection_handshake(a.connection), IO_DONE);
    assert_int_equal(connection_write(a.connection, &piece, 1, &sent), IO_FAILED);
    assert_int_equal(connection_error(a.connection), SIGNET_ERROR_CLOSED);
    connection_cause(a.connection, &cause);
    assert_non_null(strstr(cause.text, "Broken pipe"));
    assert_int_equal(connection_read(a.connection, &piece, 1, &sent), IO_FAILED);
    connection_free(a.connection);
}

static void a_refused_connect_says_so(void **state)
{
    (void)state;
    struct endpoint endpoint;
    struct loop *loop;
    int descriptor;
    struct party a = { .total = 1 };
    socket_close_listening(listen_on_loopback(&endpoint));
    assert_int_equal(loop_new(&loop), SIGNET_OK);
    assert_int_equal(socket_connect(&endpoint, &descriptor), SIGNET_OK);
    assert_int_equal(connection_connecting(descriptor, &endpoint, NULL, NULL, &a.connection), SIGNET_OK);
    party_start(loop, &a);
    loop_run(loop);
    assert_int_equal(a.error, SIGNET_ERROR_SYSTEM);
    assert_non_null(strstr(a.cause.text, "cannot connect to 127.0.0.1:"));
    assert_non_null(strstr(a.cause.text, "Connection refused"));
    party_free(&a);
    loop_free(loop);
}

/* Unix sockets. */

static struct endpoint path_endpoint(const char *path)
{
    struct address address;
    struct endpoint endpoint;
    assert_int_equal(address_of_path(path, &address), SIGNET_OK);
    assert_int_equal(endpoint_of_address(&address, &endpoint), SIGNET_OK);
    return endpoint;
}

static void a_unix_socket_has_its_mode_and_is_removed(void **state)
{
    int listening, client, server;
    struct cause cause;
    struct stat status;
    struct endpoint peer;
    struct endpoint endpoint = path_endpoint(scratch_path(*state, "s"));
    assert_int_equal(socket_listen(&endpoint, 0660, &listening, &cause), SIGNET_OK);
    assert_int_equal(stat(endpoint.of.local.sun_path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0660);
    assert_int_equal(socket_accept(listening, &server, &peer), SIGNET_ERROR_SYSTEM);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(socket_connect(&endpoint, &client), SIGNET_OK);
    assert_int_equal(socket_accept(listening, &server, &peer), SIGNET_OK);
    assert_true(endpoint_is_unix(&peer) && endpoint_is_loopback(&peer));
    close(client);
    close(server);
    socket_close_listening(listening);
    assert_int_equal(stat(endpoint.of.local.sun_path, &status), -1);
}

static void a_path_is_replaced_only_when_nobody_answers(void **state)
{
    int first, second;
    struct cause cause;
    struct stat status;
    struct endpoint endpoint = path_endpoint(scratch_path(*state, "s"));
    assert_int_equal(socket_listen(&endpoint, 0600, &first, &cause), SIGNET_OK);
    assert_int_equal(socket_listen(&endpoint, 0600, &second, &cause), SIGNET_ERROR_SYSTEM);
    assert_int_equal(errno, EADDRINUSE);
    assert_non_null(strstr(cause.text, endpoint.of.local.sun_path));
    /* As a killed process leaves it: the path stays. */
    close(first);
    assert_int_equal(socket_listen(&endpoint, 0600, &second, &cause), SIGNET_OK);
    /* Another process has taken the path meanwhile: it stays when we close. */
    assert_int_equal(unlink(endpoint.of.local.sun_path), 0);
    assert_int_equal(socket_listen(&endpoint, 0600, &first, &cause), SIGNET_OK);
    socket_close_listening(second);
    assert_int_equal(stat(endpoint.of.local.sun_path, &status), 0);
    socket_close_listening(first);
}

/* Whoever may look into the folder can lock it; only what nobody else can open keeps a second of us out. */
static void nobody_else_locks_us_out(void **state)
{
    int listening;
    struct cause cause;
    struct stat status;
    struct endpoint endpoint = path_endpoint(scratch_path(*state, "s"));
    int folder = open(*state, O_RDONLY | O_DIRECTORY), lock;
    assert_int_equal(flock(folder, LOCK_EX), 0);
    assert_int_equal(socket_listen(&endpoint, 0660, &listening, &cause), SIGNET_OK);
    assert_int_equal(scratch_count(*state), 0); /* beside the socket */
    lock = open(scratch_write(*state, "s.lock", 0600, ""), O_RDWR);
    assert_int_equal(flock(lock, LOCK_EX), 0);
    struct endpoint again = endpoint;
    int second;
    assert_int_equal(socket_listen(&again, 0660, &second, &cause), SIGNET_ERROR_SYSTEM);
    assert_int_equal(close(lock), 0);
    assert_int_equal(stat(scratch_path(*state, "s.lock"), &status), 0);
    socket_close_listening(listening);
    assert_int_equal(scratch_count(*state), 0);
    assert_int_equal(close(folder), 0);
}

/* Not through a link of somebody's to a file of ours. */
static void a_lock_is_no_link(void **state)
{
    int listening;
    struct cause cause;
    struct endpoint endpoint = path_endpoint(scratch_path(*state, "s"));
    assert_int_equal(symlink(scratch_path(*state, "elsewhere"), scratch_path(*state, "s.lock")), 0);
    assert_int_equal(socket_listen(&endpoint, 0660, &listening, &cause), SIGNET_ERROR_SYSTEM);
    assert_int_equal(scratch_count(*state), 0);
    assert_int_equal(unlink(scratch_path(*state, "s.lock")), 0);
}

static void a_file_is_never_replaced(void **state)
{
    int listening;
    struct cause cause;
    struct stat status;
    const char *path = scratch_write(*state, "precious", 0600, "text");
    struct endpoint endpoint = path_endpoint(path);
    assert_int_equal(socket_listen(&endpoint, 0600, &listening, &cause), SIGNET_ERROR_SYSTEM);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, 4);
    endpoint = path_endpoint("/nonexistent-folder/s");
    assert_int_equal(socket_listen(&endpoint, 0600, &listening, &cause), SIGNET_ERROR_SYSTEM);
    assert_int_equal(errno, ENOENT);
}

static void a_port_in_use_is_named(void **state)
{
    (void)state;
    struct endpoint endpoint;
    struct cause cause;
    char text[ENDPOINT_TEXT_BYTES];
    int second, first = listen_on_loopback(&endpoint);
    endpoint_text(&endpoint, text);
    assert_int_equal(socket_listen(&endpoint, 0, &second, &cause), SIGNET_ERROR_SYSTEM);
    assert_non_null(strstr(cause.text, text));
    assert_non_null(strstr(cause.text, "in use"));
    socket_close_listening(first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_and_written),
        cmocka_unit_test(bad_addresses_are_refused),
        cmocka_unit_test(addresses_have_a_limit),
        cmocka_unit_test(hosts_and_ports_make_addresses),
        cmocka_unit_test(addresses_become_endpoints),
        cmocka_unit_test(networks_tell_peers_apart),
        cmocka_unit_test(a_path_of_a_peer_cannot_break_a_line),
        cmocka_unit_test(each_prefix_of_a_server_name_is_refused),
        cmocka_unit_test(ten_megabytes_come_back_over_tcp),
        cmocka_unit_test(one_byte_reads_and_a_small_buffer_lose_nothing),
        cmocka_unit_test(a_finished_stream_is_still_answered),
        cmocka_unit_test(a_peer_that_is_gone_is_an_error_and_no_signal),
        cmocka_unit_test(a_refused_connect_says_so),
        cmocka_unit_test_setup_teardown(a_unix_socket_has_its_mode_and_is_removed, scratch_folder_setup,
                                        scratch_folder_teardown),
        cmocka_unit_test_setup_teardown(a_path_is_replaced_only_when_nobody_answers, scratch_folder_setup,
                                        scratch_folder_teardown),
        cmocka_unit_test_setup_teardown(nobody_else_locks_us_out, scratch_folder_setup, scratch_folder_teardown),
        cmocka_unit_test_setup_teardown(a_lock_is_no_link, scratch_folder_setup, scratch_folder_teardown),
        cmocka_unit_test_setup_teardown(a_file_is_never_replaced, scratch_folder_setup, scratch_folder_teardown),
        cmocka_unit_test(a_port_in_use_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
