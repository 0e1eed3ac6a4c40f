/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/key_file.h"

#include <assert.h>
#include <stdio.h>

#include "base/wipe.h"
#include "crypto/point.h"
#include "crypto/random.h"
#include "crypto/sealed_box.h"
#include "crypto/secret_memory.h"
#include "crypto/sign.h"
#include "keys/new_file.h"
#include "keys/secret_file.h"
#include "seal/cosignature.h"

enum {
    MODE_SECRET = 0600,
    MODE_PUBLIC = 0644,
    ASSOCIATED_BYTES_MAX = 128,
};

_Static_assert((int)KEY_BYTES == (int)SIGN_SEED_BYTES && (int)KEY_BYTES == (int)SIGN_PUBLIC_BYTES, "Ed25519");
_Static_assert((int)KEY_BYTES == (int)BOX_SECRET_BYTES && (int)KEY_BYTES == (int)BOX_PUBLIC_BYTES, "X25519");

static void derive_public(struct secret_key *key)
{
    if (key->public_half.role == KEY_RECIPIENT) {
        box_public_from_secret(key->bytes, key->public_half.bytes);
        return;
    }
    struct signing_key signing;
    signing_key_from_seed(&signing, key->bytes);
    signing_key_public(&signing, key->public_half.bytes);
    signing_key_wipe(&signing);
}

static struct secret_key *key_new(enum key_role role, const char *name)
{
    struct secret_key *key = secret_memory_new(sizeof *key);
    if (key) {
        key->public_half.role = role;
        memcpy(key->public_half.name, name, strlen(name) + 1);
    }
    return key;
}

signet_error secret_key_generate(enum key_role role, const char *name, struct secret_key **ret_key)
{
    if (!key_name_valid(slice_of_text(name))) {
        return SIGNET_ERROR_MALFORMED;
    }
    struct secret_key *key = key_new(role, name);
    if (!key) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    random_fill(key->bytes, sizeof key->bytes);
    derive_public(key);
    *ret_key = key;
    return SIGNET_OK;
}

void secret_key_free(struct secret_key *key)
{
    secret_memory_free(key);
}

signet_error public_key_from_text(const struct key_text *text, struct public_key *ret_key)
{
    if (text->form != KEY_PUBLIC) {
        return SIGNET_ERROR_MALFORMED;
    }
    bool valid = text->role == KEY_WRITER ? ed25519_point_valid(text->bytes) : x25519_point_valid(text->bytes);
    if (!valid) {
        return SIGNET_ERROR_MALFORMED;
    }
    *ret_key = (struct public_key){ .role = text->role };
    memcpy(ret_key->name, text->name, sizeof ret_key->name);
    memcpy(ret_key->bytes, text->bytes, sizeof ret_key->bytes);
    return SIGNET_OK;
}

/* "KIND NAME": a locked secret is bound to both. */
static struct slice associated_data(const struct public_key *key, char memory[ASSOCIATED_BYTES_MAX])
{
    int size = snprintf(memory, ASSOCIATED_BYTES_MAX, "%s %s", key_kind_word(key->role, KEY_SECRET_LOCKED), key->name);
    assert(size > 0 && size < ASSOCIATED_BYTES_MAX);
    return slice_of(memory, (size_t)size);
}

static signet_error unlock(const struct key_text *text, struct slice passphrase, struct secret_key *key)
{
    char memory[ASSOCIATED_BYTES_MAX];
    if (passphrase.size == 0) {
        return SIGNET_ERROR_PASSPHRASE;
    }
    return passphrase_unlock(passphrase, associated_data(&key->public_half, memory), slice_of(text->bytes, text->size),
                             key->bytes);
}

signet_error secret_key_from_text(const struct key_text *text, struct slice passphrase, struct secret_key **ret_key)
{
    if (text->form == KEY_PUBLIC) {
        return SIGNET_ERROR_MALFORMED;
    }
    struct secret_key *key = key_new(text->role, text->name);
    if (!key) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    signet_error error = SIGNET_OK;
    if (text->form == KEY_SECRET_LOCKED) {
        error = unlock(text, passphrase, key);
    } else {
        memcpy(key->bytes, text->bytes, sizeof key->bytes);
    }
    if (error) {
        secret_key_free(key);
        return error;
    }
    derive_public(key);
    *ret_key = key;
    return SIGNET_OK;
}

/* Its name is one that a verifier key can have, since it is one of ours. */
static void format_witness(const struct public_key *key, char ret_line[KEY_LINE_BYTES_MAX])
{
    struct witness_key witness;
    char line[WITNESS_KEY_TEXT_BYTES];
    signet_error error = witness_key_of(slice_of_text(key->name), key->bytes, &witness);
    assert(!error);
    (void)error;
    witness_key_format(&witness, line);
    size_t size = strlen(line) + 1;
    assert(size <= KEY_LINE_BYTES_MAX);
    memcpy(ret_line, line, size);
}

void public_key_format(const struct public_key *key, char ret_line[KEY_LINE_BYTES_MAX])
{
    if (key->role == KEY_WITNESS) {
        format_witness(key, ret_line);
        return;
    }
    struct key_text text = { .role = key->role, .form = KEY_PUBLIC, .size = KEY_BYTES };
    memcpy(text.name, key->name, sizeof text.name);
    memcpy(text.bytes, key->bytes, KEY_BYTES);
    key_text_format(&text, ret_line);
}

static signet_error describe(signet_error error, struct key_problem *ret_problem, const char *text, const char *hint)
{
    if (ret_problem) {
        *ret_problem = (struct key_problem){ .text = text, .hint = hint };
    }
    return error;
}

static void describe_read(signet_error error, struct key_problem *ret_problem)
{
    switch (error) {
    case SIGNET_ERROR_SYSTEM:
        describe(error, ret_problem, "the file cannot be read", NULL);
        break;
    case SIGNET_ERROR_PERMISSION:
        describe(error, ret_problem, "others than its owner have access to this secret",
                 "chmod 600 the file, and think about who has read it");
        break;
    case SIGNET_ERROR_LIMIT:
        describe(error, ret_problem, "the file is too large for a key", "is this the right file?");
        break;
    default:
        describe(error, ret_problem, signet_error_text(error), NULL);
    }
}

static signet_error describe_secret(signet_error error, bool given, struct key_problem *ret_problem)
{
    switch (error) {
    case SIGNET_OK:
        return error;
    case SIGNET_ERROR_PASSPHRASE:
        return given ? describe(error, ret_problem, "the passphrase is wrong, or the file was changed", NULL)
                     : describe(error, ret_problem, "the key is locked with a passphrase", "give a passphrase file");
    case SIGNET_ERROR_MALFORMED:
        return describe(error, ret_problem, "this is a public key; a secret one is needed", "use the *.key file");
    case SIGNET_ERROR_LIMIT:
        return describe(error, ret_problem, "unlocking this key would cost more than is allowed",
                        "the file was not written by signet: do not trust it");
    default:
        return describe(error, ret_problem, signet_error_text(error), NULL);
    }
}

/* Parsed into secret memory, because it may turn out to be a secret; the caller frees with secret_memory_free. */
static signet_error read_text(const char *path, bool secret, struct key_text **ret_key, struct key_problem *ret_problem)
{
    struct file_text file;
    signet_error error =
        secret ? secret_file_read(path, KEY_FILE_BYTES_MAX, &file) : file_text_read(path, KEY_FILE_BYTES_MAX, &file);
    if (error) {
        describe_read(error, ret_problem);
        return error;
    }
    struct key_text *key = secret_memory_new(sizeof *key);
    error = key ? key_text_parse(file_text_slice(&file), key, ret_problem) : SIGNET_ERROR_OUT_OF_MEMORY;
    wipe(file.data, file.size);
    file_text_free(&file);
    if (error) {
        secret_memory_free(key);
        return error;
    }
    *ret_key = key;
    return SIGNET_OK;
}

signet_error key_file_inspect(const char *path, struct key_text *ret_key, struct key_problem *ret_problem)
{
    struct key_text *text = NULL;
    signet_error error = read_text(path, false, &text, ret_problem);
    if (error) {
        return error;
    }
    *ret_key = (struct key_text){ .role = text->role, .form = text->form, .size = text->size };
    memcpy(ret_key->name, text->name, sizeof ret_key->name);
    if (text->form == KEY_PUBLIC) {
        memcpy(ret_key->bytes, text->bytes, sizeof ret_key->bytes);
    }
    secret_memory_free(text);
    return SIGNET_OK;
}

signet_error key_file_read_public(const char *path, struct public_key *ret_key, struct key_problem *ret_problem)
{
    struct key_text *text = NULL;
    signet_error error = read_text(path, false, &text, ret_problem);
    if (error) {
        return error;
    }
    error = public_key_from_text(text, ret_key);
    bool secret = text->form != KEY_PUBLIC;
    secret_memory_free(text);
    if (error && secret) {
        return describe(error, ret_problem, "this is a secret key; a public one is needed", "use the *.pub file");
    }
    return error ? describe(error, ret_problem, "this key is not one that can be used safely", NULL) : SIGNET_OK;
}

static bool holds_public_key(const char *path)
{
    struct key_text text;
    return key_file_inspect(path, &text, NULL) == SIGNET_OK && text.form == KEY_PUBLIC;
}

signet_error key_file_read_secret(const char *path, struct slice passphrase, struct secret_key **ret_key,
                                  struct key_problem *ret_problem)
{
    struct key_text *text = NULL;
    signet_error error = read_text(path, true, &text, ret_problem);
    if (error == SIGNET_ERROR_PERMISSION && holds_public_key(path)) {
        return describe_secret(SIGNET_ERROR_MALFORMED, false, ret_problem);
    }
    if (error) {
        return error;
    }
    error = secret_key_from_text(text, passphrase, ret_key);
    secret_memory_free(text);
    return describe_secret(error, passphrase.size > 0, ret_problem);
}

signet_error key_file_write_public(const char *path, const struct public_key *key)
{
    char line[KEY_LINE_BYTES_MAX];
    public_key_format(key, line);
    return new_file_write(path, MODE_PUBLIC, slice_of_text(line));
}

static signet_error lock(const struct secret_key *key, struct slice passphrase, struct key_text *text)
{
    char memory[ASSOCIATED_BYTES_MAX];
    text->form = KEY_SECRET_LOCKED;
    text->size = LOCKED_KEY_BYTES;
    return passphrase_lock(passphrase, passphrase_cost_default, associated_data(&key->public_half, memory),
                           slice_of(key->bytes, KEY_BYTES), text->bytes);
}

/* What becomes of a secret on its way to a file; in secret memory as a whole. */
struct outgoing {
    struct key_text text;
    char line[KEY_LINE_BYTES_MAX];
};

typedef signet_error (*write_function)(const char *path, mode_t mode, struct slice content);

static signet_error write_secret(const char *path, const struct secret_key *key, struct slice passphrase,
                                 write_function write)
{
    struct outgoing *out = secret_memory_new(sizeof *out);
    if (!out) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    struct key_text *text = &out->text;
    text->role = key->public_half.role;
    memcpy(text->name, key->public_half.name, sizeof text->name);
    signet_error error = SIGNET_OK;
    if (passphrase.size > 0) {
        error = lock(key, passphrase, text);
    } else {
        text->form = KEY_SECRET;
        text->size = KEY_BYTES;
        memcpy(text->bytes, key->bytes, KEY_BYTES);
    }
    if (!error) {
        key_text_format(text, out->line);
        error = write(path, MODE_SECRET, slice_of_text(out->line));
    }
    secret_memory_free(out);
    return error;
}

signet_error key_file_write_secret(const char *path, const struct secret_key *key, struct slice passphrase)
{
    return write_secret(path, key, passphrase, new_file_write);
}

signet_error key_file_replace_secret(const char *path, const struct secret_key *key, struct slice passphrase)
{
    return write_secret(path, key, passphrase, new_file_replace);
}
