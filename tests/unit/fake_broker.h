/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A broker in memory, for tests of the relay: it takes requests off one byte
 * string and puts answers on another, one after the other as a broker does for
 * one connection.  It stores what is produced and serves it again, and knows
 * how to answer with errors, to keep silent and to lie.
 */
#ifndef SIGNET_TESTS_FAKE_BROKER_H
#define SIGNET_TESTS_FAKE_BROKER_H

#include "kafka/topic.h"
#include "message_json.h"

enum {
    FAKE_TOPICS_MAX = 8,
    FAKE_PARTITIONS = 4,
    FAKE_LEADER_EPOCH = 7,
    FAKE_FIRST_SESSION = 7001,
};

/* What no client may ever see. */
#define FAKE_HOST       "broker-in-the-back.internal"
#define FAKE_CLUSTER_ID "MkU3OEVBNTcwNTJENDM2Qk"

struct fake_partition {
    struct byte_string log;
    int64_t next_offset;
    int16_t produce_error; /* answered to Produce, and nothing is stored, unless */
    bool stores_anyway;
};

struct fake_topic {
    const char *name;
    struct topic_id id;
    bool gone;
    struct fake_partition partitions[FAKE_PARTITIONS];
};

struct fake_request {
    int16_t api_key, version;
    int32_t correlation_id;
    json_t *body; /* NULL for what has no table */
};

/* Starts as all zero. */
struct fake_broker {
    struct fake_topic topics[FAKE_TOPICS_MAX];
    size_t topic_count;

    struct fake_request *seen; /* all so far */
    size_t seen_count, seen_capacity;

    /* Another body than the usual one, or NULL for that. */
    json_t *(*answer)(void *context, const struct fake_request *request);
    /* A last word on what the usual answer would be. */
    void (*edit)(void *context, const struct fake_request *request, json_t *response);
    void *context;
    bool silent;        /* takes requests and never answers */
    bool tolerant;      /* answers also what cannot be read, with anything */
    bool sessions;      /* of fetches */
    json_t *sasl;       /* array of { ErrorCode, AuthBytes } for the tokens to come; then good and empty */
    size_t bare_tokens; /* after SaslHandshake 0: frames that are tokens */
    bool taking_tokens;

    bool counts_epochs; /* refuses requests of a session that are out of step */

    int32_t session_id, last_session, session_epoch;
    json_t *session; /* its partitions */
};

void fake_broker_free(struct fake_broker *broker);
struct fake_topic *fake_broker_add_topic(struct fake_broker *broker, const char *name, const struct topic_id *id);
struct fake_topic *fake_broker_topic(struct fake_broker *broker, const char *name);

/* Takes one whole frame from `in` at `*at`, moves that on and answers to `out`; false when there is none. */
bool fake_broker_take(struct fake_broker *broker, const struct byte_string *in, size_t *at, struct byte_string *out);

/* Requests of that kind so far. */
size_t fake_broker_count(const struct fake_broker *broker, int16_t api_key);
/* The latest of that kind; NULL when there was none. */
const struct fake_request *fake_broker_latest(const struct fake_broker *broker, int16_t api_key);

/* Puts batches into the log as they are, offsets assigned. */
int64_t fake_partition_append(struct fake_partition *partition, struct slice batch);
/* From the batch that holds `offset` on. */
struct slice fake_partition_from(const struct fake_partition *partition, int64_t offset);

#endif
