/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/policy.h"

#include <stdlib.h>
#include <string.h>

#include "kafka/api.h"

enum {
    /* The last versions that name topics by their names (KIP-516). */
    PRODUCE_VERSION_BY_NAME = 12,
    FETCH_VERSION_BY_NAME = 12,
};

static const char *const internal_topics[] = {
    "__consumer_offsets", "__transaction_state", "__share_group_state", "__cluster_metadata", "__remote_log_metadata",
};

bool topic_is_internal(struct slice topic_name)
{
    for (size_t i = 0; i < sizeof internal_topics / sizeof *internal_topics; i++) {
        if (slice_equal_text(topic_name, internal_topics[i])) {
            return true;
        }
    }
    return false;
}

const struct topic_policy *policy_find(const struct policy *policy, struct slice topic_name)
{
    static const struct topic_policy pass_through = { .seal = false };
    if (topic_is_internal(topic_name)) {
        return &pass_through;
    }
    for (size_t i = 0; i < policy->count; i++) {
        if (pattern_matches(policy->topics[i].pattern, topic_name)) {
            return &policy->topics[i];
        }
    }
    return &pass_through;
}

bool policy_opens(const struct topic_policy *topic)
{
    return topic->seal && topic->open;
}

int known_topic_compare(const void *a, const void *b)
{
    return topic_id_compare(&((const struct known_topic *)a)->id, &((const struct known_topic *)b)->id);
}

const struct known_topic *policy_known(const struct policy *policy, const struct topic_id *id)
{
    const struct known_topic wanted = { .id = *id };
    return policy->known_count > 0
               ? bsearch(&wanted, policy->known, policy->known_count, sizeof wanted, known_topic_compare)
               : NULL;
}

static bool matches_every_name(const char *pattern)
{
    return pattern[strspn(pattern, "*")] == '\0' && *pattern;
}

int16_t policy_version_max(const struct policy *policy, int16_t api_key)
{
    bool all_sealed = false, all_opened = false;
    for (size_t i = 0; i < policy->count; i++) {
        if (matches_every_name(policy->topics[i].pattern)) {
            all_sealed = all_opened = true;
        }
    }
    for (size_t i = 0; i < policy->count; i++) {
        all_sealed = all_sealed && policy->topics[i].seal;
        all_opened = all_opened && policy_opens(&policy->topics[i]);
    }
    if (api_key == API_PRODUCE && !all_sealed) {
        return PRODUCE_VERSION_BY_NAME;
    }
    return api_key == API_FETCH && !all_opened ? FETCH_VERSION_BY_NAME : INT16_MAX;
}
