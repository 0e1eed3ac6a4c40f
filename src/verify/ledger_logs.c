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

/* Only its own writer retires a log. */
static signet_error add_retirement(struct ledger_logs *l, const struct trusted_writer *writer,
                                   const struct ledger_retirement *retirement)
{
    struct named_log named = { .size = retirement->size, .time_ms = retirement->time_ms, .retires = true };
    memcpy(named.writer, writer->key, sizeof named.writer);
    memcpy(named.instance, retirement->instance, sizeof named.instance);
    memcpy(named.root, retirement->root, sizeof named.root);
    return named_logs_add(&l->named, &named);
}

static signet_error add_opening(struct ledger_logs *l, struct seen_log *log, const struct ledger_opening *opening)
{
    struct named_log named = { .size = opening->previous_size, .time_ms = opening->time_ms };
    log->interval_ms = opening->interval_ms;
    if (!opening->has_previous) {
        return SIGNET_OK;
    }
    memcpy(named.writer, opening->previous_writer, sizeof named.writer);
    memcpy(named.instance, opening->previous_instance, sizeof named.instance);
    memcpy(named.root, opening->previous_root, sizeof named.root);
    return named_logs_add(&l->named, &named);
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
            error = add_opening(l, &l->logs[log], &leaf.opening);
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
    size_t at;
    signet_error error = find_log(l, record, writer, &at);
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

/* Records before the first are not there; they are older than it. */
static void tell_head(const struct judging *j, const struct ledger_logs_policy *policy)
{
    const struct line *first = &j->lines[0];
    enum ledger_word word = ledger_is_kept(policy, first->time_ms) ? LEDGER_WORD_HEAD_GONE : LEDGER_WORD_HEAD_EXPIRED;
    struct ledger_finding f = finding_of(j, word, 0, first->number - 1, first->time_ms);
    snprintf(f.text, sizeof f.text, "absent: leaves 0 to %" PRIu64, first->first - 1);
    ledger_findings_add(j->findings, &f);
}

/* In the order of numbers, up to a fork; of `follow` the end remains. */
static void judge_lines(struct judging *j, struct ledger_follow *follow, const struct ledger_logs_policy *policy)
{
    if (j->lines[0].number > 0) {
        tell_head(j, policy);
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

static void judge_root(const struct judging *j, const struct named_log *named)
{
    for (size_t i = 0; i < j->count; i++) {
        const struct line *line = &j->lines[i];
        if (line->size == named->size && memcmp(line->root, named->root, SHA256_BYTES) != 0) {
            struct ledger_finding f = finding_of(j, LEDGER_WORD_FORKED, line->number, line->number, line->time_ms);
            snprintf(f.text, sizeof f.text, "a retirement names another root at its %" PRIu64 " leaves", line->size);
            ledger_findings_add(j->findings, &f);
            j->log->forked_from = line->number < j->log->forked_from ? line->number : j->log->forked_from;
        }
    }
}

static void tell_retired_alive(const struct judging *j, const struct named_log *named)
{
    const struct line *last = &j->lines[j->count - 1];
    struct ledger_finding f = finding_of(j, LEDGER_WORD_RETIRED_ALIVE, last->number, last->number, named->time_ms);
    snprintf(f.text, sizeof f.text, "retired at %" PRIu64 " leaves, and has %" PRIu64, named->size, j->size);
    ledger_findings_add(j->findings, &f);
}

/* Others know of more leaves than the last record has. */
static void tell_tail(const struct judging *j, uint64_t size, int64_t time_ms)
{
    struct ledger_finding f = finding_of(j, LEDGER_WORD_GAP, 0, 0, time_ms);
    f.has_records = false;
    f.count = 1;
    snprintf(f.text, sizeof f.text, "absent at its end: leaves %" PRIu64 " to %" PRIu64, j->size, size - 1);
    ledger_findings_add(j->findings, &f);
}

/* What others say of it.  Is it over by a retirement that is not void? */
static bool judge_named(const struct judging *j)
{
    bool over = false;
    size_t count;
    const struct named_log *named = named_logs_find(&j->logs->named, j->log->writer->key, j->log->instance, &count);
    for (size_t i = 0; i < count; i++) {
        if (named[i].retires) {
            judge_root(j, &named[i]);
            over = over || named[i].size >= j->size;
        }
        if (named[i].retires && named[i].size < j->size) {
            tell_retired_alive(j, &named[i]);
        }
    }
    if (count > 0 && named[count - 1].size > j->size && !j->forked) {
        tell_tail(j, named[count - 1].size, named[count - 1].time_ms);
    }
    return over;
}

/* Records whose time is not what it should be: told once, and held against nobody. */
struct oddities {
    uint64_t count, first_record;
    int64_t first_ms;
};

static void note_odd(struct oddities *odd, const struct line *line)
{
    if (odd->count++ == 0) {
        odd->first_record = line->number;
        odd->first_ms = line->time_ms;
    }
}

static void tell_odd(const struct judging *j, enum ledger_word word, const struct oddities *odd)
{
    if (odd->count > 0) {
        struct ledger_finding f = finding_of(j, word, odd->first_record, odd->first_record, odd->first_ms);
        f.count = odd->count;
        snprintf(f.text, sizeof f.text, "the first of %" PRIu64 " such records", odd->count);
        ledger_findings_add(j->findings, &f);
    }
}

static bool is_ahead(int64_t time_ms, int64_t now_ms)
{
    return time_ms > now_ms && (uint64_t)time_ms - (uint64_t)now_ms > LEDGER_AHEAD_MS_MAX;
}

/* Of what is believed. */
static void judge_clock(const struct judging *j, int64_t now_ms)
{
    struct oddities back = { 0 }, ahead = { 0 };
    for (size_t i = 0; i < j->count && j->lines[i].number < j->log->forked_from; i++) {
        const struct line *line = &j->lines[i];
        if (i > 0 && line->time_ms < line[-1].time_ms) {
            note_odd(&back, line);
        }
        if (is_ahead(line->time_ms, now_ms)) {
            note_odd(&ahead, line);
        }
    }
    tell_odd(j, LEDGER_WORD_CLOCK_BACK, &back);
    tell_odd(j, LEDGER_WORD_CLOCK_AHEAD, &ahead);
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
    judge_lines(j, &follow, policy);
    bool retired = judge_named(j);
    judge_clock(j, policy->now_ms);
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

static void mark_given(struct ledger_logs *l)
{
    for (size_t i = 0; i < l->count; i++) {
        named_logs_mark_given(&l->named, l->logs[i].writer->key, l->logs[i].instance);
    }
}

signet_error ledger_logs_judge(struct ledger_logs *l, const struct ledger_logs_policy *policy,
                               struct ledger_findings *findings)
{
    signet_error error = spool_map(&l->lines, sizeof(struct line));
    if (!error) {
        named_logs_sort(&l->named);
        judge_all(l, l->lines.items, policy, findings);
        mark_given(l);
        named_logs_tell_absent(&l->named, policy, findings);
    }
    return error;
}

void ledger_logs_free(struct ledger_logs *l)
{
    spool_free(&l->lines);
    spool_free(&l->entries);
    spool_free(&l->names);
    free(l->logs);
    named_logs_free(&l->named);
    *l = (struct ledger_logs){ 0 };
}
