/* SPDX-License-Identifier: Apache-2.0 */
#include "witness/witness_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "crypto/encoding.h"
#include "keys/new_file.h"
#include "keys/secret_file.h"
#include "seal/checkpoint.h"

enum {
    FILE_MODE = 0644,
    /* Logs that share one wait for each other. */
    LOCKS = 64,
};

static const char end_cosigned[] = ".cosigned", end_fork[] = ".fork", end_new[] = ".new";

struct witness_store {
    char *path;
    int folder; /* locked */
    struct witness_store_limits limits;
    pthread_mutex_t locks[LOCKS];
    pthread_mutex_t counting; /* of new logs */
    atomic_uint count;
};

static bool ends_with(const char *name, const char *end)
{
    size_t size = strlen(name), end_size = strlen(end);
    return size > end_size && strcmp(name + size - end_size, end) == 0;
}

/* What a crash left behind was never answered. */
static signet_error look_around(struct witness_store *s)
{
    int copy = openat(s->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = copy >= 0 ? fdopendir(copy) : NULL;
    if (!folder) {
        return SIGNET_ERROR_SYSTEM;
    }
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (ends_with(entry->d_name, end_cosigned)) {
            atomic_fetch_add(&s->count, 1);
        } else if (ends_with(entry->d_name, end_new)) {
            (void)unlinkat(s->folder, entry->d_name, 0);
        }
    }
    closedir(folder);
    return SIGNET_OK;
}

static signet_error open_folder(struct witness_store *s, struct cause *ret_cause)
{
    s->folder = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->folder >= 0 && flock(s->folder, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        cause_set(ret_cause, "the witness's directory %s: another witness uses it", s->path);
        return SIGNET_ERROR_SYSTEM;
    }
    if (s->folder < 0 || faccessat(s->folder, ".", R_OK | W_OK | X_OK, 0) != 0 || look_around(s)) {
        cause_set_system(ret_cause, "the witness's directory", s->path, errno);
        return SIGNET_ERROR_SYSTEM;
    }
    return SIGNET_OK;
}

signet_error witness_store_open(const char *path, struct witness_store_limits limits, struct witness_store **ret_store,
                                struct cause *ret_cause)
{
    struct witness_store *s = calloc(1, sizeof *s);
    char *copy = strdup(path);
    if (!s || !copy) {
        free(s);
        free(copy);
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    s->path = copy;
    s->limits = limits;
    for (size_t i = 0; i < LOCKS; i++) {
        pthread_mutex_init(&s->locks[i], NULL);
    }
    pthread_mutex_init(&s->counting, NULL);
    signet_error error = open_folder(s, ret_cause);
    if (error) {
        witness_store_close(s);
        return error;
    }
    *ret_store = s;
    return SIGNET_OK;
}

void witness_store_close(struct witness_store *s)
{
    if (s) {
        if (s->folder >= 0) {
            close(s->folder);
        }
        for (size_t i = 0; i < LOCKS; i++) {
            pthread_mutex_destroy(&s->locks[i]);
        }
        pthread_mutex_destroy(&s->counting);
        free(s->path);
        free(s);
    }
}

uint32_t witness_store_count(const struct witness_store *s)
{
    return atomic_load(&s->count);
}

/* False when the path is too long. */
static bool path_of(const struct witness_log *log, const char *end, char ret_path[PATH_MAX])
{
    char writer[2 * WRITER_KEY_BYTES + 1], instance[2 * LEDGER_INSTANCE_BYTES + 1];
    hex_encode(slice_of(log->parts->writer, WRITER_KEY_BYTES), writer);
    hex_encode(slice_of(log->parts->instance, LEDGER_INSTANCE_BYTES), instance);
    int size = snprintf(ret_path, PATH_MAX, "%s/%.*s+%s+%s%s", log->store->path, (int)log->parts->cluster.size,
                        (const char *)log->parts->cluster.data, writer, instance, end);
    errno = ENAMETOOLONG;
    return size > 0 && size < PATH_MAX;
}

/* Its own log's signature says whether it is what was written. */
static signet_error believe(const struct witness_log *log, struct slice text, struct tree_head *ret_head)
{
    struct checkpoint_note note;
    if (checkpoint_read(text, &note) || !slice_equal(note.checkpoint.origin, log->origin) ||
        checkpoint_verify(&note, log->parts->writer)) {
        return SIGNET_ERROR_MALFORMED;
    }
    ret_head->size = note.checkpoint.size;
    memcpy(ret_head->root, note.checkpoint.root, sizeof ret_head->root);
    return SIGNET_OK;
}

static signet_error look(struct witness_log *log)
{
    char path[PATH_MAX];
    struct file_text text;
    if (!path_of(log, end_cosigned, path)) {
        return SIGNET_ERROR_SYSTEM;
    }
    signet_error error = file_text_read(path, CHECKPOINT_NOTE_BYTES_MAX, &text);
    if (error == SIGNET_ERROR_SYSTEM && errno == ENOENT) {
        return SIGNET_OK;
    }
    if (error) {
        return error == SIGNET_ERROR_LIMIT ? SIGNET_ERROR_MALFORMED : error;
    }
    error = believe(log, file_text_slice(&text), &log->head);
    file_text_free(&text);
    return error;
}

signet_error witness_log_begin(struct witness_store *s, struct slice origin, const struct ledger_origin *parts,
                               struct witness_log *ret_log)
{
    *ret_log = (struct witness_log){
        .store = s,
        .lock = &s->locks[parts->instance[0] % LOCKS],
        .origin = origin,
        .parts = parts,
    };
    pthread_mutex_lock(ret_log->lock);
    signet_error error = look(ret_log);
    if (error) {
        int saved = errno;
        witness_log_end(ret_log);
        errno = saved;
    }
    return error;
}

/* UINT32_MAX when the folder cannot be read. */
static uint32_t count_of_writer(const struct witness_log *log)
{
    char middle[1 + 2 * WRITER_KEY_BYTES + 2] = "+";
    uint32_t count = 0;
    hex_encode(slice_of(log->parts->writer, WRITER_KEY_BYTES), middle + 1);
    middle[1 + 2 * WRITER_KEY_BYTES] = '+';
    middle[sizeof middle - 1] = '\0';
    DIR *folder = opendir(log->store->path);
    if (!folder) {
        return UINT32_MAX;
    }
    for (struct dirent *entry; (entry = readdir(folder));) {
        count += ends_with(entry->d_name, end_cosigned) && strstr(entry->d_name, middle);
    }
    closedir(folder);
    return count;
}

static signet_error write_note(const struct witness_log *log, struct slice note)
{
    char path[PATH_MAX];
    return path_of(log, end_cosigned, path) ? new_file_replace(path, FILE_MODE, note) : SIGNET_ERROR_SYSTEM;
}

/* New ones one by one, so that no two of them are the last that there is room for. */
static signet_error write_first(struct witness_log *log, struct slice note)
{
    struct witness_store *s = log->store;
    pthread_mutex_lock(&s->counting);
    bool full = atomic_load(&s->count) >= s->limits.logs || count_of_writer(log) >= s->limits.logs_per_writer;
    signet_error error = full ? SIGNET_ERROR_LIMIT : write_note(log, note);
    if (!error) {
        atomic_fetch_add(&s->count, 1);
    }
    int saved = errno;
    pthread_mutex_unlock(&s->counting);
    errno = saved;
    return error;
}

signet_error witness_log_replace(struct witness_log *log, struct slice note)
{
    return log->head.size == 0 ? write_first(log, note) : write_note(log, note);
}

void witness_log_keep_fork(struct witness_log *log, struct slice note)
{
    char path[PATH_MAX];
    if (path_of(log, end_fork, path)) {
        (void)new_file_write(path, FILE_MODE, note);
    }
}

void witness_log_end(struct witness_log *log)
{
    pthread_mutex_unlock(log->lock);
}
