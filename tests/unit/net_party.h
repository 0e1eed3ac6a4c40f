/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two ends of a connection that talk on one loop: one sends a known stream in
 * pieces of odd sizes and checks what comes back, the other sends back all it
 * reads.  Whatever goes wrong is kept for the test to look at.
 */
#ifndef SIGNET_NET_PARTY_H
#define SIGNET_NET_PARTY_H

#include "net/watch.h"

struct party {
    struct loop *loop;
    struct watch *watch;           /* NULL once closed */
    struct connection *connection; /* of the watch */
    struct party *other;
    size_t read_max; /* reads ask for at most so many bytes */
    bool echoes;
    bool half_closes; /* finishes once all is sent, and reads on */
    size_t total;     /* bytes of the stream, for the end that begins */
    size_t sent, received;
    uint8_t *held; /* what is to be sent back */
    size_t held_from, held_to;
    bool established, closed, cut, altered;
    signet_error error;
    struct cause cause;
    char server_name[256], subject[256], protocol[16];
    bool has_server_name, has_subject;
};

/* Runs until both are gone; the loop is stopped then. */
void parties_talk(struct loop *loop, struct party *begins, struct party *echoes);
/* Only gives a party its watch. */
void party_start(struct loop *loop, struct party *party);
void party_free(struct party *party);

/* Byte `at` of the stream. */
uint8_t stream_byte(size_t at);

/* Two connected descriptors, non-blocking: of a socket pair, or of TCP over 127.0.0.1. */
void make_socket_pair(int ret_pair[2]);
void make_tcp_pair(int ret_pair[2]);
/* 127.0.0.1 and a port that the system chooses; returns the listening descriptor. */
int listen_on_loopback(struct endpoint *ret_endpoint);

#endif
