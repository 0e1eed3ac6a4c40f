/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The relay: one Kafka conversation between a client and a broker, as bytes in
 * and bytes out.  It has no sockets and no clock; whoever drives it (a daemon's
 * connection, a plugin, a test) reads into the memory it offers, tells how much
 * came, and writes out what it has.
 *
 * The rules to keep: responses leave in the order of the requests; a batch that
 * must be sealed never leaves for the broker in clear; a batch that must be
 * authentic never leaves for the client otherwise.  Whatever cannot be
 * understood ends the conversation.
 */
#ifndef SIGNET_RELAY_RELAY_H
#define SIGNET_RELAY_RELAY_H

#include <sys/uio.h>

#include "keys/data_keys.h"
#include "relay/acknowledged.h"
#include "relay/counters.h"
#include "relay/directory.h"
#include "relay/policy.h"
#include "relay/resend.h"
#include "seal/open.h"
#include "seal/seal.h"

enum relay_side {
    RELAY_CLIENT,
    RELAY_BROKER,
};

struct relay;

/* What a client was refused before anything was opened: batches to a producer, a partition to a consumer. */
struct request_refusal {
    int16_t api_key;
    struct slice topic_name; /* empty when only the id was given and nobody knows it */
    int32_t partition;
    int32_t partitions; /* of the topic, from that one on, that were refused for the same reason; at least 1 */
    int16_t error_code; /* Kafka's, as the client gets it */
    const char *why;
    const char *hint; /* NULL when there is nothing to be done */
};

struct relay_hooks {
    /*
     * A broker says that node is at host:port.  Where shall clients be told
     * that it is?  False: nowhere, and the conversation ends.
     */
    bool (*node_address)(void *context, int32_t node, struct slice host, int32_t port, char ret_host[256],
                         int32_t *ret_port);
    void (*batch_refused)(void *context, const struct open_finding *finding); /* or accepted as an exception */
    void (*request_refused)(void *context, const struct request_refusal *refusal);
    void (*authenticated)(void *context, struct slice principal);
};

/* What the process shares; each part locks itself. */
struct relay_shared {
    struct directory *directory;
    struct acknowledged *acknowledged;
    struct resends *resends;
    struct ledger_entries *ledger; /* NULL: none is kept */
    struct crew *crew;             /* may be NULL */
};

/* What the conversations of one thread share.  May be changed between calls: a reload. */
struct relay_worker {
    struct relay_shared shared;
    struct budget budget;
    struct policy policy;
    struct sealer sealer;
    struct data_keys *data_keys; /* NULL: nothing can be sealed here */
    struct opener opener;        /* report and report_context are the relay's to set */
    struct relay_hooks hooks;
    struct relay_counters counters;
    bool restrained;         /* nothing more is read ahead: others wait for memory, or it all ends */
    uint64_t rules;          /* how often policy, trust or keys were changed */
    size_t read_ahead_count; /* conversations for which something is read ahead */
    size_t read_ahead_bytes; /* of that what brokers have not sent yet, about */
    size_t frame_bytes_max;
    int32_t fetch_bytes_max;     /* what a client may ask for in one Fetch */
    int16_t fetch_refusal_error; /* Kafka's code: 2 or 87 */
    int64_t append_skew_ms;
    bool principal_in_envelope;
};

/* How a client is known before it has said anything. */
struct relay_client {
    struct slice principal; /* "User:CN=alice"; empty: not known */
    bool must_authenticate; /* nothing but SASL until the broker has accepted it */
    void *context;          /* for the hooks */
};

/* NULL when memory is out.  `worker` is borrowed. */
struct relay *relay_new(struct relay_worker *worker, const struct relay_client *client);
/* What is still in flight is remembered as of unknown outcome.  Takes NULL. */
void relay_free(struct relay *relay, int64_t now_ms);

/*
 * Where the next bytes from that side go.  `*ret_size` is 0 when nothing is to
 * be read now: an output is full, memory is short, or an answer of the broker
 * is awaited.  Only OUT_OF_MEMORY.
 */
signet_error relay_room(struct relay *relay, enum relay_side side, uint8_t **ret_at, size_t *ret_size);
/*
 * `size` bytes have been put there; 0 to go on after a pause, which both sides
 * are to be given whenever some output has been sent.  An error ends the
 * conversation: what is waiting for the client may still be sent.
 */
signet_error relay_received(struct relay *relay, enum relay_side side, size_t size, int64_t now_ms);
/* Whether relay_room would offer anything, without taking memory. */
bool relay_wants(const struct relay *relay, enum relay_side side);
/* Whether a whole request of the client waits here for a look-up, or for the broker to take what is before it. */
bool relay_holds_request(const struct relay *relay);
/* Waiting for memory only: to be asked again when some has been given back. */
bool relay_is_starved(const struct relay *relay, enum relay_side side);

/* Drops what has been read ahead for the client: others wait for the memory. */
void relay_give_way(struct relay *relay);
/* To be called about once a second: drops it when the client has not come for it. */
void relay_sweep(struct relay *relay, int64_t now_ms);

/* What waits to be written to that side: bytes, the first pieces of it, and that some have been sent. */
size_t relay_pending(const struct relay *relay, enum relay_side side);
size_t relay_peek(const struct relay *relay, enum relay_side side, struct iovec *ret_pieces, size_t max);
void relay_sent(struct relay *relay, enum relay_side side, size_t size);

/* Requests that have not been answered. */
size_t relay_in_flight(const struct relay *relay);
/* Once an error was returned: what happened, for the log; never NULL.  Holds nothing that a peer sent but numbers. */
const char *relay_fault(const struct relay *relay);
/* Empty until known. */
struct slice relay_principal(const struct relay *relay);

#endif
