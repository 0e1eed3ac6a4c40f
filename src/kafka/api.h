/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every Kafka API by its key: which versions the gateway lets through, from
 * which version on it is flexible (compact lengths, tagged fields), and what
 * becomes of it.  The table is the gateway's whole opinion of an API whose
 * body it does not read; the layouts of those it reads are in message.h.
 *
 * The rule to keep: what is not in the table, or in it as API_DENY, is neither
 * advertised nor forwarded, since nobody has asked whether it carries records
 * or addresses.
 */
#ifndef SIGNET_KAFKA_API_H
#define SIGNET_KAFKA_API_H

#include <stdbool.h>
#include <stdint.h>

/* Keys that code names; the table has all of them. */
enum api_key {
    API_PRODUCE = 0,
    API_FETCH = 1,
    API_METADATA = 3,
    API_FIND_COORDINATOR = 10,
    API_SASL_HANDSHAKE = 17,
    API_VERSIONS = 18,
    API_CREATE_TOPICS = 19,
    API_DELETE_TOPICS = 20,
    API_DELETE_RECORDS = 21,
    API_END_TXN = 26,
    API_SASL_AUTHENTICATE = 36,
    API_DESCRIBE_CLUSTER = 60,
    API_DESCRIBE_TOPIC_PARTITIONS = 75,
    API_SHARE_FETCH = 78,
    API_SHARE_ACKNOWLEDGE = 79,
};

enum api_class {
    API_DENY, /* dropped from ApiVersions and refused */
    API_PASS, /* forwarded as it is, body unread */
    API_WALK, /* its request, its response or both are read or rewritten */
};

/* For `flexible_since`: no version is. */
#define API_NEVER_FLEXIBLE INT16_MAX

struct api {
    const char *name;
    int16_t key;
    int16_t version_min, version_max; /* advertised, where the broker has them too */
    int16_t flexible_since;           /* first flexible version, request and response alike */
    int16_t served_since;             /* lower versions are advertised, as brokers do, but refused */
    enum api_class class;
};

/* NULL for a key that is not in the table. */
const struct api *api_find(int16_t key);
/* May a request of this version go through?  Takes NULL. */
bool api_serves(const struct api *api, int16_t version);
bool api_is_flexible(const struct api *api, int16_t version);

/* 1 or 2; right for versions above version_max too, as flexible stays flexible. */
int request_header_version(const struct api *api, int16_t version);
/* 0 or 1; ApiVersions has 0 always, so that a client can read it before it knows anything (KIP-511). */
int response_header_version(const struct api *api, int16_t version);

#endif
