/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/aborted_list.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/limits.h"

enum { INDEX_NAME_BYTES = 32 };

static const char missing[] = "the broker's list of aborted transactions does not have this one";
static const char one_more[] = "the broker's list of aborted transactions has this one, and no abort marker ends it";
static const char different[] =
    "the broker's list of aborted transactions has another producer or another beginning here";
static const char too_stable[] = "the broker's list of aborted transactions says that more was decided when this one "
                                 "ended: brokers look no further, and do not list those behind it";
static const char not_yet[] =
    "the broker's list of aborted transactions does not have this one, yet the log was written to "
    "just now: verify again";

/* Offsets as a file may claim them are told as far as they make sense. */
static void tell(struct aborted_list *l, enum flaw_kind kind, int64_t first, int64_t last, const char *text)
{
    first = first >= 0 && first <= last ? first : last;
    const struct accepted_exception *accepted =
        kind == FLAW_BAD && last >= 0 ? trust_find_exception(l->trust, l->place, l->topic_name, first, last) : NULL;
    struct flaw flaw = flaw_of(accepted ? FLAW_ACCEPTED : kind);
    flaw.verdict = VERDICT_OUTCOME_FORGED;
    flaw.first_offset = last >= 0 ? first : -1;
    flaw.last_offset = last;
    snprintf(flaw.text, sizeof flaw.text, "%s", text);
    flaws_add(&l->flaws, &flaw);
}

static void lose(struct aborted_list *l, int64_t offset, const char *why)
{
    l->lost = true;
    flaws_say(&l->flaws, FLAW_UNKNOWN, offset, "transactions from here on were not followed: %s", why);
}

static void name_of(int64_t base, char ret_name[INDEX_NAME_BYTES])
{
    snprintf(ret_name, INDEX_NAME_BYTES, "%020" PRId64 ".txnindex", base);
}

/* What it cannot be read for is told, and nothing else is said of it. */
static void skip(struct aborted_list *l, const char *why)
{
    l->skipped = true;
    flaws_say(&l->flaws, FLAW_UNKNOWN, -1, "%020" PRId64 ".txnindex: %s", l->segments->bases[l->index], why);
}

/* There is none in most folders. */
static bool open_file(struct aborted_list *l, uint64_t *ret_bytes)
{
    char name[INDEX_NAME_BYTES];
    name_of(l->segments->bases[l->index], name);
    l->file = disk_open_file(l->folder, name, ret_bytes);
    if (l->file < 0 && errno != ENOENT) {
        skip(l, errno == EINVAL ? "it is no file" : strerror(errno));
    }
    if (l->file >= 0) {
        entry_file_begin(&l->entries, l->file, 0, ABORTED_ENTRY_BYTES);
    }
    return l->file >= 0;
}

void aborted_list_open(struct aborted_list *l, const struct segments *segments, size_t index)
{
    uint64_t bytes;
    l->segments = segments;
    l->index = index;
    l->skipped = l->has_next = false;
    l->awaited_count = 0;
    l->known_bytes = open_file(l, &bytes) ? bytes : 0;
}

static int by_producer(const void *a, const void *b)
{
    const struct early_producer *x = a, *y = b;
    return (x->producer_id > y->producer_id) - (x->producer_id < y->producer_id);
}

static struct early_producer *find_early(const struct aborted_list *l, int64_t producer_id)
{
    const struct early_producer wanted = { .producer_id = producer_id };
    return l->early_count == 0 ? NULL : bsearch(&wanted, l->early, l->early_count, sizeof *l->early, by_producer);
}

static void add_early(struct aborted_list *l, int64_t producer_id)
{
    if (find_early(l, producer_id)) {
        return;
    }
    struct early_producer *early =
        l->early_count < EARLY_PRODUCERS_MAX
            ? array_with_room(l->early, l->early_count, &l->early_capacity, sizeof *early, 16)
            : NULL;
    if (!early) {
        l->early_lost = true;
        return;
    }
    l->early = early;
    size_t at = l->early_count++;
    for (; at > 0 && early[at - 1].producer_id > producer_id; at--) {
        early[at] = early[at - 1];
    }
    early[at] = (struct early_producer){ .producer_id = producer_id };
}

static void scan_early(struct aborted_list *l, int64_t base)
{
    char name[INDEX_NAME_BYTES];
    struct entry_file entries;
    struct slice bytes;
    uint64_t size;
    name_of(base, name);
    int file = disk_open_file(l->folder, name, &size);
    if (file < 0) {
        return; /* which is told when its segment is read */
    }
    entry_file_begin(&entries, file, 0, ABORTED_ENTRY_BYTES);
    while (entry_file_next(&entries, &bytes)) {
        struct aborted_entry e = aborted_entry_read(bytes);
        if (e.first_offset < l->start && e.last_offset >= l->start) {
            add_early(l, e.producer_id);
        }
    }
    close(file);
}

void aborted_list_start(struct aborted_list *l, int64_t offset)
{
    if (l->lost) {
        return;
    }
    if (l->starts++ == ABORTED_STARTS_MAX) {
        lose(l, offset, "there is too much damage before");
        return;
    }
    l->start = offset;
    l->early_count = 0;
    ongoing_clear(&l->ongoing);
    for (size_t i = l->index; offset > 0 && i < l->segments->count; i++) {
        scan_early(l, l->segments->bases[i]);
    }
}

/* The next line of the list, if it is there by now. */
static bool peek(struct aborted_list *l)
{
    struct slice bytes;
    uint64_t size;
    if (l->has_next || l->skipped) {
        return l->has_next;
    }
    if (l->file < 0 && !open_file(l, &size)) {
        return false;
    }
    if (!entry_file_next(&l->entries, &bytes)) {
        if (l->entries.error) {
            skip(l, strerror(errno));
        }
        return false;
    }
    l->next = aborted_entry_read(bytes);
    l->next_at = l->entries.at - bytes.size;
    l->has_next = l->next.version == 0;
    if (!l->has_next) {
        skip(l, "a line of it has a version that is not known here");
    }
    return l->has_next;
}

/* Of what was damaged nothing is known; what is before the segment is never its. */
static void tell_one_more(struct aborted_list *l)
{
    const struct aborted_entry *e = &l->next;
    l->has_next = false;
    if (e->last_offset >= l->start || e->last_offset < l->segments->bases[l->index]) {
        tell(l, FLAW_BAD, e->first_offset, e->last_offset, one_more);
    }
}

static bool begins_right(const struct aborted_list *l, const struct awaited_line *a)
{
    int64_t first = l->next.first_offset;
    bool before = first >= 0 && first < l->start && a->may_begin_before;
    return first == a->first ? a->first >= 0 : before;
}

static void compare(struct aborted_list *l, const struct awaited_line *a)
{
    const struct aborted_entry *e = &l->next;
    l->has_next = false;
    if (e->producer_id != a->producer_id || !begins_right(l, a)) {
        tell(l, FLAW_BAD, e->first_offset, a->last, different);
    } else if (e->last_stable_offset > a->stable && a->stable <= a->last) {
        tell(l, FLAW_BAD, e->first_offset, a->last, too_stable);
    } else if (e->last_stable_offset > a->stable && e->last_stable_offset > l->claimed.stable) {
        l->claimed = (struct claimed_stable){ e->last_stable_offset, e->first_offset, a->last };
    }
    l->low_stable += e->last_stable_offset < a->stable && l->start == 0;
}

/* False when the list has no line more to hold it against. */
static bool settle(struct aborted_list *l, const struct awaited_line *a)
{
    while (peek(l) && l->next.last_offset < a->last) {
        tell_one_more(l);
    }
    if (!l->has_next) {
        return l->skipped || a->optional;
    }
    if (l->next.last_offset == a->last) {
        compare(l, a);
    } else if (!a->optional) {
        tell(l, FLAW_BAD, a->first, a->last, missing);
    }
    return true;
}

static void settle_awaited(struct aborted_list *l)
{
    size_t done = 0;
    while (done < l->awaited_count && settle(l, &l->awaited[done])) {
        done++;
    }
    l->awaited_count -= done;
    if (done > 0) {
        memmove(l->awaited, l->awaited + done, l->awaited_count * sizeof *l->awaited);
    }
}

static void tell_awaited(struct aborted_list *l, enum flaw_kind kind, const char *text)
{
    for (size_t i = 0; i < l->awaited_count; i++) {
        if (!l->awaited[i].optional) {
            tell(l, kind, l->awaited[i].first, l->awaited[i].last, text);
        }
    }
    l->awaited_count = 0;
}

static void await(struct aborted_list *l, const struct awaited_line *line)
{
    if (l->awaited_count == AWAITED_LINES_MAX) {
        settle_awaited(l);
    }
    if (l->awaited_count == AWAITED_LINES_MAX) {
        tell_awaited(l, FLAW_BAD, missing); /* more than a broker writes at once */
    }
    struct awaited_line *awaited =
        array_with_room(l->awaited, l->awaited_count, &l->awaited_capacity, sizeof *awaited, 16);
    if (!awaited) {
        lose(l, line->last, "out of memory");
        return;
    }
    l->awaited = awaited;
    awaited[l->awaited_count++] = *line;
}

static void take_aborted(struct aborted_list *l, const struct batch_header *marker, const struct ongoing_transaction *t,
                         const struct early_producer *early)
{
    int64_t oldest = ongoing_oldest_but(&l->ongoing, marker->producer_id);
    const struct awaited_line line = {
        .producer_id = marker->producer_id,
        .first = t ? t->first_offset : -1,
        .last = marker->base_offset,
        .stable = oldest >= 0 ? oldest : marker->base_offset + 1,
        .optional = !t,
        .may_begin_before = l->start > 0 && !(early && early->ended),
    };
    if (!t && !line.may_begin_before) {
        return; /* of no transaction with data: it is not listed */
    }
    if (l->awaited_count > 0 || !settle(l, &line)) {
        await(l, &line);
    }
}

void aborted_list_data(struct aborted_list *l, const struct batch_header *batch)
{
    if (l->lost || !(batch->attributes & BATCH_TRANSACTIONAL)) {
        return;
    }
    if (l->claimed.stable > batch->base_offset) {
        tell(l, FLAW_BAD, l->claimed.first, l->claimed.last, too_stable);
        l->claimed.stable = 0;
    }
    signet_error error = ongoing_add(&l->ongoing, batch);
    if (error) {
        lose(l, batch->base_offset,
             error == SIGNET_ERROR_LIMIT ? "too many are open at once" : signet_error_text(error));
    }
}

void aborted_list_marker(struct aborted_list *l, const struct batch_header *marker, bool commit)
{
    if (l->lost) {
        return;
    }
    struct early_producer *early = find_early(l, marker->producer_id);
    if (!commit) {
        take_aborted(l, marker, ongoing_find(&l->ongoing, marker->producer_id), early);
    }
    ongoing_end(&l->ongoing, marker->producer_id);
    if (early) {
        early->ended = true;
    }
}

/* The line of a marker comes right behind it, unless the broker is busy, or was killed. */
static void judge_awaited(struct aborted_list *l, const struct aborted_list_segment *s)
{
    struct stat now;
    settle_awaited(l);
    bool known = !s->last || l->awaited_count == 0 || fstat(s->file, &now) == 0;
    if (known && s->last && l->awaited_count > 0) {
        int64_t written_ms = (int64_t)now.st_mtim.tv_sec * 1000;
        bool fresh = written_ms > s->now_ms - AWAITED_LINES_MS, cut = (uint64_t)now.st_size < s->bytes;
        if (fresh || cut) {
            tell_awaited(l, FLAW_UNKNOWN, not_yet);
            return;
        }
    }
    tell_awaited(l, known ? FLAW_BAD : FLAW_UNKNOWN, missing);
}

static void judge_rest(struct aborted_list *l, const struct aborted_list_segment *s)
{
    while (peek(l) && (l->next_at < l->known_bytes || l->next.last_offset < s->end)) {
        tell_one_more(l);
    }
    uint64_t torn = l->known_bytes % ABORTED_ENTRY_BYTES;
    if (torn > 0 && !l->skipped) {
        flaws_say(&l->flaws, FLAW_NOTE, -1,
                  "%020" PRId64 ".txnindex ends within a line, %" PRIu64 " bytes of it, which no broker reads",
                  l->segments->bases[l->index], torn);
    }
}

void aborted_list_close(struct aborted_list *l, const struct aborted_list_segment *s)
{
    if (s && !l->lost) {
        judge_awaited(l, s);
        judge_rest(l, s);
    }
    if (l->file >= 0) {
        close(l->file);
    }
}

void aborted_list_finish(struct aborted_list *l, struct flaws *flaws)
{
    if (l->early_lost) {
        flaws_say(&l->flaws, FLAW_UNKNOWN, -1,
                  "too many aborted transactions began before what was read: where they began was not told");
    }
    if (l->low_stable > 0) {
        flaws_say(&l->flaws, FLAW_NOTE, -1,
                  "%" PRIu64 " lines of the broker's list of aborted transactions have a lower last stable offset than "
                  "was computed, which does no harm",
                  l->low_stable);
    }
    for (size_t i = 0; i < l->flaws.count; i++) {
        flaws_add(flaws, &l->flaws.items[i]);
    }
    flaws->left_out += l->flaws.left_out;
    flaws->bad = flaws->bad || l->flaws.bad;
    flaws->unknown = flaws->unknown || l->flaws.unknown;
    flaws_free(&l->flaws);
    ongoing_free(&l->ongoing);
    free(l->early);
    free(l->awaited);
}
