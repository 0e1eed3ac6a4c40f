/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/deletion.h"

#include <stdlib.h>

#include "base/array.h"
#include "relay/conversation.h"

struct deletions *deletions_new(struct budget *budget)
{
    struct deletions *deletions = calloc(1, sizeof *deletions);
    if (deletions) {
        deletions->budget = budget;
    }
    return deletions;
}

void deletions_free(struct deletions *deletions)
{
    if (deletions) {
        deletions->budget->used_bytes -= deletions->capacity * sizeof *deletions->asked;
        free(deletions->asked);
        slots_free(&deletions->slots);
        free(deletions);
    }
}

bool deletions_add(struct deletions *deletions, const struct topic_name *topic, const struct place *place, bool by_id)
{
    size_t before = deletions->capacity;
    struct deletion *asked =
        array_with_room(deletions->asked, deletions->count, &deletions->capacity, sizeof *asked, 1);
    if (!asked) {
        return false;
    }
    deletions->asked = asked;
    deletions->budget->used_bytes += (deletions->capacity - before) * sizeof *asked;
    struct slice key = by_id ? slice_of(place->topic.bytes, sizeof place->topic.bytes) : topic_name_slice(topic);
    if (!slots_add(&deletions->slots, slots_hash(key, (uint32_t)place->partition), (uint32_t)deletions->count)) {
        return false;
    }
    asked[deletions->count++] = (struct deletion){ .topic = *topic, .place = *place };
    return true;
}

struct wanted_deletion {
    const struct deletions *deletions;
    const struct topic_id *id; /* zero: any */
    struct slice name;         /* empty: any */
    int32_t partition;
};

static bool is_deletion(const void *context, uint32_t place)
{
    const struct wanted_deletion *wanted = context;
    const struct deletion *d = &wanted->deletions->asked[place];
    return d->place.partition == wanted->partition &&
           (wanted->name.size == 0 || slice_equal(topic_name_slice(&d->topic), wanted->name)) &&
           (topic_id_is_zero(wanted->id) || topic_id_equal(&d->place.topic, wanted->id));
}

struct deletion *deletions_find(const struct deletions *deletions, const struct topic_id *id, struct slice name,
                                int32_t partition)
{
    const struct wanted_deletion wanted = { deletions, id, name, partition };
    uint32_t found = slots_find(&deletions->slots, slots_hash(name, (uint32_t)partition), is_deletion, &wanted);
    if (found == SLOT_NONE && !topic_id_is_zero(id)) {
        struct slice key = slice_of(id->bytes, sizeof id->bytes);
        found = slots_find(&deletions->slots, slots_hash(key, (uint32_t)partition), is_deletion, &wanted);
    }
    return found == SLOT_NONE ? NULL : &deletions->asked[found];
}

/* Requests. */

struct asking {
    struct exchange *x;
    struct unresolved unresolved; /* first walk */
    struct deletions *deletions;  /* second walk */
    struct topic_ref topic;
};

/* DeleteTopics 6 and later have a name or an id, and the other is null or zero. */
static bool names_topic(struct asking *a, const struct walk_visit *visit)
{
    static const struct topic_id none;
    bool is_nothing = visit->mark == MARK_TOPIC_NAME ? visit->null
                                                     : visit->mark == MARK_TOPIC_ID && visit->event == VISIT_FIELD &&
                                                           memcmp(visit->at, &none, sizeof none) == 0;
    return !is_nothing && topic_ref_visit(a->x->relay, visit, &a->topic);
}

static enum walk_answer find_unresolved(void *context, struct walk_visit *visit)
{
    struct asking *a = context;
    if (names_topic(a, visit)) {
        visit->error = topic_ref_require(&a->topic, a->x->relay, &a->unresolved);
    }
    return visit->error ? WALK_FAIL : WALK_KEEP;
}

static enum walk_answer note(struct asking *a, struct walk_visit *visit, int32_t partition)
{
    const struct topic_ref *topic = &a->topic;
    const struct place place = { topic->id, partition };
    if (!topic->policy || !topic->policy->seal || topic_id_is_zero(&topic->id) || partition < 0) {
        return WALK_KEEP;
    }
    if (a->deletions->count >= CONNECTION_PARTITIONS_MAX) {
        visit->error = relay_fail(a->x->relay, SIGNET_ERROR_LIMIT, "a request deletes from more than %d partitions",
                                  CONNECTION_PARTITIONS_MAX);
    } else if (!deletions_add(a->deletions, &topic->name, &place, topic->by_id)) {
        visit->error = SIGNET_ERROR_OUT_OF_MEMORY;
    }
    return visit->error ? WALK_FAIL : WALK_KEEP;
}

static enum walk_answer note_asked(void *context, struct walk_visit *visit)
{
    struct asking *a = context;
    bool whole_topics = a->x->request.api_key == API_DELETE_TOPICS;
    if (names_topic(a, visit)) {
        return whole_topics ? note(a, visit, 0) : WALK_KEEP;
    }
    if (visit->event == VISIT_FIELD && visit->mark == MARK_PARTITION_INDEX) {
        return note(a, visit, visit_i32(visit));
    }
    return WALK_KEEP;
}

signet_error deletion_request(struct exchange *x, enum progress *ret_progress)
{
    struct relay *relay = x->relay;
    struct asking a = { .x = x };
    bool kept = relay->worker->shared.ledger != NULL; /* else nobody wants to know which topics these are */
    signet_error error =
        kept ? exchange_resolve(x, (struct walk_hook){ find_unresolved, &a }, &a.unresolved, ret_progress) : SIGNET_OK;
    if (error || *ret_progress == PROGRESS_WAIT) {
        return error;
    }
    a.deletions = kept ? deletions_new(&relay->worker->budget) : NULL;
    if (kept && !a.deletions) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    error =
        kept ? exchange_walk(x, MESSAGE_REQUEST, x->version, (struct walk_hook){ note_asked, &a }, NULL) : SIGNET_OK;
    struct in_flight_entry *entry = error ? NULL : exchange_expect(x);
    if (!entry) {
        deletions_free(a.deletions);
        return error ? error : SIGNET_ERROR_OUT_OF_MEMORY;
    }
    entry->deletions = a.deletions;
    relay_forward(relay, RELAY_BROKER, x->frame);
    return SIGNET_OK;
}

/* Responses. */

struct answering {
    struct exchange *x;
    struct topic_id id;
    struct slice name;
    int32_t partition;
    int16_t error_code;
    int64_t low_watermark;
};

/* All has been seen that the broker says of one row. */
static void enter(struct answering *a, enum ledger_kind kind)
{
    const struct deletions *deletions = a->x->entry->deletions;
    struct deletion *asked = deletions ? deletions_find(deletions, &a->id, a->name, a->partition) : NULL;
    if (!asked || asked->answered || a->error_code != 0 || a->low_watermark < 0) {
        return;
    }
    asked->answered = true;
    const struct ledger_deletion deletion = {
        .time_ms = a->x->relay->now_ms,
        .place = asked->place,
        .low_watermark = a->low_watermark,
    };
    ledger_entries_deletion(a->x->relay->worker->shared.ledger, kind, &deletion, topic_name_slice(&asked->topic));
}

static enum walk_answer see_row_end(struct answering *a, enum mark mark)
{
    bool whole_topics = a->x->entry->api_key == API_DELETE_TOPICS;
    if (mark == MARK_PARTITION) {
        enter(a, LEDGER_RECORDS_DELETED);
    } else if (mark == MARK_TOPIC && whole_topics) {
        enter(a, LEDGER_TOPIC_DELETED);
    }
    if (mark == MARK_TOPIC) {
        a->name = slice_of(NULL, 0);
        a->id = (struct topic_id){ 0 };
    }
    a->partition = 0;
    a->low_watermark = 0;
    return WALK_KEEP;
}

static enum walk_answer see_answer(void *context, struct walk_visit *visit)
{
    struct answering *a = context;
    if (visit->event == VISIT_ELEMENT_END) {
        return see_row_end(a, visit->mark);
    }
    if (visit->event != VISIT_FIELD) {
        return WALK_KEEP;
    }
    switch (visit->mark) {
    case MARK_TOPIC_NAME:
        a->name = visit_slice(visit);
        break;
    case MARK_TOPIC_ID:
        memcpy(&a->id, visit->at, sizeof a->id);
        break;
    case MARK_PARTITION_INDEX:
        a->partition = visit_i32(visit);
        break;
    case MARK_LOW_WATERMARK:
        a->low_watermark = visit_i64(visit);
        break;
    case MARK_TOPIC_ERROR:
    case MARK_PARTITION_ERROR:
        a->error_code = visit_i16(visit);
        break;
    default:
        break;
    }
    return WALK_KEEP;
}

signet_error deletion_response(struct exchange *x)
{
    struct answering a = { .x = x };
    signet_error error = exchange_walk(x, MESSAGE_RESPONSE, x->version, (struct walk_hook){ see_answer, &a }, NULL);
    if (error) {
        return error;
    }
    if (x->entry->api_key == API_DELETE_TOPICS) {
        topics_doubt_all(&x->relay->topics); /* must not be taken for alive: their names are looked up again */
    }
    relay_forward(x->relay, RELAY_CLIENT, x->frame);
    return SIGNET_OK;
}
