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
#include "relay/slots.h"

struct topic_view {
    struct topic_name name; /* empty: the broker does not know the id */
    struct topic_id id;     /* zero: the broker does not know the name */
    int64_t confirmed_ms;
    bool in_doubt; /* not fresh, however lately it was confirmed */
};

/* Starts as all zero. */
struct topics {
    struct topic_view *views;
    size_t count, capacity;
    struct slots slots;
};

void topics_free(struct topics *topics);
/* OUT_OF_MEMORY; past the limit everything is forgotten and learnt anew. */
signet_error topics_confirm(struct topics *topics, const struct topic_id *id, struct slice name, int64_t now_ms);
/* NULL when it was never confirmed. */
const struct topic_view *topics_find_name(const struct topics *topics, struct slice name);
/* An id that the broker has said it does not know; NULL when it has not. */
const struct topic_view *topics_find_missing(const struct topics *topics, const struct topic_id *id);
/* Confirmed no longer than TOPIC_ID_FRESH_MS ago?  Takes NULL. */
bool topic_view_is_fresh(const struct topic_view *view, int64_t now_ms);
/* What the broker has said of that name, or of all, is to be asked again. */
void topics_doubt_name(struct topics *topics, struct slice name);
void topics_doubt_all(struct topics *topics);

#endif
