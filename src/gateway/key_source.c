/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/key_source.h"

#include <errno.h>

#define complain(report, place, hint, ...) report_add(report, SEVERITY_ERROR, place, hint, __VA_ARGS__)

void key_source_complain(struct report *report, struct finding_place place, const char *file, signet_error error,
                         const struct key_problem *problem, int system_error)
{
    const char *why = error == SIGNET_ERROR_SYSTEM ? strerror(system_error) : problem->text;
    if (problem->line) {
        complain(report, place, problem->hint, "%s, line %u: %s", file, problem->line, why);
    } else {
        complain(report, place, problem->hint, "%s: %s", file, why);
    }
}

bool key_source_read_passphrase(const char *file, struct finding_place place, struct report *report,
                                struct file_text *ret_text)
{
    *ret_text = (struct file_text){ 0 };
    signet_error error = file ? passphrase_file_read(file, ret_text) : SIGNET_OK;
    struct key_problem problem = { .text = signet_error_text(error) };
    int saved = errno;
    if (error == SIGNET_ERROR_PERMISSION) {
        problem = (struct key_problem){ 0, "others than its owner have access to this secret", "chmod 600 the file" };
    } else if (error == SIGNET_ERROR_MALFORMED) {
        problem.text = "the file of a passphrase or password has one line and no more";
    }
    if (error) {
        key_source_complain(report, place, file, error, &problem, saved);
    }
    return !error;
}

struct secret_key *key_source_read_secret(const struct config_secret_file *source, enum key_role role,
                                          struct finding_place file_place, struct finding_place passphrase_place,
                                          struct report *report)
{
    struct file_text passphrase;
    struct key_problem problem = { 0 };
    struct secret_key *key = NULL;
    if (!key_source_read_passphrase(source->passphrase_file, passphrase_place, report, &passphrase)) {
        return NULL;
    }
    signet_error error = key_file_read_secret(source->file, file_text_slice(&passphrase), &key, &problem);
    int saved = errno;
    file_text_free(&passphrase);
    if (error) {
        key_source_complain(report, file_place, source->file, error, &problem, saved);
        return NULL;
    }
    if (key->public_half.role != role) {
        complain(report, file_place, NULL, "%s: this is the key of a %s; that of a %s is needed", source->file,
                 key_role_word(key->public_half.role), key_role_word(role));
        secret_key_free(key);
        return NULL;
    }
    return key;
}
