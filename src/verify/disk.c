/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/limits.h"
#include "kafka/segment.h"

int disk_open_folder(int parent, const char *name)
{
    return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int disk_open_file(int folder, const char *name, uint64_t *ret_size)
{
    /* Nothing that would wait for a writer is opened for reading. */
    int file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat found;
    if (file < 0) {
        return -1;
    }
    if (fstat(file, &found) != 0 || !S_ISREG(found.st_mode)) {
        close(file);
        errno = EINVAL;
        return -1;
    }
    *ret_size = (uint64_t)found.st_size;
    return file;
}

signet_error disk_read(int file, uint64_t at, uint8_t *ret_bytes, size_t size, size_t *ret_size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = pread(file, ret_bytes + done, size - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return SIGNET_ERROR_SYSTEM;
        }
        if (got == 0) {
            break;
        }
        done += (size_t)got;
    }
    *ret_size = done;
    return SIGNET_OK;
}

signet_error disk_read_small(int folder, const char *name, struct small_file *ret_file)
{
    uint64_t size;
    int file = disk_open_file(folder, name, &size);
    if (file < 0) {
        return SIGNET_ERROR_SYSTEM;
    }
    signet_error error = size > sizeof ret_file->bytes
                             ? SIGNET_ERROR_LIMIT
                             : disk_read(file, 0, ret_file->bytes, sizeof ret_file->bytes, &ret_file->size);
    int saved = errno;
    close(file);
    errno = saved;
    return error;
}

void names_free(struct names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->items[i]);
    }
    free(names->items);
    *names = (struct names){ 0 };
}

static signet_error add_name(struct names *names, const char *name)
{
    if (names->count == FOLDER_NAMES_MAX) {
        return SIGNET_ERROR_LIMIT;
    }
    char **items = array_with_room(names->items, names->count, &names->capacity, sizeof *items, 64);
    if (!items) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    names->items = items;
    items[names->count] = strdup(name);
    return items[names->count] ? (names->count++, SIGNET_OK) : SIGNET_ERROR_OUT_OF_MEMORY;
}

static signet_error add_segment(struct segments *segments, const char *name)
{
    struct log_file_name parsed = log_file_name_parse(slice_of_text(name));
    if (parsed.kind != LOG_FILE_SEGMENT) {
        return SIGNET_OK;
    }
    if (segments->count == FOLDER_NAMES_MAX) {
        return SIGNET_ERROR_LIMIT;
    }
    int64_t *bases = array_with_room(segments->bases, segments->count, &segments->capacity, sizeof *bases, 16);
    if (!bases) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    segments->bases = bases;
    bases[segments->count++] = parsed.base_offset;
    return SIGNET_OK;
}

/* Exactly one of the two is filled. */
static signet_error list(int folder, struct names *names, struct segments *segments)
{
    int own = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = own < 0 ? NULL : fdopendir(own);
    signet_error error = SIGNET_OK;
    if (!stream) {
        int saved = errno;
        if (own >= 0) {
            close(own);
        }
        errno = saved;
        return SIGNET_ERROR_SYSTEM;
    }
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (!entry || error) {
            error = error ? error : errno ? SIGNET_ERROR_SYSTEM : SIGNET_OK;
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            error = names ? add_name(names, entry->d_name) : add_segment(segments, entry->d_name);
        }
    }
    int saved = errno;
    closedir(stream);
    errno = saved;
    return error;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

signet_error disk_list(int folder, struct names *ret_names)
{
    struct names names = { 0 };
    signet_error error = list(folder, &names, NULL);
    if (error) {
        names_free(&names);
        return error;
    }
    if (names.count > 1) {
        qsort(names.items, names.count, sizeof *names.items, by_text);
    }
    *ret_names = names;
    return SIGNET_OK;
}

static int by_offset(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

signet_error disk_list_segments(int folder, struct segments *ret_segments)
{
    struct segments segments = { 0 };
    signet_error error = list(folder, NULL, &segments);
    if (error) {
        segments_free(&segments);
        return error;
    }
    if (segments.count > 1) {
        qsort(segments.bases, segments.count, sizeof *segments.bases, by_offset);
    }
    *ret_segments = segments;
    return SIGNET_OK;
}

void segments_free(struct segments *segments)
{
    free(segments->bases);
    *segments = (struct segments){ 0 };
}

void segment_name(int64_t base_offset, char ret_name[SEGMENT_NAME_BYTES])
{
    snprintf(ret_name, SEGMENT_NAME_BYTES, "%020" PRId64 ".log", base_offset);
}
