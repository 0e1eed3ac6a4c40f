/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/status_server.h"

#include <stdlib.h>
#include <string.h>

#include "net/http_server.h"

enum { STATUS_CONNECTIONS_MAX = 32 };

struct status_server {
    const struct metrics_source *source;
    const atomic_bool *draining;
    struct http_server *http;
};

static struct http_answer answer(void *context, const struct http_request *request)
{
    const struct status_server *server = context;
    struct http_answer refused;
    if (http_refuse_method(request, &refused)) {
        return refused;
    }
    if (strcmp(request->path, "/metrics") == 0) {
        return (struct http_answer){ 200, "text/plain; version=0.0.4; charset=utf-8",
                                     metrics_as_prometheus(server->source) };
    }
    if (strcmp(request->path, "/healthz") == 0) {
        bool draining = atomic_load(server->draining);
        return http_text(draining ? 503 : 200, draining ? "draining\n" : "ok\n");
    }
    if (strcmp(request->path, "/") == 0) {
        return (struct http_answer){ 200, "text/html; charset=utf-8", metrics_as_page(server->source) };
    }
    return http_text(404, "there are /, /metrics and /healthz\n");
}

signet_error status_server_start(const struct address *address, const struct metrics_source *source,
                                 const atomic_bool *draining, struct status_server **ret_server,
                                 struct cause *ret_cause)
{
    struct status_server *server = calloc(1, sizeof *server);
    if (!server) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    server->source = source;
    server->draining = draining;
    const struct http_server_options options = {
        .address = address,
        .handle = answer,
        .context = server,
        .threads = 1,
        .connections_max = STATUS_CONNECTIONS_MAX,
    };
    signet_error error = http_server_start(&options, &server->http, ret_cause);
    if (error) {
        free(server);
        return error;
    }
    *ret_server = server;
    return SIGNET_OK;
}

void status_server_stop(struct status_server *server)
{
    if (server) {
        http_server_stop(server->http);
        free(server);
    }
}
