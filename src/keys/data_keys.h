/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data keys that this process seals with: one a topic id at a time, random,
 * wrapped for every recipient when it is made, replaced by age and by use
 * (spec/sealed-batch.md, section 7).  One thread at a time.
 */
#ifndef SIGNET_KEYS_DATA_KEYS_H
#define SIGNET_KEYS_DATA_KEYS_H

#include "seal/seal.h"

/* When a data key is replaced: whichever comes first. */
struct data_key_policy {
    int64_t age_ms_max;
    uint64_t bytes_max;
    uint64_t batches_max;
};

struct recipient {
    uint8_t public_key[BOX_PUBLIC_BYTES];
};

struct data_keys;

/* `recipients` is copied.  NULL when memory is out. */
struct data_keys *data_keys_new(const struct data_key_policy *policy, const struct recipient *recipients,
                                size_t recipient_count);
/* Wipes; takes NULL. */
void data_keys_free(struct data_keys *keys);

/*
 * The key to seal the next `size` bytes of a topic with, made or replaced as
 * needed; good until the next call.  OUT_OF_MEMORY, CRYPTO, REFUSED (a
 * recipient's key is of small order).
 */
signet_error data_keys_current(struct data_keys *keys, const struct topic_id *topic, size_t size, int64_t now_ms,
                               const struct seal_key **ret_key);

#endif
