/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A generation: one configuration as it was read, with the key material it
 * names and the policy that follows from it.  Whole and never changed; a
 * reload makes the next one, and the old one goes when no worker uses it.
 *
 * Listeners and limits are the first configuration's for as long as the
 * gateway runs; its keys are not: they go, wiped, with the last reference to
 * the whole, while a reference to the configuration keeps that alone.
 */
#ifndef SIGNET_GATEWAY_GENERATION_H
#define SIGNET_GATEWAY_GENERATION_H

#include <stdatomic.h>

#include "gateway/material.h"
#include "relay/policy.h"

struct generation {
    struct config *config;
    struct material *material; /* NULL when only the configuration is still held */
    struct policy policy;      /* patterns and known topics are the configuration's */
    atomic_uint references;    /* to the whole; together they hold one to the configuration */
    atomic_uint config_references;
};

/* One reference.  MALFORMED with at least one error in `report`. */
signet_error generation_load(const char *config_path, int64_t now_ms, struct generation **ret_generation,
                             struct report *report);
struct generation *generation_retain(struct generation *generation);
/* Takes NULL. */
void generation_release(struct generation *generation);

/* For who needs the configuration and nothing else. */
struct generation *generation_retain_config(struct generation *generation);
/* Takes NULL. */
void generation_release_config(struct generation *generation);

#endif
