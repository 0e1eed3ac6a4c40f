/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/generation.h"

#include <stdlib.h>

signet_error generation_load(const char *config_path, int64_t now_ms, struct generation **ret_generation,
                             struct report *report)
{
    struct generation *g = calloc(1, sizeof *g);
    if (!g) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    atomic_init(&g->references, 1);
    atomic_init(&g->config_references, 1);
    signet_error error = config_read(config_path, &g->config, report);
    error = error ? error : material_load(g->config, now_ms, &g->material, report);
    error = error ? error : config_policy(g->config, &g->policy);
    if (error) {
        generation_release(g);
        return error;
    }
    *ret_generation = g;
    return SIGNET_OK;
}

struct generation *generation_retain(struct generation *generation)
{
    atomic_fetch_add(&generation->references, 1);
    return generation;
}

void generation_release(struct generation *g)
{
    if (!g || atomic_fetch_sub(&g->references, 1) != 1) {
        return;
    }
    free(g->policy.topics);
    material_free(g->material);
    g->policy = (struct policy){ 0 };
    g->material = NULL;
    generation_release_config(g);
}

struct generation *generation_retain_config(struct generation *generation)
{
    atomic_fetch_add(&generation->config_references, 1);
    return generation;
}

void generation_release_config(struct generation *g)
{
    if (g && atomic_fetch_sub(&g->config_references, 1) == 1) {
        config_free(g->config);
        free(g);
    }
}
