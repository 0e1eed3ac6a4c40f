/* SPDX-License-Identifier: Apache-2.0 */
/* The broker's responses, each held against the request at the head of the queue. */
#include <stdio.h>
#include <stdlib.h>

#include "kafka/api_versions.h"
#include "kafka/lookup.h"
#include "relay/conversation.h"

static signet_error authenticated(struct relay *relay, struct slice token)
{
    if (!sasl_accepted(&relay->sasl, token)) {
        return SIGNET_OK;
    }
    if (relay->sasl.claimed[0] == '\0') {
        return relay->must_authenticate ? relay_fail(relay, SIGNET_ERROR_PERMISSION,
                                                     "the client's name could not be learnt from its SASL exchange")
                                        : SIGNET_OK;
    }
    if (relay->must_authenticate && relay->principal[0] && strcmp(relay->principal, relay->sasl.claimed) != 0) {
        return relay_fail(relay, SIGNET_ERROR_PERMISSION, "the client re-authenticated under another name");
    }
    if (relay->must_authenticate || relay->principal[0] == '\0') {
        snprintf(relay->principal, sizeof relay->principal, "%s", relay->sasl.claimed);
    }
    if (relay->worker->hooks.authenticated) {
        relay->worker->hooks.authenticated(relay->hook_context, relay_principal(relay));
    }
    return SIGNET_OK;
}

signet_error exchange_edit_response(struct exchange *x, struct walk_hook hook)
{
    return exchange_edit_response_into(x, hook, &x->relay->out[RELAY_CLIENT]);
}

signet_error exchange_edit_response_into(struct exchange *x, struct walk_hook hook, struct gather *out)
{
    struct gather body;
    gather_init(&body, &x->relay->worker->budget);
    signet_error error = exchange_walk(x, MESSAGE_RESPONSE, x->version, hook, &body);
    error = error ? error : relay_put_edited(x->relay, out, x->frame, x->header_size, &body);
    gather_free(&body);
    return error;
}

struct sasl_outcome {
    int16_t error_code;
    struct slice token;
};

static enum walk_answer see_outcome(void *context, struct walk_visit *visit)
{
    struct sasl_outcome *outcome = context;
    if (visit->event != VISIT_FIELD) {
        return WALK_KEEP;
    }
    if (visit->mark == MARK_ERROR_CODE) {
        outcome->error_code = visit_i16(visit);
    } else if (visit->mark == MARK_AUTH_BYTES) {
        outcome->token = visit_slice(visit);
    }
    return WALK_KEEP;
}

static signet_error sasl_response(struct exchange *x)
{
    struct relay *relay = x->relay;
    struct sasl_outcome outcome = { 0 };
    signet_error error =
        exchange_walk(x, MESSAGE_RESPONSE, x->version, (struct walk_hook){ see_outcome, &outcome }, NULL);
    if (error) {
        return error;
    }
    relay->sasl_in_flight = false;
    bool handshake = x->entry->api_key == API_SASL_HANDSHAKE;
    if (outcome.error_code != 0) {
        sasl_begin(&relay->sasl, slice_of_text(""), false);
    } else if (!handshake) {
        error = authenticated(relay, outcome.token);
    }
    relay_forward(relay, RELAY_CLIENT, x->frame);
    return error;
}

static signet_error token_response(struct relay *relay, const struct frame *frame)
{
    in_flight_pop(&relay->in_flight);
    relay->sasl_in_flight = false;
    relay_forward(relay, RELAY_CLIENT, frame);
    return authenticated(relay, slice_of(frame->data, frame->size));
}

static int16_t version_max(const void *policy, int16_t api_key)
{
    return policy_version_max(policy, api_key);
}

static signet_error api_versions_response(struct exchange *x)
{
    struct gather body;
    const struct api_ceiling ceiling = { version_max, &x->relay->worker->policy };
    gather_init(&body, &x->relay->worker->budget);
    signet_error error = api_versions_intersect(x->version, x->frame->block, x->frame->data + x->header_size,
                                                x->frame->size - x->header_size, ceiling, &body);
    error = error ? error : relay_forward_edited(x->relay, RELAY_CLIENT, x->frame, x->header_size, &body);
    gather_free(&body);
    return error;
}

struct looked_up {
    struct relay *relay;
    signet_error error;
};

static void confirm(void *context, const struct lookup_answer *answer)
{
    struct looked_up *looked_up = context;
    struct relay *relay = looked_up->relay;
    static const struct topic_id none;
    bool named = !answer->name_null && answer->name.size > 0, known = answer->error_code == 0;
    if (looked_up->error) {
        return;
    }
    if (known && named && !topic_id_is_zero(&answer->id)) {
        looked_up->error = topic_ref_learn(relay, &answer->id, answer->name);
    }
    if (!looked_up->error && (named || !topic_id_is_zero(&answer->id))) {
        /* A name without an id, or an id without a name, is remembered as missing. */
        const struct topic_id *id = named && !known ? &none : &answer->id;
        looked_up->error = topics_confirm(&relay->topics, id, named ? answer->name : slice_of(NULL, 0), relay->now_ms);
    }
}

static signet_error lookup_response(struct exchange *x)
{
    struct looked_up looked_up = { .relay = x->relay };
    signet_error error = lookup_read(x->frame->data + x->header_size, x->frame->size - x->header_size,
                                     (struct lookup_hook){ confirm, &looked_up });
    x->relay->awaited = AWAITED_NOTHING;
    return error ? error : looked_up.error;
}

static signet_error dispatch(struct exchange *x)
{
    if (x->entry->kind == IN_FLIGHT_LOOKUP) {
        return lookup_response(x);
    }
    if (x->entry->kind == IN_FLIGHT_UNWANTED) {
        return SIGNET_OK;
    }
    switch (x->entry->api_key) {
    case API_PRODUCE:
        return produce_response(x);
    case API_FETCH:
        return fetch_response(x);
    case API_SHARE_FETCH:
        return share_fetch_response(x);
    case API_VERSIONS:
        return api_versions_response(x);
    case API_SASL_HANDSHAKE:
    case API_SASL_AUTHENTICATE:
        return sasl_response(x);
    case API_DELETE_TOPICS:
    case API_DELETE_RECORDS:
        return deletion_response(x);
    case API_END_TXN:
        return end_txn_response(x);
    default:
        break;
    }
    if (api_find(x->entry->api_key)->class == API_WALK && message_find(x->entry->api_key, MESSAGE_RESPONSE)) {
        return cluster_response(x);
    }
    relay_forward(x->relay, RELAY_CLIENT, x->frame);
    return SIGNET_OK;
}

static void answered(struct relay *relay, struct in_flight_entry *entry)
{
    if (entry->kind == IN_FLIGHT_AHEAD || entry->kind == IN_FLIGHT_UNWANTED) {
        read_ahead_arrived(relay);
    }
    if (entry->api_key == API_FETCH && entry->kind != IN_FLIGHT_UNWANTED) {
        relay->fetch_in_flight = false;
        relay->awaited = relay->awaited == AWAITED_FETCH ? AWAITED_NOTHING : relay->awaited;
    }
    if (entry->produce) {
        relay->writing.in_flight -= entry->produce->count;
        produce_record_free(entry->produce);
    }
    free(entry->end_txn);
    deletions_free(entry->deletions);
    in_flight_pop(&relay->in_flight);
}

signet_error relay_response(struct relay *relay, const struct frame *frame)
{
    struct in_flight_entry *entry = in_flight_head(&relay->in_flight);
    if (!entry) {
        return relay_fail(relay, SIGNET_ERROR_PROTOCOL, "the broker answered what nobody asked");
    }
    if (entry->kind == IN_FLIGHT_TOKEN) {
        return token_response(relay, frame);
    }
    struct exchange x = { .relay = relay, .frame = frame, .entry = entry, .version = entry->version };
    struct response_header header;
    int header_version = response_header_version(api_find(entry->api_key), entry->version);
    signet_error error = response_header_read(slice_of(frame->data, frame->size), header_version, &header);
    if (error || header.correlation_id != entry->correlation_id) {
        return relay_fail(relay, SIGNET_ERROR_PROTOCOL, "the broker's answer does not belong to the request before it");
    }
    x.header_size = header.size;
    if (relay->ahead) {
        ahead_finish(relay->ahead);
    }
    error = dispatch(&x);
    fetch_forget_ahead(relay);
    if (error) {
        return relay_fail(relay, error, "the broker's answer to API %d version %d cannot be used: %s", entry->api_key,
                          entry->version, signet_error_text(error));
    }
    answered(relay, entry);
    relay_flush_local(relay);
    return read_ahead_send(relay);
}
