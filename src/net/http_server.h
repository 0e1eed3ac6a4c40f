/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small answers over HTTP/1.1, by libmicrohttpd: a request is handed over
 * whole, once its body has come, and answered at once.  Connections, bodies
 * and waiting are limited; nothing is kept of one request for the next.
 */
#ifndef SIGNET_NET_HTTP_SERVER_H
#define SIGNET_NET_HTTP_SERVER_H

#include "base/slice.h"
#include "net/address.h"
#include "net/cause.h"

struct http_request {
    const char *method, *path; /* the path without a query */
    struct slice body;         /* borrowed; its data is not NULL */
};

struct http_answer {
    unsigned status;
    const char *type; /* static */
    char *body;       /* from malloc, taken over; NULL: memory is out, and the connection is closed */
};

/* On one of the server's threads. */
typedef struct http_answer http_handle_fn(void *context, const struct http_request *request);

struct http_server_options {
    const struct address *address; /* of TCP */
    http_handle_fn *handle;
    void *context;
    unsigned threads;
    unsigned connections_max;
    size_t body_bytes_max; /* a longer one is answered with 413 */
};

struct http_server;

/* SYSTEM with a cause; OUT_OF_MEMORY. */
signet_error http_server_start(const struct http_server_options *options, struct http_server **ret_server,
                               struct cause *ret_cause);
/* Requests that are being handled are answered first.  Takes NULL. */
void http_server_stop(struct http_server *server);

/* A copy of `text` as plain text. */
struct http_answer http_text(unsigned status, const char *text);
/* Answers one that is neither GET nor HEAD; false when it is one of them. */
bool http_refuse_method(const struct http_request *request, struct http_answer *ret_answer);

#endif
