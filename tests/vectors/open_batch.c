/* SPDX-License-Identifier: Apache-2.0 */
/* Opens what another implementation sealed: a vector on the standard input, without or with what is expected; a line for each fetch. */
#include <sodium.h>
#include <stdio.h>

#include "vector_runner.h"

static json_t *describe(const struct open_finding *finding)
{
    json_t *json = json_pack("{s:s, s:I, s:I}", "verdict", verdict_word(finding->verdict), "base",
                             (json_int_t)finding->base_offset, "last", (json_int_t)finding->last_offset);
    if (finding->expected_offset != -1) {
        json_object_set_new(json, "expected", json_integer(finding->expected_offset));
    }
    if (finding->missed_offset != -1) {
        json_object_set_new(json, "missed", json_integer(finding->missed_offset));
    }
    if (finding->accepted_reason) {
        json_object_set_new(json, "accepted", json_true());
    }
    return json;
}

static void print_fetch(const struct vector_runner *r)
{
    json_t *findings = json_array();
    for (size_t i = 0; i < r->finding_count; i++) {
        json_array_append_new(findings, describe(&r->findings[i]));
    }
    size_t room = sodium_base64_encoded_len(r->opened_size, sodium_base64_VARIANT_ORIGINAL);
    struct block *text = block_new(r->opened->budget, room);
    sodium_bin2base64((char *)text->data, room, r->opened->data, r->opened_size, sodium_base64_VARIANT_ORIGINAL);
    json_t *line = json_pack("{s:o, s:s}", "findings", findings, "opened", (char *)text->data);
    json_dumpf(line, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(line);
    block_release(text);
}

int main(void)
{
    json_error_t error;
    json_t *vector = json_loadf(stdin, 0, &error);
    if (!vector) {
        fprintf(stderr, "open_batch: %s\n", error.text);
        return 2;
    }
    struct vector_runner r;
    vector_runner_init(&r, vector);
    size_t i;
    json_t *fetch;
    json_array_foreach(json_object_get(vector, "fetches"), i, fetch)
    {
        vector_runner_fetch(&r, fetch);
        print_fetch(&r);
    }
    vector_runner_free(&r);
    json_decref(vector);
    return 0;
}
