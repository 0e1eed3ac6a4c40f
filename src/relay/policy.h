/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is to happen to a topic: whether its batches must be sealed, whether
 * they are opened for the consumers of this gateway, and what may stand in its
 * timestamps.  It follows from the topic's name alone, never from the data.
 */
#ifndef SIGNET_RELAY_POLICY_H
#define SIGNET_RELAY_POLICY_H

#include "seal/outer.h"

struct topic_policy {
    char *pattern; /* as in seal/trust.h */
    bool seal;
    bool open;
    enum timestamp_type timestamp_type;
};

struct policy {
    struct topic_policy *topics; /* the most specific first */
    size_t count;
};

/* Never NULL: a topic that nothing matches, and Kafka's own internal topics, are passed as they are. */
const struct topic_policy *policy_find(const struct policy *policy, struct slice topic_name);
/* Topics that brokers keep for themselves: they write and read them with no gateway between. */
bool topic_is_internal(struct slice topic_name);

#endif
