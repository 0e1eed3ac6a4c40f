/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading ahead: a client that works through a backlog asks for the next part
 * of it when it is done with the last, and waits while that one is fetched and
 * opened.  What it will ask for can be told byte for byte from what it has
 * asked for and got.  So the gateway asks before it does, opens the answer while
 * the client is busy, and holds it until the client's own request comes.
 *
 * The rule to keep: a client gets what it would have got if nobody had read
 * ahead for it.  What is held answers those very bytes and nothing else;
 * whatever else the client asks for drops it.  The broker's fetch session has
 * then gone on without the client, which is told to begin a new one: the same
 * error that brokers give for a request out of step.
 *
 * That costs a round trip and an answer for nothing.  So the next request is
 * first only foretold, and sent once several in a row came as foretold, and
 * soon; the more of them the more has been dropped for this client.
 */
#ifndef SIGNET_RELAY_READ_AHEAD_H
#define SIGNET_RELAY_READ_AHEAD_H

#include "base/gather.h"
#include "base/limits.h"
#include "relay/directory.h"
#include "seal/envelope.h"

struct relay;
struct exchange;
struct topic_ref;

/* A Fetch as a client sends it: where in the frame stands what changes from one to the next. */
struct fetch_shape {
    size_t session_id_at, session_epoch_at; /* 0: the version has no sessions */
    size_t fetch_offset_at;
    size_t partitions;
    int32_t partition;           /* the last one */
    int32_t bytes_max;           /* of the answer */
    int32_t partition_bytes_max; /* of the last one */
    bool forgets;                /* partitions of the session */
    bool read_committed;
};

/* What its answer was. */
struct fetched {
    size_t partitions;
    struct place place;   /* of the last one */
    bool good;            /* it has records, and all of them were delivered */
    bool bad;             /* something in the answer was an error or refused */
    int64_t next_offset;  /* behind them */
    int64_t readable_end; /* what the client may read ends there */
    size_t records_bytes;
    int32_t session_id;
    bool throttled;
};

enum read_ahead_state {
    READ_AHEAD_IDLE,
    READ_AHEAD_ASKED,    /* `request` is the client's, and is at the broker */
    READ_AHEAD_EXPECTED, /* `request` is what the client is expected to send next */
    READ_AHEAD_SENT,     /* the same, and it is at the broker */
    READ_AHEAD_CLAIMED,  /* the same, and the client has asked for it since */
    READ_AHEAD_HELD,     /* the same, and its answer is here */
};

/* Of one conversation. */
struct read_ahead {
    enum read_ahead_state state;
    uint8_t request[READ_AHEAD_REQUEST_BYTES_MAX]; /* without its size field */
    size_t request_size;
    struct fetch_shape shape;
    struct place place;
    struct topic_name called; /* by its name; empty: by its id */
    struct fetched fetched;   /* what came of the answer that was given last, or is held */
    struct gather reply;      /* HELD: a whole frame */
    uint8_t *correlation_at;  /* in it */
    uint64_t rules;           /* by which it was opened */
    int64_t expected_since_ms;
    size_t promised_bytes;    /* asked for ahead and not here yet */
    unsigned in_a_row;        /* requests that came as foretold, and soon */
    unsigned in_a_row_wanted; /* before anything is read ahead */
};

/* The client's Fetch is about to be forwarded.  Out of memory only means that nothing is read ahead. */
void read_ahead_note(struct exchange *x, const struct fetch_shape *shape, const struct topic_ref *topic);
/*
 * The client's next Fetch.  True when it is the one that was read ahead for: it
 * is answered, or will be.  Otherwise what was read ahead is dropped.
 */
bool read_ahead_claim(struct exchange *x, signet_error *ret_error);
/* The answer to a Fetch, the client's or one read ahead, has been opened. */
signet_error read_ahead_answered(struct exchange *x, const struct fetched *fetched);
/* The broker has answered what was read ahead, wanted or not. */
void read_ahead_arrived(struct relay *relay);
/* Sends what is expected, if it is time for that.  Adds to what is in flight. */
signet_error read_ahead_send(struct relay *relay);
/* Drops what was sent or is held; `in_vain`: for the client did not ask for it. */
void read_ahead_drop(struct relay *relay, bool in_vain);
void read_ahead_free(struct relay *relay);

#endif
