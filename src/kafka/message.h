/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kafka messages as const tables, one row a field: name, type, the versions
 * that have it, whether it may be null, its tag, and a mark on the few fields
 * that somebody looks at.  walk.h reads, checks and copies any message by its
 * table; adding a version is adding rows.
 *
 * The rule to keep: rows stand in the order of the wire, and every field of
 * every version from `since` to `last` has its row, marked or not.  Whether
 * lengths are compact and structs end in tagged fields is not said here but
 * follows from the version (api.h).
 */
#ifndef SIGNET_KAFKA_MESSAGE_H
#define SIGNET_KAFKA_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field_type {
    FIELD_END, /* the row after the last */
    FIELD_BOOL,
    FIELD_INT8,
    FIELD_INT16,
    FIELD_UINT16,
    FIELD_INT32,
    FIELD_INT64,
    FIELD_UUID,
    FIELD_STRING,
    FIELD_BYTES,
    FIELD_RECORDS, /* bytes that hold record batches */
    FIELD_STRUCT,  /* where nullable, a byte in front says whether it is there */
    FIELD_ARRAY,   /* of `element` */
};

enum mark {
    MARK_NONE,

    /* On arrays of structs: the walk stops at the array's ends and at each element's. */
    MARK_TOPIC,
    MARK_PARTITION,
    MARK_FORGOTTEN_TOPIC, /* its partitions are a plain array: MARK_PARTITION_INDEX each */
    MARK_BROKER,          /* Brokers and NodeEndpoints */
    MARK_COORDINATOR,
    MARK_API,
    MARK_ABORTED,  /* AbortedTransactions: MARK_PRODUCER_ID, MARK_FIRST_OFFSET */
    MARK_ACQUIRED, /* AcquiredRecords: MARK_FIRST_OFFSET, MARK_LAST_OFFSET, MARK_DELIVERY_COUNT */

    /* Addresses; always in this order, so that a hook can remember the node. */
    MARK_NODE_ID,
    MARK_HOST,
    MARK_PORT,

    /* Places. */
    MARK_CLUSTER_ID,
    MARK_TOPIC_NAME,
    MARK_TOPIC_ID,
    MARK_PARTITION_INDEX,
    MARK_LED_PARTITION, /* in Metadata, each followed by MARK_LEADER_ID */
    MARK_LEADER_ID,

    /* Outcomes, by the level they stand at. */
    MARK_ERROR_CODE,
    MARK_ERROR_MESSAGE,
    MARK_TOPIC_ERROR,
    MARK_TOPIC_ERROR_MESSAGE,
    MARK_PARTITION_ERROR,
    MARK_PARTITION_ERROR_MESSAGE,
    MARK_COORDINATOR_ERROR,

    /* Data. */
    MARK_RECORDS,
    MARK_ACKS,
    MARK_TRANSACTIONAL_ID,
    MARK_BASE_OFFSET,
    MARK_LOG_APPEND_TIME,
    MARK_LOG_START_OFFSET, /* in responses */
    MARK_HIGH_WATERMARK,   /* in responses */
    MARK_LOW_WATERMARK,
    MARK_LAST_STABLE_OFFSET,
    MARK_THROTTLE_TIME,
    MARK_FETCH_OFFSET,
    MARK_MAX_BYTES,
    MARK_PARTITION_MAX_BYTES,
    MARK_ISOLATION_LEVEL,
    MARK_SESSION_ID,
    MARK_SESSION_EPOCH,
    MARK_REPLICA_ID, /* at the top before Fetch 15, then in the tagged ReplicaState; a consumer has -1 or none */
    MARK_PRODUCER_ID,
    MARK_PRODUCER_EPOCH,
    MARK_COMMITTED,
    MARK_FIRST_OFFSET,
    MARK_LAST_OFFSET,
    MARK_DELIVERY_COUNT,

    /* Share groups. */
    MARK_GROUP_ID,
    MARK_MEMBER_ID,
    MARK_SHARE_SESSION_EPOCH,

    /* Sessions. */
    MARK_API_KEY,
    MARK_VERSION_MIN,
    MARK_VERSION_MAX,
    MARK_MECHANISM, /* request: the one wanted; response: each one offered */
    MARK_AUTH_BYTES,
    MARK_SESSION_LIFETIME_MS,
};

struct field {
    const char *name; /* as in Kafka's own schema */
    enum field_type type;
    enum field_type element; /* of an array */
    int8_t since;            /* first version that has the field */
    int8_t before;           /* first version that no longer has it; 0: none */
    bool nullable;
    int8_t null_since; /* with `nullable`: first version that allows null */
    bool tagged;
    uint8_t tag; /* with `tagged` */
    enum mark mark;
    const struct field *fields; /* of a struct, or of an array's structs */
};

enum message_direction {
    MESSAGE_REQUEST,
    MESSAGE_RESPONSE,
};

struct message {
    const char *name;
    int16_t api_key;
    enum message_direction direction;
    int16_t since, last; /* versions that the table covers */
    const struct field *fields;
};

/* NULL when the gateway does not read this one. */
const struct message *message_find(int16_t api_key, enum message_direction direction);
/* All of them, in no order that means anything; NULL past the end. */
const struct message *message_at(size_t index);

bool field_in_version(const struct field *field, int16_t version);
bool field_null_in_version(const struct field *field, int16_t version);
/* Bytes of a fixed-width type; 0 for the others. */
size_t field_width(enum field_type type);

#endif
