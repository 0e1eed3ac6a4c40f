/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of a broker, read and never written: opened without following links,
 * taken with pread so that a file that is cut short meanwhile is a short read
 * and nothing worse.
 */
#ifndef SIGNET_VERIFY_DISK_H
#define SIGNET_VERIFY_DISK_H

#include "base/error.h"
#include "base/slice.h"

enum { SMALL_FILE_BYTES_MAX = 4096 };

struct small_file {
    uint8_t bytes[SMALL_FILE_BYTES_MAX];
    size_t size;
};

/* A folder inside `parent` (or AT_FDCWD); a regular file inside `folder`.  -1 with errno; a link is ELOOP, what is no file EINVAL. */
int disk_open_folder(int parent, const char *name);
int disk_open_file(int folder, const char *name, uint64_t *ret_size);
/* As many bytes as are there, up to `size`.  SYSTEM with errno. */
signet_error disk_read(int file, uint64_t at, uint8_t *ret_bytes, size_t size, size_t *ret_size);
/* LIMIT when it is longer; SYSTEM with errno. */
signet_error disk_read_small(int folder, const char *name, struct small_file *ret_file);

/* Names in a folder, `.` and `..` left out; sorted.  To be freed with names_free. */
struct names {
    char **items;
    size_t count, capacity;
};
signet_error disk_list(int folder, struct names *ret_names);
void names_free(struct names *names);

/* The base offsets of the segments in a folder, ascending. */
struct segments {
    int64_t *bases;
    size_t count, capacity;
};
/* SYSTEM with errno; OUT_OF_MEMORY; LIMIT. */
signet_error disk_list_segments(int folder, struct segments *ret_segments);
void segments_free(struct segments *segments);

enum { SEGMENT_NAME_BYTES = 25 };
void segment_name(int64_t base_offset, char ret_name[SEGMENT_NAME_BYTES]);

#endif
