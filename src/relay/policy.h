/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is to happen to a topic: whether its batches must be sealed, whether
 * they are opened for the consumers of this gateway, and what may stand in its
 * timestamps.  It follows from the topic's name alone, never from the data.
 *
 * Where a client names a topic by its id alone, the name is the brokers' word,
 * and a broker that lies would choose the policy.  So what is in clear is only
 * served by id where the operator has said which name the id has.
 */
#ifndef SIGNET_RELAY_POLICY_H
#define SIGNET_RELAY_POLICY_H

#include "seal/outer.h"

struct topic_policy {
    char *pattern; /* as in seal/trust.h */
    bool seal;
    bool open;
    enum timestamp_type timestamp_type;
    int64_t retention_ms; /* how long, and how much, brokers keep at least: for verifying.  0: not pinned */
    uint64_t retention_bytes;
};

/* A topic id whose name the operator vouches for. */
struct known_topic {
    struct topic_id id;
    char *name;
};

struct policy {
    struct topic_policy *topics; /* the most specific first */
    size_t count;
    struct known_topic *known; /* ascending by id */
    size_t known_count;
};

/* Never NULL: a topic that nothing matches, and Kafka's own internal topics, are passed as they are. */
const struct topic_policy *policy_find(const struct policy *policy, struct slice topic_name);
bool policy_opens(const struct topic_policy *topic);
/* NULL: the operator says nothing of that id. */
const struct known_topic *policy_known(const struct policy *policy, const struct topic_id *id);
/* For qsort. */
int known_topic_compare(const void *a, const void *b);
/* The highest version of an API to offer to clients: above it they would name topics by id that this policy leaves in clear. */
int16_t policy_version_max(const struct policy *policy, int16_t api_key);
/* Topics that brokers keep for themselves: they write and read them with no gateway between. */
bool topic_is_internal(struct slice topic_name);

#endif
