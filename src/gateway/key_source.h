/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that a configuration names, read with what is wrong with their files as findings. */
#ifndef SIGNET_GATEWAY_KEY_SOURCE_H
#define SIGNET_GATEWAY_KEY_SOURCE_H

#include "gateway/config.h"
#include "keys/key_file.h"
#include "keys/secret_file.h"

/* The problem with a file, with the system's word for it when it has one. */
void key_source_complain(struct report *report, struct finding_place place, const char *file, signet_error error,
                         const struct key_problem *problem, int system_error);
/* A passphrase or a password, on one line; empty when `file` is NULL.  False after a finding.  The caller frees. */
bool key_source_read_passphrase(const char *file, struct finding_place place, struct report *report,
                                struct file_text *ret_text);
/* NULL after a finding.  The caller frees. */
struct secret_key *key_source_read_secret(const struct config_secret_file *source, enum key_role role,
                                          struct finding_place file_place, struct finding_place passphrase_place,
                                          struct report *report);

#endif
