/* SPDX-License-Identifier: Apache-2.0 */
/* The file of a witness's public key: one line, a C2SP verifier key, as spec/key-files.md, section 2 has files. */
#ifndef SIGNET_KEYS_WITNESS_KEY_FILE_H
#define SIGNET_KEYS_WITNESS_KEY_FILE_H

#include "keys/key_text.h"
#include "seal/cosignature.h"

/* SYSTEM leaves errno; LIMIT, MALFORMED, TRAILING, CHECKSUM, UNSUPPORTED.  `ret_problem` may be NULL. */
signet_error witness_key_read(const char *path, struct witness_key *ret_key, struct key_problem *ret_problem);

#endif
