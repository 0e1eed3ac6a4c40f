/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key files (spec/key-files.md): `*.pub` for everyone, `*.key` for one.
 *
 * The rule to keep: a secret is never written over anything, never left half
 * written, and never read from a file that others can read.
 */
#ifndef SIGNET_KEYS_KEY_FILE_H
#define SIGNET_KEYS_KEY_FILE_H

#include "keys/key_text.h"

struct public_key {
    enum key_role role;
    char name[KEY_NAME_BYTES_MAX + 1];
    uint8_t bytes[KEY_BYTES];
};

/* Lives in secret memory as a whole. */
struct secret_key {
    struct public_key public_half;
    uint8_t bytes[KEY_BYTES]; /* Ed25519 seed, or X25519 secret */
};

/* A new key; MALFORMED when the name is not one.  The caller frees. */
signet_error secret_key_generate(enum key_role role, const char *name, struct secret_key **ret_key);
/* Wipes; takes NULL. */
void secret_key_free(struct secret_key *key);

/* From text already parsed.  MALFORMED when its form is another; also when an Ed25519 or X25519 point is of small order. */
signet_error public_key_from_text(const struct key_text *text, struct public_key *ret_key);
/* `passphrase` is used only for a locked key: PASSPHRASE when it is empty or wrong.  The caller frees. */
signet_error secret_key_from_text(const struct key_text *text, struct slice passphrase, struct secret_key **ret_key);
/* The line as in the file: of a witness its verifier key (seal/cosignature.h). */
void public_key_format(const struct public_key *key, char ret_line[KEY_LINE_BYTES_MAX]);

/* What a key file says without unlocking it.  The bytes of a secret are not returned, only their size. */
signet_error key_file_inspect(const char *path, struct key_text *ret_key, struct key_problem *ret_problem);

/* Reading.  SYSTEM leaves errno as it was set; PERMISSION for a secret that others can read. */
signet_error key_file_read_public(const char *path, struct public_key *ret_key, struct key_problem *ret_problem);
signet_error key_file_read_secret(const char *path, struct slice passphrase, struct secret_key **ret_key,
                                  struct key_problem *ret_problem);

/* Writing.  SYSTEM with errno EEXIST when `path` is there already; nothing is left behind by a failure. */
signet_error key_file_write_public(const char *path, const struct public_key *key);
/* An empty passphrase writes the secret unlocked. */
signet_error key_file_write_secret(const char *path, const struct secret_key *key, struct slice passphrase);
/* Writes beside it and renames: at every moment the old or the new file is there whole. */
signet_error key_file_replace_secret(const char *path, const struct secret_key *key, struct slice passphrase);

#endif
