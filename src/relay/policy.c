/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/policy.h"

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
