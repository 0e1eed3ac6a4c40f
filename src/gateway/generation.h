/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A generation: one configuration as it was read, with the key material it
 * names and the policy that follows from it.  Whole and never changed; a
 * reload makes the next one, and the old one goes when no worker uses it.
 */
#ifndef SIGNET_GATEWAY_GENERATION_H
#define SIGNET_GATEWAY_GENERATION_H

#include <stdatomic.h>

#include "gateway/material.h"
#include "relay/policy.h"

struct generation {
    struct config *config;
    struct material *material;
    struct policy policy; /* patterns and known topics are the configuration's */
    atomic_uint references;
};

/* One reference.  MALFORMED with at least one error in `report`. */
signet_error generation_load(const char *config_path, int64_t now_ms, struct generation **ret_generation,
                             struct report *report);
struct generation *generation_retain(struct generation *generation);
/* Takes NULL. */
void generation_release(struct generation *generation);

#endif
