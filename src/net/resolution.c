/* SPDX-License-Identifier: Apache-2.0 */
#include "net/resolution.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/loop_body.h"

/* What a thread of the pool asks the resolver, for all who want to know it meanwhile. */
struct question {
    uv_getaddrinfo_t request;
    struct loop *loop;
    struct address address;
    struct resolution *askers;
    struct question *next; /* of the loop's that may still be joined */
};

struct resolution {
    struct loop *loop;
    resolution_fn *on_answer;
    void *context;
    struct question *question; /* NULL: no resolver is needed */
    struct resolution *next, **link;
    struct address address;
    struct job job; /* answers what needs no resolver */
};

static atomic_size_t asked; /* by all loops */

bool resolution_is_asking(void)
{
    return atomic_load(&asked) > 0;
}

static struct question *find_question(const struct loop *loop, const struct address *address)
{
    struct question *question = loop->questions;
    while (question && !address_equal(&question->address, address)) {
        question = question->next;
    }
    return question;
}

static void unlink_question(struct question *question)
{
    struct question **at = &question->loop->questions;
    while (*at && *at != question) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = question->next;
    }
}

static void join(struct question *question, struct resolution *resolution)
{
    resolution->question = question;
    resolution->next = question->askers;
    resolution->link = &question->askers;
    if (resolution->next) {
        resolution->next->link = &resolution->next;
    }
    question->askers = resolution;
}

static void leave(struct resolution *resolution)
{
    *resolution->link = resolution->next;
    if (resolution->next) {
        resolution->next->link = resolution->link;
    }
}

static struct resolution *take_asker(struct question *question)
{
    struct resolution *first = question->askers;
    if (first) {
        question->askers = first->next;
        if (first->next) {
            first->next->link = &question->askers;
        }
    }
    return first;
}

static void collect(const struct addrinfo *found, struct resolution_answer *answer)
{
    for (; found && answer->count < RESOLUTION_ENDPOINTS_MAX; found = found->ai_next) {
        struct endpoint *next = &answer->endpoints[answer->count];
        answer->count += endpoint_of_sockaddr(found->ai_addr, found->ai_addrlen, next);
    }
}

static void answer(struct resolution *resolution, const struct resolution_answer *what)
{
    resolution->on_answer(resolution->context, what);
    free(resolution);
}

/* Whoever asks from inside an answer asks anew. */
static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct question *question = request->data;
    struct resolution_answer result = { .count = 0 };
    collect(found, &result);
    if (status != 0 || result.count == 0) {
        result.error = SIGNET_ERROR_SYSTEM;
        cause_set(&result.cause, "cannot resolve %s: %s", question->address.host,
                  status ? uv_strerror(status) : "no usable number");
    }
    question->loop->questions_asked--;
    atomic_fetch_sub(&asked, 1);
    unlink_question(question);
    for (struct resolution *first; (first = take_asker(question));) {
        answer(first, &result);
    }
    uv_freeaddrinfo(found);
    free(question);
}

static signet_error ask(struct loop *loop, const struct address *address, struct question **ret_question)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
    char port[8];
    struct question *question = calloc(1, sizeof *question);
    if (!question) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    question->request.data = question;
    question->loop = loop;
    question->address = *address;
    (void)snprintf(port, sizeof port, "%u", (unsigned)address->port);
    if (uv_getaddrinfo(&loop->uv, &question->request, on_resolved, address->host, port, &hints) != 0) {
        free(question);
        return SIGNET_ERROR_SYSTEM;
    }
    loop->questions_asked++;
    atomic_fetch_add(&asked, 1);
    question->next = loop->questions;
    loop->questions = question;
    *ret_question = question;
    return SIGNET_OK;
}

static signet_error ask_or_join(struct resolution *resolution)
{
    struct question *question = find_question(resolution->loop, &resolution->address);
    signet_error error = question ? SIGNET_OK : ask(resolution->loop, &resolution->address, &question);
    if (!error) {
        join(question, resolution);
    }
    return error;
}

static void answer_at_once(void *context)
{
    struct resolution *resolution = context;
    struct resolution_answer result = { .count = 1 };
    result.error = endpoint_of_address(&resolution->address, &result.endpoints[0]);
    answer(resolution, &result);
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
        error = ask_or_join(resolution);
    }
    if (error) {
        free(resolution);
        return error;
    }
    *ret_resolution = resolution;
    return SIGNET_OK;
}

/* A thread that is asking already cannot be stopped; whoever wants to know the same may still join it. */
static void give_up(struct question *question)
{
    if (uv_cancel((uv_req_t *)&question->request) == 0) {
        unlink_question(question);
    }
}

void resolution_cancel(struct resolution *resolution)
{
    if (!resolution) {
        return;
    }
    if (resolution->question) {
        leave(resolution);
        if (!resolution->question->askers) {
            give_up(resolution->question);
        }
    } else {
        loop_undefer(resolution->loop, &resolution->job);
    }
    free(resolution);
}
