/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small files, secret or not, read whole and bounded.  A secret file is
 * refused when its mode lets anyone but its owner at it, and what is read from
 * it lives in secret memory.
 */
#ifndef SIGNET_KEYS_SECRET_FILE_H
#define SIGNET_KEYS_SECRET_FILE_H

#include "base/error.h"
#include "base/slice.h"

/* Text with a final NUL; in secret memory when the file was read as a secret. */
struct file_text {
    char *data;
    size_t size; /* without the NUL */
    bool secret;
};

/* SYSTEM leaves errno; LIMIT when longer than `bytes_max`.  The caller frees. */
signet_error file_text_read(const char *path, size_t bytes_max, struct file_text *ret_text);
/* The same, and PERMISSION when group or others have any access. */
signet_error secret_file_read(const char *path, size_t bytes_max, struct file_text *ret_text);
/* A secret file's first line without its line end; an empty one, or a second line, is MALFORMED. */
signet_error passphrase_file_read(const char *path, struct file_text *ret_passphrase);
/* Wipes a secret; takes one that is all zero. */
void file_text_free(struct file_text *text);

static inline struct slice file_text_slice(const struct file_text *text)
{
    return slice_of(text->data, text->size);
}

#endif
