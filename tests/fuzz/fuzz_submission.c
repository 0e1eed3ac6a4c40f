/* SPDX-License-Identifier: Apache-2.0 */
/* What a witness is sent: a submission that is read is written again as the same bytes; and the text of a witness's key is. */
#include <stdio.h>
#include <stdlib.h>

#include "crypto/encoding.h"
#include "seal/cosignature.h"
#include "witness/submission.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void check_body(struct slice body)
{
    static struct submission s;
    char line[64];
    if (submission_read(body, &s)) {
        return;
    }
    struct reader r = reader_over(body);
    int digits = snprintf(line, sizeof line, "old %llu\n", (unsigned long long)s.old_size);
    require(slice_equal_text(read_bytes(&r, (size_t)digits), line));
    for (size_t i = 0; i < s.proof.count; i++) {
        base64_encode(slice_of(s.proof.hashes[i], SHA256_BYTES), BASE64_STANDARD, line);
        require(slice_equal_text(read_bytes(&r, 44), line) && read_u8(&r) == '\n');
    }
    require(read_u8(&r) == '\n' && r.at == s.note.body.data);
    require(s.note.signatures.data + s.note.signatures.size == body.data + body.size);
}

static void check_key(struct slice text)
{
    struct witness_key key;
    char again[WITNESS_KEY_TEXT_BYTES];
    if (witness_key_parse(text, &key)) {
        return;
    }
    witness_key_format(&key, again);
    require(slice_starts_with(slice_of_text(again), key.name) && strlen(again) == text.size + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct checkpoint_note note;
    struct witness_key key;
    int64_t time_s;
    check_body(slice_of(data, size));
    check_key(slice_of(data, size));
    const uint8_t public_key[SIGN_PUBLIC_BYTES] = { 1 };
    if (!checkpoint_read(slice_of(data, size), &note) && !witness_key_of(note.checkpoint.origin, public_key, &key)) {
        require(cosignature_verify(&note, &key, &time_s) != SIGNET_OK);
    }
    return 0;
}
