/* SPDX-License-Identifier: Apache-2.0 */
/* What the generators of spec/vectors/ledger share: bytes as text, and files.  A fault in here aborts. */
#ifndef SIGNET_TESTS_LEDGER_VECTOR_H
#define SIGNET_TESTS_LEDGER_VECTOR_H

#include <jansson.h>

#include "base/slice.h"
#include "crypto/sign.h"

void check(bool fine, const char *what);

json_t *hex(const uint8_t *bytes, size_t size);
json_t *base64(struct slice bytes);

/* The key that a seed of that byte makes. */
void vector_key(uint8_t seed, struct signing_key *ret_key, uint8_t ret_public[SIGN_PUBLIC_BYTES]);

/* The record in a frame; the size of both. */
size_t frame(uint8_t *file, struct slice record);

/* ROOT/ledger/FOLDER/NAME.json; takes `json` over. */
void write_vector(const char *root, const char *folder, const char *name, json_t *json);

#endif
