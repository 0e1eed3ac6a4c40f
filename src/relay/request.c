/* SPDX-License-Identifier: Apache-2.0 */
/* The client's requests: what is refused, what is looked into, what passes. */
#include "kafka/api_versions.h"
#include "kafka/message.h"
#include "relay/conversation.h"

struct in_flight_entry *exchange_expect(struct exchange *x)
{
    struct in_flight_entry *entry = in_flight_push(&x->relay->in_flight);
    if (entry) {
        entry->kind = IN_FLIGHT_FORWARDED;
        entry->api_key = x->request.api_key;
        entry->version = x->request.api_version;
        entry->correlation_id = x->request.correlation_id;
    }
    return entry;
}

signet_error exchange_answer(struct exchange *x, struct gather *reply)
{
    struct in_flight_entry *entry = exchange_expect(x);
    if (!entry || reply->error) {
        return relay_fail(x->relay, SIGNET_ERROR_OUT_OF_MEMORY, "out of memory");
    }
    entry->kind = IN_FLIGHT_ANSWERED;
    gather_init(&entry->reply, &x->relay->worker->budget);
    gather_splice(&entry->reply, reply);
    relay_flush_local(x->relay);
    return SIGNET_OK;
}

signet_error exchange_walk(struct exchange *x, enum message_direction direction, int16_t version, struct walk_hook hook,
                           struct gather *out)
{
    int16_t key = direction == MESSAGE_REQUEST ? x->request.api_key : x->entry->api_key;
    const struct message *message = message_find(key, direction);
    return walk_message(message, version, x->frame->block, x->frame->data + x->header_size,
                        x->frame->size - x->header_size, hook, out);
}

static signet_error forward(struct exchange *x)
{
    if (!exchange_expect(x)) {
        return relay_fail(x->relay, SIGNET_ERROR_OUT_OF_MEMORY, "out of memory");
    }
    relay_forward(x->relay, RELAY_BROKER, x->frame);
    return SIGNET_OK;
}

static enum walk_answer see_mechanism(void *context, struct walk_visit *visit)
{
    struct exchange *x = context;
    if (visit->mark == MARK_MECHANISM && visit->event == VISIT_FIELD) {
        sasl_begin(&x->relay->sasl, visit_slice(visit), x->version == 0);
        if (x->relay->sasl.bare_tokens && sasl_rounds(&x->relay->sasl) == 0) {
            visit->error = relay_fail(x->relay, SIGNET_ERROR_UNSUPPORTED,
                                      "the client began bare tokens of a mechanism whose end cannot be told");
            return WALK_FAIL;
        }
    }
    return WALK_KEEP;
}

static enum walk_answer see_token(void *context, struct walk_visit *visit)
{
    struct exchange *x = context;
    if (visit->mark == MARK_AUTH_BYTES && visit->event == VISIT_FIELD) {
        sasl_client_token(&x->relay->sasl, visit_slice(visit));
    }
    return WALK_KEEP;
}

/* Step by step: a name that is claimed while another is being checked would be taken for that one. */
static signet_error begin_sasl_step(struct relay *relay)
{
    if (relay->sasl_in_flight) {
        return relay_fail(relay, SIGNET_ERROR_PROTOCOL, "the client went on with SASL before it was answered");
    }
    relay->sasl_in_flight = true;
    return SIGNET_OK;
}

static signet_error sasl_request(struct exchange *x)
{
    signet_error error = begin_sasl_step(x->relay);
    if (error) {
        return error;
    }
    bool handshake = x->request.api_key == API_SASL_HANDSHAKE;
    struct walk_hook hook = { handshake ? see_mechanism : see_token, x };
    x->frame->block->secret = true;
    error = exchange_walk(x, MESSAGE_REQUEST, x->version, hook, NULL);
    return error ? error : forward(x);
}

/* Only when everything before has been answered is it certain that the broker takes this for a token too. */
static signet_error bare_token(struct relay *relay, const struct frame *frame)
{
    if (relay->in_flight.count > 0) {
        return relay_fail(relay, SIGNET_ERROR_PROTOCOL, "the client went on with SASL before it was answered");
    }
    struct in_flight_entry *entry = in_flight_push(&relay->in_flight);
    if (!entry) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    relay->sasl_in_flight = true;
    frame->block->secret = true;
    entry->kind = IN_FLIGHT_TOKEN;
    sasl_client_token(&relay->sasl, slice_of(frame->data, frame->size));
    relay_forward(relay, RELAY_BROKER, frame);
    return SIGNET_OK;
}

/* As a broker on SASL does: nothing before authentication but what leads to it. */
static bool may_ask_unauthenticated(int16_t api_key)
{
    return api_key == API_VERSIONS || api_key == API_SASL_HANDSHAKE || api_key == API_SASL_AUTHENTICATE;
}

static signet_error unknown_version(struct exchange *x)
{
    if (x->request.api_key != API_VERSIONS) {
        const struct api *api = api_find(x->request.api_key);
        return relay_fail(x->relay, SIGNET_ERROR_UNSUPPORTED, "the client asked for %s version %d, which is not served",
                          api ? api->name : "an API", x->request.api_version);
    }
    struct gather reply;
    gather_init(&reply, &x->relay->worker->budget);
    api_versions_refuse(x->request.correlation_id, &reply);
    signet_error error = exchange_answer(x, &reply);
    gather_free(&reply);
    return error;
}

static signet_error dispatch(struct exchange *x, enum progress *ret_progress)
{
    switch (x->request.api_key) {
    case API_PRODUCE:
        return produce_request(x, ret_progress);
    case API_FETCH:
        return fetch_request(x, ret_progress);
    case API_SHARE_FETCH:
        return share_fetch_request(x, ret_progress);
    case API_SASL_HANDSHAKE:
    case API_SASL_AUTHENTICATE:
        return sasl_request(x);
    case API_DELETE_TOPICS:
    case API_DELETE_RECORDS:
        return deletion_request(x, ret_progress);
    case API_END_TXN:
        return end_txn_request(x);
    default:
        return forward(x);
    }
}

signet_error relay_request(struct relay *relay, const struct frame *frame, enum progress *ret_progress)
{
    if (relay->sasl.bare_tokens) {
        return bare_token(relay, frame);
    }
    struct exchange x = { .relay = relay, .frame = frame };
    signet_error error = request_header_read(slice_of(frame->data, frame->size), &x.request);
    if (error) {
        int key = frame->size >= 2 ? (int16_t)load_u16(frame->data) : -1;
        return relay_fail(relay, error, "the client sent a request that cannot be read (API key %d)", key);
    }
    x.version = x.request.api_version;
    x.header_size = x.request.size;
    if (relay->must_authenticate && !relay->sasl.authenticated && !may_ask_unauthenticated(x.request.api_key)) {
        return relay_fail(relay, SIGNET_ERROR_PERMISSION, "the client asked for API %d before it authenticated",
                          x.request.api_key);
    }
    if (!api_serves(api_find(x.request.api_key), x.version)) {
        return unknown_version(&x);
    }
    if (relay->sasl.mechanism == SASL_OTHER && !may_ask_unauthenticated(x.request.api_key)) {
        relay->sasl = (struct sasl){ 0 }; /* whatever it was, it is over */
    }
    return dispatch(&x, ret_progress);
}
