/* SPDX-License-Identifier: Apache-2.0 */
/* The id Kafka gives one incarnation of a topic (KIP-516); all zero means none. */
#ifndef SIGNET_KAFKA_TOPIC_H
#define SIGNET_KAFKA_TOPIC_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { TOPIC_ID_BYTES = 16 };

struct topic_id {
    uint8_t bytes[TOPIC_ID_BYTES];
};

static inline bool topic_id_is_zero(const struct topic_id *id)
{
    static const struct topic_id none;
    return memcmp(id, &none, sizeof none) == 0;
}

static inline bool topic_id_equal(const struct topic_id *a, const struct topic_id *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static inline int topic_id_compare(const struct topic_id *a, const struct topic_id *b)
{
    return memcmp(a, b, sizeof *a);
}

#endif
