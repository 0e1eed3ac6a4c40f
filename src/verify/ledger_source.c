/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/ledger_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "seal/ledger_frame.h"
#include "verify/disk.h"

/* One byte behind the largest frame, so that it is seen whether the file ends there; and as much again, so that small records are not read one by one. */
enum { FRAME_ROOM = LEDGER_FRAME_HEADER_BYTES + LEDGER_RECORD_BYTES_MAX + 1, WINDOW_BYTES = 2 * FRAME_ROOM };

struct file {
    const char *path;
    int descriptor;
    uint64_t at, size; /* behind the window; of all */
    size_t start, end; /* in the window: what is not yet taken */
};

enum ledger_word ledger_judge_record(struct slice bytes, const struct trust *trust, struct ledger_record *ret_record,
                                     uint8_t ret_root_before[SHA256_BYTES], const struct trusted_writer **ret_writer)
{
    struct ledger_record record;
    signet_error error = ledger_record_read(bytes, &record);
    if (error) {
        return error == SIGNET_ERROR_UNSUPPORTED ? LEDGER_WORD_UNSUPPORTED_RECORD : LEDGER_WORD_MALFORMED_RECORD;
    }
    *ret_record = record;
    if (!ledger_origin_is_of(&record.origin, slice_of_text(trust->cluster_id))) {
        return LEDGER_WORD_FOREIGN_LEDGER;
    }
    const struct trusted_writer *writer = trust_find_writer(trust, record.origin.writer);
    if (!writer) {
        return LEDGER_WORD_UNKNOWN_WRITER;
    }
    if (ledger_record_verify(&record, ret_root_before)) {
        return LEDGER_WORD_ALTERED_RECORD;
    }
    *ret_writer = writer;
    bool trusted = !writer->revoked && trusted_writer_valid_at(writer, record.last.time_ms);
    return trusted ? LEDGER_WORD_AUTHENTIC : LEDGER_WORD_WRITER_NOT_TRUSTED;
}

__attribute__((format(printf, 4, 5))) static void say(struct ledger_source *s, enum ledger_word word, const char *path,
                                                      const char *format, ...)
{
    struct ledger_finding f = { .word = word, .path = path, .time_ms = -1 };
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(f.text, sizeof f.text, format, arguments);
    va_end(arguments);
    ledger_findings_add(&s->findings, &f);
}

static signet_error take_record(struct ledger_source *s, const char *path, struct slice bytes)
{
    struct ledger_record record = { 0 };
    uint8_t before[SHA256_BYTES];
    const struct trusted_writer *writer = NULL;
    enum ledger_word word = ledger_judge_record(bytes, s->trust, &record, before, &writer);
    if (word == LEDGER_WORD_AUTHENTIC) {
        return ledger_logs_add(&s->logs, &record, writer, before);
    }
    struct ledger_finding f = { .word = word, .path = path, .count = 1, .time_ms = -1 };
    struct slice origin = record.note.checkpoint.origin;
    if (origin.size > 0) {
        memcpy(f.origin, origin.data, origin.size);
        f.has_records = true;
        f.first_record = f.last_record = record.number;
        f.time_ms = record.last.time_ms;
    }
    ledger_findings_add(&s->findings, &f);
    bool revoked = word == LEDGER_WORD_WRITER_NOT_TRUSTED && writer->revoked;
    return revoked ? ledger_logs_add_revoked(&s->logs, &record, writer) : SIGNET_OK;
}

/* A whole frame and the byte behind it are in the window afterwards, or all that the file has. */
static signet_error fill(struct ledger_source *s, struct file *f)
{
    size_t have = f->end - f->start, got = 0;
    if (have >= FRAME_ROOM || f->at == f->size) {
        return SIGNET_OK;
    }
    memmove(s->window, s->window + f->start, have);
    uint64_t left = f->size - f->at;
    size_t wanted = left < WINDOW_BYTES - have ? (size_t)left : WINDOW_BYTES - have;
    signet_error error = disk_read(f->descriptor, f->at, s->window + have, wanted, &got);
    f->start = 0;
    f->end = have + got;
    f->at += got;
    f->size = got < wanted ? f->at : f->size; /* it was cut short meanwhile */
    return error;
}

/* A torn end that is not the file's is zeros: are they all that follows? */
static signet_error is_torn(struct ledger_source *s, struct file *f, bool *ret_torn)
{
    *ret_torn = true;
    while (*ret_torn && f->at < f->size) {
        f->start = f->end = 0;
        signet_error error = fill(s, f);
        if (error) {
            return error;
        }
        for (size_t i = 0; i < f->end && *ret_torn; i++) {
            *ret_torn = s->window[i] == 0;
        }
    }
    return SIGNET_OK;
}

static signet_error read_end(struct ledger_source *s, struct file *f, enum ledger_frame end)
{
    unsigned long long at = f->at - (f->end - f->start);
    bool torn = end == LEDGER_FRAME_TORN;
    signet_error error = torn ? is_torn(s, f, &torn) : SIGNET_OK;
    if (error || end == LEDGER_FRAME_WHOLE) {
        return error;
    }
    if (torn && at == 0) {
        say(s, LEDGER_WORD_DAMAGED, f->path, "no record in it is whole");
    } else if (torn) {
        say(s, LEDGER_WORD_TORN, f->path, "what stands from byte %llu on is no whole record", at);
    } else {
        say(s, LEDGER_WORD_DAMAGED, f->path, "damaged at byte %llu; nothing from there on was read", at);
    }
    return SIGNET_OK;
}

/* SYSTEM for what cannot be read. */
static signet_error read_frames(struct ledger_source *s, struct file *f, signet_error *ret_refused)
{
    for (;;) {
        signet_error error = fill(s, f);
        if (error) {
            return error;
        }
        struct reader r = reader_over(slice_of(s->window + f->start, f->end - f->start));
        struct slice record;
        enum ledger_frame frame = ledger_frame_next(&r, &record);
        if (frame != LEDGER_FRAME_GOOD) {
            return read_end(s, f, frame);
        }
        f->start = (size_t)(r.at - s->window);
        *ret_refused = take_record(s, f->path, record);
        if (*ret_refused) {
            return SIGNET_OK;
        }
    }
}

static char *keep_path(struct ledger_source *s, const char *folder, const char *name)
{
    char **paths = array_with_room(s->paths, s->path_count, &s->path_capacity, sizeof *paths, 16);
    char *path = NULL;
    if (!paths) {
        return NULL;
    }
    s->paths = paths;
    if (asprintf(&path, "%s%s%s", folder, *name ? "/" : "", name) < 0) {
        return NULL;
    }
    return paths[s->path_count++] = path;
}

static signet_error add_file(struct ledger_source *s, int folder, const char *parent, const char *name)
{
    const char *path = keep_path(s, parent, folder == AT_FDCWD ? "" : name);
    s->window = s->window ? s->window : malloc(WINDOW_BYTES);
    if (!path || !s->window) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    struct file f = { .path = path };
    f.descriptor = disk_open_file(folder, name, &f.size);
    if (f.descriptor < 0) {
        say(s, LEDGER_WORD_DAMAGED, path, "it cannot be opened: %s", strerror(errno));
        return SIGNET_OK;
    }
    signet_error refused = SIGNET_OK;
    if (f.size == 0) {
        say(s, LEDGER_WORD_DAMAGED, path, "it has no bytes");
    } else if (read_frames(s, &f, &refused)) {
        say(s, LEDGER_WORD_DAMAGED, path, "it cannot be read: %s", strerror(errno));
    }
    close(f.descriptor);
    return refused;
}

static bool is_ledger_name(const char *name)
{
    static const char end[] = ".ledger";
    size_t size = strlen(name);
    return size >= sizeof end && strcmp(name + size - (sizeof end - 1), end) == 0;
}

static signet_error add_folder(struct ledger_source *s, int folder, const char *path)
{
    struct names names = { 0 };
    size_t files = 0;
    signet_error error = disk_list(folder, &names);
    for (size_t i = 0; i < names.count && !error; i++) {
        if (is_ledger_name(names.items[i])) {
            error = add_file(s, folder, path, names.items[i]);
            files++;
        }
    }
    names_free(&names);
    if (!error && files == 0) {
        const char *kept = keep_path(s, path, "");
        error = kept ? SIGNET_OK : SIGNET_ERROR_OUT_OF_MEMORY;
        say(s, LEDGER_WORD_DAMAGED, kept, "no file in this folder is named as a ledger's");
    }
    return error;
}

signet_error ledger_source_add(struct ledger_source *s, const char *path)
{
    int folder = disk_open_folder(AT_FDCWD, path);
    if (folder < 0) {
        return add_file(s, AT_FDCWD, path, path);
    }
    signet_error error = add_folder(s, folder, path);
    close(folder);
    return error;
}

signet_error ledger_source_judge(struct ledger_source *s, const struct ledger_logs_policy *policy)
{
    return ledger_logs_judge(&s->logs, policy, &s->findings);
}

void ledger_source_free(struct ledger_source *s)
{
    ledger_logs_free(&s->logs);
    ledger_findings_free(&s->findings);
    for (size_t i = 0; i < s->path_count; i++) {
        free(s->paths[i]);
    }
    free(s->paths);
    free(s->window);
    *s = (struct ledger_source){ 0 };
}
