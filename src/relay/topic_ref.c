/* SPDX-License-Identifier: Apache-2.0 */
/* From what a message calls a topic to its name, its id and its policy. */
#include <stdlib.h>

#include "base/array.h"
#include "kafka/lookup.h"
#include "relay/conversation.h"

void topic_ref_by_name(struct relay *relay, struct slice name, struct topic_ref *ret_ref)
{
    *ret_ref = (struct topic_ref){ .called = name };
    if (name.size == 0 || name.size > TOPIC_NAME_BYTES_MAX) {
        return;
    }
    ret_ref->name.size = (uint8_t)name.size;
    memcpy(ret_ref->name.bytes, name.data, name.size);
    ret_ref->policy = policy_find(&relay->worker->policy, name);
    const struct topic_view *view = ret_ref->policy->seal ? topics_find_name(&relay->topics, name) : NULL;
    if (view) {
        ret_ref->id = view->id;
    }
}

void topic_ref_by_id(struct relay *relay, const struct topic_id *id, struct topic_ref *ret_ref)
{
    *ret_ref = (struct topic_ref){ .by_id = true, .id = *id };
    const struct known_topic *known = policy_known(&relay->worker->policy, id);
    if (known) {
        struct topic_ref named;
        topic_ref_by_name(relay, slice_of_text(known->name), &named);
        ret_ref->name = named.name;
        ret_ref->policy = named.policy;
    } else if (directory_find(relay->worker->shared.directory, id, &ret_ref->name)) {
        ret_ref->policy = policy_find(&relay->worker->policy, topic_name_slice(&ret_ref->name));
        ret_ref->hearsay = true;
    }
}

bool topic_ref_visit(struct relay *relay, const struct walk_visit *visit, struct topic_ref *ret_ref)
{
    struct topic_id id;
    if (visit->event != VISIT_FIELD) {
        return false;
    }
    if (visit->mark == MARK_TOPIC_NAME) {
        topic_ref_by_name(relay, visit_slice(visit), ret_ref);
        return true;
    }
    if (visit->mark == MARK_TOPIC_ID) {
        memcpy(&id, visit->at, sizeof id);
        topic_ref_by_id(relay, &id, ret_ref);
        return true;
    }
    return false;
}

signet_error topic_ref_learn(struct relay *relay, const struct topic_id *id, struct slice name)
{
    const struct known_topic *known = policy_known(&relay->worker->policy, id);
    if (known) {
        return slice_equal_text(name, known->name)
                   ? SIGNET_OK
                   : relay_fail(relay, SIGNET_ERROR_PROTOCOL,
                                "the broker gave a topic id another name than topic-ids does");
    }
    signet_error error = directory_learn(relay->worker->shared.directory, id, name);
    return error == SIGNET_ERROR_PROTOCOL
               ? relay_fail(relay, error, "the broker gave a topic id another name than before")
               : error;
}

int16_t topic_ref_unknown(const struct topic_ref *ref)
{
    return ref->by_id ? KAFKA_UNKNOWN_TOPIC_ID : KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
}

const char hearsay_why[] =
    "the topic is not sealed, and only the brokers say that the id it was asked for by is its own";

const char hearsay_hint[] = "list the topic and its id under topic-ids, if that is right";

void hearsay_tell(struct exchange *x, int16_t api_key, const struct topic_ref *ref, int32_t partition)
{
    const struct request_refusal told = {
        .api_key = api_key,
        .topic_name = topic_name_slice(&ref->name),
        .partition = partition,
        .partitions = 1,
        .error_code = HEARSAY_ERROR_CODE,
        .why = hearsay_why,
        .hint = hearsay_hint,
    };
    relay_tell_refused(x->relay, &told);
}

signet_error hearsay_may_be_answered(struct exchange *x)
{
    return x->version <= policy_version_max(&x->relay->worker->policy, x->request.api_key)
               ? SIGNET_OK
               : relay_fail(x->relay, SIGNET_ERROR_PERMISSION,
                            "the client named a topic that is not sealed by its id, in a version that is not offered "
                            "to it any more");
}

static signet_error add_name(struct unresolved *unresolved, struct slice name)
{
    struct slice *names =
        array_with_room(unresolved->names, unresolved->name_count, &unresolved->name_capacity, sizeof *names, 1);
    if (!names) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    unresolved->names = names;
    names[unresolved->name_count++] = name;
    return SIGNET_OK;
}

static signet_error add_id(struct unresolved *unresolved, const struct topic_id *id)
{
    struct topic_id *ids =
        array_with_room(unresolved->ids, unresolved->id_count, &unresolved->id_capacity, sizeof *ids, 1);
    if (!ids) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    unresolved->ids = ids;
    ids[unresolved->id_count++] = *id;
    return SIGNET_OK;
}

/* What was looked up for this very request is good however long the request had to wait for room. */
static bool is_settled(const struct relay *relay, const struct topic_view *view)
{
    return view && (relay->look_ups > 0 ? !view->in_doubt : topic_view_is_fresh(view, relay->now_ms));
}

signet_error topic_ref_require(const struct topic_ref *ref, struct relay *relay, struct unresolved *unresolved)
{
    if (++unresolved->topic_count > CONNECTION_TOPICS_MAX) {
        return relay_fail(relay, SIGNET_ERROR_LIMIT, "a request names more than %d topics", CONNECTION_TOPICS_MAX);
    }
    if (ref->by_id) {
        bool settled = ref->policy || topic_id_is_zero(&ref->id) ||
                       is_settled(relay, topics_find_missing(&relay->topics, &ref->id));
        return settled ? SIGNET_OK : add_id(unresolved, &ref->id);
    }
    bool settled =
        !ref->policy || !ref->policy->seal || is_settled(relay, topics_find_name(&relay->topics, ref->called));
    return settled ? SIGNET_OK : add_name(unresolved, ref->called);
}

void unresolved_free(struct unresolved *unresolved)
{
    free(unresolved->names);
    free(unresolved->ids);
    *unresolved = (struct unresolved){ 0 };
}

enum {
    /* A number no client would send by accident, to be told in a broker's log. */
    LOOKUP_CORRELATION_ID = 0x5349474e,
    /* For one request.  A second can be needed where the first made the oldest answers be forgotten. */
    LOOK_UPS_MAX = 3,
};

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
    relay->awaited = AWAITED_LOOKUP;
    relay->look_ups++;
    counter_add(&relay->worker->counters.look_ups, 1);
    return unresolved->name_count > 0
               ? lookup_by_names(LOOKUP_CORRELATION_ID, x->request.client_id, unresolved->names, unresolved->name_count,
                                 out)
               : lookup_by_ids(LOOKUP_CORRELATION_ID, x->request.client_id, unresolved->ids, unresolved->id_count, out);
}

static signet_error look_up(struct unresolved *unresolved, struct exchange *x, enum progress *ret_progress)
{
    if (unresolved->name_count == 0 && unresolved->id_count == 0) {
        *ret_progress = PROGRESS_DONE;
        return SIGNET_OK;
    }
    *ret_progress = PROGRESS_WAIT;
    return x->relay->look_ups < LOOK_UPS_MAX
               ? send_look_up(unresolved, x)
               : relay_fail(x->relay, SIGNET_ERROR_PROTOCOL, "the broker does not answer for a topic it was asked for");
}

signet_error exchange_resolve(struct exchange *x, struct walk_hook hook, struct unresolved *unresolved,
                              enum progress *ret_progress)
{
    signet_error error = exchange_walk(x, MESSAGE_REQUEST, x->version, hook, NULL);
    error = error ? error : look_up(unresolved, x, ret_progress);
    unresolved_free(unresolved);
    return error;
}
