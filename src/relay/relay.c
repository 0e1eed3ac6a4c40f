/* SPDX-License-Identifier: Apache-2.0 */
/* The edges of a conversation: bytes into frames, frames out, and when not to read. */
#include "relay/relay.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "relay/conversation.h"

enum { SIZE_FIELD_BYTES = 4 };

static enum relay_side other(enum relay_side side)
{
    return side == RELAY_CLIENT ? RELAY_BROKER : RELAY_CLIENT;
}

struct relay *relay_new(struct relay_worker *worker, const struct relay_client *client)
{
    struct relay *relay = calloc(1, sizeof *relay);
    if (!relay) {
        return NULL;
    }
    relay->worker = worker;
    relay->hook_context = client->context;
    relay->must_authenticate = client->must_authenticate;
    snprintf(relay->principal, sizeof relay->principal, "%.*s", (int)client->principal.size,
             client->principal.size ? (const char *)client->principal.data : "");
    gather_init(&relay->out[RELAY_CLIENT], &worker->budget);
    gather_init(&relay->out[RELAY_BROKER], &worker->budget);
    return relay;
}

static void free_in_flight(struct relay *relay, int64_t now_ms)
{
    for (struct in_flight_entry *entry; (entry = in_flight_head(&relay->in_flight));) {
        if (entry->produce) {
            produce_record_unknown(entry->produce, relay->worker->shared.resends, now_ms);
            produce_record_free(entry->produce);
        }
        free(entry->end_txn);
        deletions_free(entry->deletions);
        if (entry->kind == IN_FLIGHT_ANSWERED) {
            gather_free(&entry->reply);
        }
        in_flight_pop(&relay->in_flight);
    }
    in_flight_free(&relay->in_flight);
}

void relay_free(struct relay *relay, int64_t now_ms)
{
    if (!relay) {
        return;
    }
    free_in_flight(relay, now_ms);
    fetch_forget_ahead(relay);
    read_ahead_free(relay);
    for (int side = 0; side < 2; side++) {
        gather_free(&relay->out[side]);
        block_release(relay->in[side].block);
    }
    topics_free(&relay->topics);
    writing_free(&relay->writing);
    reading_free(&relay->reading);
    free(relay);
}

signet_error relay_fail(struct relay *relay, signet_error error, const char *format, ...)
{
    if (!relay->failed) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(relay->fault, sizeof relay->fault, format, arguments);
        va_end(arguments);
        relay->failed = true;
        counter_add(&relay->worker->counters.faults, 1);
    }
    return error;
}

const char *relay_fault(const struct relay *relay)
{
    return relay->failed ? relay->fault : "no fault";
}

struct slice relay_principal(const struct relay *relay)
{
    return slice_of_text(relay->principal);
}

size_t relay_in_flight(const struct relay *relay)
{
    return relay->in_flight.count;
}

/* Before the broker has accepted a client, what it sends may be a password. */
static bool may_be_secret(const struct relay *relay, enum relay_side side)
{
    return side == RELAY_CLIENT && (relay->sasl.mechanism != SASL_NONE || relay->must_authenticate) &&
           !relay->sasl.authenticated;
}

/* Bytes that the frame under way takes, with its size field; 0 when too few have come to tell. */
static size_t frame_needs(const struct intake *in)
{
    size_t have = in->filled - in->start;
    if (!in->block || have < SIZE_FIELD_BYTES) {
        return 0;
    }
    return SIZE_FIELD_BYTES + (size_t)load_u32(in->block->data + in->start);
}

/* Some requests are answered here: a client that does not take its answers is not asked for more of them. */
static bool client_waits(const struct relay *relay)
{
    return relay->awaited != AWAITED_NOTHING || relay->in_flight.count >= REQUESTS_IN_FLIGHT_MAX ||
           relay->writing.in_flight >= CONNECTION_PARTITIONS_MAX || relay->out[RELAY_CLIENT].size >= OUTPUT_BYTES_HIGH;
}

static bool may_read(const struct relay *relay, enum relay_side side)
{
    bool other_is_slow = relay->out[other(side)].size >= OUTPUT_BYTES_HIGH;
    return !relay->failed && !other_is_slow && !(side == RELAY_CLIENT && client_waits(relay));
}

static size_t frame_limit(const struct relay *relay, enum relay_side side)
{
    return may_be_secret(relay, side) ? SASL_FRAME_BYTES_MAX : relay->worker->frame_bytes_max;
}

/* A frame is there whole, or is too large to be taken: nothing is read behind it until relay_received has dealt with it. */
static bool holds_frame(const struct relay *relay, enum relay_side side)
{
    const struct intake *in = &relay->in[side];
    size_t needs = frame_needs(in);
    return needs > 0 && (in->filled - in->start >= needs || needs - SIZE_FIELD_BYTES > frame_limit(relay, side));
}

bool relay_wants(const struct relay *relay, enum relay_side side)
{
    return may_read(relay, side) && !holds_frame(relay, side) && !relay->in[side].starved;
}

bool relay_holds_request(const struct relay *relay)
{
    const struct intake *in = &relay->in[RELAY_CLIENT];
    size_t needs = frame_needs(in);
    return !relay->failed && needs > 0 && in->filled - in->start >= needs;
}

bool relay_is_starved(const struct relay *relay, enum relay_side side)
{
    return relay->in[side].starved;
}

/* As large as frames have been lately, while there is memory; what a connection has past the limit is the least it can do with. */
static size_t intake_size(const struct relay *relay, const struct intake *in)
{
    size_t size = in->frame_hint < INTAKE_BYTES_MAX ? in->frame_hint : INTAKE_BYTES_MAX;
    return size > INTAKE_BYTES_MIN && budget_admits(&relay->worker->budget, size) ? size : INTAKE_BYTES_MIN;
}

/* A block that holds the frame under way; what has come of it moves there. */
static signet_error move_intake(struct relay *relay, struct intake *in, size_t size)
{
    if (size > INTAKE_BYTES_MIN && !budget_admits(&relay->worker->budget, size)) {
        in->starved = true;
        return SIGNET_OK;
    }
    struct block *block = block_new(&relay->worker->budget, size);
    if (!block) {
        return relay_fail(relay, SIGNET_ERROR_OUT_OF_MEMORY, "out of memory for a frame of %zu bytes", size);
    }
    size_t have = in->filled - in->start;
    if (have > 0) {
        memcpy(block->data, in->block->data + in->start, have);
    }
    block_release(in->block);
    in->block = block;
    in->start = 0;
    in->filled = have;
    return SIGNET_OK;
}

signet_error relay_room(struct relay *relay, enum relay_side side, uint8_t **ret_at, size_t *ret_size)
{
    struct intake *in = &relay->in[side];
    *ret_at = NULL;
    *ret_size = 0;
    in->starved = false;
    if (!may_read(relay, side) || holds_frame(relay, side)) {
        return SIGNET_OK;
    }
    size_t needs = frame_needs(in), left = in->block ? in->block->capacity - in->start : 0;
    bool no_room = !in->block || needs > left || in->filled == in->block->capacity;
    if (no_room) {
        size_t usual = intake_size(relay, in);
        signet_error error = move_intake(relay, in, needs > usual ? needs : usual);
        if (error || in->starved) {
            return error;
        }
    }
    in->block->secret |= may_be_secret(relay, side);
    *ret_at = in->block->data + in->filled;
    *ret_size = in->block->capacity - in->filled;
    return SIGNET_OK;
}

void relay_tell_refused(struct relay *relay, const struct request_refusal *refusal)
{
    if (relay->worker->hooks.request_refused) {
        relay->worker->hooks.request_refused(relay->hook_context, refusal);
    }
}

void relay_forward(struct relay *relay, enum relay_side to, const struct frame *frame)
{
    gather_add(&relay->out[to], frame->block, frame->start, SIZE_FIELD_BYTES + frame->size);
}

signet_error relay_put_edited(struct relay *relay, struct gather *out, const struct frame *frame, size_t header_size,
                              struct gather *body)
{
    uint8_t *size = gather_room(out, SIZE_FIELD_BYTES);
    if (size) {
        store_u32(size, (uint32_t)(header_size + body->size));
    }
    gather_add(out, frame->block, frame->data, header_size);
    gather_splice(out, body);
    return out->error ? relay_fail(relay, out->error, "out of memory") : SIGNET_OK;
}

signet_error relay_forward_edited(struct relay *relay, enum relay_side to, const struct frame *frame,
                                  size_t header_size, struct gather *body)
{
    return relay_put_edited(relay, &relay->out[to], frame, header_size, body);
}

void relay_flush_local(struct relay *relay)
{
    for (struct in_flight_entry *entry; (entry = in_flight_head(&relay->in_flight));) {
        if (entry->kind != IN_FLIGHT_ANSWERED) {
            return;
        }
        gather_splice(&relay->out[RELAY_CLIENT], &entry->reply);
        gather_free(&entry->reply);
        in_flight_pop(&relay->in_flight);
    }
}

static const char *side_name(enum relay_side side)
{
    return side == RELAY_CLIENT ? "client" : "broker";
}

/* The next whole frame; false when there is none yet. */
static signet_error next_frame(struct relay *relay, enum relay_side side, struct frame *ret_frame, bool *ret_whole)
{
    const struct intake *in = &relay->in[side];
    *ret_whole = false;
    if (in->filled - in->start < SIZE_FIELD_BYTES) {
        return SIGNET_OK;
    }
    uint8_t *start = in->block->data + in->start;
    int32_t size = (int32_t)load_u32(start);
    if (size < 0 || (size_t)size > frame_limit(relay, side)) {
        return relay_fail(relay, SIGNET_ERROR_LIMIT, "the %s sent a frame of %ld bytes; at most %zu are taken",
                          side_name(side), (long)size, frame_limit(relay, side));
    }
    *ret_frame = (struct frame){ in->block, start, start + SIZE_FIELD_BYTES, (size_t)size };
    *ret_whole = in->filled - in->start >= SIZE_FIELD_BYTES + (size_t)size;
    return SIGNET_OK;
}

static void frame_taken(struct intake *in, const struct frame *frame)
{
    size_t size = SIZE_FIELD_BYTES + frame->size;
    in->start += size;
    in->frame_hint = size > in->frame_hint ? size : in->frame_hint - in->frame_hint / 8 + size / 8;
    if (in->start == in->filled) { /* a connection that says nothing takes no memory */
        block_release(in->block);
        in->block = NULL;
        in->start = in->filled = 0;
    }
}

/* Only of a frame that will not move any more. */
static void look_ahead(struct relay *relay, const struct frame *frame)
{
    const struct intake *in = &relay->in[RELAY_BROKER];
    size_t came = in->filled - in->start;
    if (frame->size > 0 && came > SIZE_FIELD_BYTES && frame_needs(in) <= in->block->capacity - in->start) {
        came -= SIZE_FIELD_BYTES;
        fetch_look_ahead(relay, frame, came < frame->size ? came : frame->size);
    }
}

static signet_error take_frames(struct relay *relay, enum relay_side side)
{
    struct intake *in = &relay->in[side];
    while (in->block && may_read(relay, side)) {
        struct frame frame = { 0 };
        bool whole = false;
        signet_error error = next_frame(relay, side, &frame, &whole);
        if (!error && side == RELAY_BROKER) {
            look_ahead(relay, &frame);
        }
        if (error || !whole) {
            return error;
        }
        enum progress progress = PROGRESS_DONE;
        error = side == RELAY_CLIENT ? relay_request(relay, &frame, &progress) : relay_response(relay, &frame);
        if (error) {
            return relay_fail(relay, error, "the %s broke the protocol: %s", side_name(side), signet_error_text(error));
        }
        if (progress == PROGRESS_WAIT) {
            return SIGNET_OK;
        }
        frame_taken(in, &frame);
        if (side == RELAY_CLIENT) {
            counter_add(&relay->worker->counters.requests, 1);
            relay->look_ups = 0;
        }
    }
    return SIGNET_OK;
}

/* An answer can let the client's next request go on, and room for output either side's. */
signet_error relay_received(struct relay *relay, enum relay_side side, size_t size, int64_t now_ms)
{
    struct intake *in = &relay->in[side];
    relay->now_ms = now_ms;
    assert(size == 0 || (in->block && size <= in->block->capacity - in->filled));
    in->filled += size;
    signet_error error = take_frames(relay, side);
    if (!error && side == RELAY_BROKER && relay->in[RELAY_CLIENT].filled > relay->in[RELAY_CLIENT].start) {
        error = take_frames(relay, RELAY_CLIENT);
    }
    return error;
}

size_t relay_pending(const struct relay *relay, enum relay_side side)
{
    return relay->out[side].size;
}

size_t relay_peek(const struct relay *relay, enum relay_side side, struct iovec *ret_pieces, size_t max)
{
    return gather_peek(&relay->out[side], ret_pieces, max);
}

void relay_sent(struct relay *relay, enum relay_side side, size_t size)
{
    gather_consume(&relay->out[side], size);
}
