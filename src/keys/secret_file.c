/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "crypto/secret_memory.h"

static void *text_new(size_t size, bool secret)
{
    return secret ? secret_memory_new(size) : malloc(size);
}

void file_text_free(struct file_text *text)
{
    if (text->secret) {
        secret_memory_free(text->data);
    } else {
        free(text->data);
    }
    *text = (struct file_text){ 0 };
}

/* A pipe is taken too: its reader made it for us, as in `--passphrase-file <(...)`. */
static signet_error check_kind(int descriptor, bool secret)
{
    struct stat status;
    if (fstat(descriptor, &status) != 0) {
        return SIGNET_ERROR_SYSTEM;
    }
    if (S_ISDIR(status.st_mode)) {
        errno = EISDIR;
        return SIGNET_ERROR_SYSTEM;
    }
    if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode)) {
        errno = EINVAL;
        return SIGNET_ERROR_SYSTEM;
    }
    return secret && (status.st_mode & (S_IRWXG | S_IRWXO)) ? SIGNET_ERROR_PERMISSION : SIGNET_OK;
}

/* At most `max` bytes, read until the end is seen; LIMIT when there are more. */
static signet_error read_all(int descriptor, char *memory, size_t max, size_t *ret_size)
{
    size_t size = 0;
    while (size <= max) {
        ssize_t got = read(descriptor, memory + size, max + 1 - size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return SIGNET_ERROR_SYSTEM;
        }
        if (got == 0) {
            memory[size] = '\0';
            *ret_size = size;
            return SIGNET_OK;
        }
        size += (size_t)got;
    }
    return SIGNET_ERROR_LIMIT;
}

static signet_error read_file(const char *path, size_t bytes_max, bool secret, struct file_text *ret_text)
{
    struct file_text text = { .secret = secret };
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (descriptor < 0) {
        return SIGNET_ERROR_SYSTEM;
    }
    signet_error error = check_kind(descriptor, secret);
    if (!error) {
        text.data = text_new(bytes_max + 1, secret);
        error = text.data ? read_all(descriptor, text.data, bytes_max, &text.size) : SIGNET_ERROR_OUT_OF_MEMORY;
    }
    int saved = errno;
    close(descriptor);
    if (error) {
        file_text_free(&text);
        errno = saved;
        return error;
    }
    *ret_text = text;
    return SIGNET_OK;
}

signet_error file_text_read(const char *path, size_t bytes_max, struct file_text *ret_text)
{
    return read_file(path, bytes_max, false, ret_text);
}

signet_error secret_file_read(const char *path, size_t bytes_max, struct file_text *ret_text)
{
    return read_file(path, bytes_max, true, ret_text);
}

signet_error passphrase_file_read(const char *path, struct file_text *ret_passphrase)
{
    struct file_text text;
    signet_error error = secret_file_read(path, PASSPHRASE_BYTES_MAX + 1, &text);
    if (error) {
        return error;
    }
    if (text.size > 0 && text.data[text.size - 1] == '\n') {
        text.data[--text.size] = '\0';
    }
    bool one_line = text.size > 0 && !memchr(text.data, '\n', text.size);
    if (!one_line || text.size > PASSPHRASE_BYTES_MAX) {
        error = one_line ? SIGNET_ERROR_LIMIT : SIGNET_ERROR_MALFORMED;
        file_text_free(&text);
        return error;
    }
    *ret_passphrase = text;
    return SIGNET_OK;
}
