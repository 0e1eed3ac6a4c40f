/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
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

/* The name is on disk only when its folder is.  Some file systems cannot do it (EINVAL), and then the file is as safe as it gets. */
static bool sync_folder(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t size = slash ? (size_t)(slash - path) : 0;
    if (size >= sizeof folder) {
        errno = ENAMETOOLONG;
        return false;
    }
    snprintf(folder, sizeof folder, "%.*s", (int)size, path);
    int descriptor = open(slash ? (size ? folder : "/") : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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
    if (rename(beside, path) != 0) {
        int saved = errno;
        unlink(beside);
        errno = saved;
        return SIGNET_ERROR_SYSTEM;
    }
    return sync_folder(path) ? SIGNET_OK : SIGNET_ERROR_SYSTEM;
}
