/* SPDX-License-Identifier: Apache-2.0 */
#include "net/resolution.h"

#include <stdio.h>
#include <stdlib.h>

#include "net/loop_body.h"

struct resolution {
    uv_getaddrinfo_t request;
    struct loop *loop;
    resolution_fn *on_answer; /* NULL once cancelled */
    void *context;
    struct address address;
    struct job job; /* answers what needs no resolver */
    bool asked;     /* the request is under way; its memory is libuv's */
};

static void collect(const struct addrinfo *found, struct resolution_answer *answer)
{
    for (; found && answer->count < RESOLUTION_ENDPOINTS_MAX; found = found->ai_next) {
        struct endpoint *next = &answer->endpoints[answer->count];
        answer->count += endpoint_of_sockaddr(found->ai_addr, found->ai_addrlen, next);
    }
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct resolution *resolution = request->data;
    resolution->loop->resolutions--;
    if (resolution->on_answer) {
        struct resolution_answer answer = { .count = 0 };
        collect(found, &answer);
        if (status != 0 || answer.count == 0) {
            const char *reason = status ? uv_strerror(status) : "no usable number";
            answer.error = SIGNET_ERROR_SYSTEM;
            cause_set(&answer.cause, "cannot resolve %s: %s", resolution->address.host, reason);
        }
        resolution->on_answer(resolution->context, &answer);
    }
    uv_freeaddrinfo(found);
    free(resolution);
}

static signet_error ask(struct resolution *resolution)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
    struct loop *loop = resolution->loop;
    char port[8];
    if (loop->resolutions >= RESOLUTION_OUTSTANDING_MAX) {
        return SIGNET_ERROR_LIMIT;
    }
    (void)snprintf(port, sizeof port, "%u", (unsigned)resolution->address.port);
    resolution->request.data = resolution;
    resolution->asked = true;
    if (uv_getaddrinfo(&loop->uv, &resolution->request, on_resolved, resolution->address.host, port, &hints) != 0) {
        return SIGNET_ERROR_SYSTEM;
    }
    loop->resolutions++;
    return SIGNET_OK;
}

static void answer_at_once(void *context)
{
    struct resolution *resolution = context;
    struct resolution_answer answer = { .count = 1 };
    answer.error = endpoint_of_address(&resolution->address, &answer.endpoints[0]);
    resolution->on_answer(resolution->context, &answer);
    free(resolution);
}

signet_error resolution_begin(struct loop *loop, const struct address *address, resolution_fn *on_answer, void *context,
                              struct resolution **ret_resolution)
{
    signet_error error = SIGNET_OK;
    struct resolution *resolution = calloc(1, sizeof *resolution);
    if (!resolution) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    resolution->loop = loop;
    resolution->on_answer = on_answer;
    resolution->context = context;
    resolution->address = *address;
    resolution->job = (struct job){ .run = answer_at_once, .context = resolution };
    if (address->kind == ADDRESS_UNIX || address_is_number(address)) {
        loop_defer(loop, &resolution->job);
    } else {
        error = ask(resolution);
    }
    if (error) {
        free(resolution);
        return error;
    }
    *ret_resolution = resolution;
    return SIGNET_OK;
}

void resolution_cancel(struct resolution *resolution)
{
    if (!resolution) {
        return;
    }
    if (!resolution->asked) {
        loop_undefer(resolution->loop, &resolution->job);
        free(resolution);
        return;
    }
    /* A thread that is asking already cannot be stopped; it is left alone, and nobody listens to it. */
    resolution->on_answer = NULL;
    (void)uv_cancel((uv_req_t *)&resolution->request);
}
