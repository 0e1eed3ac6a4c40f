/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that appear whole or not at all: never over one that is there, on
 * disk before success is reported, and gone again after a failure.
 */
#ifndef SIGNET_KEYS_NEW_FILE_H
#define SIGNET_KEYS_NEW_FILE_H

#include <sys/types.h>

#include "base/error.h"
#include "base/slice.h"

/* SYSTEM leaves errno: EEXIST when something is at `path` already. */
signet_error new_file_write(const char *path, mode_t mode, struct slice content);
/* Puts a new file in the place of `path`, which may exist: at every moment one of the two is there whole.  After SYSTEM it is one or the other. */
signet_error new_file_replace(const char *path, mode_t mode, struct slice content);

#endif
