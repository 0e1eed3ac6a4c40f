/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_all(int descriptor, struct slice content)
{
    while (content.size > 0) {
        ssize_t put = write(descriptor, content.data, content.size);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            return false;
        }
        content = slice_of(content.data + put, content.size - (size_t)put);
    }
    return true;
}

/* False with errno when the path is too long. */
static bool folder_of(const char *path, char ret_folder[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    int size = !slash ? snprintf(ret_folder, PATH_MAX, ".")
                      : snprintf(ret_folder, PATH_MAX, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    errno = ENAMETOOLONG;
    return size >= 0 && size < PATH_MAX;
}

/* The name is on disk only when its folder is.  Some file systems cannot do it (EINVAL), and then the file is as safe as it gets. */
static bool sync_folder(const char *path)
{
    char folder[PATH_MAX];
    if (!folder_of(path, folder)) {
        return false;
    }
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) {
        return false;
    }
    bool synced = fsync(descriptor) == 0 || errno == EINVAL;
    int saved = errno;
    close(descriptor);
    errno = saved;
    return synced;
}

/* Its content is on disk, its name not yet. */
static signet_error write_file(const char *path, mode_t mode, struct slice content)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (descriptor < 0) {
        return SIGNET_ERROR_SYSTEM;
    }
    bool good = write_all(descriptor, content) && fsync(descriptor) == 0;
    int saved = errno;
    if (close(descriptor) != 0 && good) {
        saved = errno;
        good = false;
    }
    if (!good) {
        unlink(path);
        errno = saved;
        return SIGNET_ERROR_SYSTEM;
    }
    return SIGNET_OK;
}

signet_error new_file_write(const char *path, mode_t mode, struct slice content)
{
    signet_error error = write_file(path, mode, content);
    if (!error && !sync_folder(path)) {
        int saved = errno;
        unlink(path);
        errno = saved;
        return SIGNET_ERROR_SYSTEM;
    }
    return error;
}

/* Both in one folder. */
static signet_error put_in_place(const char *beside, const char *path)
{
    if (rename(beside, path) != 0) {
        int saved = errno;
        unlink(beside);
        errno = saved;
        return SIGNET_ERROR_SYSTEM;
    }
    return sync_folder(path) ? SIGNET_OK : SIGNET_ERROR_SYSTEM;
}

signet_error new_file_replace(const char *path, mode_t mode, struct slice content)
{
    char beside[PATH_MAX];
    int size = snprintf(beside, sizeof beside, "%s.new", path);
    if (size < 0 || (size_t)size >= sizeof beside) {
        errno = ENAMETOOLONG;
        return SIGNET_ERROR_SYSTEM;
    }
    signet_error error = write_file(beside, mode, content);
    if (error) {
        return error;
    }
    return put_in_place(beside, path);
}

signet_error new_file_check(const char *path)
{
    char folder[PATH_MAX];
    struct stat found;
    if (lstat(path, &found) == 0) {
        return S_ISREG(found.st_mode) ? SIGNET_OK : SIGNET_ERROR_MALFORMED;
    }
    if (errno != ENOENT || !folder_of(path, folder)) {
        return SIGNET_ERROR_SYSTEM;
    }
    return access(folder, W_OK) == 0 ? SIGNET_OK : SIGNET_ERROR_SYSTEM;
}

signet_error new_file_begin(const char *path, mode_t mode, struct new_file *ret_file)
{
    struct new_file file = { .path = path };
    signet_error error = new_file_check(path);
    if (error) {
        return error;
    }
    if (asprintf(&file.beside, "%s.new", path) < 0) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    int descriptor = open(file.beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (descriptor < 0) {
        int saved = errno;
        free(file.beside);
        errno = saved;
        return SIGNET_ERROR_SYSTEM;
    }
    file.stream = fdopen(descriptor, "w");
    if (!file.stream) {
        close(descriptor);
        unlink(file.beside);
        free(file.beside);
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    *ret_file = file;
    return SIGNET_OK;
}

signet_error new_file_commit(struct new_file *file)
{
    bool good = fflush(file->stream) == 0 && !ferror(file->stream) && fsync(fileno(file->stream)) == 0;
    int saved = errno;
    if (fclose(file->stream) != 0 && good) {
        saved = errno;
        good = false;
    }
    file->stream = NULL;
    signet_error error = good ? put_in_place(file->beside, file->path) : SIGNET_ERROR_SYSTEM;
    if (!good) {
        unlink(file->beside);
        errno = saved;
    }
    saved = errno;
    free(file->beside);
    errno = saved;
    return error;
}

void new_file_abandon(struct new_file *file)
{
    fclose(file->stream);
    unlink(file->beside);
    free(file->beside);
}
