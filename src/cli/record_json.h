/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of a stored batch, decompressed and, with keys, decrypted: one
 * object each, with keys, values and headers escaped and cut, and their sizes.
 * What is decrypted lies in blocks that are wiped.
 */
#ifndef SIGNET_CLI_RECORD_JSON_H
#define SIGNET_CLI_RECORD_JSON_H

#include "cli/inspect_keys.h"
#include "seal/outer.h"
#include "verify/listing.h"

typedef void record_hook(void *context, struct json_t *record);

/*
 * Calls `hook` for each record of a whole batch that is no marker; the object
 * is borrowed.  NULL, or why not all records could be shown.  A sealed batch is
 * decrypted where it lies, and is not to be looked at afterwards.
 */
const char *records_show(const struct outer_codecs *codecs, struct inspect_keys *keys, const struct listing_item *item,
                         record_hook *hook, void *context);

#endif
