/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/survey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "kafka/segment.h"
#include "verify/aborted_list.h"
#include "verify/disk.h"
#include "verify/folder_id.h"

enum { PROGRESS_MS = 200 };

static const struct segment_portion portion = { SURVEY_BATCHES_MAX, SURVEY_WINDOW_BYTES };

/* One partition being surveyed. */
struct walk {
    struct surveyor *surveyor;
    struct survey *survey;
    int folder;
    struct place place;
    struct judge_partition judged;
    struct aborted_list listed;
    struct segments segments;
    size_t index;      /* of the segment, and */
    int file;          /* the segment itself */
    uint64_t size, at; /* its size; where the window begins in it */
    size_t filled;     /* of the window */
    bool large;        /* the lock is held */
    bool anew;         /* what comes next stands behind a part of the log that retention has taken meanwhile */
    size_t crc_bytes;  /* left for looking for batches behind damage */
};

signet_error surveyor_init(struct surveyor *surveyor, struct survey_plant *plant)
{
    *surveyor = (struct surveyor){ .plant = plant, .budget = { .limit_bytes = SURVEY_LARGE_BYTES_MAX } };
    compression_init(&surveyor->compression);
    size_t writers = plant->trust->writer_count;
    surveyor->writer_batches = calloc(writers ? writers : 1, sizeof *surveyor->writer_batches);
    surveyor->codecs = (struct outer_codecs){ zstd_frame_new(), &surveyor->compression, &surveyor->budget };
    surveyor->window = block_new(&surveyor->budget, SURVEY_WINDOW_BYTES);
    surveyor->ahead = ahead_new(NULL, 0);
    bool made = surveyor->writer_batches && surveyor->codecs.zstd && surveyor->window && surveyor->ahead;
    return made ? SIGNET_OK : SIGNET_ERROR_OUT_OF_MEMORY;
}

void surveyor_free(struct surveyor *surveyor)
{
    judge_scratch_free(&surveyor->scratch);
    ahead_free(surveyor->ahead);
    block_release(surveyor->window);
    zstd_frame_free(surveyor->codecs.zstd);
    compression_free(&surveyor->compression);
    free(surveyor->writer_batches);
}

void survey_free(struct survey *survey)
{
    flaws_free(&survey->flaws);
    free(survey->map);
    free(survey->path);
}

static struct slice topic_of(const struct walk *w)
{
    return slice_of_text(w->survey->topic);
}

/* Which offset comes next, as far as the log has been followed. */
static int64_t expected(const struct walk *w)
{
    return w->judged.survey.expected;
}

static bool is_last_segment(const struct walk *w)
{
    return w->survey->only_segment >= 0 || w->index + 1 == w->segments.count;
}

/* The offset behind the last that this segment can have. */
static int64_t segment_limit(const struct walk *w)
{
    return w->index + 1 < w->segments.count ? w->segments.bases[w->index + 1] : INT64_MAX;
}

static void mark(const struct walk *w, int64_t first, int64_t last, enum map_state state)
{
    if (w->survey->map) {
        partition_map_mark(w->survey->map, first, last, state);
    }
}

/* Offsets about which there is nothing but that they are bad. */
static void add_range(struct walk *w, enum verdict verdict, int64_t first, int64_t last, int64_t expected_offset,
                      const char *text)
{
    const struct accepted_exception *exception =
        last < first ? NULL : trust_find_exception(w->surveyor->plant->trust, &w->place, topic_of(w), first, last);
    struct flaw flaw = flaw_of(exception ? FLAW_ACCEPTED : FLAW_BAD);
    flaw.verdict = verdict;
    flaw.first_offset = first;
    flaw.last_offset = last;
    flaw.expected_offset = expected_offset;
    strncpy(flaw.text, text, sizeof flaw.text - 1);
    flaws_add(&w->survey->flaws, &flaw);
    if (first >= 0) {
        mark(w, first, last, exception ? MAP_ACCEPTED : verdict == VERDICT_UNSEALED ? MAP_UNSEALED : MAP_BAD);
    }
    bool damage = first >= 0 && verdict != VERDICT_WRONG_OFFSET; /* a hole has nothing in it */
    if (damage && w->surveyor->plant->stored) {
        stored_add_damage(w->surveyor->plant->stored, w->survey->number, first, last < first ? INT64_MAX : last);
    }
}

/* A batch with its verdict, and what is not where it tells to look. */
static void mark_judged(struct walk *w, const struct judged *judged)
{
    int64_t base = judged->batch.header.base_offset, wanted = judged->finding.expected_offset;
    enum map_state state = judged->verdict == VERDICT_CLEAR      ? MAP_CLEAR
                           : verdict_is_good(judged->verdict)    ? MAP_GOOD
                           : judged->exception                   ? MAP_ACCEPTED
                           : judged->verdict == VERDICT_UNSEALED ? MAP_UNSEALED
                                                                 : MAP_BAD;
    mark(w, base, judged->unframed ? base : batch_last_offset(&judged->batch.header), state);
    if (judged->verdict == VERDICT_WRONG_OFFSET && wanted >= 0 && wanted < base) {
        mark(w, wanted, base - 1, state);
    }
    if (judged->verdict == VERDICT_REMOVED && judged->finding.missed_offset >= 0) {
        mark(w, judged->finding.missed_offset, -1, state);
    }
}

static void add_judged(struct walk *w, const struct judged *judged)
{
    struct flaw flaw = {
        .kind = judged->exception ? FLAW_ACCEPTED : FLAW_BAD,
        .verdict = judged->verdict,
        .first_offset = judged->batch.header.base_offset,
        .last_offset = batch_last_offset(&judged->batch.header),
        .expected_offset = judged->finding.expected_offset,
        .missed_offset = judged->finding.missed_offset,
        .batches = 1,
        .writer_name = judged->writer ? judged->writer->name : NULL,
        .has_writer = judged->sealed,
    };
    if (judged->sealed) {
        memcpy(flaw.writer, judged->envelope.header.writer, WRITER_KEY_BYTES);
        flaw.seal_time_ms = flaw.seal_time_last_ms = judged->envelope.header.seal_time_ms;
    }
    w->survey->accepted += judged->exception != NULL;
    flaws_add(&w->survey->flaws, &flaw);
}

static void count_authentic(struct walk *w, const struct judged *judged)
{
    struct survey *s = w->survey;
    int64_t time = judged->envelope.header.seal_time_ms;
    bool first = s->verdicts[VERDICT_AUTHENTIC] == 1;
    s->first_seal_ms = first || time < s->first_seal_ms ? time : s->first_seal_ms;
    s->last_seal_ms = first || time > s->last_seal_ms ? time : s->last_seal_ms;
    w->surveyor->writer_batches[judged->writer - w->surveyor->plant->trust->writers]++;
}

/* Where a batch is that nothing is known of, or one is missing, transactions are followed anew. */
static void follow_transactions(struct walk *w, const struct judged *judged)
{
    const struct batch_header *h = &judged->batch.header;
    bool broken = judged->rule == RULE_CRC || (!judged->marker && (h->attributes & BATCH_CONTROL));
    if (judged->verdict == VERDICT_WRONG_OFFSET) {
        aborted_list_start(&w->listed, h->base_offset);
    }
    if (broken) {
        aborted_list_start(&w->listed, batch_last_offset(h) + 1);
    } else if (judged->marker) {
        aborted_list_marker(&w->listed, h, judged->commit);
    } else {
        aborted_list_data(&w->listed, h);
    }
}

static void take(struct walk *w, const struct judged *judged)
{
    follow_transactions(w, judged);
    struct survey *s = w->survey;
    int32_t records = judged->batch.header.record_count;
    s->batches++;
    s->records += records > 0 ? (uint64_t)records : 0;
    s->verdicts[judged->verdict]++;
    mark_judged(w, judged);
    if (w->surveyor->plant->stored) {
        stored_add(w->surveyor->plant->stored, s->number, w->surveyor->plant->trust, judged);
    }
    if (judged->verdict == VERDICT_AUTHENTIC) {
        count_authentic(w, judged);
    } else if (!verdict_is_good(judged->verdict)) {
        add_judged(w, judged);
    }
}

/* Judges whole batches at the front of the window.  Returns how many bytes they were. */
static signet_error judge_some(struct walk *w, size_t size, size_t *ret_used)
{
    const struct survey_plant *plant = w->surveyor->plant;
    const struct judge_request request = {
        .place = w->place,
        .topic_name = topic_of(w),
        .timestamp_type = w->survey->policy->timestamp_type,
        .append_skew_ms = plant->append_skew_ms,
        .mode = JUDGE_SURVEY,
        .ahead = w->surveyor->ahead,
    };
    struct slice records = slice_of(w->surveyor->window->data, size);
    ahead_clear(w->surveyor->ahead);
    ahead_see(w->surveyor->ahead, records);
    ahead_finish(w->surveyor->ahead);
    struct judge_run run = {
        .trust = plant->trust,
        .codecs = w->surveyor->codecs,
        .scratch = &w->surveyor->scratch,
        .request = &request,
        .partition = &w->judged,
    };
    signet_error error = judge_records(&run, w->surveyor->window, records);
    for (size_t i = 0; i < run.judged_count && !error; i++) {
        take(w, &run.batches[i]);
        if (plant->watch) {
            plant->watch(plant->watch_context, &run, &run.batches[i]);
        }
    }
    *ret_used = run.used_bytes;
    judge_end(&run);
    return error;
}

/* By whichever thread gets that far when it is time; the others go on. */
static void tell_progress(struct survey_plant *plant, uint64_t bytes)
{
    uint64_t done = atomic_fetch_add(&plant->bytes_done, bytes) + bytes;
    if (!plant->progress || pthread_mutex_trylock(&plant->telling) != 0) {
        return;
    }
    int64_t now_ms = monotonic_clock_ms();
    if (now_ms - plant->told_ms >= PROGRESS_MS) {
        plant->told_ms = now_ms;
        plant->progress(plant->progress_context, done, plant->bytes_all);
    }
    pthread_mutex_unlock(&plant->telling);
}

/* The window goes on by so many bytes, which it may not have. */
static void advance(struct walk *w, uint64_t bytes)
{
    size_t kept = bytes < w->filled ? w->filled - (size_t)bytes : 0;
    memmove(w->surveyor->window->data, w->surveyor->window->data + (w->filled - kept), kept);
    w->filled = kept;
    w->at += bytes;
    tell_progress(w->surveyor->plant, bytes);
}

/* Back to a window of the usual size; what it held is read again. */
static void let_go(struct walk *w)
{
    if (w->large) {
        block_release(w->surveyor->window);
        w->surveyor->window = block_new(&w->surveyor->budget, SURVEY_WINDOW_BYTES);
        w->filled = 0;
        w->large = false;
        pthread_mutex_unlock(&w->surveyor->plant->large);
    }
}

/* A window for one large batch; only one thread at a time has one. */
static signet_error take_large(struct walk *w, size_t bytes)
{
    if (!w->large) {
        pthread_mutex_lock(&w->surveyor->plant->large);
        w->large = true;
    }
    if (bytes > w->surveyor->window->capacity) {
        struct block *window = block_new(&w->surveyor->budget, bytes);
        if (!window) {
            return SIGNET_ERROR_OUT_OF_MEMORY;
        }
        block_release(w->surveyor->window);
        w->surveyor->window = window;
        w->filled = 0;
    }
    return SIGNET_OK;
}

/* SYSTEM with errno; CLOSED when the file has become shorter. */
static signet_error fill(struct walk *w)
{
    uint64_t left = w->size - w->at - w->filled;
    size_t room = w->surveyor->window->capacity - w->filled, got = 0;
    size_t wanted = left < room ? (size_t)left : room;
    signet_error error = disk_read(w->file, w->at + w->filled, w->surveyor->window->data + w->filled, wanted, &got);
    w->filled += error ? 0 : got;
    return error ? error : got < wanted ? SIGNET_ERROR_CLOSED : SIGNET_OK;
}

/* Too large to be looked at: passed by, and never counted as good. */
static void pass_by_large(struct walk *w, const struct batch_header *h, uint64_t bytes)
{
    const struct follow_batch batch = { .base_offset = h->base_offset, .last_offset = batch_last_offset(h) };
    flaws_say(&w->survey->flaws, FLAW_UNKNOWN, h->base_offset,
              "a batch of %llu bytes and %ld records is larger than this program looks at", (unsigned long long)bytes,
              (long)h->record_count);
    mark(w, batch.base_offset, batch.last_offset, MAP_UNKNOWN);
    follow_pass_by(&w->judged.follow, &w->judged.survey, &batch);
    aborted_list_data(&w->listed, h);
    advance(w, bytes);
}

static signet_error judge_window(struct walk *w, const struct segment_frame *frame)
{
    struct batch batch;
    struct slice window = slice_of(w->surveyor->window->data, w->filled);
    if (frame->batches == 1 && batch_read(window, &batch) == SIGNET_OK) {
        size_t most = segment_batch_content_max(&batch.header, batch.bytes.size);
        if (most > SURVEY_LARGE_BYTES_MAX) {
            pass_by_large(w, &batch.header, batch.bytes.size);
            return SIGNET_OK;
        }
        if (most > SURVEY_WINDOW_BYTES && !w->large) {
            return take_large(w, batch.bytes.size);
        }
    }
    size_t used = 0;
    signet_error error = judge_some(w, frame->whole_bytes, &used);
    if (!error) {
        advance(w, used);
        let_go(w);
    }
    return error;
}

/* A batch that the window does not hold. */
static signet_error need_more(struct walk *w, const struct segment_frame *frame)
{
    uint8_t bytes[BATCH_HEADER_BYTES];
    size_t got;
    if (frame->next_bytes <= SURVEY_LARGE_BYTES_MAX) {
        return take_large(w, frame->next_bytes);
    }
    signet_error error = disk_read(w->file, w->at, bytes, sizeof bytes, &got);
    if (error || got < sizeof bytes) {
        return error ? error : SIGNET_ERROR_CLOSED;
    }
    struct reader r = reader_over(slice_of(bytes + BATCH_CRC_START, sizeof bytes - BATCH_CRC_START));
    struct batch_header header = { .base_offset = frame->next_offset };
    batch_read_fields(&r, &header);
    pass_by_large(w, &header, frame->next_bytes);
    return SIGNET_OK;
}

/* Zeros to the end of the file: then nothing was written there. */
static signet_error only_zeros(struct walk *w, bool *ret_zeros)
{
    uint8_t bytes[4096];
    static const uint8_t zeros[sizeof bytes];
    *ret_zeros = true;
    for (uint64_t at = w->at; at < w->size && *ret_zeros;) {
        size_t got = 0;
        signet_error error = disk_read(w->file, at, bytes, sizeof bytes, &got);
        if (error || got == 0) {
            return error ? error : SIGNET_ERROR_CLOSED;
        }
        *ret_zeros = memcmp(bytes, zeros, got) == 0;
        at += got;
    }
    return SIGNET_OK;
}

/* Rule 1, for what no batch of magic 2 begins with. */
static enum verdict verdict_of_broken(const struct walk *w)
{
    int magic = batch_magic(slice_of(w->surveyor->window->data, w->filled));
    return magic == 0 || magic == 1 ? VERDICT_UNSEALED : VERDICT_MALFORMED;
}

/* Looks for the next batch behind the front of the window; leaves it at the front, or all of the file behind. */
static signet_error find_next(struct walk *w, bool *ret_found)
{
    int64_t low = expected(w), high = segment_limit(w) - 1;
    size_t from = 1;
    *ret_found = false;
    let_go(w);
    for (;;) {
        size_t at;
        signet_error error = fill(w);
        if (error) {
            return error;
        }
        struct slice window = slice_of(w->surveyor->window->data, w->filled);
        if (segment_find(window, from, low, high < low ? low : high, &w->crc_bytes, &at)) {
            advance(w, at);
            *ret_found = true;
            return SIGNET_OK;
        }
        if (w->at + w->filled >= w->size) {
            return SIGNET_OK;
        }
        advance(w, w->filled / 2); /* so that each batch of up to half a window is in one whole */
        from = 0;
    }
}

/* What is before has been told of. */
static void skip_to(struct walk *w, int64_t offset)
{
    judge_survey_skip(&w->judged, offset);
    aborted_list_start(&w->listed, offset);
}

/* No batch begins where one should, or one that the file does not hold. */
static signet_error handle_damage(struct walk *w, const struct segment_frame *frame)
{
    enum verdict verdict = frame->rest == SEGMENT_TORN ? VERDICT_MALFORMED : verdict_of_broken(w);
    int64_t first = expected(w);
    uint64_t began = w->at;
    bool found = false;
    signet_error error = find_next(w, &found);
    if (error) {
        return error;
    }
    if (found) {
        int64_t base = (int64_t)load_u64(w->surveyor->window->data);
        add_range(w, verdict, first, base > first ? base - 1 : first, -1, "");
        skip_to(w, base);
        return SIGNET_OK;
    }
    if (frame->rest == SEGMENT_TORN && is_last_segment(w)) {
        flaws_say(&w->survey->flaws, FLAW_NOTE, first,
                  "the log ends within a batch, %llu bytes of it: it is being written, or was when the broker stopped",
                  (unsigned long long)(w->size - began));
    } else {
        int64_t limit = segment_limit(w);
        add_range(w, verdict, first, limit == INT64_MAX ? -1 : limit - 1, -1, "the rest of the segment");
        skip_to(w, limit == INT64_MAX ? first : limit);
    }
    advance(w, w->size - w->at);
    return SIGNET_OK;
}

static signet_error handle_rest(struct walk *w, const struct segment_frame *frame)
{
    bool zeros = false;
    signet_error error = SIGNET_OK;
    if (frame->rest == SEGMENT_MORE) {
        return need_more(w, frame);
    }
    if (frame->rest == SEGMENT_ZEROS && is_last_segment(w)) {
        error = only_zeros(w, &zeros);
    }
    if (zeros) {
        advance(w, w->size - w->at);
    }
    return error || zeros ? error : handle_damage(w, frame);
}

static signet_error walk_segment(struct walk *w)
{
    w->at = 0;
    w->filled = 0;
    w->crc_bytes = SURVEY_SEARCH_BYTES_MAX;
    signet_error error = SIGNET_OK;
    while (!error && w->at < w->size) {
        struct segment_frame frame;
        error = w->surveyor->window ? fill(w) : SIGNET_ERROR_OUT_OF_MEMORY;
        if (error) {
            break;
        }
        segment_frame(slice_of(w->surveyor->window->data, w->filled), w->size - w->at, &portion, &frame);
        error = frame.whole_bytes > 0 ? judge_window(w, &frame) : handle_rest(w, &frame);
    }
    let_go(w);
    return error;
}

/* A segment that was there when they were listed: has retention reached it? */
static bool retention_took(struct walk *w, int64_t base)
{
    struct segments now;
    if (disk_list_segments(w->folder, &now) != SIGNET_OK) {
        return false;
    }
    bool took = now.count > 0 && now.bases[0] > base;
    segments_free(&now);
    return took;
}

/* Its name says where it begins; a hole before one without batches would otherwise show nowhere. */
static void enter_segment(struct walk *w, int64_t base)
{
    if (w->anew) {
        judge_survey_begin(&w->judged, base);
        aborted_list_start(&w->listed, base);
        w->anew = false;
    } else if (w->size == 0 && base > expected(w)) {
        add_range(w, VERDICT_WRONG_OFFSET, expected(w), base - 1, expected(w), "nothing has these offsets");
        skip_to(w, base);
    }
}

static void tell_failure(struct walk *w, const char *name, signet_error error)
{
    const char *why = error == SIGNET_ERROR_SYSTEM   ? strerror(errno)
                      : error == SIGNET_ERROR_CLOSED ? "it became shorter while it was read"
                                                     : signet_error_text(error);
    bool truncated = error == SIGNET_ERROR_CLOSED && is_last_segment(w);
    flaws_say(&w->survey->flaws, truncated ? FLAW_NOTE : FLAW_UNKNOWN, expected(w), "%s: %s", name, why);
    if (!truncated) {
        int64_t base = w->segments.bases[w->index], limit = segment_limit(w);
        mark(w, expected(w) > base ? expected(w) : base, limit == INT64_MAX ? -1 : limit - 1, MAP_UNKNOWN);
    }
}

static void survey_segment(struct walk *w)
{
    char name[SEGMENT_NAME_BYTES];
    int64_t base = w->segments.bases[w->index];
    segment_name(base, name);
    aborted_list_open(&w->listed, &w->segments, w->index);
    w->file = disk_open_file(w->folder, name, &w->size);
    if (w->file < 0) {
        if (errno != ENOENT || !retention_took(w, base)) {
            tell_failure(w, name, SIGNET_ERROR_SYSTEM);
        }
        aborted_list_close(&w->listed, NULL);
        w->anew = true;
        return;
    }
    enter_segment(w, base);
    w->survey->segments++;
    signet_error error = walk_segment(w);
    if (error) {
        tell_failure(w, name, error);
        w->anew = true;
    }
    const struct aborted_list_segment read = {
        .file = w->file,
        .bytes = w->size,
        .last = is_last_segment(w),
        .end = expected(w),
        .now_ms = wall_clock_ms(),
    };
    aborted_list_close(&w->listed, error ? NULL : &read);
    close(w->file);
}

/* What stands in the folder is the attacker's to write: where the operator says which id the topic has, that counts. */
static void check_topic_id(struct walk *w)
{
    const struct survey_plant *plant = w->surveyor->plant;
    if (folder_id_contradicts(plant->trust, plant->policy, w->survey->topic, &w->place.topic)) {
        add_range(w, VERDICT_WRONG_PLACE, -1, -1, -1,
                  "partition.metadata has another topic id than the trust file or the configuration");
    }
}

/* What is wrong with the partition as a whole is so of every part of it. */
static void mark_all(struct walk *w)
{
    const struct survey *s = w->survey;
    for (size_t i = 0; i < s->flaws.count; i++) {
        const struct flaw *flaw = &s->flaws.items[i];
        bool whole = flaw->first_offset < 0 && (flaw->kind == FLAW_BAD || flaw->kind == FLAW_UNKNOWN);
        if (whole && s->first_offset >= 0) {
            mark(w, s->first_offset, s->next_offset - 1, flaw->kind == FLAW_BAD ? MAP_BAD : MAP_UNKNOWN);
        }
    }
}

static void walk_all(struct walk *w)
{
    struct survey *s = w->survey;
    signet_error error = disk_list_segments(w->folder, &w->segments);
    if (error) {
        flaws_say(&s->flaws, FLAW_UNKNOWN, -1, "the folder: %s",
                  error == SIGNET_ERROR_SYSTEM ? strerror(errno) : signet_error_text(error));
        return;
    }
    if (w->segments.count == 0) {
        flaws_say(&s->flaws, FLAW_UNKNOWN, -1, "the folder has no segments");
        return;
    }
    w->anew = true;
    for (w->index = 0; w->index < w->segments.count; w->index++) {
        int64_t base = w->segments.bases[w->index];
        if (s->only_segment < 0 || s->only_segment == base) {
            s->first_offset = s->first_offset < 0 ? base : s->first_offset;
            survey_segment(w);
        }
    }
    s->next_offset = expected(w);
    mark_all(w);
}

void survey_partition(struct surveyor *surveyor, struct survey *survey)
{
    struct walk w = { .surveyor = surveyor, .survey = survey, .place = { .partition = survey->partition } };
    survey->first_offset = survey->next_offset = -1;
    if (survey->scope != SURVEY_SEALED) {
        return;
    }
    w.folder = disk_open_folder(AT_FDCWD, survey->path);
    if (w.folder < 0) {
        bool gone = errno == ENOENT; /* deleted since the folders were listed */
        flaws_say(&survey->flaws, gone ? FLAW_NOTE : FLAW_UNKNOWN, -1, "the folder: %s", strerror(errno));
        return;
    }
    if (folder_id_read(w.folder, &survey->flaws, &w.place.topic)) {
        survey->place = w.place;
        check_topic_id(&w);
        w.listed = (struct aborted_list){
            .trust = surveyor->plant->trust, .place = &w.place, .topic_name = topic_of(&w), .folder = w.folder
        };
        walk_all(&w);
        survey->unread = survey->flaws.unknown;
        aborted_list_finish(&w.listed, &survey->flaws);
    }
    judge_partition_free(&w.judged);
    segments_free(&w.segments);
    close(w.folder);
}
