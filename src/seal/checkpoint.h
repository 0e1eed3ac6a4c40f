/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints of a log: C2SP tlog-checkpoint in a C2SP signed-note, signed
 * with Ed25519 (spec/ledger.md, section 2).  Text is read strictly: what is
 * accepted is written again as the same bytes.  A checkpoint that has been
 * read is only well-formed until checkpoint_verify has said more.
 */
#ifndef SIGNET_SEAL_CHECKPOINT_H
#define SIGNET_SEAL_CHECKPOINT_H

#include "base/cursor.h"
#include "base/limits.h"
#include "crypto/hash.h"
#include "crypto/sign.h"

enum {
    CHECKPOINT_ORIGIN_BYTES_MAX = 255, /* what C2SP's cosignatures have room for */
    CHECKPOINT_KEY_ID_BYTES = 4,
    /* Key id, and more than a time and an ML-DSA-44 signature. */
    CHECKPOINT_SIGNATURE_BYTES_MAX = 5 * 1024,
    /* Origin twice, 19 digits, 44 characters of a root, 92 of a signature, and what stands between. */
    CHECKPOINT_BYTES_MAX = 2 * CHECKPOINT_ORIGIN_BYTES_MAX + 19 + 44 + 92 + 10,
};

/* An em dash and a space begin a signature line (signed-note, "Format"). */
#define CHECKPOINT_DASH "\xe2\x80\x94 "

struct checkpoint {
    struct slice origin; /* not empty; no byte below 21 or above 7e, no plus */
    uint64_t size;       /* 1 to 2^63 - 1 */
    uint8_t root[SHA256_BYTES];
};

struct checkpoint_note {
    struct checkpoint checkpoint;
    struct slice body;       /* what is signed: three lines */
    struct slice signatures; /* the lines behind the empty one, each well-formed */
    size_t signature_count;
};

struct checkpoint_signature {
    struct slice name;
    uint8_t bytes[CHECKPOINT_SIGNATURE_BYTES_MAX]; /* key id and signature */
    size_t size;
};

/* A name that a key or a log can have: not empty; no byte below 21 or above 7e, no plus (signed-note, "Verifier keys"). */
bool checkpoint_is_name(struct slice name);

void checkpoint_key_id(struct slice origin, const uint8_t public_key[SIGN_PUBLIC_BYTES],
                       uint8_t ret_id[CHECKPOINT_KEY_ID_BYTES]);

/* With the signature line of `key`, named as the origin.  MALFORMED for what checkpoint_read would not take; NO_SPACE. */
signet_error checkpoint_write(struct writer *w, const struct checkpoint *checkpoint, const struct signing_key *key);

/* MALFORMED, or LIMIT: more than 17 signatures or 65,536 bytes.  Slices borrow `text`. */
signet_error checkpoint_read(struct slice text, struct checkpoint_note *ret_note);
/* Is there nothing but one signature line, of this key under the origin's name?  Not yet whether it is right. */
bool checkpoint_is_own(const struct checkpoint_note *note, const uint8_t public_key[SIGN_PUBLIC_BYTES]);
/* The lines, one after the other: false at the end, or where one is malformed.  Starts as reader_over(note->signatures). */
bool checkpoint_next_signature(struct reader *signatures, struct checkpoint_signature *ret_signature);
/* Has it a signature of the log's own key, and is every one that claims to be right?  REFUSED if not. */
signet_error checkpoint_verify(const struct checkpoint_note *note, const uint8_t public_key[SIGN_PUBLIC_BYTES]);

#endif
