/* SPDX-License-Identifier: Apache-2.0 */
/* What it takes to open sealed batches on the command line: recipients' keys, and the trust file that says whose to open. */
#ifndef SIGNET_CLI_INSPECT_KEYS_H
#define SIGNET_CLI_INSPECT_KEYS_H

#include "base/limits.h"
#include "cli/command.h"
#include "keys/key_file.h"
#include "keys/unwrap_cache.h"

struct inspect_keys {
    const char *files[RECIPIENTS_MAX], *trust_file;
    size_t count; /* of files */
    struct secret_key *secrets[RECIPIENTS_MAX];
    struct unwrap_cache *cache;
    struct trust trust;
};

/* Reads the files that are named; a locked key asks for its passphrase.  Complains.  To be freed whatever comes of it. */
enum exit_code inspect_keys_load(struct inspect_keys *keys);
/* Wipes. */
void inspect_keys_free(struct inspect_keys *keys);

/*
 * The key of an envelope whose signature is right, and whose writer is trusted
 * for its topic, its time and `last_offset`: nothing else is unwrapped
 * (spec/sealed-batch.md, section 7).  NULL with the reason.
 */
struct aead_key *inspect_keys_find(struct inspect_keys *keys, const struct envelope *envelope, int64_t last_offset,
                                   const char **ret_why);

#endif
