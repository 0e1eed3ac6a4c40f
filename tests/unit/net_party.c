/* SPDX-License-Identifier: Apache-2.0 */
#include "net_party.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <poll.h>

#include "net/socket.h"

enum {
    HELD_BYTES = 50 * 1000,
    STREAM_PERIOD = 251 * 1021,
};

uint8_t stream_byte(size_t at)
{
    return (uint8_t)(at * 7 + at / 251 * 13);
}

/* Pieces lie at fixed places in the stream, so that what was offered once and not sent is offered again. */
static size_t piece_left(size_t at)
{
    static const size_t ends[] = { 1, 4, 17004, 17259, 33643, 33645, 103646, 107743, 107776, 107777, 109226 };
    const size_t count = sizeof ends / sizeof *ends;
    size_t i = 0;
    at %= ends[count - 1];
    while (ends[i] <= at) {
        i++;
    }
    return ends[i] - at;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static const uint8_t *stream_from(size_t at)
{
    static uint8_t stream[STREAM_PERIOD * 2];
    static bool filled;
    for (size_t i = 0; !filled && i < sizeof stream; i++) {
        stream[i] = stream_byte(i % STREAM_PERIOD);
    }
    filled = true;
    return stream + at % STREAM_PERIOD;
}

static void look_at(struct party *party)
{
    const char *name = connection_server_name(party->connection);
    const char *subject = connection_peer_subject(party->connection);
    party->established = true;
    party->has_server_name = name != NULL;
    party->has_subject = subject != NULL;
    (void)snprintf(party->server_name, sizeof party->server_name, "%s", name ? name : "");
    (void)snprintf(party->subject, sizeof party->subject, "%s", subject ? subject : "");
    (void)snprintf(party->protocol, sizeof party->protocol, "%s", connection_protocol(party->connection));
}

static bool went_on(struct party *party, enum io_outcome outcome)
{
    if (outcome == IO_FAILED) {
        party->error = connection_error(party->connection);
        connection_cause(party->connection, &party->cause);
        watch_close(party->watch);
    }
    return outcome == IO_DONE;
}

static void take(struct party *party, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        party->altered |= bytes[i] != stream_byte((party->received + i) % STREAM_PERIOD);
    }
    party->received += size;
}

static enum io_outcome read_stream(struct party *party)
{
    uint8_t memory[64 * 1024];
    size_t got = 0;
    enum io_outcome outcome = connection_read(party->connection, memory, smaller(party->read_max, sizeof memory), &got);
    if (went_on(party, outcome)) {
        take(party, memory, got);
    }
    return outcome;
}

static enum io_outcome read_to_echo(struct party *party)
{
    size_t got = 0;
    size_t room = smaller(HELD_BYTES - party->held_to, party->read_max);
    if (room == 0) {
        return IO_WOULD_BLOCK;
    }
    enum io_outcome outcome = connection_read(party->connection, party->held + party->held_to, room, &got);
    if (went_on(party, outcome)) {
        take(party, party->held + party->held_to, got);
        party->held_to += got;
    }
    return outcome;
}

static size_t stream_pieces(const struct party *party, struct iovec pieces[3])
{
    size_t at = party->sent, count = 0;
    for (; count < 3 && at < party->total; count++) {
        size_t size = smaller(piece_left(at), party->total - at);
        pieces[count] = (struct iovec){ (void *)stream_from(at), size };
        at += size;
    }
    return count;
}

static size_t held_pieces(const struct party *party, struct iovec pieces[3])
{
    size_t size = party->held_to - party->held_from;
    pieces[0] = (struct iovec){ party->held + party->held_from, size };
    return size > 0;
}

static void did_send(struct party *party, size_t size)
{
    party->sent += size;
    if (!party->echoes) {
        return;
    }
    party->held_from += size;
    if (party->held_from == party->held_to) {
        party->held_from = party->held_to = 0;
    }
}

static void write_some(struct party *party)
{
    struct iovec pieces[3];
    size_t sent;
    for (;;) {
        size_t count = party->echoes ? held_pieces(party, pieces) : stream_pieces(party, pieces);
        if (count == 0 || !went_on(party, connection_write(party->connection, pieces, count, &sent))) {
            return;
        }
        did_send(party, sent);
    }
}

static bool has_output(const struct party *party)
{
    return party->echoes ? party->held_from < party->held_to : party->sent < party->total;
}

static bool has_room(const struct party *party)
{
    return !party->closed && (!party->echoes || party->held_to < HELD_BYTES);
}

static void close_when_done(struct party *party)
{
    bool all_back = !party->echoes && !party->half_closes && party->received >= party->total;
    if (all_back || (party->closed && !has_output(party))) {
        watch_close(party->watch);
    }
}

static void on_ready(void *context, unsigned events)
{
    struct party *party = context;
    if (!party->established) {
        if (!went_on(party, connection_handshake(party->connection))) {
            watch_want(party->watch, WATCH_READ);
            return;
        }
        look_at(party);
    }
    if ((events & WATCH_READ) && !party->closed) {
        enum io_outcome outcome = party->echoes ? read_to_echo(party) : read_stream(party);
        party->closed |= outcome == IO_CLOSED;
        party->cut |= outcome == IO_CLOSED && connection_was_cut(party->connection);
    }
    if (!connection_error(party->connection)) {
        write_some(party);
    }
    if (party->half_closes && !has_output(party) && !connection_error(party->connection)) {
        (void)connection_finish(party->connection);
    }
    watch_want(party->watch, (has_room(party) ? WATCH_READ : 0u) | (has_output(party) ? WATCH_WRITE : 0u));
    close_when_done(party);
}

static void on_closed(void *context)
{
    struct party *party = context;
    party->watch = NULL;
    party->connection = NULL;
    if (!party->other || !party->other->watch) {
        loop_stop(party->loop);
    }
}

void party_start(struct loop *loop, struct party *party)
{
    const struct watch_handler handler = { .on_ready = on_ready, .on_closed = on_closed, .context = party };
    party->loop = loop;
    party->read_max = party->read_max ? party->read_max : SIZE_MAX;
    party->held = party->echoes ? malloc(HELD_BYTES) : NULL;
    assert_int_equal(watch_new(loop, party->connection, &handler, &party->watch), SIGNET_OK);
    watch_want(party->watch, WATCH_READ | WATCH_WRITE);
}

void party_free(struct party *party)
{
    free(party->held);
    party->held = NULL;
}

void parties_talk(struct loop *loop, struct party *begins, struct party *echoes)
{
    begins->other = echoes;
    echoes->other = begins;
    echoes->echoes = true;
    party_start(loop, begins);
    party_start(loop, echoes);
    loop_run(loop);
    party_free(begins);
    party_free(echoes);
}

void make_socket_pair(int ret_pair[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ret_pair), 0);
}

int listen_on_loopback(struct endpoint *ret_endpoint)
{
    int listening;
    struct endpoint endpoint = { .size = sizeof endpoint.of.v4 };
    struct cause cause;
    endpoint.of.v4.sin_family = AF_INET;
    endpoint.of.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(socket_listen(&endpoint, 0, &listening, &cause), SIGNET_OK);
    assert_int_equal(endpoint_of_local(listening, ret_endpoint), SIGNET_OK);
    return listening;
}

void make_tcp_pair(int ret_pair[2])
{
    struct endpoint endpoint, peer;
    int listening = listen_on_loopback(&endpoint);
    assert_int_equal(socket_connect(&endpoint, &ret_pair[0]), SIGNET_OK);
    struct pollfd waiting = { .fd = listening, .events = POLLIN };
    assert_int_equal(poll(&waiting, 1, 10 * 1000), 1);
    assert_int_equal(socket_accept(listening, &ret_pair[1], &peer), SIGNET_OK);
    socket_close_listening(listening);
}
