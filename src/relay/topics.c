/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/topics.h"

#include <stdlib.h>

void topics_free(struct topics *topics)
{
    free(topics->views);
    *topics = (struct topics){ 0 };
}

static struct topic_view *find_name(const struct topics *topics, struct slice name)
{
    for (size_t i = 0; i < topics->count; i++) {
        if (slice_equal(topic_name_slice(&topics->views[i].name), name)) {
            return &topics->views[i];
        }
    }
    return NULL;
}

static struct topic_view *find_missing(const struct topics *topics, const struct topic_id *id)
{
    for (size_t i = 0; i < topics->count; i++) {
        if (topics->views[i].name.size == 0 && topic_id_equal(&topics->views[i].id, id)) {
            return &topics->views[i];
        }
    }
    return NULL;
}

static struct topic_view *add(struct topics *topics)
{
    if (topics->count == CONNECTION_TOPICS_MAX) {
        topics->count = 0;
    }
    if (topics->count == topics->capacity) {
        size_t capacity = topics->capacity ? topics->capacity * 2 : 4;
        struct topic_view *views = realloc(topics->views, capacity * sizeof *views);
        if (!views) {
            return NULL;
        }
        topics->views = views;
        topics->capacity = capacity;
    }
    topics->views[topics->count] = (struct topic_view){ 0 };
    return &topics->views[topics->count++];
}

signet_error topics_confirm(struct topics *topics, const struct topic_id *id, struct slice name, int64_t now_ms)
{
    if (name.size > TOPIC_NAME_BYTES_MAX) {
        return SIGNET_ERROR_MALFORMED;
    }
    struct topic_view *view = name.size ? find_name(topics, name) : find_missing(topics, id);
    view = view ? view : add(topics);
    if (!view) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    view->id = *id;
    view->name.size = (uint8_t)name.size;
    if (name.size) {
        memcpy(view->name.bytes, name.data, name.size);
    }
    view->confirmed_ms = now_ms;
    return SIGNET_OK;
}

static bool is_fresh(const struct topic_view *view, int64_t now_ms)
{
    return now_ms - view->confirmed_ms < TOPIC_ID_FRESH_MS && now_ms >= view->confirmed_ms;
}

const struct topic_view *topics_find_name(const struct topics *topics, struct slice name, int64_t now_ms)
{
    const struct topic_view *view = name.size ? find_name(topics, name) : NULL;
    return view && is_fresh(view, now_ms) ? view : NULL;
}

const struct topic_view *topics_last(const struct topics *topics, struct slice name)
{
    return name.size ? find_name(topics, name) : NULL;
}

bool topics_id_is_missing(const struct topics *topics, const struct topic_id *id, int64_t now_ms)
{
    const struct topic_view *view = find_missing(topics, id);
    return view && is_fresh(view, now_ms);
}

void topics_forget_name(struct topics *topics, struct slice name)
{
    struct topic_view *view = find_name(topics, name);
    if (view) {
        *view = topics->views[--topics->count];
    }
}
