/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/witness_key_file.h"

#include "keys/secret_file.h"

static const char *text_of(signet_error error)
{
    switch (error) {
    case SIGNET_ERROR_SYSTEM:
        return "the file cannot be read";
    case SIGNET_ERROR_CHECKSUM:
        return "the key id in it is not that of the key";
    case SIGNET_ERROR_UNSUPPORTED:
        return "this is the key of another algorithm than Ed25519 with a time (04)";
    case SIGNET_ERROR_LIMIT:
        return "the file is too large for a key";
    case SIGNET_ERROR_TRAILING:
        return "something stands after the key";
    default:
        return "this is not the public key of a witness";
    }
}

signet_error witness_key_read(const char *path, struct witness_key *ret_key, struct key_problem *ret_problem)
{
    struct file_text file;
    struct slice line = { 0 };
    unsigned number = 0;
    signet_error error = file_text_read(path, KEY_FILE_BYTES_MAX, &file);
    if (!error) {
        error = key_text_line(file_text_slice(&file), &line, &number);
        error = error ? error : witness_key_parse(line, ret_key);
        file_text_free(&file);
    }
    if (error && ret_problem) {
        const char *hint = error == SIGNET_ERROR_MALFORMED
                               ? "it is one line, NAME+ID+BASE64, as in the *.pub file that "
                                 "`signet keys witness` makes"
                               : NULL;
        *ret_problem = (struct key_problem){ .line = number, .text = text_of(error), .hint = hint };
    }
    return error;
}
