/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that a broker has not answered yet, in the order in which they were
 * sent, which is the order in which it answers (Kafka keeps it per connection).
 */
#ifndef SIGNET_RELAY_IN_FLIGHT_H
#define SIGNET_RELAY_IN_FLIGHT_H

#include "base/gather.h"
#include "relay/deletion.h"
#include "relay/transaction.h"
#include "relay/writing.h"

enum in_flight_kind {
    IN_FLIGHT_FORWARDED, /* the client's request, the broker's answer */
    IN_FLIGHT_TOKEN,     /* a bare SASL token: no header either way */
    IN_FLIGHT_LOOKUP,    /* our own request: the client hears nothing of it */
    IN_FLIGHT_ANSWERED,  /* answered here; `reply` waits for its turn */
    IN_FLIGHT_AHEAD,     /* our own, for what the client is expected to ask (relay/read_ahead.h) */
    IN_FLIGHT_UNWANTED,  /* the same, and it has asked for something else */
    IN_FLIGHT_CLAIMED,   /* the client's request, for which the one read ahead stands; not sent itself */
};

struct in_flight_entry {
    enum in_flight_kind kind;
    int16_t api_key, version;
    int32_t correlation_id;
    struct gather reply;            /* ANSWERED: a whole frame */
    struct produce_record *produce; /* Produce: what was sealed and refused; owned */
    struct end_txn *end_txn;        /* EndTxn: what was asked; owned */
    struct deletions *deletions;    /* DeleteRecords, DeleteTopics, where a ledger is kept; owned */
    bool read_committed;            /* Fetch */
};

struct in_flight {
    struct in_flight_entry *entries; /* a ring */
    size_t first, count, capacity;
};

/* Appends one, all zero; NULL when memory is out. */
struct in_flight_entry *in_flight_push(struct in_flight *q);
/* NULL when there is none. */
struct in_flight_entry *in_flight_head(const struct in_flight *q);
/* The first of that kind; NULL when there is none. */
struct in_flight_entry *in_flight_find(const struct in_flight *q, enum in_flight_kind kind);
/* The entry's contents must have been freed or moved. */
void in_flight_pop(struct in_flight *q);
void in_flight_free(struct in_flight *q);

#endif
