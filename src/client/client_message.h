/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the client says and hears: frames for one topic, in versions that every
 * broker from Kafka 3.5 to 4.3 has.  Bytes in, bytes out.
 */
#ifndef SIGNET_CLIENT_CLIENT_MESSAGE_H
#define SIGNET_CLIENT_CLIENT_MESSAGE_H

#include "base/cursor.h"
#include "kafka/error_code.h"
#include "net/address.h"

enum {
    CLIENT_METADATA_VERSION = 12,
    CLIENT_PRODUCE_VERSION = 9, /* topics by name, as in all before 13 */
    CLIENT_HANDSHAKE_VERSION = 1,
    CLIENT_AUTHENTICATE_VERSION = 2,
    /* Beside key and value of one record: frame, request, batch header and all lengths, with a topic's longest name. */
    CLIENT_PRODUCE_EXTRA_BYTES = 512,
};

/* A record and where it goes; borrowed. */
struct client_record {
    struct slice topic, key, value;
    int32_t partition;
    int64_t time_ms; /* Unix time */
    int32_t wait_ms; /* for the other replicas */
};

/* Each writes one frame, its size first.  `w` keeps NO_SPACE. */
void client_metadata_write(struct writer *w, int32_t correlation_id, struct slice topic);
/* One batch of one record, for acks=all. */
void client_produce_write(struct writer *w, int32_t correlation_id, const struct client_record *record);

/* SASL (RFC 4422): which mechanism, and one token of it. */
void client_handshake_write(struct writer *w, int32_t correlation_id, const char *mechanism);
void client_authenticate_write(struct writer *w, int32_t correlation_id, struct slice token);

/*
 * Where in a response's frame (without its size) the body begins.  `request` is
 * what was written above.  PROTOCOL for an answer to another; TRUNCATED, MALFORMED.
 */
signet_error client_response_body(struct slice request, struct slice frame, size_t *ret_at);

struct client_topic {
    int16_t error_code;
    int32_t partitions;
    int32_t leader; /* of the partition that was asked for; -1: none */
};
/* Errors of the walk (kafka/walk.h); PROTOCOL when the answer is about another topic or none. */
signet_error client_metadata_read(uint8_t *body, size_t size, struct slice topic, int32_t partition,
                                  struct client_topic *ret_topic);
/* The address of a broker in a metadata answer; PROTOCOL when it is not there, or none that anyone can connect to. */
signet_error client_broker_read(uint8_t *body, size_t size, int32_t node, struct address *ret_address);
/* PROTOCOL when the answer is about another partition or none. */
signet_error client_produce_read(uint8_t *body, size_t size, int32_t partition, int16_t *ret_error_code);

struct client_authenticated {
    int16_t error_code;
    struct slice token;  /* into the body */
    int64_t lifetime_ms; /* after which the broker wants a new login (KIP-368); 0: never */
};
/* Errors of the walk. */
signet_error client_handshake_read(uint8_t *body, size_t size, int16_t *ret_error_code);
signet_error client_authenticate_read(uint8_t *body, size_t size, struct client_authenticated *ret_authenticated);

#endif
