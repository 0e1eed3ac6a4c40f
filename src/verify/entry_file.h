/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of entries of one size, read one after the other through a small
 * window.  The file may grow while it is read, and may be anything.
 */
#ifndef SIGNET_VERIFY_ENTRY_FILE_H
#define SIGNET_VERIFY_ENTRY_FILE_H

#include "base/error.h"
#include "base/slice.h"

enum { ENTRY_FILE_WINDOW_BYTES = 16 * 1024 };

struct entry_file {
    int file;
    size_t entry_bytes;
    uint64_t at;        /* of the next entry, in the file */
    size_t held, taken; /* bytes in the window, and of those that were handed out */
    signet_error error; /* SYSTEM with errno */
    uint8_t window[ENTRY_FILE_WINDOW_BYTES];
};

/* From `at` on, in steps of `entry_bytes`, which are above 0 and fit the window. */
void entry_file_begin(struct entry_file *entries, int file, uint64_t at, size_t entry_bytes);
/* Borrowed until the next call.  False at an error, and where no whole entry is there (yet): asked again, it looks again. */
bool entry_file_next(struct entry_file *entries, struct slice *ret_entry);

#endif
