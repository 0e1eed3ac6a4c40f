/* SPDX-License-Identifier: Apache-2.0 */
#include "seal/open.h"

#include <stdlib.h>

#include "base/wipe.h"

/* One batch on its way from its verdict to its content. */
struct opening {
    struct crew_task task; /* decrypts it */
    const struct pass *pass;
    const struct judged *judged;
    struct aead_message message;
    bool posted;
    signet_error error; /* what came of it */
};

/* One call of open_records. */
struct pass {
    struct opener *opener;
    const struct open_request *request;
    struct judge_run run;
    struct crew_job job;
};

static void free_scratch(struct opener *opener)
{
    free(opener->openings);
    opener->openings = NULL;
    opener->opening_capacity = 0;
}

void opener_free(struct opener *opener)
{
    judge_scratch_free(&opener->judging);
    free_scratch(opener);
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

/* Section 8.2, last paragraph. */
static struct batch_header opened_header(const struct pass *pass, const struct judged *item)
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
static uint8_t *opened_start(const struct judged *item)
{
    return item->content.value + item->envelope.header_bytes.size - BATCH_HEADER_BYTES;
}

static void open_one(struct crew_task *task, size_t who)
{
    struct opening *opening = (struct opening *)task; /* its first member */
    const struct envelope *e = &opening->judged->envelope;
    uint8_t *start = opened_start(opening->judged), *text = start + BATCH_HEADER_BYTES;
    size_t size = e->ciphertext.size;
    opening->error = aead_open_message(opening->pass->opener->threads[who].context, &opening->message, e->header_bytes,
                                       text, size, e->tag);
    wipe(&opening->message, sizeof opening->message);
    if (!opening->error) {
        struct batch_header h = opened_header(opening->pass, opening->judged);
        batch_write_header(&h, size, start);
        struct slice covered = slice_of(start + BATCH_CRC_START, BATCH_HEADER_BYTES + size - BATCH_CRC_START);
        batch_patch_crc(start, crc32c(covered));
    }
}

/* Handing over a small batch costs more than it saves. */
static void post_or_run(struct pass *pass, struct opening *opening)
{
    if (opening->judged->envelope.ciphertext.size >= CREW_BATCH_BYTES_MIN) {
        crew_post(&pass->job, &opening->task);
    } else {
        opening->task.run(&opening->task, 0);
    }
}

static signet_error begin_opening(struct pass *pass, struct judged *item, struct opening *opening)
{
    const struct envelope *e = &item->envelope;
    struct aead_key *key = pass->opener->keys.find(pass->opener->keys.context, e);
    if (!key) {
        judge_revise(&pass->run, item, VERDICT_KEY_UNAVAILABLE);
        return SIGNET_OK;
    }
    signet_error error = aead_derive(key, e->header.nonce, &opening->message);
    if (!error) {
        opening->task.run = open_one;
        opening->posted = true;
        post_or_run(pass, opening);
    }
    return error;
}

/* One for each batch judged; they stay where they are while the crew has them. */
static signet_error ensure_openings(struct opener *opener, size_t count)
{
    if (count <= opener->opening_capacity) {
        return SIGNET_OK;
    }
    size_t capacity = count < 16 ? 16 : count + count / 2;
    free_scratch(opener);
    opener->openings = malloc(capacity * sizeof *opener->openings);
    opener->opening_capacity = opener->openings ? capacity : 0;
    return opener->openings ? SIGNET_OK : SIGNET_ERROR_OUT_OF_MEMORY;
}

/* What came of it, once the crew is done: rule 15. */
static signet_error take_opened(struct pass *pass, size_t begun)
{
    for (size_t i = 0; i < begun; i++) {
        const struct opening *opening = &pass->opener->openings[i];
        if (opening->posted && opening->error == SIGNET_ERROR_REFUSED) {
            judge_revise(&pass->run, &pass->run.batches[i], VERDICT_UNOPENABLE);
        } else if (opening->posted && opening->error) {
            return opening->error;
        }
    }
    return SIGNET_OK;
}

/* Rules 14 and 15, for the batches that are to be delivered if they can be: what follows one that cannot is not needed. */
static signet_error decrypt_all(struct pass *pass)
{
    struct judge_run *run = &pass->run;
    signet_error error = ensure_openings(pass->opener, run->judged_count);
    size_t begun = 0;
    while (begun < run->judged_count && !error && !judge_stops_at(run, &run->batches[begun])) {
        struct judged *item = &run->batches[begun];
        struct opening *opening = &pass->opener->openings[begun++];
        *opening = (struct opening){ .pass = pass, .judged = item };
        error = judged_is_delivered(item) && item->sealed ? begin_opening(pass, item, opening) : SIGNET_OK;
        if (judge_stops_at(run, item)) {
            break;
        }
    }
    crew_finish(&pass->job);
    return error ? error : take_opened(pass, begun);
}

static void report(const struct pass *pass, const struct judged *item)
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

/* An accepted exception that cannot be delivered: the same offsets, no records, as compaction leaves behind. */
static void append_empty(const struct judged *item, struct gather *out)
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
    batch_patch_crc(bytes, crc32c(covered));
}

static signet_error deliver(const struct pass *pass, const struct judged *item, struct block *owner, struct gather *out)
{
    if (judged_is_delivered(item) && item->sealed) {
        gather_add(out, item->content.owner, opened_start(item), BATCH_HEADER_BYTES + item->envelope.ciphertext.size);
    } else if (judged_is_delivered(item)) {
        gather_add(out, owner, owner->data + (item->batch.bytes.data - owner->data), item->batch.bytes.size);
    } else if (item->exception && !pass->request->share_group) {
        append_empty(item, out);
    }
    return out->error;
}

static signet_error add_range(struct open_result *result, const struct judged *item)
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

static signet_error deliver_all(struct pass *pass, struct block *owner, struct gather *out, struct open_result *result)
{
    signet_error error = decrypt_all(pass);
    for (size_t i = 0; i < pass->run.judged_count && !error; i++) {
        const struct judged *item = &pass->run.batches[i];
        size_t before = out->size;
        error = judge_stops_at(&pass->run, item) ? SIGNET_OK : deliver(pass, item, owner, out);
        if (error) {
            return error;
        }
        bool appended = out->size > before;
        if (!verdict_is_good(item->verdict)) {
            result->refused =
                result->refused == VERDICT_AUTHENTIC && !item->exception ? item->verdict : result->refused;
            report(pass, item);
        }
        if (judge_stops_at(&pass->run, item)) {
            return SIGNET_OK;
        }
        result->delivered += appended;
        error = pass->request->share_group && appended ? add_range(result, item) : SIGNET_OK;
    }
    return error;
}

static struct judge_request judge_request_of(const struct open_request *request)
{
    return (struct judge_request){
        .place = request->place,
        .topic_name = request->topic_name,
        .timestamp_type = request->timestamp_type,
        .append_skew_ms = request->append_skew_ms,
        .fetch_offset = request->fetch_offset,
        .mode = request->share_group ? JUDGE_SUBSET : JUDGE_READER,
        .read_committed = request->read_committed,
        .aborted = request->aborted,
        .aborted_count = request->aborted_count,
        .ahead = request->ahead,
    };
}

signet_error open_records(struct opener *opener, const struct open_request *request, struct judge_partition *partition,
                          struct block *owner, struct slice records, struct gather *ret_out,
                          struct open_result *ret_result)
{
    const struct judge_request judging = judge_request_of(request);
    struct pass pass = {
        .opener = opener,
        .request = request,
        .run = {
            .trust = opener->trust,
            .codecs = opener->codecs,
            .scratch = &opener->judging,
            .request = &judging,
            .partition = partition,
        },
        .job = { .crew = request->ahead ? opener->crew : NULL },
    };
    struct open_result result = { .refused = VERDICT_AUTHENTIC };
    struct gather_mark start = gather_mark(ret_out);
    signet_error error = ensure_threads(opener);
    error = error ? error : judge_records(&pass.run, owner, records);
    error = error ? error : deliver_all(&pass, owner, ret_out, &result);
    judge_end(&pass.run);
    if (opener->opening_capacity > 2 * OPEN_ITEMS_KEPT) {
        free_scratch(opener);
    }
    if (error) {
        free(result.ranges);
        gather_rewind(ret_out, start);
        return error;
    }
    *ret_result = result;
    return SIGNET_OK;
}
