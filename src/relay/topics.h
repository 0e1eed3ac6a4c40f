/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The topics of one connection, as the broker at its other end has confirmed
 * them: which id a name has now, and which ids it does not know.  Unlike the
 * directory these answers age, since a topic can be deleted and made again
 * under its name.
 */
#ifndef SIGNET_RELAY_TOPICS_H
#define SIGNET_RELAY_TOPICS_H

#include "relay/directory.h"

struct topic_view {
    struct topic_name name; /* empty: the broker does not know the id */
    struct topic_id id;     /* zero: the broker does not know the name */
    int64_t confirmed_ms;
};

/* Starts as all zero. */
struct topics {
    struct topic_view *views;
    size_t count, capacity;
};

void topics_free(struct topics *topics);
/* OUT_OF_MEMORY; past the limit everything is forgotten and learnt anew. */
signet_error topics_confirm(struct topics *topics, const struct topic_id *id, struct slice name, int64_t now_ms);
/* NULL when unknown or confirmed longer than TOPIC_ID_FRESH_MS ago. */
const struct topic_view *topics_find_name(const struct topics *topics, struct slice name, int64_t now_ms);
/* However long ago it was confirmed; NULL when it never was. */
const struct topic_view *topics_last(const struct topics *topics, struct slice name);
/* An id that the broker has lately said it does not know? */
bool topics_id_is_missing(const struct topics *topics, const struct topic_id *id, int64_t now_ms);
void topics_forget_name(struct topics *topics, struct slice name);

#endif
