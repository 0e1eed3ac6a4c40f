/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that appear whole or not at all: never over one that is there, on
 * disk before success is reported, and gone again after a failure.
 */
#ifndef SIGNET_KEYS_NEW_FILE_H
#define SIGNET_KEYS_NEW_FILE_H

#include <stdio.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/slice.h"

/* SYSTEM leaves errno: EEXIST when something is at `path` already. */
signet_error new_file_write(const char *path, mode_t mode, struct slice content);
/* Puts a new file in the place of `path`, which may exist: at every moment one of the two is there whole.  After SYSTEM it is one or the other. */
signet_error new_file_replace(const char *path, mode_t mode, struct slice content);

/* Could one be put at `path`?  SYSTEM with errno; MALFORMED when what is there is no regular file. */
signet_error new_file_check(const char *path);
/* One that is written piece by piece, beside `path`, and put in its place at the end. */
struct new_file {
    FILE *stream;
    const char *path; /* borrowed */
    char *beside;     /* "PATH.new" */
};
/* As new_file_check; SYSTEM with EEXIST when an interrupted run left "PATH.new". */
signet_error new_file_begin(const char *path, mode_t mode, struct new_file *ret_file);
/* SYSTEM leaves errno, also when something could not be written before; then nothing is left behind, and `path` is as it was. */
signet_error new_file_commit(struct new_file *file);
/* Nothing is left behind. */
void new_file_abandon(struct new_file *file);

#endif
