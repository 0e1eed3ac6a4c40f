/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ShareFetch (KIP-932): as Fetch, but readers see subsets in any order, and
 * what they have acquired they will acknowledge.  The rule to keep: a record
 * that is not delivered is not acquired either, or the client would release it
 * as a gap and nobody would ever miss it.
 */
#include <stdlib.h>

#include "kafka/error_code.h"
#include "relay/conversation.h"

struct share_visit {
    struct exchange *x;
    struct unresolved unresolved; /* of the request */
    struct addresses addresses;
    struct topic_ref topic;
    int32_t partition;
    uint8_t *error_at; /* the partition's */
    bool filtering;    /* its records were opened: what is acquired must be among `ranges` */
    struct offset_range *ranges;
    size_t range_count;
    size_t range_next;                 /* those before it end before what is still to be acquired */
    int64_t first_offset, last_offset; /* of the acquired range being read */
    int64_t acquired_end;              /* of the one before it; -1 before the first */
    struct gather acquired;            /* ranges that remain */
    uint32_t acquired_count;
};

static enum walk_answer find_unresolved(void *context, struct walk_visit *visit)
{
    struct share_visit *s = context;
    int32_t most = s->x->relay->worker->fetch_bytes_max;
    if (visit->event != VISIT_FIELD) {
        return WALK_KEEP;
    }
    if (topic_ref_visit(s->x->relay, visit, &s->topic)) {
        visit->error = topic_ref_require(&s->topic, s->x->relay, &s->unresolved);
    } else if (visit->mark == MARK_MAX_BYTES && visit_i32(visit) > most) {
        store_u32(visit->at, (uint32_t)most);
    }
    return visit->error ? WALK_FAIL : WALK_KEEP;
}

signet_error share_fetch_request(struct exchange *x, enum progress *ret_progress)
{
    struct share_visit s = { .x = x };
    signet_error error = exchange_resolve(x, (struct walk_hook){ find_unresolved, &s }, &s.unresolved, ret_progress);
    if (error || *ret_progress == PROGRESS_WAIT) {
        return error;
    }
    if (!exchange_expect(x)) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    relay_forward(x->relay, RELAY_BROKER, x->frame);
    return SIGNET_OK;
}

static void forget_ranges(struct share_visit *s)
{
    free(s->ranges);
    s->ranges = NULL;
    s->range_count = 0;
    s->filtering = false;
}

static enum walk_answer refuse_records(struct share_visit *s, int16_t code)
{
    store_u16(s->error_at, (uint16_t)code);
    s->filtering = true; /* and no range: nothing is acquired */
    return WALK_REPLACE;
}

static enum walk_answer open_shared(struct share_visit *s, struct walk_visit *visit)
{
    struct relay *relay = s->x->relay;
    const struct place place = { s->topic.id, s->partition };
    struct reading_partition *reading = reading_partition(&relay->reading, &place);
    struct open_result result;
    const struct open_request request = {
        .place = place,
        .topic_name = topic_name_slice(&s->topic.name),
        .timestamp_type = s->topic.policy->timestamp_type,
        .append_skew_ms = relay->worker->append_skew_ms,
        .share_group = true,
        .ahead = relay->ahead,
    };
    signet_error error = !reading ? SIGNET_ERROR_LIMIT
                                  : open_records(relay_opener(relay), &request, &reading->open, s->x->frame->block,
                                                 visit_slice(visit), visit->replacement, &result);
    if (error) {
        visit->error = error;
        return WALK_FAIL;
    }
    s->filtering = true;
    s->ranges = result.ranges;
    s->range_count = result.range_count;
    counter_add(&relay->worker->counters.batches_opened, result.delivered);
    counter_add(&relay->worker->counters.bytes_opened, visit->replacement->size);
    bool refused = result.delivered == 0 && !verdict_is_good(result.refused);
    return refused ? refuse_records(s, relay->worker->fetch_refusal_error) : WALK_REPLACE;
}

static enum walk_answer visit_records(struct share_visit *s, struct walk_visit *visit)
{
    const struct topic_policy *policy = s->topic.policy;
    bool in_clear = policy && !policy_opens(policy) && !s->topic.hearsay;
    if (visit->null || visit->size == 0) {
        s->filtering = !in_clear;
        return WALK_KEEP;
    }
    if (!policy) {
        return refuse_records(s, KAFKA_UNKNOWN_TOPIC_ID);
    }
    if (policy_opens(policy)) {
        return open_shared(s, visit);
    }
    if (s->topic.hearsay) {
        hearsay_tell(s->x, API_SHARE_FETCH, &s->topic, s->partition);
        return refuse_records(s, HEARSAY_ERROR_CODE);
    }
    return WALK_KEEP;
}

static void add_acquired(struct share_visit *s, int64_t first, int64_t last, int16_t delivery_count)
{
    uint8_t *room = gather_room(&s->acquired, 8 + 8 + 2 + 1);
    if (room) {
        struct writer w = writer_over(room, 8 + 8 + 2 + 1);
        write_i64(&w, first);
        write_i64(&w, last);
        write_i16(&w, delivery_count);
        write_uvarint(&w, 0);
        s->acquired_count++;
    }
}

/* The parts of an acquired range that were delivered.  Both lists ascend; a range that goes back is not acquired at all. */
static void keep_acquired(struct share_visit *s, int16_t delivery_count)
{
    if (s->first_offset <= s->acquired_end || s->last_offset < s->first_offset) {
        return;
    }
    s->acquired_end = s->last_offset;
    while (s->range_next < s->range_count && s->ranges[s->range_next].last < s->first_offset) {
        s->range_next++;
    }
    for (size_t i = s->range_next; i < s->range_count && s->ranges[i].first <= s->last_offset; i++) {
        int64_t first = s->ranges[i].first > s->first_offset ? s->ranges[i].first : s->first_offset;
        int64_t last = s->ranges[i].last < s->last_offset ? s->ranges[i].last : s->last_offset;
        add_acquired(s, first, last, delivery_count);
    }
}

static enum walk_answer visit_acquired(struct share_visit *s, struct walk_visit *visit)
{
    if (visit->event == VISIT_ARRAY_BEGIN) {
        gather_clear(&s->acquired);
        s->acquired_count = 0;
        s->range_next = 0;
        s->acquired_end = -1;
    }
    if (visit->event == VISIT_ARRAY_END && s->acquired.error) {
        visit->error = s->acquired.error;
        return WALK_FAIL;
    }
    if (visit->event != VISIT_ARRAY_END || !s->filtering) {
        return WALK_KEEP;
    }
    forget_ranges(s);
    visit->count = s->acquired_count;
    gather_splice(visit->replacement, &s->acquired);
    return WALK_REPLACE;
}

static enum walk_answer share_visit(void *context, struct walk_visit *visit)
{
    struct share_visit *s = context;
    if (visit->mark == MARK_ACQUIRED) {
        return visit_acquired(s, visit);
    }
    if (visit->event != VISIT_FIELD) {
        return WALK_KEEP;
    }
    switch (visit->mark) {
    case MARK_TOPIC_ID:
        topic_ref_visit(s->x->relay, visit, &s->topic);
        return WALK_KEEP;
    case MARK_PARTITION_INDEX:
        s->partition = visit_i32(visit);
        forget_ranges(s);
        return WALK_KEEP;
    case MARK_PARTITION_ERROR:
        s->error_at = visit->at;
        return WALK_KEEP;
    case MARK_RECORDS:
        return visit_records(s, visit);
    case MARK_FIRST_OFFSET:
        s->first_offset = visit_i64(visit);
        return WALK_KEEP;
    case MARK_LAST_OFFSET:
        s->last_offset = visit_i64(visit);
        return WALK_KEEP;
    case MARK_DELIVERY_COUNT:
        keep_acquired(s, visit_i16(visit));
        return WALK_KEEP;
    default:
        return addresses_visit(&s->addresses, visit);
    }
}

signet_error share_fetch_response(struct exchange *x)
{
    struct share_visit s = { .x = x, .addresses = addresses_of(x) };
    gather_init(&s.acquired, &x->relay->worker->budget);
    signet_error error = exchange_edit_response(x, (struct walk_hook){ share_visit, &s });
    gather_free(&s.acquired);
    forget_ranges(&s);
    return error;
}
