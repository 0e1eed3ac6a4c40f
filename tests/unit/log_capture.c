/* SPDX-License-Identifier: Apache-2.0 */
#include "log_capture.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct log_capture log_capture_begin(void)
{
    struct log_capture capture = { .standard_error = dup(STDERR_FILENO), .file = memfd_create("log", MFD_CLOEXEC) };
    if (capture.standard_error < 0 || capture.file < 0 || dup2(capture.file, STDERR_FILENO) < 0) {
        abort();
    }
    return capture;
}

char *log_capture_end(struct log_capture *capture)
{
    off_t size = lseek(capture->file, 0, SEEK_END);
    char *text = calloc(1, (size_t)size + 1);
    if (dup2(capture->standard_error, STDERR_FILENO) < 0 || !text ||
        pread(capture->file, text, (size_t)size, 0) != size) {
        abort();
    }
    close(capture->standard_error);
    close(capture->file);
    return text;
}
