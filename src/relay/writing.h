/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a connection knows of what it writes: the stream of every partition it
 * seals for, and for each Produce request in flight what was sealed in it and
 * what was refused.
 */
#ifndef SIGNET_RELAY_WRITING_H
#define SIGNET_RELAY_WRITING_H

#include "relay/acknowledged.h"
#include "relay/directory.h"
#include "relay/ledger_entries.h"
#include "relay/resend.h"
#include "relay/slots.h"
#include "seal/seal.h"

struct writing_stream {
    struct place place;
    struct seal_stream stream;
};

/* Starts as all zero. */
struct writing {
    struct writing_stream *streams;
    size_t count, capacity;
    struct slots slots;
    size_t in_flight; /* partitions of unanswered requests that were sealed or refused */
};

void writing_free(struct writing *writing);
/* The partition's stream, begun if need be; good until the next call.  NULL when memory is out. */
struct seal_stream *writing_stream(struct writing *writing, const struct place *place);

/* One partition of a Produce request. */
struct produced {
    struct topic_name topic; /* empty when the id is unknown */
    struct place place;      /* the id is zero when the name is unknown */
    int16_t refused;         /* Kafka's error code; 0: sent */
    const char *why, *hint;  /* with `refused`; no hint: NULL */
    bool sealed;
    uint8_t seal_id[SEAL_ID_BYTES];
    uint8_t producer[PRODUCER_HASH_BYTES];
    bool reserved;             /* room in the ledger */
    struct listing *listing;   /* in the seal; the record's, NULL when there is none */
    struct ledger_batch entry; /* of what was sealed, but for what the broker answers */
    struct resend_key key;     /* meaningful with a producer id */
    struct gather bytes;       /* the sealed batch, while it may have to be sent again */
};

struct produce_record {
    int16_t acks;
    struct budget *budget; /* charged for the table: a few bytes of a request can make a row of it */
    struct acknowledged *acknowledged;
    struct ledger_entries *ledger;
    struct produced *partitions;
    size_t count, capacity;
    struct slots slots;
};

/* NULL when memory is out. */
struct produce_record *produce_record_new(struct budget *budget, struct acknowledged *acknowledged,
                                          struct ledger_entries *ledger);
/* Takes NULL.  What was reserved in the ledger and is not entered is given back, and so are listings. */
void produce_record_free(struct produce_record *record);
/*
 * Zero but for the topic and the partition; good until the next call.  It is
 * found by the id if `by_id`, else by the name.  NULL when memory is out.
 */
struct produced *produce_record_add(struct produce_record *record, const struct topic_name *topic,
                                    const struct place *place, bool by_id);
/* By id when it is not zero, else by name; NULL when the request had no such partition, or nothing was noted of it. */
struct produced *produce_record_find(const struct produce_record *record, const struct topic_id *id, struct slice name,
                                     int32_t partition);
/* Takes what the partition's next seal is to list. */
void produced_list(struct produced *produced, struct produce_record *record);
/* It was acknowledged with acks=all, and so was what it listed: that need not be listed again. */
void produced_listed(struct produced *produced, struct produce_record *record);
/* Nobody will ever answer for any of it: the end of a connection. */
void produce_record_unknown(struct produce_record *record, struct resends *resends, int64_t now_ms);
/* Nobody knows what became of it: kept to be sent again, or lost to the ledger. */
void produced_unknown(const struct produced *produced, struct produce_record *record, struct resends *resends,
                      int64_t now_ms);

#endif
