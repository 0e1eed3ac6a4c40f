/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration of a witness (docs/witness.md), with the key and the
 * trust files that it names: all of it is read, or nothing.
 */
#ifndef SIGNET_WITNESS_WITNESS_CONFIG_H
#define SIGNET_WITNESS_WITNESS_CONFIG_H

#include "crypto/sign.h"
#include "gateway/config.h"
#include "seal/cosignature.h"
#include "seal/trust.h"

struct witness_config {
    struct address address;
    struct config_secret_file key_file;
    char *directory;
    struct trust *trusts; /* at least one, no two of one cluster */
    size_t trust_count;
    uint32_t logs_max, logs_per_writer_max, connections_max;
    enum log_level log_level;
    enum log_format log_format;
    struct witness_key key;
    struct signing_key *secret; /* secret memory */
};

/* MALFORMED with at least one error in `report`.  The caller frees. */
signet_error witness_config_load(const char *path, struct witness_config **ret_config, struct report *report);
/* Wipes; takes NULL. */
void witness_config_free(struct witness_config *config);

#endif
