/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gateway's own question to a broker: which id has this topic name, or
 * which name has this id.  It is a Metadata request of version 12, which every
 * broker from Kafka 3.3 on answers.
 *
 * The rule to keep: one request asks by names or by ids, never both, since a
 * broker that finds one id in the list does not look at the names.
 */
#ifndef SIGNET_KAFKA_LOOKUP_H
#define SIGNET_KAFKA_LOOKUP_H

#include "base/gather.h"
#include "kafka/topic.h"

enum {
    LOOKUP_VERSION = 12,
};

/* Each appends one frame, size first; no topic is made by asking for it.  LIMIT for a list that no frame would hold. */
signet_error lookup_by_names(int32_t correlation_id, struct slice client_id, const struct slice *names, size_t count,
                             struct gather *ret_out);
signet_error lookup_by_ids(int32_t correlation_id, struct slice client_id, const struct topic_id *ids, size_t count,
                           struct gather *ret_out);

struct lookup_answer {
    bool name_null;
    struct slice name;
    struct topic_id id; /* all zero when the broker knows none */
    int16_t error_code;
};

struct lookup_hook {
    void (*found)(void *context, const struct lookup_answer *answer); /* the answer lies in the body */
    void *context;
};

/* Reads the response's body; an answer is given for every topic up to where an error may stop the reading. */
signet_error lookup_read(uint8_t *body, size_t size, struct lookup_hook hook);

#endif
