/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger_vector.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "seal/ledger_frame.h"

void check(bool fine, const char *what)
{
    if (!fine) {
        fprintf(stderr, "generate: %s\n", what);
        abort();
    }
}

json_t *hex(const uint8_t *bytes, size_t size)
{
    char text[2 * 64 + 1];
    check(size <= 64, "hex");
    sodium_bin2hex(text, sizeof text, bytes, size);
    return json_string(text);
}

json_t *base64(struct slice bytes)
{
    size_t room = sodium_base64_encoded_len(bytes.size, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(room);
    check(text, "out of memory");
    sodium_bin2base64(text, room, bytes.data, bytes.size, sodium_base64_VARIANT_ORIGINAL);
    json_t *json = json_string(text);
    free(text);
    return json;
}

void vector_key(uint8_t seed_byte, struct signing_key *ret_key, uint8_t ret_public[SIGN_PUBLIC_BYTES])
{
    uint8_t seed[SIGN_SEED_BYTES];
    memset(seed, seed_byte, sizeof seed);
    signing_key_from_seed(ret_key, seed);
    signing_key_public(ret_key, ret_public);
}

size_t frame(uint8_t *file, struct slice record)
{
    memmove(file + LEDGER_FRAME_HEADER_BYTES, record.data, record.size);
    ledger_frame_header(slice_of(file + LEDGER_FRAME_HEADER_BYTES, record.size), file);
    return LEDGER_FRAME_HEADER_BYTES + record.size;
}

void write_vector(const char *root, const char *folder, const char *name, json_t *json)
{
    char path[512];
    snprintf(path, sizeof path, "%s/ledger", root);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/ledger/%s", root, folder);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/ledger/%s/%s.json", root, folder, name);
    FILE *file = fopen(path, "w");
    check(file && json_dumpf(json, file, JSON_INDENT(1)) == 0 && fputc('\n', file) == '\n' && fclose(file) == 0, path);
    json_decref(json);
}
