/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Produce: batches of sealed topics are sealed on their way out.  A batch that
 * is refused leaves as an empty one, which the broker refuses too: so every
 * answer keeps its place, and the reason is put into the answer on its way back.
 */
#include <stdlib.h>

#include "kafka/error_code.h"
#include "relay/conversation.h"

enum { ZSTD_SINCE_PRODUCE_VERSION = 7 };

struct produce_visit {
    struct exchange *x;
    struct unresolved unresolved;  /* first walk */
    struct produce_record *record; /* second walk */
    struct topic_ref topic;
    int32_t partition;
    bool refused_any;
    int16_t acks;
};

static enum walk_answer find_unresolved(void *context, struct walk_visit *visit)
{
    struct produce_visit *p = context;
    if (topic_ref_visit(p->x->relay, visit, &p->topic)) {
        visit->error = topic_ref_require(&p->topic, p->x->relay, &p->unresolved);
    }
    return visit->error ? WALK_FAIL : WALK_KEEP;
}

struct refusal {
    int16_t code;
    const char *why;
};

static struct refusal refusal_of(signet_error error)
{
    switch (error) {
    case SIGNET_ERROR_CHECKSUM:
        return (struct refusal){ KAFKA_CORRUPT_MESSAGE, "the batch's checksum does not match" };
    case SIGNET_ERROR_LIMIT:
        return (struct refusal){ KAFKA_MESSAGE_TOO_LARGE, "the batch has more records than can be sealed" };
    case SIGNET_ERROR_UNSUPPORTED:
        return (struct refusal){ KAFKA_INVALID_RECORD, "only record batches of magic 2 can be sealed" };
    case SIGNET_ERROR_MALFORMED:
    case SIGNET_ERROR_TRUNCATED:
        return (struct refusal){ KAFKA_INVALID_RECORD, "the batch is malformed" };
    default:
        return (struct refusal){ KAFKA_NOT_ENOUGH_REPLICAS, "the batch cannot be sealed now" };
    }
}

/* Not told to anyone yet. */
static enum walk_answer refuse(struct produce_visit *p, struct produced *produced, struct refusal refusal)
{
    produced->refused = refusal.code;
    produced->why = refusal.why;
    p->refused_any = true;
    counter_add(&p->x->relay->worker->counters.produce_refused, 1);
    return WALK_REPLACE; /* by nothing */
}

static bool is_refused_alike(const struct produced *a, const struct produced *b)
{
    return a->refused == b->refused && a->why == b->why && topic_id_equal(&a->place.topic, &b->place.topic) &&
           slice_equal(topic_name_slice(&a->topic), topic_name_slice(&b->topic));
}

/* A request can have thousands of partitions, mostly of one topic and refused for one reason: that is told once. */
static void tell_refused(const struct produce_visit *p)
{
    const struct produce_record *record = p->record;
    for (size_t i = 0, run; i < record->count; i += run) {
        const struct produced *first = &record->partitions[i];
        for (run = 1; i + run < record->count && is_refused_alike(first, first + run); run++) {
        }
        const struct request_refusal told = {
            .api_key = API_PRODUCE,
            .topic_name = topic_name_slice(&first->topic),
            .partition = first->place.partition,
            .partitions = (int32_t)run,
            .error_code = first->refused,
            .why = first->why,
            .hint = first->hint,
        };
        if (first->refused) {
            relay_tell_refused(p->x->relay, &told);
        }
    }
}

static struct resend_key resend_key_of(const struct produced *produced, const struct batch_header *header)
{
    return (struct resend_key){
        .place = produced->place,
        .producer_id = header->producer_id,
        .producer_epoch = header->producer_epoch,
        .base_sequence = header->base_sequence,
        .record_count = header->record_count,
        .crc = header->crc,
    };
}

/* The same batch, sealed before and of unknown outcome, goes out as the same bytes. */
static bool send_again(struct produce_visit *p, struct produced *produced, struct gather *out)
{
    struct resend_batch batch;
    struct relay *relay = p->x->relay;
    if (!resends_take(relay->worker->shared.resends, &produced->key, relay->now_ms, &batch)) {
        return false;
    }
    gather_copy(out, slice_of(batch.bytes, batch.size));
    counter_add(&relay->worker->counters.batches_resent, 1);
    free(batch.bytes);
    memcpy(produced->seal_id, batch.seal_id, SEAL_ID_BYTES);
    memcpy(produced->producer, batch.producer, PRODUCER_HASH_BYTES);
    return true;
}

static signet_error seal_anew(struct produce_visit *p, struct produced *produced, const struct batch *batch,
                              struct gather *out)
{
    struct relay *relay = p->x->relay;
    struct relay_worker *worker = relay->worker;
    struct seal_result result;
    struct seal_request request = {
        .place = produced->place,
        .topic_name = topic_name_slice(&produced->topic),
        .principal = worker->principal_in_envelope ? relay_principal(relay) : slice_of(NULL, 0),
        .now_ms = relay->now_ms,
        .zstd_allowed = p->x->version >= ZSTD_SINCE_PRODUCE_VERSION,
        .stream = writing_stream(&relay->writing, &produced->place),
    };
    if (!request.stream) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    signet_error error =
        data_keys_current(worker->data_keys, &produced->place.topic, batch->records.size, relay->now_ms, &request.key);
    if (error) {
        return error;
    }
    produced_list(produced, p->record);
    if (produced->listing) {
        request.predecessors = produced->listing->predecessors;
        request.predecessor_count = produced->listing->count;
    }
    error = seal_batch(&worker->sealer, &request, p->x->frame->block, batch, out, &result);
    if (!error) {
        counter_add(&worker->counters.batches_sealed, 1);
        counter_add(&worker->counters.bytes_sealed, batch->records.size);
        memcpy(produced->seal_id, result.seal_id, SEAL_ID_BYTES);
        memcpy(produced->producer, result.producer, PRODUCER_HASH_BYTES);
    }
    return error;
}

/* What is to be entered once the broker has acknowledged it (spec/ledger.md, section 3.3). */
static void note_entry(struct produced *produced, const struct batch_header *header, size_t stored_bytes)
{
    produced->entry = (struct ledger_batch){
        .place = produced->place,
        .last_offset_delta = header->last_offset_delta,
        .transactional = (header->attributes & BATCH_TRANSACTIONAL) != 0,
        .producer_id = header->producer_id,
        .producer_epoch = header->producer_epoch,
        .base_sequence = header->base_sequence,
        .timestamp_ms = header->max_timestamp,
        .stored_bytes = (uint32_t)stored_bytes,
    };
    memcpy(produced->entry.seal_id, produced->seal_id, SEAL_ID_BYTES);
}

/* Sealed bytes stay until the outcome is known, as far as memory allows. */
static void keep_bytes(struct produce_visit *p, struct produced *produced, const struct gather *sealed)
{
    struct budget *budget = &p->x->relay->worker->budget;
    if (produced->key.producer_id < 0 || p->acks == 0 || budget->used_bytes > budget->limit_bytes / 2) {
        return;
    }
    gather_init(&produced->bytes, budget);
    for (size_t i = sealed->first; i < sealed->count; i++) {
        gather_add(&produced->bytes, sealed->pieces[i].owner, sealed->pieces[i].data, sealed->pieces[i].size);
    }
    if (produced->bytes.error) {
        gather_clear(&produced->bytes); /* half of it is worse than nothing */
    }
}

static enum walk_answer seal_records(struct produce_visit *p, struct produced *produced, struct walk_visit *visit)
{
    struct batch batch;
    signet_error error = seal_check(visit_slice(visit), &batch);
    if (error == SIGNET_ERROR_MALFORMED && visit->size >= BATCH_HEADER_BYTES &&
        (load_u16(visit->at + BATCH_CRC_START) & BATCH_LOG_APPEND_TIME)) {
        return refuse(p, produced, (struct refusal){ KAFKA_INVALID_TIMESTAMP, "producers may not set LogAppendTime" });
    }
    if (error) {
        return refuse(p, produced, refusal_of(error));
    }
    if (p->acks != 0 && !ledger_entries_reserve(p->record->ledger)) {
        return refuse(p, produced, (struct refusal){ KAFKA_NOT_ENOUGH_REPLICAS, "the ledger is full" });
    }
    produced->reserved = p->acks != 0;
    produced->key = resend_key_of(produced, &batch.header);
    if (batch.header.producer_id < 0 || !send_again(p, produced, visit->replacement)) {
        error = seal_anew(p, produced, &batch, visit->replacement);
    }
    error = error ? error : visit->replacement->error;
    if (error) {
        gather_clear(visit->replacement);
        return refuse(p, produced, refusal_of(error));
    }
    produced->sealed = true;
    note_entry(produced, &batch.header, visit->replacement->size);
    keep_bytes(p, produced, visit->replacement);
    return WALK_REPLACE;
}

/* A row for what is to be sealed or refused.  The broker would store one batch of a partition, and answer once. */
static struct produced *note_partition(struct produce_visit *p, struct walk_visit *visit)
{
    static const struct topic_id none;
    struct relay *relay = p->x->relay;
    const struct topic_ref *topic = &p->topic;
    const struct place place = { topic->id, p->partition };
    struct slice name = topic->by_id ? slice_of(NULL, 0) : topic_name_slice(&topic->name);
    if (produce_record_find(p->record, topic->by_id ? &topic->id : &none, name, p->partition)) {
        visit->error = relay_fail(relay, SIGNET_ERROR_PROTOCOL, "a Produce request has two batches for one partition");
        return NULL;
    }
    if (p->record->count >= CONNECTION_PARTITIONS_MAX) {
        visit->error =
            relay_fail(relay, SIGNET_ERROR_LIMIT, "a Produce request has batches for more than %d partitions",
                       CONNECTION_PARTITIONS_MAX);
        return NULL;
    }
    struct produced *produced = produce_record_add(p->record, &topic->name, &place, topic->by_id);
    visit->error = produced ? SIGNET_OK : SIGNET_ERROR_OUT_OF_MEMORY;
    return produced;
}

static enum walk_answer refuse_hearsay(struct produce_visit *p, struct produced *produced, struct walk_visit *visit)
{
    visit->error = hearsay_may_be_answered(p->x);
    if (visit->error) {
        return WALK_FAIL;
    }
    produced->hint = hearsay_hint;
    return refuse(p, produced, (struct refusal){ HEARSAY_ERROR_CODE, hearsay_why });
}

static enum walk_answer visit_records(struct produce_visit *p, struct walk_visit *visit)
{
    const struct topic_policy *policy = p->topic.policy;
    bool empty = visit->null || visit->size == 0;
    if (policy && (empty || (!policy->seal && !p->topic.hearsay))) {
        return WALK_KEEP;
    }
    struct produced *produced = note_partition(p, visit);
    if (!produced) {
        return WALK_FAIL;
    }
    if (!policy || topic_id_is_zero(&p->topic.id)) {
        return refuse(p, produced, (struct refusal){ topic_ref_unknown(&p->topic), "the topic is not known" });
    }
    if (!policy->seal) {
        return refuse_hearsay(p, produced, visit);
    }
    if (!p->x->relay->worker->data_keys) {
        return refuse(p, produced, (struct refusal){ KAFKA_POLICY_VIOLATION, "this gateway has no key to seal with" });
    }
    return seal_records(p, produced, visit);
}

static enum walk_answer seal_visit(void *context, struct walk_visit *visit)
{
    struct produce_visit *p = context;
    if (visit->event != VISIT_FIELD || topic_ref_visit(p->x->relay, visit, &p->topic)) {
        return WALK_KEEP;
    }
    switch (visit->mark) {
    case MARK_ACKS:
        p->acks = visit_i16(visit);
        return WALK_KEEP;
    case MARK_PARTITION_INDEX:
        p->partition = visit_i32(visit);
        return WALK_KEEP;
    case MARK_RECORDS:
        return visit_records(p, visit);
    default:
        return WALK_KEEP;
    }
}

static signet_error seal_and_forward(struct produce_visit *p)
{
    struct exchange *x = p->x;
    struct gather body;
    gather_init(&body, &x->relay->worker->budget);
    signet_error error = exchange_walk(x, MESSAGE_REQUEST, x->version, (struct walk_hook){ seal_visit, p }, &body);
    tell_refused(p);
    if (!error && p->acks == 0 && p->refused_any) {
        error = relay_fail(x->relay, SIGNET_ERROR_REFUSED,
                           "a batch sent with acks=0 was refused; there is no answer to say so in");
    }
    struct in_flight_entry *entry = error || p->acks == 0 ? NULL : exchange_expect(x);
    if (!error && p->acks != 0 && !entry) {
        error = SIGNET_ERROR_OUT_OF_MEMORY;
    }
    if (!error && p->acks == 0) {
        ledger_entries_lose(p->record->ledger, LEDGER_LOSS_ACKS_ZERO, p->record->count);
    }
    if (entry) {
        p->record->acks = p->acks;
        x->relay->writing.in_flight += p->record->count;
        entry->produce = p->record;
        p->record = NULL;
    }
    error = error ? error : relay_forward_edited(x->relay, RELAY_BROKER, x->frame, x->header_size, &body);
    gather_free(&body);
    return error;
}

signet_error produce_request(struct exchange *x, enum progress *ret_progress)
{
    struct produce_visit p = { .x = x };
    signet_error error = exchange_resolve(x, (struct walk_hook){ find_unresolved, &p }, &p.unresolved, ret_progress);
    if (error || *ret_progress == PROGRESS_WAIT) {
        return error;
    }
    struct relay_worker *worker = x->relay->worker;
    p.record = produce_record_new(&worker->budget, worker->shared.acknowledged, worker->shared.ledger);
    if (!p.record) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    error = seal_and_forward(&p);
    produce_record_free(p.record);
    return error;
}

struct answer_visit {
    struct exchange *x;
    struct addresses addresses;
    struct topic_id topic_id;
    struct slice topic_name;
    struct produced *produced; /* the partition's, once its index is known */
    int16_t error_code;        /* the broker's */
    int64_t base_offset, append_time_ms;
};

static bool outcome_is_unknown(int16_t code)
{
    return code == KAFKA_NOT_LEADER_OR_FOLLOWER || code == KAFKA_REQUEST_TIMED_OUT ||
           code == KAFKA_NOT_ENOUGH_REPLICAS_AFTER_APPEND || code == KAFKA_STORAGE_ERROR ||
           code == KAFKA_UNKNOWN_SERVER_ERROR;
}

/* The broker got an empty batch in its place, and says nothing else of it: what it calls stored was not sent. */
static bool answers_refusal(const struct answer_visit *a)
{
    return a->produced && a->produced->refused &&
           (a->error_code == KAFKA_INVALID_RECORD || a->error_code == KAFKA_NONE);
}

static void see_error(struct answer_visit *a, struct walk_visit *visit)
{
    struct relay *relay = a->x->relay;
    int16_t code = a->error_code = visit_i16(visit);
    if (!a->produced) {
        return;
    }
    if (answers_refusal(a)) {
        store_u16(visit->at, (uint16_t)a->produced->refused);
    }
    if (code == KAFKA_UNKNOWN_TOPIC_OR_PARTITION || code == KAFKA_NOT_LEADER_OR_FOLLOWER ||
        code == KAFKA_UNKNOWN_TOPIC_ID) {
        topics_doubt_name(&relay->topics, topic_name_slice(&a->produced->topic));
    }
    if (outcome_is_unknown(code)) {
        produced_unknown(a->produced, a->x->entry->produce, relay->worker->shared.resends, relay->now_ms);
    }
}

static void see_base_offset(struct answer_visit *a, struct walk_visit *visit)
{
    a->base_offset = visit_i64(visit);
    if (answers_refusal(a)) {
        store_u64(visit->at, (uint64_t)-1);
    }
}

static void enter(const struct answer_visit *a, struct produced *produced)
{
    struct ledger_entries *ledger = a->x->relay->worker->shared.ledger;
    produced->entry.base_offset = a->base_offset;
    produced->entry.acks = (int8_t)a->x->entry->produce->acks;
    if (a->append_time_ms >= 0) {
        produced->entry.timestamp_ms = a->append_time_ms;
    }
    ledger_entries_batch(ledger, &produced->entry, topic_name_slice(&produced->topic));
    produced->reserved = false;
}

static void tell_successors(const struct answer_visit *a, struct produced *produced)
{
    struct predecessor predecessor = { .base_offset = a->base_offset };
    memcpy(predecessor.seal_prefix, produced->seal_id, SEAL_PREFIX_BYTES);
    memcpy(predecessor.producer, produced->producer, PRODUCER_HASH_BYTES);
    produced_listed(produced, a->x->entry->produce);
    acknowledged_add(a->x->relay->worker->shared.acknowledged, &produced->place, &predecessor);
}

/* The whole answer for a partition has been seen. */
static void see_answer(const struct answer_visit *a)
{
    struct produced *produced = a->produced;
    if (!produced || !produced->reserved || a->error_code != 0) {
        return; /* a broker that answers twice is heard once */
    }
    if (a->base_offset < 0) {
        ledger_entries_lose(a->x->entry->produce->ledger, LEDGER_LOSS_NO_OFFSET, 1);
        return;
    }
    enter(a, produced);
    if (a->x->entry->produce->acks == -1) {
        tell_successors(a, produced);
    }
}

static const char compacted[] = "the broker refused a sealed batch: is the topic compacted? "
                                "Sealed batches have no keys for the cleaner to see";

static enum walk_answer see_message(struct answer_visit *a, struct walk_visit *visit)
{
    const struct produced *produced = a->produced;
    bool refused = answers_refusal(a);
    if (!refused && !(produced && produced->sealed && a->error_code == KAFKA_INVALID_RECORD)) {
        return WALK_KEEP;
    }
    gather_copy(visit->replacement, slice_of_text(refused ? produced->why : compacted));
    return WALK_REPLACE;
}

/* What the broker refused of what was sealed well is most likely a compacted topic. */
static void tell_refused_by_broker(const struct answer_visit *a)
{
    const struct produced *produced = a->produced;
    if (!produced || !produced->sealed || a->error_code != KAFKA_INVALID_RECORD) {
        return;
    }
    const struct request_refusal told = {
        .api_key = API_PRODUCE,
        .topic_name = topic_name_slice(&produced->topic),
        .partition = produced->place.partition,
        .partitions = 1,
        .error_code = a->error_code,
        .why = compacted,
        .hint = "use cleanup.policy=delete for a sealed topic, or leave the topic unsealed",
    };
    relay_tell_refused(a->x->relay, &told);
}

static enum walk_answer answer_visit(void *context, struct walk_visit *visit)
{
    struct answer_visit *a = context;
    if (visit->event == VISIT_ELEMENT_END && visit->mark == MARK_PARTITION) {
        see_answer(a);
        tell_refused_by_broker(a);
        a->produced = NULL;
        a->error_code = 0;
        a->base_offset = a->append_time_ms = -1;
    }
    if (visit->event != VISIT_FIELD) {
        return WALK_KEEP;
    }
    switch (visit->mark) {
    case MARK_TOPIC_NAME:
        a->topic_name = visit_slice(visit);
        return WALK_KEEP;
    case MARK_TOPIC_ID:
        memcpy(&a->topic_id, visit->at, sizeof a->topic_id);
        return WALK_KEEP;
    case MARK_PARTITION_INDEX:
        a->produced = produce_record_find(a->x->entry->produce, &a->topic_id, a->topic_name, visit_i32(visit));
        return WALK_KEEP;
    case MARK_PARTITION_ERROR:
        see_error(a, visit);
        return WALK_KEEP;
    case MARK_BASE_OFFSET:
        see_base_offset(a, visit);
        return WALK_KEEP;
    case MARK_LOG_APPEND_TIME:
        a->append_time_ms = visit_i64(visit);
        return WALK_KEEP;
    case MARK_PARTITION_ERROR_MESSAGE:
        return see_message(a, visit);
    default:
        return addresses_visit(&a->addresses, visit);
    }
}

signet_error produce_response(struct exchange *x)
{
    struct answer_visit a = { .x = x, .addresses = addresses_of(x), .base_offset = -1, .append_time_ms = -1 };
    return exchange_edit_response(x, (struct walk_hook){ answer_visit, &a });
}
