/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cosignatures of witnesses on checkpoints (spec/ledger.md, section 5): C2SP
 * tlog-cosignature with Ed25519, and the text of a witness's public key, which
 * is a verifier key of C2SP's signed-note.
 */
#ifndef SIGNET_SEAL_COSIGNATURE_H
#define SIGNET_SEAL_COSIGNATURE_H

#include "seal/checkpoint.h"

enum {
    WITNESS_NAME_BYTES_MAX = 255,
    /* Name, "+", 8 hex digits, "+", 44 characters of base64, line end, NUL. */
    WITNESS_KEY_TEXT_BYTES = WITNESS_NAME_BYTES_MAX + 1 + 8 + 1 + 44 + 2,
    /* An em dash and two spaces, the name, 104 characters of base64, a line end. */
    COSIGNATURE_LINE_BYTES_MAX = 5 + WITNESS_NAME_BYTES_MAX + 104 + 1,
};

struct witness_key {
    char name[WITNESS_NAME_BYTES_MAX + 1];
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    uint8_t id[CHECKPOINT_KEY_ID_BYTES];
};

/* MALFORMED when nobody can have that name. */
signet_error witness_key_of(struct slice name, const uint8_t public_key[SIGN_PUBLIC_BYTES],
                            struct witness_key *ret_key);
/* `<name>+<id>+<base64>`, without a line end.  MALFORMED; CHECKSUM for an id that is not the key's; UNSUPPORTED for another algorithm. */
signet_error witness_key_parse(struct slice text, struct witness_key *ret_key);
/* The same with a line end and a NUL. */
void witness_key_format(const struct witness_key *key, char ret_text[WITNESS_KEY_TEXT_BYTES]);

/* The line of a witness on `body`, at `time_s` (Unix time, 0 to 2^63 - 1).  NO_SPACE. */
signet_error cosignature_write(struct writer *w, struct slice body, int64_t time_s, const struct witness_key *key,
                               const struct signing_key *secret);
/*
 * Has the note a cosignature of that witness, and is every one that claims to
 * be right?  REFUSED if one is not, NO_KEY if there is none.  `ret_time_s` is
 * the latest of them.
 */
signet_error cosignature_verify(const struct checkpoint_note *note, const struct witness_key *key, int64_t *ret_time_s);

#endif
