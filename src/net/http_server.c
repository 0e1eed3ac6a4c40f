/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_server.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/endpoint.h"

enum {
    /* Head and what has come of the body; without a body, the head. */
    CONNECTION_BYTES_MAX = 16 * 1024,
    SILENCE_SECONDS_MAX = 10,
    /* Of a body, however evenly it comes. */
    REQUEST_MS_MAX = 30 * 1000,
};

struct http_server {
    struct http_server_options options;
    struct MHD_Daemon *daemon;
};

/* What has come of a body. */
struct intake {
    uint8_t *bytes;
    size_t size, capacity;
    int64_t began_ms;
    bool too_large;
};

struct http_answer http_text(unsigned status, const char *text)
{
    return (struct http_answer){ status, "text/plain; charset=utf-8", strdup(text) };
}

bool http_refuse_method(const struct http_request *request, struct http_answer *ret_answer)
{
    if (strcmp(request->method, MHD_HTTP_METHOD_GET) == 0 || strcmp(request->method, MHD_HTTP_METHOD_HEAD) == 0) {
        return false;
    }
    *ret_answer = http_text(MHD_HTTP_METHOD_NOT_ALLOWED, "GET and HEAD only\n");
    return true;
}

static enum MHD_Result respond(struct MHD_Connection *connection, struct http_answer answer)
{
    if (!answer.body) {
        return MHD_NO;
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(answer.body), answer.body, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(answer.body);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer.type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    enum MHD_Result queued = MHD_queue_response(connection, answer.status, response);
    MHD_destroy_response(response);
    return queued;
}

/* NO when memory is out or the peer too slow: the connection is closed. */
static enum MHD_Result take(const struct http_server *server, struct intake *in, const char *upload, size_t size)
{
    if (monotonic_clock_ms() - in->began_ms > REQUEST_MS_MAX) {
        return MHD_NO;
    }
    if (in->too_large || size > server->options.body_bytes_max - in->size) {
        in->too_large = true; /* and passes by */
        return MHD_YES;
    }
    if (in->size + size > in->capacity) {
        size_t wanted = 2 * (in->size + size), capacity = wanted < 4096 ? 4096 : wanted;
        uint8_t *bytes = realloc(in->bytes, capacity);
        if (!bytes) {
            return MHD_NO;
        }
        in->bytes = bytes;
        in->capacity = capacity;
    }
    memcpy(in->bytes + in->size, upload, size);
    in->size += size;
    return MHD_YES;
}

static bool says_too_much(const struct http_server *server, struct MHD_Connection *connection)
{
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return length && strtoull(length, NULL, 10) > server->options.body_bytes_max;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_size, void **state)
{
    struct http_server *server = context;
    struct intake *in = *state;
    (void)version;
    if (!in) {
        *state = in = calloc(1, sizeof *in);
        if (!in) {
            return MHD_NO;
        }
        in->began_ms = monotonic_clock_ms();
        return says_too_much(server, connection)
                   ? respond(connection, http_text(MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large\n"))
                   : MHD_YES;
    }
    if (*upload_size > 0) {
        size_t size = *upload_size;
        *upload_size = 0;
        return take(server, in, upload, size);
    }
    if (in->too_large) {
        return respond(connection, http_text(MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large\n"));
    }
    const struct http_request request = { method, url, slice_of(in->bytes ? (char *)in->bytes : "", in->size) };
    return respond(connection, server->options.handle(server->options.context, &request));
}

static void end(void *context, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode code)
{
    struct intake *in = *state;
    (void)context;
    (void)connection;
    (void)code;
    if (in) {
        free(in->bytes);
        free(in);
        *state = NULL;
    }
}

signet_error http_server_start(const struct http_server_options *options, struct http_server **ret_server,
                               struct cause *ret_cause)
{
    struct endpoint endpoint;
    signet_error error = endpoint_resolve(options->address, &endpoint, ret_cause);
    struct http_server *server = error ? NULL : calloc(1, sizeof *server);
    if (!server) {
        return error ? error : SIGNET_ERROR_OUT_OF_MEMORY;
    }
    server->options = *options;
    /* Not select(), which knows no descriptor past 1023: a gateway has many. */
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | (endpoint.of.any.sa_family == AF_INET6 ? MHD_USE_IPv6 : 0u);
    server->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, handle, server, MHD_OPTION_SOCK_ADDR, &endpoint.of.any, MHD_OPTION_CONNECTION_LIMIT,
        options->connections_max, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SILENCE_SECONDS_MAX, MHD_OPTION_NOTIFY_COMPLETED, end, NULL,
        options->threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, options->threads, MHD_OPTION_END);
    if (!server->daemon) {
        char text[ADDRESS_TEXT_BYTES];
        address_text(options->address, text);
        cause_set_system(ret_cause, "cannot listen on", text, errno);
        free(server);
        return SIGNET_ERROR_SYSTEM;
    }
    *ret_server = server;
    return SIGNET_OK;
}

void http_server_stop(struct http_server *server)
{
    if (server) {
        MHD_stop_daemon(server->daemon);
        free(server);
    }
}
