/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/ledger_logs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "seal/ledger_follow.h"

/* What is kept of a record. */
struct line {
    uint64_t log, number, first, size, at; /* `at`: the how-many-th it was */
    int64_t time_ms;
    uint8_t root[SHA256_BYTES], before[SHA256_BYTES];
    uint64_t closes;
};

/* The log that is being judged. */
struct judging {
    const struct ledger_logs *logs;
    struct seen_log *log;
    const struct line *lines;
    size_t count;
    uint64_t size; /* of its largest record */
    bool forked;
    struct ledger_findings *findings;
};

static signet_error find_log(struct ledger_logs *l, const struct ledger_record *record,
                             const struct trusted_writer *writer, size_t *ret_at)
{
    struct slice origin = record->note.checkpoint.origin;
    for (size_t i = l->count; i > 0; i--) {
        const char *known = l->logs[i - 1].origin;
        if (strlen(known) == origin.size && memcmp(known, origin.data, origin.size) == 0) {
            *ret_at = i - 1;
            return SIGNET_OK;
        }
    }
    if (l->count == LEDGER_LOGS_MAX) {
        return SIGNET_ERROR_LIMIT;
    }
    struct seen_log *logs = array_with_room(l->logs, l->count, &l->capacity, sizeof *logs, 16);
    if (!logs) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    l->logs = logs;
    struct seen_log *log = &logs[l->count];
    *log = (struct seen_log){ .writer = writer, .interval_ms = LEDGER_INTERVAL_MS_DEFAULT, .forked_from = UINT64_MAX };
    memcpy(log->origin, origin.data, origin.size);
    memcpy(log->instance, record->origin.instance, sizeof log->instance);
    *ret_at = l->count++;
    return SIGNET_OK;
}

static signet_error add_retirement(struct ledger_logs *l, const struct trusted_writer *writer,
                                   const struct ledger_retirement *retirement)
{
    if (l->retirement_count == LEDGER_LOGS_MAX) {
        return SIGNET_ERROR_LIMIT;
    }
    struct seen_retirement *items =
        array_with_room(l->retirements, l->retirement_count, &l->retirement_capacity, sizeof *items, 16);
    if (!items) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    l->retirements = items;
    items[l->retirement_count] = (struct seen_retirement){ writer, *retirement };
    items[l->retirement_count++].retirement.reason = (struct slice){ 0 };
    return SIGNET_OK;
}

/* Only what is of a place. */
static bool entry_of(const struct ledger_leaf *leaf, struct ledger_entry *e)
{
    e->kind = leaf->kind;
    if (leaf->kind == LEDGER_RECORDS_DELETED || leaf->kind == LEDGER_TOPIC_DELETED) {
        e->place = leaf->deletion.place;
        e->place.partition = leaf->kind == LEDGER_TOPIC_DELETED ? -1 : e->place.partition;
        e->first = leaf->deletion.low_watermark;
        return true;
    }
    if (leaf->kind != LEDGER_BATCH) {
        return false;
    }
    const struct ledger_batch *b = &leaf->batch;
    const struct batch_header sent = { .producer_id = b->producer_id,
                                       .producer_epoch = b->producer_epoch,
                                       .base_sequence = b->base_sequence };
    e->place = b->place;
    e->first = b->base_offset;
    e->last = b->base_offset + b->last_offset_delta;
    e->time_ms = b->timestamp_ms >= 0 ? b->timestamp_ms : e->time_ms;
    e->bytes = b->stored_bytes;
    e->acknowledged_by_all = b->acks == -1;
    memcpy(e->seal_id, b->seal_id, sizeof e->seal_id);
    producer_hash(&sent, e->producer);
    return true;
}

static signet_error keep_entry(struct ledger_logs *l, uint32_t log, const struct ledger_record *record,
                               const struct trusted_writer *writer, const struct ledger_leaf *leaf)
{
    struct ledger_entry entry = {
        .log = log,
        .record = record->number,
        .writer = writer,
        .time_ms = record->last.time_ms,
        .entered_ms = record->last.time_ms,
    };
    return l->keeps_entries && entry_of(leaf, &entry) ? spool_add(&l->entries, &entry, sizeof entry) : SIGNET_OK;
}

static signet_error keep_name(struct ledger_logs *l, uint32_t log, const struct ledger_record *record,
                              const struct ledger_topic *topic)
{
    struct seen_name name = { .topic = topic->id, .log = log, .record = record->number };
    memcpy(name.name, topic->name.data, topic->name.size);
    return l->keeps_entries ? spool_add(&l->names, &name, sizeof name) : SIGNET_OK;
}

static signet_error take_leaves(struct ledger_logs *l, size_t log, const struct ledger_record *record,
                                const struct trusted_writer *writer)
{
    struct reader leaves = reader_over(record->leaves);
    struct ledger_leaf leaf;
    signet_error error = SIGNET_OK;
    while (!error && ledger_record_next(&leaves, &leaf)) {
        if (leaf.kind == LEDGER_OPENING) {
            l->logs[log].interval_ms = leaf.opening.interval_ms;
        } else if (leaf.kind == LEDGER_RETIREMENT) {
            error = add_retirement(l, writer, &leaf.retirement);
        } else if (leaf.kind == LEDGER_TOPIC) {
            error = keep_name(l, (uint32_t)log, record, &leaf.topic);
        } else {
            error = keep_entry(l, (uint32_t)log, record, writer, &leaf);
        }
        l->batches += leaf.kind == LEDGER_BATCH;
    }
    return error;
}

signet_error ledger_logs_add_revoked(struct ledger_logs *l, const struct ledger_record *record,
                                     const struct trusted_writer *writer)
{
    struct reader leaves = reader_over(record->leaves);
    struct ledger_leaf leaf;
    signet_error error = SIGNET_OK;
    while (!error && ledger_record_next(&leaves, &leaf)) {
        if (leaf.kind == LEDGER_BATCH) {
            error = keep_entry(l, LEDGER_ENTRY_NO_LOG, record, writer, &leaf);
        }
    }
    return error;
}

signet_error ledger_logs_add(struct ledger_logs *l, const struct ledger_record *record,
                             const struct trusted_writer *writer, const uint8_t root_before[SHA256_BYTES])
{
    size_t at;
    signet_error error = find_log(l, record, writer, &at);
    error = error ? error : take_leaves(l, at, record, writer);
    if (error) {
        return error;
    }
    struct line line = {
        .log = at,
        .number = record->number,
        .first = record->first,
        .size = record->note.checkpoint.size,
        .at = l->lines.count,
        .time_ms = record->last.time_ms,
        .closes = record->closes,
    };
    memcpy(line.root, record->note.checkpoint.root, sizeof line.root);
    memcpy(line.before, root_before, sizeof line.before);
    bool first = l->lines.count == 0;
    l->first_ms = first || line.time_ms < l->first_ms ? line.time_ms : l->first_ms;
    l->last_ms = first || line.time_ms > l->last_ms ? line.time_ms : l->last_ms;
    return spool_add(&l->lines, &line, sizeof line);
}

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int by_log(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    int order = compare(x->log, y->log);
    order = order ? order : compare(x->number, y->number);
    return order ? order : compare(x->at, y->at);
}

static struct ledger_finding finding_of(const struct judging *j, enum ledger_word word, uint64_t first, uint64_t last,
                                        int64_t time_ms)
{
    struct ledger_finding f = {
        .word = word,
        .has_records = true,
        .first_record = first,
        .last_record = last,
        .count = last - first + 1,
        .time_ms = time_ms,
    };
    memcpy(f.origin, j->log->origin, sizeof f.origin);
    return f;
}

/* `behind` is the first one that is there again. */
static void tell_gap(const struct judging *j, const struct line *behind, uint64_t missed, uint64_t leaves_before)
{
    struct ledger_finding f =
        finding_of(j, LEDGER_WORD_GAP, behind->number - missed, behind->number - 1, behind->time_ms);
    snprintf(f.text, sizeof f.text, "absent: leaves %" PRIu64 " to %" PRIu64, leaves_before, behind->first - 1);
    ledger_findings_add(j->findings, &f);
}

static enum ledger_step step(struct ledger_follow *follow, const struct line *line, uint64_t *ret_missed)
{
    struct ledger_record record = {
        .number = line->number,
        .first = line->first,
        .last.time_ms = line->time_ms,
        .closes = line->closes,
        .note.checkpoint.size = line->size,
    };
    memcpy(record.note.checkpoint.root, line->root, SHA256_BYTES);
    return ledger_follow(follow, &record, line->before, ret_missed);
}

/* From there on no branch is believed. */
static void tell_fork(struct judging *j, size_t at)
{
    const struct line *line = &j->lines[at], *last = &j->lines[j->count - 1];
    struct ledger_finding f = finding_of(j, LEDGER_WORD_FORKED, line->number, last->number, line->time_ms);
    f.count = j->count - at;
    ledger_findings_add(j->findings, &f);
    j->log->forked_from = line->number;
    j->forked = true;
}

/* In the order of numbers, up to a fork; of `follow` the end remains. */
static void judge_lines(struct judging *j, struct ledger_follow *follow)
{
    if (j->lines[0].number > 0) {
        tell_gap(j, &j->lines[0], j->lines[0].number, 0);
    }
    for (size_t i = 0; i < j->count; i++) {
        const struct line *line = &j->lines[i];
        uint64_t missed, before = i ? follow->points[follow->count - 1].size : 0;
        enum ledger_step taken = j->forked ? LEDGER_FORKED : step(follow, line, &missed);
        j->size = line->size > j->size ? line->size : j->size;
        if (taken == LEDGER_FORKED && !j->forked) {
            tell_fork(j, i);
        } else if (taken == LEDGER_GAP) {
            tell_gap(j, line, missed, before);
        }
    }
}

static void judge_root(const struct judging *j, const struct ledger_retirement *retirement)
{
    for (size_t i = 0; i < j->count; i++) {
        const struct line *line = &j->lines[i];
        if (line->size == retirement->size && memcmp(line->root, retirement->root, SHA256_BYTES) != 0) {
            struct ledger_finding f = finding_of(j, LEDGER_WORD_FORKED, line->number, line->number, line->time_ms);
            snprintf(f.text, sizeof f.text, "a retirement names another root at its %" PRIu64 " leaves", line->size);
            ledger_findings_add(j->findings, &f);
            j->log->forked_from = line->number < j->log->forked_from ? line->number : j->log->forked_from;
        }
    }
}

/* Is it over by a retirement that is not void? */
static bool judge_retirements(const struct judging *j)
{
    bool over = false;
    const struct line *last = &j->lines[j->count - 1];
    for (size_t i = 0; i < j->logs->retirement_count; i++) {
        const struct seen_retirement *r = &j->logs->retirements[i];
        if (r->writer != j->log->writer ||
            memcmp(r->retirement.instance, j->log->instance, LEDGER_INSTANCE_BYTES) != 0) {
            continue;
        }
        judge_root(j, &r->retirement);
        if (r->retirement.size >= j->size) {
            over = true;
            continue;
        }
        struct ledger_finding f =
            finding_of(j, LEDGER_WORD_RETIRED_ALIVE, last->number, last->number, r->retirement.time_ms);
        snprintf(f.text, sizeof f.text, "retired at %" PRIu64 " leaves, and has %" PRIu64, r->retirement.size, j->size);
        ledger_findings_add(j->findings, &f);
    }
    return over;
}

static void judge_age(const struct judging *j, const struct ledger_follow *follow,
                      const struct ledger_logs_policy *policy)
{
    int64_t allowed_ms = (int64_t)policy->stale_intervals * j->log->interval_ms;
    /* A time that is negative or ahead is its writer's own; only what is surely old is stale. */
    bool old = follow->time_ms < policy->now_ms - allowed_ms;
    if (!old || policy->now_ms > j->log->writer->not_after_ms) {
        return;
    }
    uint64_t number = follow->points[follow->count - 1].number;
    struct ledger_finding f = finding_of(j, LEDGER_WORD_STALE, number, number, follow->time_ms);
    snprintf(f.text, sizeof f.text, "its last record is %" PRId64 " s old; one was promised every %.1f s",
             (policy->now_ms - follow->time_ms) / 1000, j->log->interval_ms / 1000.0);
    ledger_findings_add(j->findings, &f);
}

static void judge_log(struct judging *j, const struct ledger_logs_policy *policy)
{
    struct ledger_follow follow = { 0 };
    judge_lines(j, &follow);
    bool retired = judge_retirements(j);
    j->log->live = !follow.closed && !retired;
    j->log->last_ms = follow.time_ms;
    if (!follow.closed && !retired && !j->forked) {
        judge_age(j, &follow, policy);
    }
}

static void judge_all(const struct ledger_logs *l, struct line *lines, const struct ledger_logs_policy *policy,
                      struct ledger_findings *findings)
{
    bool in_order = true;
    for (uint64_t i = 1; i < l->lines.count && in_order; i++) {
        in_order = by_log(&lines[i - 1], &lines[i]) < 0;
    }
    if (!in_order) {
        qsort(lines, l->lines.count, sizeof *lines, by_log);
    }
    for (uint64_t i = 0, count; i < l->lines.count; i += count) {
        for (count = 1; i + count < l->lines.count && lines[i + count].log == lines[i].log;) {
            count++;
        }
        struct judging j = {
            .logs = l,
            .log = &l->logs[lines[i].log],
            .lines = &lines[i],
            .count = count,
            .findings = findings,
        };
        judge_log(&j, policy);
    }
}

signet_error ledger_logs_judge(struct ledger_logs *l, const struct ledger_logs_policy *policy,
                               struct ledger_findings *findings)
{
    signet_error error = spool_map(&l->lines, sizeof(struct line));
    if (!error) {
        judge_all(l, l->lines.items, policy, findings);
    }
    return error;
}

void ledger_logs_free(struct ledger_logs *l)
{
    spool_free(&l->lines);
    spool_free(&l->entries);
    spool_free(&l->names);
    free(l->logs);
    free(l->retirements);
    *l = (struct ledger_logs){ 0 };
}
