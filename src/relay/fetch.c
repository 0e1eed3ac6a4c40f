/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetch: batches of sealed topics are verified and opened on their way in.
 * What stands before the first bad batch is delivered; when the bad one is
 * first, the partition gets an error.
 */
#include <stdlib.h>

#include "kafka/error_code.h"
#include "kafka/refusal.h"
#include "relay/conversation.h"

enum { FETCH_SESSIONS_SINCE = 7 };

struct fetch_visit {
    struct exchange *x;
    struct unresolved unresolved; /* first walk */
    struct topic_ref topic;
    int32_t partition;
    int32_t session_id, session_epoch;
    struct fetch_shape shape; /* first walk; its topic is the last one */
    bool forgetting;
};

static enum walk_answer refuse_replica(struct fetch_visit *f, struct walk_visit *visit)
{
    if (visit_i32(visit) < 0) {
        return WALK_KEEP;
    }
    visit->error = relay_fail(f->x->relay, SIGNET_ERROR_PERMISSION,
                              "a broker fetched as a replica; brokers must reach each other directly");
    return WALK_FAIL;
}

static void clamp_bytes(const struct fetch_visit *f, const struct walk_visit *visit)
{
    int32_t most = f->x->relay->worker->fetch_bytes_max;
    if (visit_i32(visit) > most) {
        store_u32(visit->at, (uint32_t)most);
    }
}

static void note_shape(struct fetch_visit *f, const struct walk_visit *visit)
{
    struct fetch_shape *shape = &f->shape;
    size_t at = (size_t)(visit->at - f->x->frame->data);
    switch (visit->mark) {
    case MARK_MAX_BYTES:
        shape->bytes_max = visit_i32(visit);
        return;
    case MARK_ISOLATION_LEVEL:
        shape->read_committed = *visit->at == 1;
        return;
    case MARK_SESSION_ID:
        shape->session_id_at = at;
        return;
    case MARK_SESSION_EPOCH:
        shape->session_epoch_at = at;
        return;
    case MARK_PARTITION_INDEX:
        shape->partition = visit_i32(visit);
        return;
    case MARK_FETCH_OFFSET:
        shape->fetch_offset_at = at;
        shape->partitions++;
        return;
    case MARK_PARTITION_MAX_BYTES:
        shape->partition_bytes_max = visit_i32(visit);
        return;
    default:
        return;
    }
}

static enum walk_answer find_unresolved(void *context, struct walk_visit *visit)
{
    struct fetch_visit *f = context;
    f->shape.forgets |= visit->mark == MARK_FORGOTTEN_TOPIC && visit->event == VISIT_ELEMENT_BEGIN;
    if (visit->event != VISIT_FIELD) {
        return WALK_KEEP;
    }
    if (topic_ref_visit(f->x->relay, visit, &f->topic)) {
        visit->error = topic_ref_require(&f->topic, f->x->relay, &f->unresolved);
        return visit->error ? WALK_FAIL : WALK_KEEP;
    }
    switch (visit->mark) {
    case MARK_REPLICA_ID:
        return refuse_replica(f, visit);
    case MARK_MAX_BYTES:
        clamp_bytes(f, visit);
        break;
    case MARK_SESSION_ID:
        f->session_id = visit_i32(visit);
        break;
    case MARK_SESSION_EPOCH:
        f->session_epoch = visit_i32(visit);
        break;
    default:
        break;
    }
    note_shape(f, visit);
    return WALK_KEEP;
}

/* Where each partition is being read from; the broker's session remembers the rest, and so do we. */
static enum walk_answer note_offsets(void *context, struct walk_visit *visit)
{
    struct fetch_visit *f = context;
    if (visit->mark == MARK_FORGOTTEN_TOPIC) {
        f->forgetting = visit->event != VISIT_ARRAY_END;
    }
    if (visit->event != VISIT_FIELD || f->forgetting) {
        return WALK_KEEP;
    }
    if (topic_ref_visit(f->x->relay, visit, &f->topic)) {
        bool hearsay = f->topic.hearsay && !policy_opens(f->topic.policy);
        visit->error = hearsay ? hearsay_may_be_answered(f->x) : SIGNET_OK;
        return visit->error ? WALK_FAIL : WALK_KEEP;
    }
    if (visit->mark == MARK_PARTITION_INDEX) {
        f->partition = visit_i32(visit);
    } else if (visit->mark == MARK_FETCH_OFFSET && f->topic.policy && policy_opens(f->topic.policy) &&
               !topic_id_is_zero(&f->topic.id)) {
        const struct place place = { f->topic.id, f->partition };
        struct reading_partition *reading = reading_partition(&f->x->relay->reading, &place);
        if (!reading) {
            visit->error = relay_fail(f->x->relay, SIGNET_ERROR_LIMIT, "a client reads more than %d partitions",
                                      CONNECTION_PARTITIONS_MAX);
            return WALK_FAIL;
        }
        reading->fetch_offset = visit_i64(visit);
    }
    return WALK_KEEP;
}

static bool goes_on(const struct fetch_visit *f)
{
    return f->x->version >= FETCH_SESSIONS_SINCE && f->session_epoch > 0;
}

/*
 * A session begun on another connection names partitions that were never seen
 * here; one that was read ahead in for nothing is at another place than the
 * client means.  It is asked to begin anew, and closes the latter so.
 */
static int16_t session_error(const struct fetch_visit *f)
{
    const struct reading *reading = &f->x->relay->reading;
    if (!goes_on(f)) {
        return KAFKA_NONE;
    }
    if (f->session_id != reading->session_id) {
        return KAFKA_FETCH_SESSION_ID_NOT_FOUND;
    }
    return reading->overtaken ? KAFKA_INVALID_FETCH_SESSION_EPOCH : KAFKA_NONE;
}

static signet_error answer_session_error(struct exchange *x, int16_t code)
{
    struct gather reply;
    gather_init(&reply, &x->relay->worker->budget);
    signet_error error = refusal_fetch(x->version, x->request.correlation_id, code, &reply);
    error = error ? error : exchange_answer(x, &reply);
    gather_free(&reply);
    return error;
}

static signet_error forward_fetch(struct fetch_visit *f)
{
    struct exchange *x = f->x;
    read_ahead_note(x, &f->shape, &f->topic);
    signet_error error = exchange_walk(x, MESSAGE_REQUEST, x->version, (struct walk_hook){ note_offsets, f }, NULL);
    if (error) {
        return error;
    }
    struct in_flight_entry *entry = exchange_expect(x);
    if (!entry) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    entry->read_committed = f->shape.read_committed;
    x->relay->fetch_in_flight = true;
    x->relay->reading.overtaken &= goes_on(f);
    relay_forward(x->relay, RELAY_BROKER, x->frame);
    return SIGNET_OK;
}

signet_error fetch_request(struct exchange *x, enum progress *ret_progress)
{
    struct fetch_visit f = { .x = x };
    if (x->relay->fetch_in_flight) {
        x->relay->awaited = AWAITED_FETCH;
        *ret_progress = PROGRESS_WAIT;
        return SIGNET_OK;
    }
    signet_error error = exchange_resolve(x, (struct walk_hook){ find_unresolved, &f }, &f.unresolved, ret_progress);
    if (error || *ret_progress == PROGRESS_WAIT) {
        return error;
    }
    if (read_ahead_claim(x, &error)) {
        return error;
    }
    int16_t code = session_error(&f);
    return code != KAFKA_NONE ? answer_session_error(x, code) : forward_fetch(&f);
}

struct fetched_visit {
    struct exchange *x;
    struct addresses addresses;
    struct topic_ref topic;
    int32_t partition;
    struct fetched fetched;
    uint8_t *error_at; /* the partition's */
    struct aborted_transaction *aborted;
    size_t aborted_count;
};

static enum walk_answer see_aborted(struct fetched_visit *f, struct walk_visit *visit)
{
    if (visit->event == VISIT_ARRAY_BEGIN) {
        f->aborted_count = 0;
        if (visit->count > ABORTED_TRANSACTIONS_MAX) {
            visit->error = relay_fail(f->x->relay, SIGNET_ERROR_LIMIT, "the broker lists %lu aborted transactions",
                                      (unsigned long)visit->count);
            return WALK_FAIL;
        }
        struct aborted_transaction *aborted = realloc(f->aborted, (visit->count + 1) * sizeof *aborted);
        if (!aborted) {
            visit->error = SIGNET_ERROR_OUT_OF_MEMORY;
            return WALK_FAIL;
        }
        f->aborted = aborted;
    } else if (visit->event == VISIT_ELEMENT_BEGIN) {
        f->aborted[f->aborted_count++] = (struct aborted_transaction){ -1, -1 };
    }
    return WALK_KEEP;
}

static enum walk_answer refuse_records(struct fetched_visit *f, int16_t code)
{
    f->fetched.bad = true;
    store_u16(f->error_at, (uint16_t)code);
    return WALK_REPLACE; /* by nothing */
}

static void tell(void *context, const struct open_finding *finding)
{
    struct relay *relay = context;
    counter_add(&relay->worker->counters.findings[finding->verdict], 1);
    if (relay->worker->hooks.batch_refused) {
        relay->worker->hooks.batch_refused(relay->hook_context, finding);
    }
}

struct opener *relay_opener(struct relay *relay)
{
    relay->worker->opener.report = tell;
    relay->worker->opener.report_context = relay;
    return &relay->worker->opener;
}

/* The topic may have been made again under its name, which a session that goes on does not name. */
static void ask_anew(const struct fetched_visit *f)
{
    struct relay *relay = f->x->relay;
    topics_doubt_name(&relay->topics, topic_name_slice(&f->topic.name));
    relay->reading.session_id = 0;
}

static void note_opened(struct fetched_visit *f, const struct reading_partition *reading,
                        const struct open_result *result, size_t came)
{
    f->fetched.place = reading->place;
    f->fetched.good = result->delivered > 0;
    f->fetched.bad |= !verdict_is_good(result->refused);
    f->fetched.next_offset = reading->open.next_offset;
    f->fetched.records_bytes = came;
}

static enum walk_answer open_fetched(struct fetched_visit *f, struct walk_visit *visit)
{
    struct relay *relay = f->x->relay;
    struct reading_partition *reading = reading_find(&relay->reading, &(struct place){ f->topic.id, f->partition });
    if (!reading) {
        /* The broker sends what nobody asked for; or it was asked before policy said to look, and is to be asked anew. */
        relay->reading.session_id = 0;
        return refuse_records(f, topic_ref_unknown(&f->topic));
    }
    const struct open_request request = {
        .place = reading->place,
        .topic_name = topic_name_slice(&f->topic.name),
        .timestamp_type = f->topic.policy->timestamp_type,
        .append_skew_ms = relay->worker->append_skew_ms,
        .fetch_offset = reading->fetch_offset,
        .read_committed = f->x->entry->read_committed,
        .aborted = f->aborted,
        .aborted_count = f->aborted_count,
        .ahead = relay->ahead,
    };
    struct open_result result;
    size_t came = visit->size;
    signet_error error = open_records(relay_opener(relay), &request, &reading->open, f->x->frame->block,
                                      visit_slice(visit), visit->replacement, &result);
    if (error) {
        visit->error = error;
        return WALK_FAIL;
    }
    counter_add(&relay->worker->counters.batches_opened, result.delivered);
    counter_add(&relay->worker->counters.bytes_opened, visit->replacement->size);
    note_opened(f, reading, &result, came);
    bool refused = result.delivered == 0 && !verdict_is_good(result.refused);
    if (result.refused == VERDICT_WRONG_PLACE && !f->topic.by_id) {
        ask_anew(f);
    }
    return refused ? refuse_records(f, relay->worker->fetch_refusal_error) : WALK_REPLACE;
}

static enum walk_answer visit_fetched_records(struct fetched_visit *f, struct walk_visit *visit)
{
    const struct topic_ref *topic = &f->topic;
    if (visit->null || visit->size == 0) {
        return WALK_KEEP;
    }
    if (!topic->policy) {
        return refuse_records(f, topic_ref_unknown(topic));
    }
    if (policy_opens(topic->policy)) {
        return open_fetched(f, visit);
    }
    if (topic->hearsay) {
        hearsay_tell(f->x, API_FETCH, topic, f->partition);
        return refuse_records(f, HEARSAY_ERROR_CODE);
    }
    return WALK_KEEP;
}

/* For what will be asked for next. */
static void note_fetched(struct fetched_visit *f, const struct walk_visit *visit)
{
    struct fetched *fetched = &f->fetched;
    switch (visit->mark) {
    case MARK_THROTTLE_TIME:
        fetched->throttled = visit_i32(visit) > 0;
        return;
    case MARK_ERROR_CODE:
    case MARK_PARTITION_ERROR:
        fetched->bad |= visit_i16(visit) != KAFKA_NONE;
        return;
    case MARK_SESSION_ID:
        fetched->session_id = visit_i32(visit);
        return;
    case MARK_PARTITION_INDEX:
        fetched->partitions++;
        return;
    case MARK_HIGH_WATERMARK:
    case MARK_LAST_STABLE_OFFSET:
        if (f->x->entry->read_committed == (visit->mark == MARK_LAST_STABLE_OFFSET)) {
            fetched->readable_end = visit_i64(visit);
        }
        return;
    default:
        return;
    }
}

static enum walk_answer fetched_visit(void *context, struct walk_visit *visit)
{
    struct fetched_visit *f = context;
    if (visit->mark == MARK_ABORTED) {
        return see_aborted(f, visit);
    }
    if (visit->event != VISIT_FIELD) {
        return WALK_KEEP;
    }
    note_fetched(f, visit);
    switch (visit->mark) {
    case MARK_SESSION_ID:
        f->x->relay->reading.session_id = visit_i32(visit);
        return WALK_KEEP;
    case MARK_TOPIC_NAME:
    case MARK_TOPIC_ID:
        topic_ref_visit(f->x->relay, visit, &f->topic);
        return WALK_KEEP;
    case MARK_PARTITION_INDEX:
        f->partition = visit_i32(visit);
        f->aborted_count = 0;
        return WALK_KEEP;
    case MARK_PARTITION_ERROR:
        f->error_at = visit->at;
        return WALK_KEEP;
    case MARK_PRODUCER_ID:
        f->aborted[f->aborted_count - 1].producer_id = visit_i64(visit);
        return WALK_KEEP;
    case MARK_FIRST_OFFSET:
        f->aborted[f->aborted_count - 1].first_offset = visit_i64(visit);
        return WALK_KEEP;
    case MARK_RECORDS:
        return visit_fetched_records(f, visit);
    default:
        return addresses_visit(&f->addresses, visit);
    }
}

static enum walk_answer ahead_visit(void *context, struct walk_visit *visit)
{
    struct fetched_visit *f = context;
    const struct topic_policy *policy = f->topic.policy;
    bool records = visit->event == VISIT_FIELD && visit->mark == MARK_RECORDS;
    topic_ref_visit(f->x->relay, visit, &f->topic);
    if (records && policy && policy_opens(policy)) {
        ahead_see(f->x->relay->ahead, visit_slice(visit));
    }
    return WALK_KEEP;
}

/* Often enough to keep the crew busy, and not so often that walking shows. */
static bool is_worth_a_look(const struct relay *relay, const struct frame *so_far, size_t came)
{
    size_t step = relay->ahead_bytes / 4 > LOOK_AHEAD_STEP_BYTES ? relay->ahead_bytes / 4 : LOOK_AHEAD_STEP_BYTES;
    bool whole = came == so_far->size;
    return so_far->size >= LOOK_AHEAD_BYTES_MIN && (came >= relay->ahead_bytes + step || whole);
}

void fetch_look_ahead(struct relay *relay, const struct frame *so_far, size_t came)
{
    struct in_flight_entry *entry = in_flight_head(&relay->in_flight);
    bool of_use = entry && (entry->kind == IN_FLIGHT_FORWARDED || entry->kind == IN_FLIGHT_AHEAD);
    if (!of_use || !is_worth_a_look(relay, so_far, came) ||
        (entry->api_key != API_FETCH && entry->api_key != API_SHARE_FETCH)) {
        return;
    }
    struct response_header header;
    int header_version = response_header_version(api_find(entry->api_key), entry->version);
    relay->ahead = relay->ahead ? relay->ahead : ahead_new(relay->worker->shared.crew, CREW_BATCH_BYTES_MIN);
    relay->ahead_bytes = came;
    if (!relay->ahead || response_header_read(slice_of(so_far->data, came), header_version, &header)) {
        return;
    }
    struct exchange x = { .relay = relay };
    struct fetched_visit f = { .x = &x };
    walk_beginning(message_find(entry->api_key, MESSAGE_RESPONSE), entry->version, so_far->data + header.size,
                   came - header.size, (struct walk_hook){ ahead_visit, &f });
}

void fetch_forget_ahead(struct relay *relay)
{
    ahead_free(relay->ahead);
    relay->ahead = NULL;
    relay->ahead_bytes = 0;
}

signet_error fetch_response(struct exchange *x)
{
    struct fetched_visit f = { .x = x, .addresses = addresses_of(x) };
    const struct walk_hook hook = { fetched_visit, &f };
    bool ahead = x->entry->kind == IN_FLIGHT_AHEAD;
    signet_error error =
        ahead ? exchange_edit_response_into(x, hook, &x->relay->read_ahead->reply) : exchange_edit_response(x, hook);
    free(f.aborted);
    return error ? error : read_ahead_answered(x, &f.fetched);
}
