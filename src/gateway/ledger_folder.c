/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/ledger_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/array.h"
#include "crypto/encoding.h"
#include "seal/ledger_frame.h"

enum {
    INSTANCE_TEXT = 2 * LEDGER_INSTANCE_BYTES,
    NUMBER_DIGITS = 12,
    NAME_BYTES = INSTANCE_TEXT + 1 + NUMBER_DIGITS + sizeof ".ledger",
    FILE_MODE = 0640,
};

struct ledger_folder {
    int folder;
    char *path;
    char instance[INSTANCE_TEXT + 1];
    int file; /* -1: the next record begins one */
    int lock; /* the log's first file */
    uint64_t size;
};

signet_error ledger_folder_open(const char *path, struct ledger_folder **ret_folder, struct cause *ret_cause)
{
    struct ledger_folder *f = calloc(1, sizeof *f);
    char *copy = strdup(path);
    if (!f || !copy) {
        free(f);
        free(copy);
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    *f = (struct ledger_folder){ .path = copy, .file = -1, .lock = -1 };
    f->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->folder < 0) {
        cause_set_system(ret_cause, "the ledger's folder", path, errno);
        ledger_folder_close(f);
        return SIGNET_ERROR_SYSTEM;
    }
    *ret_folder = f;
    return SIGNET_OK;
}

static void close_file(int *file)
{
    if (*file >= 0) {
        close(*file);
        *file = -1;
    }
}

/* The next record begins another; the first is kept open for its lock. */
static void leave_file(struct ledger_folder *f)
{
    if (f->file != f->lock) {
        close_file(&f->file);
    }
    f->file = -1;
}

void ledger_folder_close(struct ledger_folder *f)
{
    if (f) {
        leave_file(f);
        close_file(&f->lock);
        close_file(&f->folder);
        free(f->path);
        free(f);
    }
}

/* Writing. */

void ledger_folder_begin(struct ledger_folder *f, const uint8_t instance[LEDGER_INSTANCE_BYTES])
{
    leave_file(f);
    close_file(&f->lock);
    hex_encode(slice_of(instance, LEDGER_INSTANCE_BYTES), f->instance);
}

static void file_name(const char *instance, uint64_t number, char ret_name[NAME_BYTES + 1])
{
    snprintf(ret_name, NAME_BYTES + 1, "%s-%0*" PRIu64 ".ledger", instance, NUMBER_DIGITS, number);
}

static signet_error begin_file(struct ledger_folder *f, uint64_t number, struct cause *ret_cause)
{
    char name[NAME_BYTES + 1];
    file_name(f->instance, number, name);
    int file = openat(f->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (file < 0) {
        cause_set_system(ret_cause, "a new file in the ledger's folder", f->path, errno);
        return SIGNET_ERROR_SYSTEM;
    }
    (void)fsync(f->folder); /* some file systems cannot, and then the name is as safe as it gets */
    f->file = file;
    f->size = 0;
    if (f->lock < 0) {
        f->lock = file;
        (void)flock(file, LOCK_EX | LOCK_NB);
    }
    return SIGNET_OK;
}

static bool write_all(int file, struct iovec *pieces, int count)
{
    while (count > 0) {
        ssize_t put = writev(file, pieces, count);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            return false;
        }
        size_t left = (size_t)put;
        for (; count > 0 && left >= pieces->iov_len; pieces++, count--) {
            left -= pieces->iov_len;
        }
        if (count > 0) {
            pieces->iov_base = (uint8_t *)pieces->iov_base + left;
            pieces->iov_len -= left;
        }
    }
    return true;
}

/* Nothing may stand behind a torn frame, and after a failed sync nobody knows what is on disk: then the next file. */
static void give_up_file(struct ledger_folder *f, uint64_t number, bool synced)
{
    if (synced && ftruncate(f->file, (off_t)f->size) == 0) {
        return;
    }
    bool is_first = f->file == f->lock, is_empty = f->size == 0;
    leave_file(f);
    if (is_empty) { /* and that one gets its name, for it begins with the same record */
        char name[NAME_BYTES + 1];
        file_name(f->instance, number, name);
        (void)unlinkat(f->folder, name, 0);
    }
    if (is_empty && is_first) {
        close_file(&f->lock);
    }
}

signet_error ledger_folder_append(struct ledger_folder *f, uint64_t number, struct slice record,
                                  struct cause *ret_cause)
{
    uint8_t header[LEDGER_FRAME_HEADER_BYTES];
    ledger_frame_header(record, header);
    struct iovec pieces[] = { { header, sizeof header }, { (void *)(uintptr_t)record.data, record.size } };
    if (f->file >= 0 && f->size >= LEDGER_FILE_BYTES) {
        leave_file(f);
    }
    signet_error error = f->file < 0 ? begin_file(f, number, ret_cause) : SIGNET_OK;
    if (error) {
        return error;
    }
    bool written = write_all(f->file, pieces, 2), synced = !written || fdatasync(f->file) == 0;
    if (!written || !synced) {
        cause_set_system(ret_cause, "a file in the ledger's folder", f->path, errno);
        give_up_file(f, number, synced);
        return SIGNET_ERROR_SYSTEM;
    }
    f->size += sizeof header + record.size;
    return SIGNET_OK;
}

void ledger_folder_mark_over(struct ledger_folder *f, const uint8_t instance[LEDGER_INSTANCE_BYTES])
{
    char name[INSTANCE_TEXT + sizeof ".over"];
    hex_encode(slice_of(instance, LEDGER_INSTANCE_BYTES), name);
    memcpy(name + INSTANCE_TEXT, ".over", sizeof ".over");
    int file = openat(f->folder, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (file >= 0) {
        (void)fsync(f->folder);
        close(file);
    }
}

/* Finding what others wrote. */

/* One log's files, by their names. */
struct log_files {
    char instance[INSTANCE_TEXT + 1];
    bool over;
    bool has_file;
    uint64_t first, last; /* numbers of the files' first records */
};

struct listing {
    struct log_files *logs;
    size_t count, capacity;
};

static struct log_files *log_of(struct listing *l, const char *name)
{
    for (size_t i = l->count; i > 0; i--) {
        if (memcmp(l->logs[i - 1].instance, name, INSTANCE_TEXT) == 0) {
            return &l->logs[i - 1];
        }
    }
    struct log_files *logs = array_with_room(l->logs, l->count, &l->capacity, sizeof *logs, 16);
    if (!logs) {
        return NULL;
    }
    l->logs = logs;
    struct log_files *log = &logs[l->count++];
    *log = (struct log_files){ .over = false };
    memcpy(log->instance, name, INSTANCE_TEXT);
    return log;
}

static bool is_number(const char *text, size_t digits, uint64_t *ret_number)
{
    uint64_t number = 0;
    for (size_t i = 0; i < digits; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        number = number * 10 + (uint64_t)(text[i] - '0');
    }
    *ret_number = number;
    return true;
}

/* OUT_OF_MEMORY only: names of any other form are nobody's. */
static signet_error list_name(struct listing *l, const char *name)
{
    uint8_t instance[LEDGER_INSTANCE_BYTES];
    uint64_t number = 0;
    size_t size = strlen(name);
    bool named =
        size > INSTANCE_TEXT && !hex_decode(slice_of((const uint8_t *)name, INSTANCE_TEXT), instance, sizeof instance);
    bool over = named && strcmp(name + INSTANCE_TEXT, ".over") == 0;
    bool file = named && size == NAME_BYTES - 1 && name[INSTANCE_TEXT] == '-' &&
                is_number(name + INSTANCE_TEXT + 1, NUMBER_DIGITS, &number) &&
                strcmp(name + INSTANCE_TEXT + 1 + NUMBER_DIGITS, ".ledger") == 0;
    if (!over && !file) {
        return SIGNET_OK;
    }
    struct log_files *log = log_of(l, name);
    if (!log) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    log->over |= over;
    if (file) {
        log->first = !log->has_file || number < log->first ? number : log->first;
        log->last = !log->has_file || number > log->last ? number : log->last;
        log->has_file = true;
    }
    return SIGNET_OK;
}

static signet_error list(const struct ledger_folder *f, struct listing *l, struct cause *ret_cause)
{
    int copy = openat(f->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = copy >= 0 ? fdopendir(copy) : NULL;
    if (!folder) {
        cause_set_system(ret_cause, "the ledger's folder", f->path, errno);
        close_file(&copy);
        return SIGNET_ERROR_SYSTEM;
    }
    signet_error error = SIGNET_OK;
    for (struct dirent *entry; !error && (entry = readdir(folder));) {
        error = list_name(l, entry->d_name);
    }
    closedir(folder);
    return error;
}

static int open_file(const struct ledger_folder *f, const struct log_files *log, uint64_t number)
{
    char name[NAME_BYTES + 1];
    file_name(log->instance, number, name);
    return openat(f->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

static bool is_alive(const struct ledger_folder *f, const struct log_files *log)
{
    int file = open_file(f, log, log->first);
    bool alive = file >= 0 && flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close_file(&file);
    return alive;
}

/* Authentic, and of that log: whoever else can write here says nothing about anybody's log. */
static bool take_record(struct slice bytes, const uint8_t instance[LEDGER_INSTANCE_BYTES], struct ledger_found *found)
{
    struct ledger_record record;
    uint8_t before[SHA256_BYTES];
    if (ledger_record_read(bytes, &record) || memcmp(record.origin.instance, instance, LEDGER_INSTANCE_BYTES) != 0 ||
        ledger_record_verify(&record, before)) {
        return false;
    }
    memcpy(found->writer, record.origin.writer, sizeof found->writer);
    memcpy(found->instance, record.origin.instance, sizeof found->instance);
    memcpy(found->root, record.note.checkpoint.root, sizeof found->root);
    found->size = record.note.checkpoint.size;
    found->time_ms = record.last.time_ms;
    found->closed = record.closes;
    return true;
}

/* Positions of the last two frames that have all their bytes, by their heads alone; how many there are. */
static size_t last_frames(int file, uint64_t file_size, uint64_t ret_at[2])
{
    uint8_t header[LEDGER_FRAME_HEADER_BYTES];
    size_t count = 0;
    for (uint64_t at = 0; at + sizeof header <= file_size;) {
        if (pread(file, header, sizeof header, (off_t)at) != (ssize_t)sizeof header) {
            break;
        }
        uint64_t size = ledger_frame_size(header);
        if (size == 0 || at + sizeof header + size > file_size) {
            break;
        }
        ret_at[1] = ret_at[0];
        ret_at[0] = at;
        count += count < 2;
        at += sizeof header + size;
    }
    return count;
}

static bool read_record_at(int file, uint64_t at, uint8_t *memory, struct slice *ret_record)
{
    ssize_t got = pread(file, memory, LEDGER_FRAME_HEADER_BYTES + LEDGER_RECORD_BYTES_MAX, (off_t)at);
    struct reader r = reader_over(slice_of(memory, got > 0 ? (size_t)got : 0));
    return got > 0 && ledger_frame_next(&r, ret_record) == LEDGER_FRAME_GOOD;
}

static bool find_in_file(const struct ledger_folder *f, const struct log_files *log, uint64_t number, uint8_t *memory,
                         struct ledger_found *found)
{
    uint8_t instance[LEDGER_INSTANCE_BYTES];
    uint64_t at[2] = { 0, 0 };
    struct stat status;
    struct slice record;
    bool good = false;
    int file = open_file(f, log, number);
    if (file >= 0 && fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0 &&
        !hex_decode(slice_of_text(log->instance), instance, sizeof instance)) {
        size_t count = last_frames(file, (uint64_t)status.st_size, at);
        for (size_t i = 0; !good && i < count; i++) {
            good = read_record_at(file, at[i], memory, &record) && take_record(record, instance, found);
        }
    }
    close_file(&file);
    return good;
}

/* In the last file, or where that has no record yet, in the first. */
static bool find_log(const struct ledger_folder *f, const struct log_files *log, uint8_t *memory,
                     struct ledger_found *found)
{
    return log->has_file && !is_alive(f, log) &&
           (find_in_file(f, log, log->last, memory, found) ||
            (log->first != log->last && find_in_file(f, log, log->first, memory, found)));
}

signet_error ledger_folder_find(struct ledger_folder *f, struct ledger_found *ret_found, size_t max, size_t *ret_count,
                                struct ledger_found *ret_last, bool *ret_has_last, struct cause *ret_cause)
{
    struct listing l = { 0 };
    uint8_t *memory = malloc(LEDGER_FRAME_HEADER_BYTES + LEDGER_RECORD_BYTES_MAX);
    signet_error error = memory ? list(f, &l, ret_cause) : SIGNET_ERROR_OUT_OF_MEMORY;
    *ret_count = 0;
    *ret_has_last = false;
    for (size_t i = 0; !error && i < l.count; i++) {
        struct ledger_found found;
        if (!find_log(f, &l.logs[i], memory, &found)) {
            continue;
        }
        if (!*ret_has_last || found.time_ms > ret_last->time_ms) {
            *ret_last = found;
            *ret_has_last = true;
        }
        if (!l.logs[i].over && *ret_count < max) {
            ret_found[(*ret_count)++] = found;
        }
    }
    free(l.logs);
    free(memory);
    return error;
}
