/* SPDX-License-Identifier: Apache-2.0 */
#include "seal/checkpoint.h"

#include <stdio.h>

#include "crypto/encoding.h"
#include "seal/merkle.h"

enum {
    ROOT_TEXT_BYTES = 44,
    SIZE_DIGITS_MAX = 19,
    OWN_SIGNATURE_BYTES = CHECKPOINT_KEY_ID_BYTES + SIGN_BYTES,
    SIGNATURE_TEXT_BYTES = 92,
};

static const char dash[] = CHECKPOINT_DASH;
static const char key_type_ed25519[] = "\n\x01";

bool checkpoint_is_name(struct slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] <= ' ' || name.data[i] >= 0x7f || name.data[i] == '+') {
            return false;
        }
    }
    return name.size > 0;
}

static bool is_lawful(const struct checkpoint *c)
{
    return checkpoint_is_name(c->origin) && c->origin.size <= CHECKPOINT_ORIGIN_BYTES_MAX && c->size > 0 &&
           c->size <= MERKLE_SIZE_MAX;
}

void checkpoint_key_id(struct slice origin, const uint8_t public_key[SIGN_PUBLIC_BYTES],
                       uint8_t ret_id[CHECKPOINT_KEY_ID_BYTES])
{
    uint8_t digest[SHA256_BYTES];
    const struct slice pieces[] = {
        origin,
        slice_of_text(key_type_ed25519),
        slice_of(public_key, SIGN_PUBLIC_BYTES),
    };
    sha256_pieces(pieces, 3, digest);
    memcpy(ret_id, digest, CHECKPOINT_KEY_ID_BYTES);
}

static void write_text(struct writer *w, const char *text)
{
    write_bytes(w, slice_of_text(text));
}

static void write_body(struct writer *w, const struct checkpoint *c)
{
    char size[SIZE_DIGITS_MAX + 3], root[ROOT_TEXT_BYTES + 1];
    snprintf(size, sizeof size, "\n%llu\n", (unsigned long long)c->size);
    base64_encode(slice_of(c->root, sizeof c->root), BASE64_STANDARD, root);
    write_bytes(w, c->origin);
    write_text(w, size);
    write_text(w, root);
    write_text(w, "\n");
}

signet_error checkpoint_write(struct writer *w, const struct checkpoint *c, const struct signing_key *key)
{
    uint8_t public_key[SIGN_PUBLIC_BYTES], signature[OWN_SIGNATURE_BYTES];
    char signature_text[SIGNATURE_TEXT_BYTES + 1];
    if (!is_lawful(c)) {
        return SIGNET_ERROR_MALFORMED;
    }
    const uint8_t *body = w->at;
    write_body(w, c);
    if (w->error) {
        return w->error;
    }
    signing_key_public(key, public_key);
    checkpoint_key_id(c->origin, public_key, signature);
    sign_message(key, slice_of(body, (size_t)(w->at - body)), signature + CHECKPOINT_KEY_ID_BYTES);
    base64_encode(slice_of(signature, sizeof signature), BASE64_STANDARD, signature_text);
    write_text(w, "\n");
    write_text(w, dash);
    write_bytes(w, c->origin);
    write_text(w, " ");
    write_text(w, signature_text);
    write_text(w, "\n");
    return w->error;
}

/* Up to `end`, which is taken and not returned. */
static struct slice read_until(struct reader *r, uint8_t end)
{
    const uint8_t *found = reader_left(r) ? memchr(r->at, end, reader_left(r)) : NULL;
    if (!found) {
        reader_fail(r, SIGNET_ERROR_MALFORMED);
        return (struct slice){ 0 };
    }
    struct slice text = read_bytes(r, (size_t)(found - r->at));
    read_u8(r);
    return text;
}

static uint64_t read_size(struct reader *r)
{
    struct slice digits = read_until(r, '\n');
    uint64_t size = 0;
    bool lawful = digits.size > 0 && digits.size <= SIZE_DIGITS_MAX && digits.data[0] != '0';
    for (size_t i = 0; lawful && i < digits.size; i++) {
        lawful = digits.data[i] >= '0' && digits.data[i] <= '9';
        size = 10 * size + (uint64_t)(digits.data[i] - '0');
    }
    if (!lawful) {
        reader_fail(r, SIGNET_ERROR_MALFORMED);
    }
    return lawful ? size : 0;
}

static void read_root(struct reader *r, uint8_t ret_root[SHA256_BYTES])
{
    size_t size = 0;
    struct slice text = read_until(r, '\n');
    if (r->error || base64_decode(text, BASE64_STANDARD, ret_root, SHA256_BYTES, &size) || size != SHA256_BYTES) {
        reader_fail(r, SIGNET_ERROR_MALFORMED);
    }
}

static void read_signature(struct reader *r, struct checkpoint_signature *ret_line)
{
    if (!slice_equal_text(read_bytes(r, sizeof dash - 1), dash)) {
        reader_fail(r, SIGNET_ERROR_MALFORMED);
    }
    ret_line->name = read_until(r, ' ');
    struct slice text = read_until(r, '\n');
    ret_line->size = 0;
    if (r->error || !checkpoint_is_name(ret_line->name) ||
        base64_decode(text, BASE64_STANDARD, ret_line->bytes, sizeof ret_line->bytes, &ret_line->size) ||
        ret_line->size <= CHECKPOINT_KEY_ID_BYTES) {
        reader_fail(r, SIGNET_ERROR_MALFORMED);
    }
}

static signet_error read_signatures(struct reader *r, struct checkpoint_note *note)
{
    struct checkpoint_signature line;
    const uint8_t *start = r->at;
    do {
        read_signature(r, &line);
        note->signature_count++;
    } while (!r->error && reader_left(r) > 0 && note->signature_count <= CHECKPOINT_COSIGNATURES_MAX);
    note->signatures = slice_of(start, (size_t)(r->at - start));
    if (r->error) {
        return SIGNET_ERROR_MALFORMED;
    }
    return reader_left(r) ? SIGNET_ERROR_LIMIT : SIGNET_OK;
}

signet_error checkpoint_read(struct slice text, struct checkpoint_note *ret_note)
{
    struct checkpoint_note note = { 0 };
    if (text.size == 0 || text.size > CHECKPOINT_NOTE_BYTES_MAX) {
        return text.size ? SIGNET_ERROR_LIMIT : SIGNET_ERROR_MALFORMED;
    }
    struct reader r = reader_over(text);
    note.checkpoint.origin = read_until(&r, '\n');
    note.checkpoint.size = read_size(&r);
    read_root(&r, note.checkpoint.root);
    note.body = slice_of(text.data, text.size - reader_left(&r));
    struct slice empty = read_until(&r, '\n');
    if (r.error || empty.size || !is_lawful(&note.checkpoint)) {
        return SIGNET_ERROR_MALFORMED;
    }
    signet_error error = read_signatures(&r, &note);
    if (!error) {
        *ret_note = note;
    }
    return error;
}

bool checkpoint_is_own(const struct checkpoint_note *note, const uint8_t public_key[SIGN_PUBLIC_BYTES])
{
    uint8_t id[CHECKPOINT_KEY_ID_BYTES];
    struct checkpoint_signature line;
    struct reader r = reader_over(note->signatures);
    checkpoint_key_id(note->checkpoint.origin, public_key, id);
    read_signature(&r, &line);
    return !r.error && note->signature_count == 1 && slice_equal(line.name, note->checkpoint.origin) &&
           line.size == OWN_SIGNATURE_BYTES && memcmp(line.bytes, id, sizeof id) == 0;
}

bool checkpoint_next_signature(struct reader *signatures, struct checkpoint_signature *ret_signature)
{
    if (signatures->error || reader_left(signatures) == 0) {
        return false;
    }
    read_signature(signatures, ret_signature);
    return !signatures->error;
}

signet_error checkpoint_verify(const struct checkpoint_note *note, const uint8_t public_key[SIGN_PUBLIC_BYTES])
{
    uint8_t id[CHECKPOINT_KEY_ID_BYTES];
    size_t good = 0;
    struct checkpoint_signature line;
    checkpoint_key_id(note->checkpoint.origin, public_key, id);
    struct reader r = reader_over(note->signatures);
    while (checkpoint_next_signature(&r, &line)) {
        if (!slice_equal(line.name, note->checkpoint.origin) || memcmp(line.bytes, id, sizeof id) != 0) {
            continue;
        }
        if (line.size != OWN_SIGNATURE_BYTES ||
            !sign_verify(public_key, note->body, line.bytes + CHECKPOINT_KEY_ID_BYTES)) {
            return SIGNET_ERROR_REFUSED;
        }
        good++;
    }
    return good ? SIGNET_OK : SIGNET_ERROR_REFUSED;
}
