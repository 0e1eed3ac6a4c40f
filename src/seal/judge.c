/* SPDX-License-Identifier: Apache-2.0 */
#include "seal/judge.h"

#include <stdlib.h>

#include "base/array.h"
#include "kafka/record.h"

void judge_scratch_free(struct judge_scratch *scratch)
{
    free(scratch->batches);
    *scratch = (struct judge_scratch){ 0 };
}

void judge_partition_free(struct judge_partition *partition)
{
    follow_free(&partition->follow);
    outcomes_free(&partition->outcomes);
    partition->next_offset = 0;
}

void judge_survey_begin(struct judge_partition *partition, int64_t offset)
{
    judge_partition_free(partition);
    partition->survey = (struct follow_pass){ .expected = offset, .started = true };
}

void judge_survey_skip(struct judge_partition *partition, int64_t offset)
{
    partition->survey = (struct follow_pass){ .expected = offset, .started = true };
}

static void decide(struct judged *item, enum verdict verdict, enum judge_rule rule)
{
    item->verdict = verdict;
    item->rule = rule;
}

static void settle(struct judged *item, enum verdict verdict, enum judge_rule rule)
{
    decide(item, verdict, rule);
    item->settled = true;
}

static struct judged *add_batch(struct judge_run *run)
{
    struct judge_scratch *scratch = run->scratch;
    struct judged *batches = array_with_room(scratch->batches, run->count, &scratch->capacity, sizeof *batches, 16);
    if (!batches) {
        return NULL;
    }
    scratch->batches = run->batches = batches;
    struct judged *item = &run->batches[run->count++];
    *item = (struct judged){ .verdict = VERDICT_AUTHENTIC, .rule = RULE_NONE, .finding = { -1, -1, NULL } };
    return item;
}

/* Rule 3: what a transaction coordinator writes (ControlRecordType.java). */
static bool read_marker(const struct batch *batch, bool *ret_commit)
{
    const struct batch_header *h = &batch->header;
    struct record_reader records;
    struct record record;
    record_begin(&records, batch->records, 1);
    if (!record_next(&records, &record) || reader_left(&records.r) > 0) {
        return false;
    }
    struct reader key = reader_over(record.key);
    int16_t version = read_i16(&key), type = read_i16(&key);
    *ret_commit = type == 1;
    return !key.error && version >= 0 && (type == 0 || type == 1) && (h->attributes & BATCH_TRANSACTIONAL) &&
           (h->attributes & BATCH_CODEC_MASK) == BATCH_CODEC_NONE && h->record_count == 1 &&
           h->last_offset_delta == 0 && h->producer_id >= 0;
}

static enum verdict verdict_of_clear(struct judge_run *run, const struct judged *item)
{
    if (!run->cut_over_known) {
        run->cut_over = trust_cut_over(run->trust, &run->request->place, run->request->topic_name);
        run->cut_over_known = true;
    }
    return batch_last_offset(&item->batch.header) < run->cut_over ? VERDICT_CLEAR : VERDICT_UNSEALED;
}

/* Most batches are of the writer of the one before. */
static const struct trusted_writer *find_writer(const struct judge_run *run, const uint8_t key[WRITER_KEY_BYTES])
{
    const struct trusted_writer *before = run->count > 1 ? run->batches[run->count - 2].writer : NULL;
    bool same = before && memcmp(before->key, key, WRITER_KEY_BYTES) == 0;
    return same ? before : trust_find_writer(run->trust, key);
}

/* Rules 6 and 7. */
static void settle_broken(struct judged *item, signet_error error)
{
    if (error == SIGNET_ERROR_UNSUPPORTED) {
        settle(item, VERDICT_UNSUPPORTED, RULE_VERSION);
    } else {
        settle(item, VERDICT_MALFORMED, RULE_ENVELOPE);
    }
}

/* Rules 4 to 8, and the hashes that rule 9 needs. */
static signet_error read_envelope(struct judge_run *run, struct judged *item, struct block *owner,
                                  const struct ahead_digest *digest)
{
    signet_error error = outer_read(&run->codecs, owner, &item->batch, &item->content);
    if (error == SIGNET_ERROR_OUT_OF_MEMORY) {
        return error;
    }
    struct slice value = slice_of(item->content.value, item->content.value_size);
    if (error == SIGNET_ERROR_LIMIT || (!error && !envelope_has_magic(value))) {
        settle(item, verdict_of_clear(run, item), RULE_CLEAR);
        return SIGNET_OK;
    }
    if (error) {
        settle(item, VERDICT_MALFORMED, RULE_RECORDS);
        return SIGNET_OK;
    }
    error = envelope_read(value, &item->envelope);
    if (error) {
        settle_broken(item, error);
        return SIGNET_OK;
    }
    const struct envelope *e = &item->envelope;
    item->sealed = true;
    item->writer = find_writer(run, e->header.writer);
    if (!item->writer) {
        settle(item, VERDICT_UNKNOWN_WRITER, RULE_WRITER);
        return SIGNET_OK;
    }
    if (digest && digest->ciphertext == e->ciphertext.data) {
        memcpy(item->seal_id, digest->seal_id, SEAL_ID_BYTES);
    } else {
        sha256(envelope_identified(e), item->seal_id);
    }
    envelope_link(item->seal_id, e->signature, item->link);
    return SIGNET_OK;
}

static signet_error scan_batch(struct judge_run *run, struct judged *item, struct block *owner)
{
    struct ahead *ahead = run->request->ahead;
    const struct ahead_digest *digest = ahead ? ahead_find(ahead, item->batch.bytes.data) : NULL;
    if (digest ? !digest->crc_matches : !batch_crc_matches(&item->batch)) {
        settle(item, VERDICT_ALTERED, RULE_CRC);
        return SIGNET_OK;
    }
    if (item->batch.header.attributes & BATCH_CONTROL) {
        item->marker = read_marker(&item->batch, &item->commit);
        settle(item, item->marker ? VERDICT_CONTROL : VERDICT_MALFORMED, RULE_MARKER);
        return SIGNET_OK;
    }
    signet_error error = read_envelope(run, item, owner, digest);
    if (!item->sealed) {
        outer_content_free(&item->content);
    } else if (item->content.owner != owner) {
        run->decompressed_bytes += item->content.owner->capacity;
    }
    return error;
}

/* Rule 1.  What cannot be framed ends the scan: there is no telling where the next batch begins. */
static void scan_unframed(struct judged *item, struct slice rest)
{
    int magic = batch_magic(rest);
    item->unframed = true;
    item->batch.bytes = rest;
    item->batch.header.base_offset = rest.size >= 8 ? (int64_t)load_u64(rest.data) : -1;
    settle(item, magic == 0 || magic == 1 ? VERDICT_UNSEALED : VERDICT_MALFORMED, RULE_FRAME);
}

static signet_error scan(struct judge_run *run, struct block *owner, struct slice records)
{
    bool survey = run->request->mode == JUDGE_SURVEY;
    size_t count_max = survey ? SURVEY_BATCHES_MAX : BATCHES_PER_RESPONSE_MAX;
    size_t bytes_max = survey ? SURVEY_DECOMPRESSED_BYTES_MAX : DECOMPRESSED_BYTES_MAX;
    while (records.size > 0 && run->count < count_max && run->decompressed_bytes < bytes_max) {
        struct batch batch;
        signet_error error = batch_read(records, &batch);
        if (error == SIGNET_ERROR_TRUNCATED) {
            return SIGNET_OK;
        }
        struct judged *item = add_batch(run);
        if (!item) {
            return SIGNET_ERROR_OUT_OF_MEMORY;
        }
        if (error) {
            scan_unframed(item, records);
            return SIGNET_OK;
        }
        item->batch = batch;
        error = scan_batch(run, item, owner);
        if (error) {
            return error;
        }
        run->used_bytes += batch.bytes.size;
        records = slice_of(records.data + batch.bytes.size, records.size - batch.bytes.size);
    }
    return SIGNET_OK;
}

static bool names_link(const struct judged *later, const struct judged *earlier)
{
    const struct envelope_header *a = &later->envelope.header, *b = &earlier->envelope.header;
    return a->sequence == b->sequence + 1 && memcmp(a->stream, b->stream, STREAM_ID_BYTES) == 0 &&
           memcmp(a->writer, b->writer, WRITER_KEY_BYTES) == 0 && memcmp(a->previous, earlier->link, SHA256_BYTES) == 0;
}

/* The nearest earlier batch of the same stream is vouched for, if it is the one that this one names. */
static void vouch(struct judge_run *run, size_t index)
{
    const struct judged *item = &run->batches[index];
    for (size_t back = 1; back <= VOUCH_DISTANCE_MAX && back <= index; back++) {
        struct judged *earlier = &run->batches[index - back];
        if (earlier->sealed && names_link(item, earlier)) {
            earlier->vouched = true;
            return;
        }
    }
}

/* Rule 9, from the last batch to the first: one signature a run. */
static void verify(struct judge_run *run)
{
    for (size_t i = run->count; i-- > 0;) {
        struct judged *item = &run->batches[i];
        if (item->settled || !item->sealed) {
            continue;
        }
        const struct envelope *e = &item->envelope;
        if (item->vouched || envelope_verify(e->header.writer, item->seal_id, e->signature)) {
            vouch(run, i);
        } else {
            settle(item, VERDICT_ALTERED, RULE_SIGNATURE);
        }
    }
}

static bool in_its_place(const struct judge_run *run, const struct envelope_header *h)
{
    return slice_equal_text(h->cluster_id, run->trust->cluster_id) && place_equal(&h->place, &run->request->place) &&
           slice_equal(h->topic_name, run->request->topic_name);
}

/* Rules 10 to 12. */
static void judge_seal(const struct judge_run *run, struct judged *item)
{
    const struct envelope_header *h = &item->envelope.header;
    const struct judge_request *request = run->request;
    if (!in_its_place(run, h)) {
        decide(item, VERDICT_WRONG_PLACE, RULE_PLACE);
        return;
    }
    if (outer_fault(&run->codecs, &item->batch, &item->content, h, request->timestamp_type, request->append_skew_ms)) {
        decide(item, VERDICT_ALTERED, RULE_OUTER);
        return;
    }
    bool trusted = trusted_writer_may_write(item->writer, h->topic_name) &&
                   trusted_writer_valid_at(item->writer, h->seal_time_ms) &&
                   trusted_writer_believed_at(item->writer, &request->place, request->topic_name,
                                              batch_last_offset(&item->batch.header));
    if (!trusted) {
        decide(item, VERDICT_NOT_TRUSTED, RULE_TRUST);
    }
}

bool judged_is_delivered(const struct judged *item)
{
    bool positional = item->verdict == VERDICT_WRONG_OFFSET || item->verdict == VERDICT_REMOVED ||
                      item->verdict == VERDICT_OUT_OF_ORDER;
    return verdict_is_good(item->verdict) || (positional && item->exception);
}

static struct follow_batch as_followed(const struct judged *item)
{
    return (struct follow_batch){
        .base_offset = item->batch.header.base_offset,
        .last_offset = batch_last_offset(&item->batch.header),
        .header = item->sealed ? &item->envelope.header : NULL,
        .seal_id = item->seal_id,
        .unknown = !judged_is_delivered(item),
    };
}

static const struct accepted_exception *exception_for(const struct judge_run *run, const struct judged *item)
{
    const struct batch_header *h = &item->batch.header;
    return trust_find_exception(run->trust, &run->request->place, run->request->topic_name, h->base_offset,
                                batch_last_offset(h));
}

/* Rule 13, or for a batch that is bad already whether an exception lets it be replaced. */
static void place_in_order(struct judge_run *run, struct judged *item)
{
    const struct follow_exceptions exceptions = { run->trust, &run->request->place, run->request->topic_name };
    const struct follow *follow = &run->partition->follow;
    struct follow_batch batch = as_followed(item);
    if (batch.unknown) {
        item->exception = exception_for(run, item);
        if (item->exception && !follow_goes_on(follow, &run->follow, &batch, &exceptions)) {
            item->exception = NULL;
        }
        return;
    }
    enum verdict verdict = follow_check(follow, &run->follow, &batch, &exceptions, &item->finding);
    if (verdict != VERDICT_AUTHENTIC) {
        decide(item, verdict, RULE_ORDER);
        item->exception = item->finding.exception;
    }
}

void judge_revise(const struct judge_run *run, struct judged *item, enum verdict verdict)
{
    item->verdict = verdict;
    item->finding = (struct follow_finding){ -1, -1, NULL };
    item->exception = exception_for(run, item);
}

/* The marker contradicts the list: it and what stands before it of its transaction, as far back as this response goes. */
static void doubt_transaction(struct judge_run *run, size_t index)
{
    struct judged *marker = &run->batches[index];
    for (size_t i = index; i-- > 0;) {
        struct judged *item = &run->batches[i];
        bool of_producer = item->batch.header.producer_id == marker->batch.header.producer_id &&
                           (item->batch.header.attributes & BATCH_TRANSACTIONAL);
        if (of_producer && item->marker) {
            break;
        }
        if (of_producer && judged_is_delivered(item)) {
            judge_revise(run, item, VERDICT_OUTCOME_FORGED);
        }
    }
    judge_revise(run, marker, VERDICT_OUTCOME_FORGED);
    if (marker->exception) {
        outcome_forget(&run->partition->outcomes, marker->batch.header.producer_id);
    }
}

/* A share group sees subsets, and no list. */
static bool follows_outcomes(const struct judge_request *request)
{
    return request->read_committed && request->mode != JUDGE_SUBSET;
}

/* Markers held against the list of aborted transactions. */
static void check_outcome(struct judge_run *run, size_t index)
{
    const struct judged *item = &run->batches[index];
    const struct batch_header *h = &item->batch.header;
    struct outcomes *outcomes = &run->partition->outcomes;
    if (!follows_outcomes(run->request) || !(h->attributes & BATCH_TRANSACTIONAL)) {
        return;
    }
    if (!item->marker) {
        outcome_data(outcomes, &run->outcome, h->producer_id, batch_last_offset(h));
    } else if (!outcome_marker(outcomes, &run->outcome, h->producer_id, h->base_offset, item->commit)) {
        doubt_transaction(run, index);
    }
}

bool judge_stops_at(const struct judge_run *run, const struct judged *item)
{
    return !verdict_is_good(item->verdict) && !item->exception && run->request->mode == JUDGE_READER;
}

/* The batch stands there, whatever it is; of one that is refused only a survey remembers anything. */
static void remember(struct judge_run *run, const struct judged *item)
{
    struct follow_batch batch = as_followed(item);
    if (verdict_is_good(item->verdict) || item->exception) {
        follow_accept(&run->partition->follow, &run->follow, &batch);
    } else if (run->request->mode == JUDGE_SURVEY && !item->unframed) {
        follow_pass_by(&run->partition->follow, &run->follow, &batch);
    }
}

/* Rules 10 to 13 and the exceptions, in the order of the log. */
static void judge_all(struct judge_run *run)
{
    while (run->judged_count < run->count) {
        size_t index = run->judged_count++;
        struct judged *item = &run->batches[index];
        if (!item->settled) {
            judge_seal(run, item);
        }
        place_in_order(run, item);
        if (judged_is_delivered(item)) {
            check_outcome(run, index);
        }
        if (judge_stops_at(run, item)) {
            return;
        }
        remember(run, item);
    }
}

/* Reading on from another place than where the last response ended says nothing about open transactions. */
static void begin(struct judge_run *run)
{
    const struct judge_request *request = run->request;
    struct judge_partition *partition = run->partition;
    bool survey = request->mode == JUDGE_SURVEY;
    if (!follows_outcomes(request) || (!survey && request->fetch_offset != partition->next_offset)) {
        outcomes_free(&partition->outcomes);
    }
    run->follow =
        survey ? partition->survey
               : (struct follow_pass){ .expected = request->fetch_offset, .subset = request->mode == JUDGE_SUBSET };
    outcome_pass_begin(&run->outcome, request->aborted, request->aborted_count);
}

signet_error judge_records(struct judge_run *run, struct block *owner, struct slice records)
{
    run->batches = run->scratch->batches;
    begin(run);
    signet_error error = scan(run, owner, records);
    if (!error) {
        verify(run);
        judge_all(run);
    }
    if (run->request->mode == JUDGE_SURVEY) {
        run->partition->survey = run->follow;
    }
    if (run->follow.started) {
        run->partition->next_offset = run->follow.expected;
    }
    return error;
}

void judge_end(struct judge_run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        outer_content_free(&run->batches[i].content);
    }
    run->batches = NULL;
    if (run->scratch->capacity > OPEN_ITEMS_KEPT) {
        judge_scratch_free(run->scratch);
    }
}
