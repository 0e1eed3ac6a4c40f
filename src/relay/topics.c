/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/topics.h"

#include <stdlib.h>

#include "base/array.h"

void topics_free(struct topics *topics)
{
    free(topics->views);
    slots_free(&topics->slots);
    *topics = (struct topics){ 0 };
}

struct wanted {
    const struct topics *topics;
    struct slice name;
    const struct topic_id *id; /* when the name is empty */
};

static bool is_wanted(const void *context, uint32_t place)
{
    const struct wanted *wanted = context;
    const struct topic_view *view = &wanted->topics->views[place];
    return slice_equal(topic_name_slice(&view->name), wanted->name) &&
           (wanted->name.size > 0 || topic_id_equal(&view->id, wanted->id));
}

static uint32_t hash_of(struct slice name, const struct topic_id *id)
{
    return name.size ? slots_hash(name, 0) : slots_hash(slice_of(id->bytes, sizeof id->bytes), 1);
}

static struct topic_view *find(const struct topics *topics, struct slice name, const struct topic_id *id)
{
    const struct wanted wanted = { topics, name, id };
    uint32_t place = slots_find(&topics->slots, hash_of(name, id), is_wanted, &wanted);
    return place == SLOT_NONE ? NULL : &topics->views[place];
}

static struct topic_view *add(struct topics *topics, uint32_t hash)
{
    if (topics->count == CONNECTION_TOPICS_MAX) {
        topics->count = 0;
        slots_clear(&topics->slots);
    }
    struct topic_view *views = array_with_room(topics->views, topics->count, &topics->capacity, sizeof *views, 4);
    if (!views) {
        return NULL;
    }
    topics->views = views;
    if (!slots_add(&topics->slots, hash, (uint32_t)topics->count)) {
        return NULL;
    }
    topics->views[topics->count] = (struct topic_view){ 0 };
    return &topics->views[topics->count++];
}

signet_error topics_confirm(struct topics *topics, const struct topic_id *id, struct slice name, int64_t now_ms)
{
    if (name.size > TOPIC_NAME_BYTES_MAX) {
        return SIGNET_ERROR_MALFORMED;
    }
    struct topic_view *view = find(topics, name, id);
    view = view ? view : add(topics, hash_of(name, id));
    if (!view) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    *view = (struct topic_view){ .id = *id, .confirmed_ms = now_ms };
    view->name.size = (uint8_t)name.size;
    if (name.size) {
        memcpy(view->name.bytes, name.data, name.size);
    }
    return SIGNET_OK;
}

const struct topic_view *topics_find_name(const struct topics *topics, struct slice name)
{
    return name.size ? find(topics, name, NULL) : NULL;
}

const struct topic_view *topics_find_missing(const struct topics *topics, const struct topic_id *id)
{
    return find(topics, slice_of(NULL, 0), id);
}

bool topic_view_is_fresh(const struct topic_view *view, int64_t now_ms)
{
    return view && !view->in_doubt && now_ms >= view->confirmed_ms && now_ms - view->confirmed_ms < TOPIC_ID_FRESH_MS;
}

void topics_doubt_name(struct topics *topics, struct slice name)
{
    struct topic_view *view = name.size ? find(topics, name, NULL) : NULL;
    if (view) {
        view->in_doubt = true;
    }
}

void topics_doubt_all(struct topics *topics)
{
    for (size_t i = 0; i < topics->count; i++) {
        topics->views[i].in_doubt = true;
    }
}
