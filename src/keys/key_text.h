/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a key: one line, `KIND BASE64 NAME`, as spec/key-files.md has
 * it.  Here is text to bytes and back and nothing else: no files and no
 * unlocking.  Reading is strict, so that what is accepted is written again
 * byte for byte.
 *
 * A key_text may hold a secret: keep such a one in secret memory.
 */
#ifndef SIGNET_KEYS_KEY_TEXT_H
#define SIGNET_KEYS_KEY_TEXT_H

#include "base/error.h"
#include "base/limits.h"
#include "base/slice.h"
#include "crypto/passphrase.h"

enum {
    KEY_BYTES = 32, /* of every key: Ed25519 seed and public key, X25519 secret and public key */
    LOCKED_KEY_BYTES = KEY_BYTES + LOCK_OVERHEAD_BYTES,
};

enum key_role {
    KEY_WRITER,    /* Ed25519: signs what is sealed */
    KEY_RECIPIENT, /* X25519: opens what is sealed */
    KEY_WITNESS,   /* Ed25519: cosigns checkpoints; its public half is a C2SP verifier key, and no line of ours */
};

enum key_form {
    KEY_PUBLIC,
    KEY_SECRET,
    KEY_SECRET_LOCKED, /* by a passphrase */
};

struct key_text {
    enum key_role role;
    enum key_form form;
    char name[KEY_NAME_BYTES_MAX + 1];
    uint8_t bytes[LOCKED_KEY_BYTES];
    size_t size; /* KEY_BYTES, or LOCKED_KEY_BYTES when locked */
};

/* Why a key was refused; both texts are static.  `hint` may be NULL. */
struct key_problem {
    unsigned line; /* from 1; 0 when it is not about a line */
    const char *text, *hint;
};

/* "signet-writer-v1" */
const char *key_kind_word(enum key_role role, enum key_form form);
/* "writer"; for people */
const char *key_role_word(enum key_role role);

/* 1 to KEY_NAME_BYTES_MAX of A-Z a-z 0-9 . _ @ - */
bool key_name_valid(struct slice name);

/* The one line of a file's text that is neither empty nor a comment, and its number.  MALFORMED when there is none; TRAILING when more follows, of which it is the number then. */
signet_error key_text_line(struct slice text, struct slice *ret_line, unsigned *ret_number);
/* Reads a whole file's text: comments, blank lines, then the line.  MALFORMED, CHECKSUM, LIMIT, UNSUPPORTED; `ret_problem` may be NULL. */
signet_error key_text_parse(struct slice text, struct key_text *ret_key, struct key_problem *ret_problem);
/* Reads the line alone, as in a trust file: no comment, no line end. */
signet_error key_line_parse(struct slice line, struct key_text *ret_key, struct key_problem *ret_problem);
/* The line with its line end and a NUL. */
void key_text_format(const struct key_text *key, char ret_line[KEY_LINE_BYTES_MAX]);

#endif
