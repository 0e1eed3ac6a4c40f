/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key material that a configuration names: the gateway's own writer key, the
 * recipients it seals for, the keys it opens with, and the trust file.  Loaded
 * as a whole or not at all, and read-only from then on: a reload makes a new
 * one and the old one goes when nobody uses it.
 *
 * Certificates and TLS keys are checked here too (readable, whole, in date,
 * secret), but are loaded by net/, which hands them to the TLS library.
 */
#ifndef SIGNET_GATEWAY_MATERIAL_H
#define SIGNET_GATEWAY_MATERIAL_H

#include "crypto/sign.h"
#include "gateway/config.h"
#include "keys/key_file.h"
#include "seal/trust.h"

struct material {
    struct public_key writer;        /* meaningful only with a signing key */
    struct signing_key *signing_key; /* secret memory; NULL when the configuration has no identity */
    struct public_key *recipients;
    size_t recipient_count;
    struct secret_key **recipient_keys;
    size_t recipient_key_count;
    struct trust trust; /* empty when the configuration names no trust file */
};

/* `now_ms` is Unix time, for dates in certificates and in the trust file.  MALFORMED with at least one error in `report`. */
signet_error material_load(const struct config *config, int64_t now_ms, struct material **ret_material,
                           struct report *report);
/* Wipes; takes NULL. */
void material_free(struct material *material);

#endif
