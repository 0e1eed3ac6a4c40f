/* SPDX-License-Identifier: Apache-2.0 */
/* From what a message calls a topic to its name, its id and its policy. */
#include <stdlib.h>

#include "kafka/lookup.h"
#include "relay/conversation.h"

void topic_ref_by_name(struct relay *relay, struct slice name, struct topic_ref *ret_ref)
{
    *ret_ref = (struct topic_ref){ 0 };
    if (name.size == 0 || name.size > TOPIC_NAME_BYTES_MAX) {
        return;
    }
    ret_ref->name.size = (uint8_t)name.size;
    memcpy(ret_ref->name.bytes, name.data, name.size);
    ret_ref->policy = policy_find(&relay->worker->policy, name);
    const struct topic_view *view = ret_ref->policy->seal ? topics_last(&relay->topics, name) : NULL;
    if (view) {
        ret_ref->id = view->id;
    }
}

void topic_ref_by_id(struct relay *relay, const struct topic_id *id, struct topic_ref *ret_ref)
{
    *ret_ref = (struct topic_ref){ .id = *id };
    if (directory_find(relay->worker->shared.directory, id, &ret_ref->name)) {
        ret_ref->policy = policy_find(&relay->worker->policy, topic_name_slice(&ret_ref->name));
    }
}

void topic_ref_require(const struct topic_ref *ref, struct relay *relay, struct unresolved *unresolved)
{
    struct slice name = topic_name_slice(&ref->name);
    if (!ref->policy) {
        bool missing = topic_id_is_zero(&ref->id) || topics_id_is_missing(&relay->topics, &ref->id, relay->now_ms);
        if (!missing) {
            unresolved_add_id(unresolved, &ref->id);
        }
    } else if (ref->policy->seal && !topics_find_name(&relay->topics, name, relay->now_ms)) {
        unresolved_add_name(unresolved, name);
    }
}

static void *grown(void *array, size_t count, size_t size)
{
    bool full = (count & (count - 1)) == 0; /* at 0, 1, 2, 4, ... */
    return full ? realloc(array, (count ? 2 * count : 1) * size) : array;
}

void unresolved_add_name(struct unresolved *unresolved, struct slice name)
{
    struct slice *names = grown(unresolved->names, unresolved->name_count, sizeof *names);
    if (!names) {
        unresolved->error = SIGNET_ERROR_OUT_OF_MEMORY;
        return;
    }
    unresolved->names = names;
    names[unresolved->name_count++] = name;
}

void unresolved_add_id(struct unresolved *unresolved, const struct topic_id *id)
{
    struct topic_id *ids = grown(unresolved->ids, unresolved->id_count, sizeof *ids);
    if (!ids) {
        unresolved->error = SIGNET_ERROR_OUT_OF_MEMORY;
        return;
    }
    unresolved->ids = ids;
    ids[unresolved->id_count++] = *id;
}

void unresolved_free(struct unresolved *unresolved)
{
    free(unresolved->names);
    free(unresolved->ids);
    *unresolved = (struct unresolved){ 0 };
}

/* A name no client would send by accident, to be told in a broker's log. */
enum { LOOKUP_CORRELATION_ID = 0x5349474e };

static signet_error send_look_up(struct unresolved *unresolved, struct exchange *x)
{
    struct relay *relay = x->relay;
    struct gather *out = &relay->out[RELAY_BROKER];
    struct in_flight_entry *entry = in_flight_push(&relay->in_flight);
    if (!entry) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    entry->kind = IN_FLIGHT_LOOKUP;
    entry->api_key = API_METADATA;
    entry->version = LOOKUP_VERSION;
    entry->correlation_id = LOOKUP_CORRELATION_ID;
    relay->looking_up = true;
    counter_add(&relay->worker->counters.look_ups, 1);
    return unresolved->name_count > 0
               ? lookup_by_names(LOOKUP_CORRELATION_ID, x->request.client_id, unresolved->names, unresolved->name_count,
                                 out)
               : lookup_by_ids(LOOKUP_CORRELATION_ID, x->request.client_id, unresolved->ids, unresolved->id_count, out);
}

signet_error unresolved_look_up(struct unresolved *unresolved, struct exchange *x, enum progress *ret_progress)
{
    signet_error error = unresolved->error;
    *ret_progress = PROGRESS_DONE;
    if (!error && (unresolved->name_count > 0 || unresolved->id_count > 0)) {
        error = send_look_up(unresolved, x);
        *ret_progress = PROGRESS_WAIT;
    }
    unresolved_free(unresolved);
    return error;
}
