/* SPDX-License-Identifier: Apache-2.0 */
#include "seal/open.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/wipe.h"
#include "kafka/record.h"

/* One batch of the response on its way to a verdict. */
struct open_item {
    struct crew_task task; /* decrypts it */
    struct pass *pass;
    struct batch batch;
    enum verdict verdict;
    bool sealed;  /* there is an envelope, well-formed */
    bool settled; /* the verdict will not change */
    bool vouched; /* a verified batch names its link */
    bool marker;  /* a control batch, and */
    bool commit;  /* what it says */
    struct outer_content content;
    struct envelope envelope;
    uint8_t seal_id[SEAL_ID_BYTES];
    uint8_t link[SHA256_BYTES];
    const struct trusted_writer *writer;
    struct follow_finding finding;
    const struct accepted_exception *exception; /* by which a bad verdict is accepted */
    struct aead_message message;
    bool opening;        /* the task was posted */
    signet_error opened; /* what came of it */
};

/* One call of open_records. */
struct pass {
    struct opener *opener;
    const struct open_request *request;
    struct open_partition *partition;
    struct open_item *items;
    size_t count;
    size_t decompressed_bytes;
    bool cut_over_known; /* looked up when first asked for: the table can be long */
    int64_t cut_over;
    struct follow_pass follow;
    struct outcome_pass outcome;
    struct crew_job opening;
};

static void free_items(struct opener *opener)
{
    free(opener->items);
    opener->items = NULL;
    opener->item_capacity = 0;
}

void opener_free(struct opener *opener)
{
    free_items(opener);
    for (size_t i = 0; opener->threads && i <= crew_size(opener->crew); i++) {
        aead_context_free(opener->threads[i].context);
    }
    free(opener->threads);
    opener->threads = NULL;
}

static signet_error ensure_threads(struct opener *opener)
{
    size_t count = 1 + crew_size(opener->crew);
    if (!opener->threads && !(opener->threads = calloc(count, sizeof *opener->threads))) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        if (!opener->threads[i].context && !(opener->threads[i].context = aead_context_new())) {
            return SIGNET_ERROR_OUT_OF_MEMORY;
        }
    }
    return SIGNET_OK;
}

void open_partition_free(struct open_partition *partition)
{
    follow_free(&partition->follow);
    outcomes_free(&partition->outcomes);
    partition->next_offset = 0;
}

/* A share group sees subsets, and no list. */
static bool follows_outcomes(const struct open_request *request)
{
    return request->read_committed && !request->share_group;
}

static void settle(struct open_item *item, enum verdict verdict)
{
    item->verdict = verdict;
    item->settled = true;
}

static struct open_item *add_item(struct pass *pass)
{
    struct opener *opener = pass->opener;
    struct open_item *items = array_with_room(opener->items, pass->count, &opener->item_capacity, sizeof *items, 16);
    if (!items) {
        return NULL;
    }
    opener->items = pass->items = items;
    struct open_item *item = &pass->items[pass->count++];
    *item = (struct open_item){ .pass = pass, .verdict = VERDICT_AUTHENTIC, .finding = { -1, -1, NULL } };
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

static enum verdict verdict_of_clear(struct pass *pass, const struct open_item *item)
{
    if (!pass->cut_over_known) {
        pass->cut_over = trust_cut_over(pass->opener->trust, &pass->request->place, pass->request->topic_name);
        pass->cut_over_known = true;
    }
    return batch_last_offset(&item->batch.header) < pass->cut_over ? VERDICT_CLEAR : VERDICT_UNSEALED;
}

/* Most batches are of the writer of the one before. */
static const struct trusted_writer *find_writer(const struct pass *pass, const uint8_t key[WRITER_KEY_BYTES])
{
    const struct trusted_writer *before = pass->count > 1 ? pass->items[pass->count - 2].writer : NULL;
    bool same = before && memcmp(before->key, key, WRITER_KEY_BYTES) == 0;
    return same ? before : trust_find_writer(pass->opener->trust, key);
}

/* Rules 4 to 8, and the hashes that rule 9 needs. */
static signet_error read_envelope(struct pass *pass, struct open_item *item, struct block *owner,
                                  const struct ahead_digest *digest)
{
    signet_error error = outer_read(&pass->opener->codecs, owner, &item->batch, &item->content);
    if (error == SIGNET_ERROR_OUT_OF_MEMORY) {
        return error;
    }
    struct slice value = slice_of(item->content.value, item->content.value_size);
    if (error == SIGNET_ERROR_LIMIT || (!error && !envelope_has_magic(value))) {
        settle(item, verdict_of_clear(pass, item));
        return SIGNET_OK;
    }
    error = error ? SIGNET_ERROR_MALFORMED : envelope_read(value, &item->envelope);
    if (error) {
        settle(item, error == SIGNET_ERROR_UNSUPPORTED ? VERDICT_UNSUPPORTED : VERDICT_MALFORMED);
        return SIGNET_OK;
    }
    const struct envelope *e = &item->envelope;
    item->sealed = true;
    item->writer = find_writer(pass, e->header.writer);
    if (!item->writer) {
        settle(item, VERDICT_UNKNOWN_WRITER);
        return SIGNET_OK;
    }
    if (digest && digest->ciphertext == e->ciphertext.data) {
        memcpy(item->seal_id, digest->seal_id, SEAL_ID_BYTES);
    } else {
        envelope_seal_id(e->header_bytes, e->ciphertext, e->tag, item->seal_id);
    }
    envelope_link(item->seal_id, e->signature, item->link);
    return SIGNET_OK;
}

static signet_error scan_batch(struct pass *pass, struct open_item *item, struct block *owner)
{
    struct ahead *ahead = pass->request->ahead;
    const struct ahead_digest *digest = ahead ? ahead_find(ahead, item->batch.bytes.data) : NULL;
    if (digest ? !digest->crc_matches : !batch_crc_matches(&item->batch)) {
        settle(item, VERDICT_ALTERED);
        return SIGNET_OK;
    }
    if (item->batch.header.attributes & BATCH_CONTROL) {
        item->marker = read_marker(&item->batch, &item->commit);
        settle(item, item->marker ? VERDICT_CONTROL : VERDICT_MALFORMED);
        return SIGNET_OK;
    }
    signet_error error = read_envelope(pass, item, owner, digest);
    if (!item->sealed) {
        outer_content_free(&item->content);
    } else if (item->content.owner != owner) {
        pass->decompressed_bytes += item->content.owner->capacity;
    }
    return error;
}

/* Rule 1.  What cannot be framed ends the scan: there is no telling where the next batch begins. */
static void scan_unframed(struct open_item *item, struct slice rest)
{
    int magic = batch_magic(rest);
    item->batch.bytes = rest;
    item->batch.header.base_offset = rest.size >= 8 ? (int64_t)load_u64(rest.data) : -1;
    settle(item, magic == 0 || magic == 1 ? VERDICT_UNSEALED : VERDICT_MALFORMED);
}

static signet_error scan(struct pass *pass, struct block *owner, struct slice records)
{
    while (records.size > 0 && pass->count < BATCHES_PER_RESPONSE_MAX &&
           pass->decompressed_bytes < DECOMPRESSED_BYTES_MAX) {
        struct batch batch;
        signet_error error = batch_read(records, &batch);
        if (error == SIGNET_ERROR_TRUNCATED) {
            return SIGNET_OK;
        }
        struct open_item *item = add_item(pass);
        if (!item) {
            return SIGNET_ERROR_OUT_OF_MEMORY;
        }
        if (error) {
            scan_unframed(item, records);
            return SIGNET_OK;
        }
        item->batch = batch;
        error = scan_batch(pass, item, owner);
        if (error) {
            return error;
        }
        records = slice_of(records.data + batch.bytes.size, records.size - batch.bytes.size);
    }
    return SIGNET_OK;
}

static bool names_link(const struct open_item *later, const struct open_item *earlier)
{
    const struct envelope_header *a = &later->envelope.header, *b = &earlier->envelope.header;
    return a->sequence == b->sequence + 1 && memcmp(a->stream, b->stream, STREAM_ID_BYTES) == 0 &&
           memcmp(a->writer, b->writer, WRITER_KEY_BYTES) == 0 && memcmp(a->previous, earlier->link, SHA256_BYTES) == 0;
}

/* The nearest earlier batch of the same stream is vouched for, if it is the one that this one names. */
static void vouch(struct pass *pass, size_t index)
{
    const struct open_item *item = &pass->items[index];
    for (size_t back = 1; back <= VOUCH_DISTANCE_MAX && back <= index; back++) {
        struct open_item *earlier = &pass->items[index - back];
        if (earlier->sealed && names_link(item, earlier)) {
            earlier->vouched = true;
            return;
        }
    }
}

/* Rule 9, from the last batch to the first: one signature a run. */
static void verify(struct pass *pass)
{
    for (size_t i = pass->count; i-- > 0;) {
        struct open_item *item = &pass->items[i];
        if (item->settled || !item->sealed) {
            continue;
        }
        const struct envelope *e = &item->envelope;
        if (item->vouched || envelope_verify(e->header.writer, item->seal_id, e->signature)) {
            vouch(pass, i);
        } else {
            settle(item, VERDICT_ALTERED);
        }
    }
}

static bool in_its_place(const struct pass *pass, const struct envelope_header *h)
{
    return slice_equal_text(h->cluster_id, pass->opener->trust->cluster_id) &&
           place_equal(&h->place, &pass->request->place) && slice_equal(h->topic_name, pass->request->topic_name);
}

/* Rules 10 to 12. */
static enum verdict judge(const struct pass *pass, const struct open_item *item)
{
    const struct envelope_header *h = &item->envelope.header;
    const struct open_request *request = pass->request;
    if (!in_its_place(pass, h)) {
        return VERDICT_WRONG_PLACE;
    }
    if (!outer_is_lawful(&pass->opener->codecs, &item->batch, &item->content, h, request->timestamp_type,
                         request->append_skew_ms)) {
        return VERDICT_ALTERED;
    }
    bool trusted = trusted_writer_may_write(item->writer, h->topic_name) &&
                   trusted_writer_valid_at(item->writer, h->seal_time_ms) &&
                   trusted_writer_believed_at(item->writer, &request->place, request->topic_name,
                                              batch_last_offset(&item->batch.header));
    return trusted ? VERDICT_AUTHENTIC : VERDICT_NOT_TRUSTED;
}

/* Its content is delivered, if it can be decrypted: the verdict is good, or bad only for where it stands and accepted. */
static bool is_delivered(const struct open_item *item)
{
    bool positional = item->verdict == VERDICT_WRONG_OFFSET || item->verdict == VERDICT_REMOVED ||
                      item->verdict == VERDICT_OUT_OF_ORDER;
    return verdict_is_good(item->verdict) || (positional && item->exception);
}

static struct follow_batch as_followed(const struct open_item *item)
{
    return (struct follow_batch){
        .base_offset = item->batch.header.base_offset,
        .last_offset = batch_last_offset(&item->batch.header),
        .header = item->sealed ? &item->envelope.header : NULL,
        .seal_id = item->seal_id,
        .unknown = !is_delivered(item),
    };
}

static const struct accepted_exception *exception_for(const struct pass *pass, const struct open_item *item)
{
    const struct batch_header *h = &item->batch.header;
    return trust_find_exception(pass->opener->trust, &pass->request->place, pass->request->topic_name, h->base_offset,
                                batch_last_offset(h));
}

/* Rule 13, or for a batch that is bad already whether an exception lets it be replaced. */
static void place_in_order(struct pass *pass, struct open_item *item)
{
    const struct follow_exceptions exceptions = { pass->opener->trust, &pass->request->place,
                                                  pass->request->topic_name };
    const struct follow *follow = &pass->partition->follow;
    struct follow_batch batch = as_followed(item);
    if (batch.unknown) {
        item->exception = exception_for(pass, item);
        if (item->exception && !follow_goes_on(follow, &pass->follow, &batch, &exceptions)) {
            item->exception = NULL;
        }
        return;
    }
    enum verdict verdict = follow_check(follow, &pass->follow, &batch, &exceptions, &item->finding);
    if (verdict != VERDICT_AUTHENTIC) {
        item->verdict = verdict;
        item->exception = item->finding.exception;
    }
}

/* A verdict that comes after rule 13, in place of one that had been accepted or was good. */
static void revise(const struct pass *pass, struct open_item *item, enum verdict verdict)
{
    item->verdict = verdict;
    item->finding = (struct follow_finding){ -1, -1, NULL };
    item->exception = exception_for(pass, item);
}

/* The marker contradicts the list: it and what stands before it of its transaction, as far back as this response goes. */
static void doubt_transaction(struct pass *pass, size_t index)
{
    struct open_item *marker = &pass->items[index];
    for (size_t i = index; i-- > 0;) {
        struct open_item *item = &pass->items[i];
        bool of_producer = item->batch.header.producer_id == marker->batch.header.producer_id &&
                           (item->batch.header.attributes & BATCH_TRANSACTIONAL);
        if (of_producer && item->marker) {
            break;
        }
        if (of_producer && is_delivered(item)) {
            revise(pass, item, VERDICT_OUTCOME_FORGED);
        }
    }
    revise(pass, marker, VERDICT_OUTCOME_FORGED);
    if (marker->exception) {
        outcome_forget(&pass->partition->outcomes, marker->batch.header.producer_id);
    }
}

/* Markers held against the list of aborted transactions. */
static void check_outcome(struct pass *pass, size_t index)
{
    const struct open_item *item = &pass->items[index];
    const struct batch_header *h = &item->batch.header;
    struct outcomes *outcomes = &pass->partition->outcomes;
    if (!follows_outcomes(pass->request) || !(h->attributes & BATCH_TRANSACTIONAL)) {
        return;
    }
    if (!item->marker) {
        outcome_data(outcomes, &pass->outcome, h->producer_id, batch_last_offset(h));
    } else if (!outcome_marker(outcomes, &pass->outcome, h->producer_id, h->base_offset, item->commit)) {
        doubt_transaction(pass, index);
    }
}

static bool stops(const struct pass *pass, const struct open_item *item)
{
    return !verdict_is_good(item->verdict) && !item->exception && !pass->request->share_group;
}

/* Rules 10 to 13 and the exceptions, in the order of the log.  Returns how many batches were judged. */
static size_t judge_all(struct pass *pass)
{
    for (size_t i = 0; i < pass->count; i++) {
        struct open_item *item = &pass->items[i];
        if (!item->settled) {
            item->verdict = judge(pass, item);
        }
        place_in_order(pass, item);
        if (is_delivered(item)) {
            check_outcome(pass, i);
        }
        if (stops(pass, item)) {
            return i + 1;
        }
        if (verdict_is_good(item->verdict) || item->exception) {
            struct follow_batch batch = as_followed(item);
            follow_accept(&pass->partition->follow, &pass->follow, &batch);
        }
    }
    return pass->count;
}

static void report(const struct pass *pass, const struct open_item *item)
{
    const struct open_finding finding = {
        .verdict = item->verdict,
        .place = pass->request->place,
        .topic_name = pass->request->topic_name,
        .base_offset = item->batch.header.base_offset,
        .last_offset = batch_last_offset(&item->batch.header),
        .expected_offset = item->finding.expected_offset,
        .missed_offset = item->finding.missed_offset,
        .header = item->sealed ? &item->envelope.header : NULL,
        .writer_name = item->writer ? item->writer->name : NULL,
        .accepted_reason = item->exception ? item->exception->reason : NULL,
    };
    pass->opener->report(pass->opener->report_context, &finding);
}

/* Section 8.2, last paragraph. */
static struct batch_header opened_header(const struct pass *pass, const struct open_item *item)
{
    struct batch_header h = item->envelope.header.inner;
    h.base_offset = item->batch.header.base_offset;
    h.leader_epoch = item->batch.header.leader_epoch;
    if (pass->request->timestamp_type == TIMESTAMP_LOG_APPEND_TIME) {
        h.attributes |= BATCH_LOG_APPEND_TIME;
        h.max_timestamp = item->batch.header.max_timestamp;
    }
    return h;
}

/* The envelope's header makes room for the batch's: it is longer, and no longer needed. */
static uint8_t *opened_start(const struct open_item *item)
{
    return item->content.value + item->envelope.header_bytes.size - BATCH_HEADER_BYTES;
}

static void open_item(struct crew_task *task, size_t who)
{
    struct open_item *item = (struct open_item *)task; /* its first member */
    const struct envelope *e = &item->envelope;
    uint8_t *start = opened_start(item), *text = start + BATCH_HEADER_BYTES;
    size_t size = e->ciphertext.size;
    item->opened = aead_open_message(item->pass->opener->threads[who].context, &item->message, e->header_bytes, text,
                                     size, e->tag);
    wipe(&item->message, sizeof item->message);
    if (!item->opened) {
        struct batch_header h = opened_header(item->pass, item);
        batch_write_header(&h, size, start);
        struct slice covered = slice_of(start + BATCH_CRC_START, BATCH_HEADER_BYTES + size - BATCH_CRC_START);
        batch_patch_crc(start, crc32c_finish(crc32c_add(crc32c_start(), covered)));
    }
}

/* Handing over a small batch costs more than it saves. */
static void post_or_run(struct pass *pass, struct open_item *item)
{
    if (item->envelope.ciphertext.size >= CREW_BATCH_BYTES_MIN) {
        crew_post(&pass->opening, &item->task);
    } else {
        item->task.run(&item->task, 0);
    }
}

static signet_error begin_opening(struct pass *pass, struct open_item *item)
{
    const struct envelope *e = &item->envelope;
    struct aead_key *key = pass->opener->keys.find(pass->opener->keys.context, e);
    if (!key) {
        revise(pass, item, VERDICT_KEY_UNAVAILABLE);
        return SIGNET_OK;
    }
    signet_error error = aead_derive(key, e->header.nonce, &item->message);
    if (!error) {
        item->task.run = open_item;
        item->opening = true;
        post_or_run(pass, item);
    }
    return error;
}

/* Rules 14 and 15, for the batches that are to be delivered if they can be: what follows one that cannot is not needed. */
static signet_error decrypt_all(struct pass *pass, size_t judged)
{
    signet_error error = SIGNET_OK;
    for (size_t i = 0; i < judged && !error && !stops(pass, &pass->items[i]); i++) {
        struct open_item *item = &pass->items[i];
        error = is_delivered(item) && item->sealed ? begin_opening(pass, item) : SIGNET_OK;
        if (stops(pass, item)) {
            break;
        }
    }
    crew_finish(&pass->opening);
    for (size_t i = 0; i < judged && !error; i++) {
        struct open_item *item = &pass->items[i];
        if (item->opening && item->opened == SIGNET_ERROR_REFUSED) {
            revise(pass, item, VERDICT_UNOPENABLE);
        } else if (item->opening) {
            error = item->opened;
        }
    }
    return error;
}

/* An accepted exception that cannot be delivered: the same offsets, no records, as compaction leaves behind. */
static void append_empty(const struct open_item *item, struct gather *out)
{
    struct batch_header h = {
        .base_offset = item->batch.header.base_offset,
        .leader_epoch = item->batch.header.leader_epoch,
        .last_offset_delta = item->batch.header.last_offset_delta,
        .base_timestamp = -1,
        .max_timestamp = -1,
        .producer_id = -1,
        .producer_epoch = -1,
        .base_sequence = -1,
    };
    uint8_t *bytes = gather_room(out, BATCH_HEADER_BYTES);
    if (!bytes) {
        return;
    }
    batch_write_header(&h, 0, bytes);
    struct slice covered = slice_of(bytes + BATCH_CRC_START, BATCH_HEADER_BYTES - BATCH_CRC_START);
    batch_patch_crc(bytes, crc32c_finish(crc32c_add(crc32c_start(), covered)));
}

static signet_error deliver(const struct pass *pass, const struct open_item *item, struct block *owner,
                            struct gather *out)
{
    if (is_delivered(item) && item->sealed) {
        gather_add(out, item->content.owner, opened_start(item), BATCH_HEADER_BYTES + item->envelope.ciphertext.size);
    } else if (is_delivered(item)) {
        gather_add(out, owner, owner->data + (item->batch.bytes.data - owner->data), item->batch.bytes.size);
    } else if (item->exception && !pass->request->share_group) {
        append_empty(item, out);
    }
    return out->error;
}

static signet_error add_range(struct open_result *result, const struct open_item *item)
{
    int64_t first = item->batch.header.base_offset, last = batch_last_offset(&item->batch.header);
    if (result->range_count > 0 && result->ranges[result->range_count - 1].last + 1 == first) {
        result->ranges[result->range_count - 1].last = last;
        return SIGNET_OK;
    }
    struct offset_range *ranges = realloc(result->ranges, (result->range_count + 1) * sizeof *ranges);
    if (!ranges) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    ranges[result->range_count++] = (struct offset_range){ first, last };
    result->ranges = ranges;
    return SIGNET_OK;
}

static signet_error deliver_all(struct pass *pass, size_t judged, struct block *owner, struct gather *out,
                                struct open_result *result)
{
    signet_error error = decrypt_all(pass, judged);
    for (size_t i = 0; i < judged && !error; i++) {
        struct open_item *item = &pass->items[i];
        size_t before = out->size;
        error = stops(pass, item) ? SIGNET_OK : deliver(pass, item, owner, out);
        if (error) {
            return error;
        }
        bool appended = out->size > before;
        if (!verdict_is_good(item->verdict)) {
            result->refused =
                result->refused == VERDICT_AUTHENTIC && !item->exception ? item->verdict : result->refused;
            report(pass, item);
        }
        if (stops(pass, item)) {
            return SIGNET_OK;
        }
        result->delivered += appended;
        error = pass->request->share_group && appended ? add_range(result, item) : SIGNET_OK;
    }
    return error;
}

/* Reading on from another place than where the last response ended says nothing about open transactions. */
static void begin(struct pass *pass)
{
    const struct open_request *request = pass->request;
    if (!follows_outcomes(request) || request->fetch_offset != pass->partition->next_offset) {
        outcomes_free(&pass->partition->outcomes);
    }
    pass->follow = (struct follow_pass){ .expected = request->fetch_offset, .subset = request->share_group };
    outcome_pass_begin(&pass->outcome, request->aborted, request->aborted_count);
}

static void end(struct pass *pass)
{
    for (size_t i = 0; i < pass->count; i++) {
        outer_content_free(&pass->items[i].content);
    }
    if (pass->opener->item_capacity > OPEN_ITEMS_KEPT) {
        free_items(pass->opener);
    }
}

signet_error open_records(struct opener *opener, const struct open_request *request, struct open_partition *partition,
                          struct block *owner, struct slice records, struct gather *ret_out,
                          struct open_result *ret_result)
{
    struct pass pass = { .opener = opener, .request = request, .partition = partition, .items = opener->items };
    struct open_result result = { .refused = VERDICT_AUTHENTIC };
    struct gather_mark start = gather_mark(ret_out);
    pass.opening.crew = request->ahead ? opener->crew : NULL;
    begin(&pass);
    signet_error error = ensure_threads(opener);
    error = error ? error : scan(&pass, owner, records);
    if (!error) {
        verify(&pass);
        size_t judged = judge_all(&pass);
        error = deliver_all(&pass, judged, owner, ret_out, &result);
    }
    if (pass.follow.started) {
        partition->next_offset = pass.follow.expected;
    }
    end(&pass);
    if (error) {
        free(result.ranges);
        gather_rewind(ret_out, start);
        return error;
    }
    *ret_result = result;
    return SIGNET_OK;
}
