/* SPDX-License-Identifier: Apache-2.0 */
#include "seal/cosignature.h"

#include <stdio.h>

#include "crypto/encoding.h"
#include "crypto/point.h"

enum {
    ALGORITHM = 4, /* tlog-cosignature: timestamped Ed25519 */
    KEY_BYTES_WITH_ALGORITHM = 1 + SIGN_PUBLIC_BYTES,
    KEY_TEXT_BYTES = 44,
    ID_TEXT_BYTES = 2 * CHECKPOINT_KEY_ID_BYTES,
    SIGNATURE_BYTES = CHECKPOINT_KEY_ID_BYTES + 8 + SIGN_BYTES,
    SIGNATURE_TEXT_BYTES = 104,
    /* Two lines before a body, whose origin may have 255 bytes. */
    MESSAGE_BYTES_MAX = 16 + 26 + CHECKPOINT_BYTES_MAX,
};

signet_error witness_key_of(struct slice name, const uint8_t public_key[SIGN_PUBLIC_BYTES], struct witness_key *ret_key)
{
    static const char type[] = { '\n', ALGORITHM };
    uint8_t digest[SHA256_BYTES];
    if (!checkpoint_is_name(name) || name.size > WITNESS_NAME_BYTES_MAX) {
        return SIGNET_ERROR_MALFORMED;
    }
    const struct slice pieces[] = { name, slice_of(type, sizeof type), slice_of(public_key, SIGN_PUBLIC_BYTES) };
    sha256_pieces(pieces, 3, digest);
    *ret_key = (struct witness_key){ .name = "" };
    memcpy(ret_key->name, name.data, name.size);
    memcpy(ret_key->public_key, public_key, sizeof ret_key->public_key);
    memcpy(ret_key->id, digest, sizeof ret_key->id);
    return SIGNET_OK;
}

signet_error witness_key_parse(struct slice text, struct witness_key *ret_key)
{
    uint8_t bytes[KEY_BYTES_WITH_ALGORITHM], id[CHECKPOINT_KEY_ID_BYTES];
    size_t size = 0;
    const uint8_t *plus = text.size ? memchr(text.data, '+', text.size) : NULL;
    size_t name_size = plus ? (size_t)(plus - text.data) : 0;
    struct slice rest = plus ? slice_of(plus + 1, text.size - name_size - 1) : (struct slice){ 0 };
    if (rest.size < ID_TEXT_BYTES + 1 || rest.data[ID_TEXT_BYTES] != '+' ||
        hex_decode(slice_of(rest.data, ID_TEXT_BYTES), id, sizeof id)) {
        return SIGNET_ERROR_MALFORMED;
    }
    rest = slice_of(rest.data + ID_TEXT_BYTES + 1, rest.size - ID_TEXT_BYTES - 1);
    if (rest.size != KEY_TEXT_BYTES || base64_decode(rest, BASE64_STANDARD, bytes, sizeof bytes, &size)) {
        return SIGNET_ERROR_MALFORMED;
    }
    if (size != sizeof bytes || bytes[0] != ALGORITHM) {
        return SIGNET_ERROR_UNSUPPORTED;
    }
    struct witness_key key;
    signet_error error = witness_key_of(slice_of(text.data, name_size), bytes + 1, &key);
    if (error || !ed25519_point_valid(key.public_key)) {
        return SIGNET_ERROR_MALFORMED;
    }
    if (memcmp(key.id, id, sizeof id) != 0) {
        return SIGNET_ERROR_CHECKSUM;
    }
    *ret_key = key;
    return SIGNET_OK;
}

void witness_key_format(const struct witness_key *key, char ret_text[WITNESS_KEY_TEXT_BYTES])
{
    uint8_t bytes[KEY_BYTES_WITH_ALGORITHM] = { ALGORITHM };
    char id[ID_TEXT_BYTES + 1], text[KEY_TEXT_BYTES + 1];
    memcpy(bytes + 1, key->public_key, sizeof key->public_key);
    hex_encode(slice_of(key->id, sizeof key->id), id);
    base64_encode(slice_of(bytes, sizeof bytes), BASE64_STANDARD, text);
    snprintf(ret_text, WITNESS_KEY_TEXT_BYTES, "%s+%s+%s\n", key->name, id, text);
}

/* What is signed: a header, the time, and the three lines of the checkpoint. */
static struct slice message_of(struct slice body, uint64_t time_s, uint8_t memory[MESSAGE_BYTES_MAX])
{
    char lines[48];
    struct writer w = writer_over(memory, MESSAGE_BYTES_MAX);
    int size = snprintf(lines, sizeof lines, "cosignature/v1\ntime %llu\n", (unsigned long long)time_s);
    write_bytes(&w, slice_of(lines, (size_t)size));
    write_bytes(&w, body);
    return w.error ? (struct slice){ 0 } : writer_slice(&w);
}

signet_error cosignature_write(struct writer *w, struct slice body, int64_t time_s, const struct witness_key *key,
                               const struct signing_key *secret)
{
    uint8_t memory[MESSAGE_BYTES_MAX], signature[SIGNATURE_BYTES];
    char text[SIGNATURE_TEXT_BYTES + 1];
    struct slice message = message_of(body, (uint64_t)time_s, memory);
    if (message.size == 0) {
        return SIGNET_ERROR_NO_SPACE;
    }
    memcpy(signature, key->id, sizeof key->id);
    store_u64(signature + CHECKPOINT_KEY_ID_BYTES, (uint64_t)time_s);
    sign_message(secret, message, signature + CHECKPOINT_KEY_ID_BYTES + 8);
    base64_encode(slice_of(signature, sizeof signature), BASE64_STANDARD, text);
    const char *const parts[] = { CHECKPOINT_DASH, key->name, " ", text, "\n" };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        write_bytes(w, slice_of_text(parts[i]));
    }
    return w->error;
}

static bool is_right(const struct checkpoint_note *note, const struct witness_key *key,
                     const struct checkpoint_signature *line, int64_t *ret_time_s)
{
    uint8_t memory[MESSAGE_BYTES_MAX];
    if (line->size != SIGNATURE_BYTES) {
        return false;
    }
    uint64_t time_s = load_u64(line->bytes + CHECKPOINT_KEY_ID_BYTES);
    struct slice message = message_of(note->body, time_s, memory);
    *ret_time_s = (int64_t)time_s;
    return time_s <= INT64_MAX && message.size > 0 &&
           sign_verify(key->public_key, message, line->bytes + CHECKPOINT_KEY_ID_BYTES + 8);
}

signet_error cosignature_verify(const struct checkpoint_note *note, const struct witness_key *key, int64_t *ret_time_s)
{
    struct checkpoint_signature line;
    struct reader r = reader_over(note->signatures);
    int64_t latest = -1, time_s;
    while (checkpoint_next_signature(&r, &line)) {
        if (!slice_equal_text(line.name, key->name) || memcmp(line.bytes, key->id, sizeof key->id) != 0) {
            continue;
        }
        if (!is_right(note, key, &line, &time_s)) {
            return SIGNET_ERROR_REFUSED;
        }
        latest = time_s > latest ? time_s : latest;
    }
    if (latest < 0) {
        return SIGNET_ERROR_NO_KEY;
    }
    *ret_time_s = latest;
    return SIGNET_OK;
}
