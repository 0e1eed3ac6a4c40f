/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/key_text.h"

#include <stdio.h>

#include "base/wipe.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"

enum {
    CHECK_BYTES = 4,
    PAYLOAD_BYTES_MAX = LOCKED_KEY_BYTES + CHECK_BYTES,
};

struct kind {
    const char *word;
    enum key_role role;
    enum key_form form;
    size_t size;
};

static const struct kind kinds[] = {
    { "signet-writer-v1", KEY_WRITER, KEY_PUBLIC, KEY_BYTES },
    { "signet-recipient-v1", KEY_RECIPIENT, KEY_PUBLIC, KEY_BYTES },
    { "signet-writer-secret-v1", KEY_WRITER, KEY_SECRET, KEY_BYTES },
    { "signet-recipient-secret-v1", KEY_RECIPIENT, KEY_SECRET, KEY_BYTES },
    { "signet-witness-secret-v1", KEY_WITNESS, KEY_SECRET, KEY_BYTES },
    { "signet-writer-secret-locked-v1", KEY_WRITER, KEY_SECRET_LOCKED, LOCKED_KEY_BYTES },
    { "signet-recipient-secret-locked-v1", KEY_RECIPIENT, KEY_SECRET_LOCKED, LOCKED_KEY_BYTES },
    { "signet-witness-secret-locked-v1", KEY_WITNESS, KEY_SECRET_LOCKED, LOCKED_KEY_BYTES },
};

static const size_t kind_count = sizeof kinds / sizeof *kinds;

static const struct kind *find_kind(enum key_role role, enum key_form form)
{
    for (size_t i = 0; i < kind_count; i++) {
        if (kinds[i].role == role && kinds[i].form == form) {
            return &kinds[i];
        }
    }
    return &kinds[0];
}

static const struct kind *find_kind_by_word(struct slice word)
{
    for (size_t i = 0; i < kind_count; i++) {
        if (slice_equal_text(word, kinds[i].word)) {
            return &kinds[i];
        }
    }
    return NULL;
}

const char *key_kind_word(enum key_role role, enum key_form form)
{
    return find_kind(role, form)->word;
}

const char *key_role_word(enum key_role role)
{
    static const char *const words[] = { "writer", "recipient", "witness" };
    return words[role];
}

static bool name_character(uint8_t c)
{
    bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    return letter || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '@' || c == '-';
}

bool key_name_valid(struct slice name)
{
    if (name.size < 1 || name.size > KEY_NAME_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.size; i++) {
        if (!name_character(name.data[i])) {
            return false;
        }
    }
    return true;
}

static signet_error refuse(signet_error error, struct key_problem *ret_problem, const char *text, const char *hint)
{
    ret_problem->text = text;
    ret_problem->hint = hint;
    return error;
}

static signet_error refuse_kind(struct slice line, struct slice word, struct key_problem *ret_problem)
{
    if (slice_starts_with(word, "signet-") && key_name_valid(word)) {
        return refuse(SIGNET_ERROR_UNSUPPORTED, ret_problem, "this kind or version of key is not known",
                      "a newer signet may have written it");
    }
    if (slice_starts_with(line, "-----BEGIN")) {
        return refuse(SIGNET_ERROR_MALFORMED, ret_problem, "this is a PEM file, not a Signet key",
                      "identity keys are made with `signet keys`; PEM files belong under `tls`");
    }
    return refuse(SIGNET_ERROR_MALFORMED, ret_problem, "this is not a Signet key",
                  "a key is one line: KIND BASE64 NAME, and KIND starts with signet-");
}

/* First four bytes of SHA-256(KIND, space, bytes); spec/key-files.md section 1. */
static void check_of(const char *word, struct slice bytes, uint8_t ret_check[CHECK_BYTES])
{
    uint8_t digest[SHA256_BYTES];
    const struct slice pieces[] = { slice_of_text(word), slice_of(" ", 1), bytes };
    sha256_pieces(pieces, sizeof pieces / sizeof *pieces, digest);
    memcpy(ret_check, digest, CHECK_BYTES);
    wipe(digest, sizeof digest);
}

/* Everything up to the first space, which is consumed too. */
static struct slice take_word(struct slice *line)
{
    const uint8_t *space = line->size ? memchr(line->data, ' ', line->size) : NULL;
    size_t size = space ? (size_t)(space - line->data) : line->size;
    struct slice word = slice_of(line->data, size);
    size_t taken = space ? size + 1 : size;
    *line = slice_of(line->data + taken, line->size - taken);
    return word;
}

/* libsodium 1.0.18 takes some bytes above 127 for characters of base64. */
static bool is_ascii(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] > 127) {
            return false;
        }
    }
    return true;
}

static signet_error decode_bytes(const struct kind *kind, struct slice word, struct key_text *ret_key,
                                 struct key_problem *ret_problem)
{
    uint8_t payload[PAYLOAD_BYTES_MAX], check[CHECK_BYTES];
    size_t size = 0;
    signet_error error =
        is_ascii(word) ? base64_decode(word, BASE64_STANDARD, payload, sizeof payload, &size) : SIGNET_ERROR_MALFORMED;
    if (error || size != kind->size + CHECK_BYTES) {
        error = refuse(SIGNET_ERROR_MALFORMED, ret_problem, "the middle part is not a key in base64",
                       "copy the whole line, with every `=` at the end of the middle part");
        goto done;
    }
    check_of(kind->word, slice_of(payload, kind->size), check);
    if (memcmp(check, payload + kind->size, CHECK_BYTES) != 0) {
        error = refuse(SIGNET_ERROR_CHECKSUM, ret_problem, "the key does not match its own checksum",
                       "it was mistyped or changed: copy it again from its source");
        goto done;
    }
    memcpy(ret_key->bytes, payload, kind->size);
    ret_key->size = kind->size;
done:
    wipe(payload, sizeof payload);
    return error;
}

static signet_error parse_line(struct slice line, struct key_text *ret_key, struct key_problem *ret_problem)
{
    struct slice rest = line;
    struct slice word = take_word(&rest), base64 = take_word(&rest);
    const struct kind *kind = find_kind_by_word(word);
    if (!kind) {
        return refuse_kind(line, word, ret_problem);
    }
    if (!key_name_valid(rest)) {
        return refuse(SIGNET_ERROR_MALFORMED, ret_problem, "the key has no proper name after it",
                      "a name is 1 to 64 of A-Z a-z 0-9 . _ @ - and stands last, after one space");
    }
    signet_error error = decode_bytes(kind, base64, ret_key, ret_problem);
    if (error) {
        return error;
    }
    ret_key->role = kind->role;
    ret_key->form = kind->form;
    memset(ret_key->name, 0, sizeof ret_key->name);
    memcpy(ret_key->name, rest.data, rest.size);
    return SIGNET_OK;
}

signet_error key_line_parse(struct slice line, struct key_text *ret_key, struct key_problem *ret_problem)
{
    struct key_problem unwanted;
    struct key_problem *problem = ret_problem ? ret_problem : &unwanted;
    problem->line = 0;
    return parse_line(line, ret_key, problem);
}

/* The next line without its end. */
static struct slice take_line(struct slice *text)
{
    const uint8_t *end = memchr(text->data, '\n', text->size);
    size_t size = end ? (size_t)(end - text->data) : text->size;
    struct slice line = slice_of(text->data, size);
    size_t taken = end ? size + 1 : size;
    *text = slice_of(text->data + taken, text->size - taken);
    return line;
}

signet_error key_text_line(struct slice text, struct slice *ret_line, unsigned *ret_number)
{
    struct slice line = { 0 };
    unsigned number = 0;
    while (text.size > 0 && (line.size == 0 || line.data[0] == '#')) {
        line = take_line(&text);
        number++;
    }
    if (line.size == 0 || line.data[0] == '#') {
        *ret_number = 0;
        return SIGNET_ERROR_MALFORMED;
    }
    *ret_number = number + (text.size > 0);
    if (text.size > 0) {
        return SIGNET_ERROR_TRAILING;
    }
    *ret_line = line;
    return SIGNET_OK;
}

signet_error key_text_parse(struct slice text, struct key_text *ret_key, struct key_problem *ret_problem)
{
    struct key_problem unwanted;
    struct key_problem *problem = ret_problem ? ret_problem : &unwanted;
    struct slice line;
    *problem = (struct key_problem){ 0 };
    if (text.size > KEY_FILE_BYTES_MAX) {
        return refuse(SIGNET_ERROR_LIMIT, problem, "the file is too large for a key", "is this the right file?");
    }
    signet_error error = key_text_line(text, &line, &problem->line);
    if (error == SIGNET_ERROR_TRAILING) {
        return refuse(error, problem, "something stands after the key",
                      "one file has one key, and comments stand before it");
    }
    if (error) {
        return refuse(error, problem, "there is no key in this file", NULL);
    }
    return parse_line(line, ret_key, problem);
}

void key_text_format(const struct key_text *key, char ret_line[KEY_LINE_BYTES_MAX])
{
    uint8_t payload[PAYLOAD_BYTES_MAX];
    char base64[4 * ((PAYLOAD_BYTES_MAX + 2) / 3) + 1];
    const struct kind *kind = find_kind(key->role, key->form);
    memcpy(payload, key->bytes, kind->size);
    check_of(kind->word, slice_of(key->bytes, kind->size), payload + kind->size);
    base64_encode(slice_of(payload, kind->size + CHECK_BYTES), BASE64_STANDARD, base64);
    snprintf(ret_line, KEY_LINE_BYTES_MAX, "%s %s %s\n", kind->word, base64, key->name);
    wipe(payload, sizeof payload);
    wipe(base64, sizeof base64);
}
