/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stored batch field by field, header and seal header, under the names that
 * spec/sealed-batch.md has for them.  What others chose is escaped.  Fields
 * whose names end in "-ms" are times since 1970.
 */
#ifndef SIGNET_CLI_BATCH_JSON_H
#define SIGNET_CLI_BATCH_JSON_H

#include "seal/outer.h"
#include "verify/listing.h"

struct json_t;

/* A new object; NULL when memory is out. */
struct json_t *batch_json(const struct outer_codecs *codecs, const struct listing_item *item);

#endif
