/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/holding.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "verify/entries.h"

/* As it stands in an entry. */
enum match { MATCH_NONE, MATCH_RIGHT, MATCH_RESOLVED, MATCH_VOID };

/* Where a seal may be looked for until it is said not to be elsewhere: copies of one partition on several replicas. */
enum { SEAL_COPIES_MAX = 64 };

static const struct flaw_word words[] = {
#define X(name, text, kind, meaning, hint) { text, kind, meaning, hint },
    HOLDING_WORDS(X)
#undef X
};

const struct flaw_word *holding_word_of(enum holding_word word)
{
    return &words[word];
}

/* One place being held against its entries. */
struct place_run {
    const struct holding_request *request;
    struct holding *holding;
    const struct survey *survey;
    struct ledger_entry *entries;
    size_t entry_count;
    struct stored_batch *batches;
    size_t batch_count;
    int64_t watermark;    /* below it clients deleted */
    int64_t retention_ms; /* pinned; 0: not */
    uint64_t retention_bytes;
    const int64_t *live_ms; /* by writers: the last record of that of their live logs which is furthest behind */
};

static int compare(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int batch_to_survey(const void *item, const void *wanted)
{
    const struct stored_batch *batch = item;
    return compare(batch->survey, *(const uint32_t *)wanted);
}

static size_t find_survey(const struct stored_batch *batches, size_t count, uint32_t survey)
{
    return array_count_before(batches, count, sizeof *batches, &survey, batch_to_survey);
}

static int batch_to_offset(const void *item, const void *wanted)
{
    const struct stored_batch *batch = item;
    return compare(batch->first, *(const int64_t *)wanted);
}

/* How many of the place begin before `offset`. */
static size_t count_before(const struct place_run *r, int64_t offset)
{
    return array_count_before(r->batches, r->batch_count, sizeof *r->batches, &offset, batch_to_offset);
}

/* The first of that seal at or behind a survey and offset; NULL when there is none. */
static struct stored_seal *find_seal(const struct stored *stored, const uint8_t seal_id[SEAL_ID_BYTES], uint32_t survey)
{
    struct stored_seal *seals = stored->seals.items, wanted = { .survey = survey, .first = INT64_MIN };
    memcpy(wanted.seal_id, seal_id, sizeof wanted.seal_id);
    size_t at = array_count_before(seals, stored->seals.count, sizeof *seals, &wanted, stored_seal_compare);
    bool found = at < stored->seals.count && memcmp(seals[at].seal_id, seal_id, SEAL_ID_BYTES) == 0;
    return found ? &seals[at] : NULL;
}

/* Rules 1 and 2. */
static void match(struct place_run *r, struct ledger_entry *e)
{
    static const uint8_t none[PRODUCER_HASH_BYTES];
    struct stored_batch *resolved = NULL;
    e->match = MATCH_NONE;
    for (size_t i = count_before(r, e->first); i < r->batch_count && r->batches[i].first == e->first; i++) {
        struct stored_batch *b = &r->batches[i];
        if (b->last != e->last || !b->sealed) {
            continue;
        }
        if (memcmp(b->seal_id, e->seal_id, sizeof b->seal_id) == 0) {
            struct stored_seal *seal = find_seal(r->request->stored, e->seal_id, r->survey->number);
            b->right = seal->right = true;
            e->match = MATCH_RIGHT;
            return;
        }
        bool same = memcmp(b->producer, e->producer, sizeof none) == 0 && memcmp(none, e->producer, sizeof none) != 0;
        resolved = b->authentic && same ? b : resolved;
    }
    if (resolved) {
        resolved->resolved = true;
        e->match = MATCH_RESOLVED;
    }
}

static void reach(struct place_run *r)
{
    int64_t bad = -1, known = -1;
    for (size_t i = 0; i < r->batch_count; i++) {
        struct stored_batch *b = &r->batches[i];
        bad = b->bad && b->last > bad ? b->last : bad;
        known = (b->right || b->resolved) && b->last > known ? b->last : known;
        b->reach_bad = bad;
        b->reach_known = known;
    }
}

/* Sizes of what was entered behind each, every range of offsets once. */
static void weigh(struct place_run *r)
{
    uint64_t behind = 0;
    int64_t counted = INT64_MAX;
    for (size_t i = r->entry_count; i > 0; i--) {
        struct ledger_entry *e = &r->entries[i - 1];
        e->behind = behind;
        if (e->match != MATCH_VOID && e->last < counted) {
            behind += e->bytes;
            counted = e->first;
        }
    }
}

static bool is_expired(const struct place_run *r, const struct ledger_entry *e)
{
    if (e->last >= r->survey->first_offset) {
        return false;
    }
    bool old = r->retention_ms > 0 && e->time_ms < r->request->now_ms - r->retention_ms;
    return old || (r->retention_bytes > 0 && e->behind >= r->retention_bytes);
}

/* Its seal at another offset or in another place; in this place before others. */
static const struct stored_seal *find_moved(const struct place_run *r, const struct ledger_entry *e)
{
    const struct stored *stored = r->request->stored;
    const struct stored_seal *own = find_seal(stored, e->seal_id, r->survey->number);
    if (own && own->survey == r->survey->number) {
        return own;
    }
    const struct stored_seal *at = find_seal(stored, e->seal_id, 0), *seals = stored->seals.items;
    size_t left = at ? stored->seals.count - (size_t)(at - seals) : 0;
    for (size_t i = 0; i < SEAL_COPIES_MAX && i < left; i++) {
        if (memcmp(at[i].seal_id, e->seal_id, SEAL_ID_BYTES) != 0) {
            return NULL;
        }
        bool here = place_compare(&r->request->surveys[at[i].survey].place, &e->place) == 0;
        if (!here || at[i].first != e->first) {
            return &at[i];
        }
    }
    return NULL;
}

/* Section 7.1; with MOVED, `ret_moved` is where. */
static enum holding_word word_of_entry(const struct place_run *r, const struct ledger_entry *e,
                                       const struct stored_seal **ret_moved)
{
    *ret_moved = NULL;
    if (e->match != MATCH_NONE) {
        return e->match == MATCH_RIGHT ? HOLDING_RIGHT : HOLDING_RESOLVED;
    }
    if (e->last < r->watermark) {
        return HOLDING_DELETED;
    }
    if (is_expired(r, e)) {
        return HOLDING_EXPIRED;
    }
    *ret_moved = find_moved(r, e);
    if (*ret_moved) {
        return HOLDING_MOVED;
    }
    size_t before = count_before(r, e->last + 1);
    const struct stored_batch *b = before > 0 ? &r->batches[before - 1] : NULL;
    if (b && b->reach_known >= e->first) {
        return HOLDING_ROLLED_BACK;
    }
    if (b && b->reach_bad >= e->first) {
        return HOLDING_ALTERED;
    }
    if (r->survey->unread || r->survey->only_segment >= 0) {
        return HOLDING_UNREAD;
    }
    return e->first >= r->survey->next_offset ? HOLDING_TRUNCATED : HOLDING_MISSING;
}

/* Section 7.2, but for verdicts, which the survey tells, and markers. */
static enum holding_word word_of_batch(const struct place_run *r, const struct stored_batch *b)
{
    const struct stored_seal *seal = find_seal(r->request->stored, b->seal_id, r->survey->number);
    if (seal->first < b->first || seal->right) {
        return HOLDING_EXTRA;
    }
    if (b->resolved) {
        return HOLDING_RESOLVED;
    }
    return b->seal_time_ms > r->live_ms[b->writer] ? HOLDING_NOT_YET : HOLDING_NOT_COVERED;
}

static bool goes_on(const struct holding_finding *last, const struct holding_finding *next)
{
    bool alike = last->word == next->word && last->survey == next->survey && last->acks_one == next->acks_one &&
                 last->writer == next->writer && last->stored == next->stored;
    bool together = last->moved_survey == next->moved_survey &&
                    next->moved_offset - next->first == last->moved_offset - last->first;
    return alike && (next->word != HOLDING_MOVED || together);
}

/* `in_a_row`: the one before had the same word, and was of the same kind. */
static void tell(struct holding *h, const struct holding_finding *next, bool in_a_row)
{
    h->bad |= words[next->word].kind == FLAW_BAD;
    if (in_a_row && h->left_out == 0 && h->count > 0 && goes_on(&h->findings[h->count - 1], next)) {
        struct holding_finding *last = &h->findings[h->count - 1];
        last->last = next->last > last->last ? next->last : last->last;
        last->count++;
        last->first_ms = next->first_ms < last->first_ms ? next->first_ms : last->first_ms;
        last->last_ms = next->last_ms > last->last_ms ? next->last_ms : last->last_ms;
        return;
    }
    struct holding_finding *findings =
        h->count < FLAWS_MAX ? array_with_room(h->findings, h->count, &h->capacity, sizeof *findings, 8) : NULL;
    if (!findings) {
        h->left_out++;
        return;
    }
    h->findings = findings;
    findings[h->count++] = *next;
}

static bool is_told(enum holding_word word)
{
    return words[word].kind == FLAW_BAD || word == HOLDING_NOT_COVERED;
}

static void mark(const struct place_run *r, const struct holding_finding *f)
{
    if (r->survey->map) {
        partition_map_mark(r->survey->map, f->first, f->last,
                           words[f->word].kind == FLAW_BAD ? MAP_BAD : MAP_NOT_COVERED);
    }
}

static void judge_entries(struct place_run *r)
{
    enum holding_word before = HOLDING_WORD_COUNT;
    for (size_t i = 0; i < r->entry_count; i++) {
        const struct ledger_entry *e = &r->entries[i];
        const struct stored_seal *moved;
        if (e->match == MATCH_VOID) {
            continue;
        }
        enum holding_word word = word_of_entry(r, e, &moved);
        const struct holding_finding f = {
            .word = word,
            .survey = r->survey->number,
            .acks_one = !e->acknowledged_by_all && word != HOLDING_ALTERED,
            .first = e->first,
            .last = e->last,
            .count = 1,
            .writer = e->writer,
            .first_ms = e->entered_ms,
            .last_ms = e->entered_ms,
            .moved_survey = moved ? moved->survey : 0,
            .moved_offset = moved ? moved->first : -1,
        };
        r->holding->words[word]++;
        if (is_told(word)) {
            tell(r->holding, &f, word == before);
            mark(r, &f);
        }
        before = word;
    }
}

static void judge_batches(struct place_run *r)
{
    enum holding_word before = HOLDING_WORD_COUNT;
    for (size_t i = 0; i < r->batch_count; i++) {
        const struct stored_batch *b = &r->batches[i];
        if (!b->authentic || b->right) {
            before = HOLDING_WORD_COUNT;
            continue;
        }
        enum holding_word word = word_of_batch(r, b);
        const struct holding_finding f = {
            .word = word,
            .survey = r->survey->number,
            .first = b->first,
            .last = b->last,
            .count = 1,
            .writer = &r->request->trust->writers[b->writer],
            .stored = true,
            .first_ms = b->seal_time_ms,
            .last_ms = b->seal_time_ms,
        };
        r->holding->words[word] += word != HOLDING_RESOLVED; /* its entry counts */
        if (is_told(word)) {
            tell(r->holding, &f, word == before);
            mark(r, &f);
        }
        before = word;
    }
}

/* A revoked writer's only as far as the trust file says. */
static bool is_void(const struct place_run *r, const struct ledger_entry *e)
{
    return e->log == LEDGER_ENTRY_NO_LOG &&
           !trusted_writer_believed_at(e->writer, &e->place, slice_of_text(r->survey->topic), e->last);
}

/* Batches stand before deletions; what is left of the entries is batches. */
static void take_entries(struct place_run *r)
{
    size_t batches = 0;
    for (size_t i = 0; i < r->entry_count; i++) {
        struct ledger_entry *e = &r->entries[i];
        e->met = true;
        if (e->kind == LEDGER_RECORDS_DELETED) {
            bool may = trusted_writer_may_write(e->writer, slice_of_text(r->survey->topic));
            r->watermark = may && e->first > r->watermark ? e->first : r->watermark;
        } else if (is_void(r, e)) {
            e->match = MATCH_VOID;
            batches++;
        } else {
            match(r, e);
            batches++;
        }
    }
    r->entry_count = batches;
}

static void judge_place(struct place_run *r)
{
    take_entries(r);
    reach(r);
    weigh(r);
    judge_entries(r);
    judge_batches(r);
}

static int64_t *find_live(const struct holding_request *q)
{
    size_t writers = q->trust->writer_count;
    int64_t *live_ms = malloc((writers ? writers : 1) * sizeof *live_ms);
    for (size_t i = 0; live_ms && i < writers; i++) {
        live_ms[i] = INT64_MAX;
    }
    for (size_t i = 0; live_ms && i < q->logs->count; i++) {
        const struct seen_log *log = &q->logs->logs[i];
        int64_t *ms = &live_ms[log->writer - q->trust->writers];
        *ms = log->live && log->last_ms < *ms ? log->last_ms : *ms;
    }
    return live_ms;
}

static bool is_there(const struct holding_request *q, const struct topic_id *topic)
{
    for (size_t i = 0; i < q->survey_count; i++) {
        if (topic_id_equal(&q->surveys[i].place.topic, topic)) {
            return true;
        }
    }
    return false;
}

/* Nothing is said of them: another broker may have them. */
static void count_unmet(const struct holding_request *q, struct holding *h, const struct entries *entries)
{
    const struct topic_id *topic = NULL;
    bool deleted = false;
    for (size_t i = 0; i < entries->count; i++) {
        const struct ledger_entry *e = &entries->items[i];
        if (e->kind != LEDGER_BATCH || e->met) {
            continue;
        }
        if (!topic || !topic_id_equal(topic, &e->place.topic)) {
            topic = &e->place.topic;
            deleted = entries_topic_deleted(entries, topic) && !is_there(q, topic);
        }
        h->words[HOLDING_DELETED] += deleted;
        h->elsewhere += !deleted;
    }
}

static void judge_survey(const struct holding_request *q, const struct survey *survey, const struct entries *entries,
                         const int64_t *live_ms, struct holding *h)
{
    struct place next = survey->place;
    next.partition++;
    struct stored_batch *batches = q->stored->batches.items;
    size_t from = entries_find(entries, &survey->place);
    const struct topic_policy *policy = survey->policy;
    bool pinned = policy->retention_ms > 0 || policy->retention_bytes > 0;
    size_t first = find_survey(batches, q->stored->batches.count, survey->number);
    struct place_run r = {
        .request = q,
        .holding = h,
        .survey = survey,
        .entries = entries->items ? entries->items + from : NULL,
        .entry_count = entries->items ? entries_find(entries, &next) - from : 0,
        .batches = batches ? batches + first : NULL,
        .batch_count = batches ? find_survey(batches, q->stored->batches.count, survey->number + 1) - first : 0,
        .retention_ms = pinned ? policy->retention_ms : q->retention_ms,
        .retention_bytes = pinned ? policy->retention_bytes : q->retention_bytes,
        .live_ms = live_ms,
    };
    judge_place(&r);
}

signet_error holding_run(const struct holding_request *q, struct holding *h)
{
    struct entries entries;
    signet_error error = entries_open(q->logs, &entries);
    error = error ? error : stored_sort(q->stored);
    if (error) {
        return error;
    }
    int64_t *live_ms = find_live(q);
    if (!live_ms) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < q->survey_count; i++) {
        bool looked_at = !topic_id_is_zero(&q->surveys[i].place.topic) && q->surveys[i].first_offset >= 0;
        if (looked_at) {
            judge_survey(q, &q->surveys[i], &entries, live_ms, h);
        }
    }
    count_unmet(q, h, &entries);
    free(live_ms);
    return SIGNET_OK;
}

void holding_free(struct holding *h)
{
    free(h->findings);
    *h = (struct holding){ 0 };
}
