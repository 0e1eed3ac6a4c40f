/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/status_server.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "net/endpoint.h"

enum {
    STATUS_CONNECTIONS_MAX = 32,
    STATUS_CONNECTION_BYTES_MAX = 16 * 1024,
    STATUS_TIMEOUT_SECONDS = 10,
};

struct status_server {
    const struct metrics_source *source;
    const atomic_bool *draining;
    struct MHD_Daemon *daemon;
};

struct answer {
    unsigned status;
    const char *type;
    char *body; /* owned */
};

static struct answer answer_to(const struct status_server *server, const char *path)
{
    if (strcmp(path, "/metrics") == 0) {
        return (struct answer){ MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8",
                                metrics_as_prometheus(server->source) };
    }
    if (strcmp(path, "/healthz") == 0) {
        bool draining = atomic_load(server->draining);
        return (struct answer){ draining ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK, "text/plain",
                                strdup(draining ? "draining\n" : "ok\n") };
    }
    if (strcmp(path, "/") == 0) {
        return (struct answer){ MHD_HTTP_OK, "text/html; charset=utf-8", metrics_as_page(server->source) };
    }
    return (struct answer){ MHD_HTTP_NOT_FOUND, "text/plain", strdup("there are /, /metrics and /healthz\n") };
}

static enum MHD_Result respond(struct MHD_Connection *connection, struct answer answer)
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

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_size, void **state)
{
    (void)version;
    (void)upload;
    (void)upload_size;
    (void)state;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        return respond(connection,
                       (struct answer){ MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain", strdup("GET and HEAD only\n") });
    }
    return respond(connection, answer_to(context, url));
}

signet_error status_server_start(const struct address *address, const struct metrics_source *source,
                                 const atomic_bool *draining, struct status_server **ret_server,
                                 struct cause *ret_cause)
{
    struct endpoint endpoint;
    signet_error error = endpoint_resolve(address, &endpoint, ret_cause);
    struct status_server *server = error ? NULL : calloc(1, sizeof *server);
    if (!server) {
        return error ? error : SIGNET_ERROR_OUT_OF_MEMORY;
    }
    server->source = source;
    server->draining = draining;
    /* Not select(), which knows no descriptor past 1023: the gateway has many. */
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | (endpoint.of.any.sa_family == AF_INET6 ? MHD_USE_IPv6 : 0u);
    server->daemon = MHD_start_daemon(flags, 0, NULL, NULL, handle, server, MHD_OPTION_SOCK_ADDR, &endpoint.of.any,
                                      MHD_OPTION_CONNECTION_LIMIT, (unsigned)STATUS_CONNECTIONS_MAX,
                                      MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)STATUS_CONNECTION_BYTES_MAX,
                                      MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)STATUS_TIMEOUT_SECONDS, MHD_OPTION_END);
    if (!server->daemon) {
        char text[ADDRESS_TEXT_BYTES];
        address_text(address, text);
        cause_set_system(ret_cause, "cannot listen on", text, errno);
        free(server);
        return SIGNET_ERROR_SYSTEM;
    }
    *ret_server = server;
    return SIGNET_OK;
}

void status_server_stop(struct status_server *server)
{
    if (server) {
        MHD_stop_daemon(server->daemon);
        free(server);
    }
}
