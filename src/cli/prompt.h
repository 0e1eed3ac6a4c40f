/* SPDX-License-Identifier: Apache-2.0 */
/* Asking for a passphrase on the terminal, without showing it and whatever standard input is. */
#ifndef SIGNET_CLI_PROMPT_H
#define SIGNET_CLI_PROMPT_H

#include "keys/secret_file.h"

/* SYSTEM when there is no terminal; PASSPHRASE when nothing, or control-C, was typed; LIMIT.  The caller frees. */
signet_error prompt_passphrase(const char *question, struct file_text *ret_passphrase);
/* Asks twice; PASSPHRASE when the two differ. */
signet_error prompt_new_passphrase(const char *question, struct file_text *ret_passphrase);

#endif
