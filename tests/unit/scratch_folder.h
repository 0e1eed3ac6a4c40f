/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of its own for a test that needs real files; gone with all that is in it afterwards. */
#ifndef SIGNET_TESTS_SCRATCH_FOLDER_H
#define SIGNET_TESTS_SCRATCH_FOLDER_H

#include <sys/types.h>

/* As cmocka's setup and teardown: *state is the folder's path. */
int scratch_folder_setup(void **state);
int scratch_folder_teardown(void **state);

/* "FOLDER/name"; good until the call after the next seven. */
const char *scratch_path(const char *folder, const char *name);
/* Writes a file, over what was there, and gives its path. */
const char *scratch_write(const char *folder, const char *name, mode_t mode, const char *text);
/* How many files the folder has. */
int scratch_count(const char *folder);

#endif
