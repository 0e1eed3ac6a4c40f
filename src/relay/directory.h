/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory of topic ids: which name an id stands for, learnt from the
 * traffic of all clients.  An id never changes its name in Kafka, so the first
 * answer is kept and one that contradicts it is a lie or a fault: a broker
 * cannot tell one client that an id is a sealed topic and another that it is
 * not.
 *
 * One for the process; every function may be called by any thread.
 */
#ifndef SIGNET_RELAY_DIRECTORY_H
#define SIGNET_RELAY_DIRECTORY_H

#include "base/error.h"
#include "base/limits.h"
#include "base/slice.h"
#include "kafka/topic.h"

struct topic_name {
    uint8_t size;
    char bytes[TOPIC_NAME_BYTES_MAX];
};

static inline struct slice topic_name_slice(const struct topic_name *name)
{
    return slice_of(name->bytes, name->size);
}

struct directory;

/* NULL when memory is out. */
struct directory *directory_new(void);
/* Takes NULL. */
void directory_free(struct directory *directory);

/* PROTOCOL when the id is known by another name; MALFORMED for an impossible name; LIMIT, OUT_OF_MEMORY. */
signet_error directory_learn(struct directory *directory, const struct topic_id *id, struct slice name);
bool directory_find(struct directory *directory, const struct topic_id *id, struct topic_name *ret_name);

#endif
