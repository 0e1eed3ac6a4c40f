/* SPDX-License-Identifier: Apache-2.0 */
/* Which rule a topic falls under, which versions that allows, and which ids the operator vouches for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kafka/api.h"
#include "relay/policy.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { RULES_MAX = 3 };

struct rule {
    const char *pattern;
    bool seal, open;
};

/* The caller's, and good as long as `rules` and `memory` are. */
static struct policy policy_of(const struct rule *rules, struct topic_policy *memory)
{
    struct policy policy = { .topics = memory };
    for (; policy.count < RULES_MAX && rules[policy.count].pattern; policy.count++) {
        const struct rule *rule = &rules[policy.count];
        memory[policy.count] = (struct topic_policy){
            .pattern = (char *)(uintptr_t)rule->pattern,
            .seal = rule->seal,
            .open = rule->open,
        };
    }
    return policy;
}

static const struct rule three_rules[RULES_MAX] = {
    { "orders-raw", true, false },
    { "orders*", true, true },
    { "*", false, false },
};

struct find_case {
    const char *topic, *pattern; /* NULL: of none */
};

static const struct find_case find_cases[] = {
    { "orders-raw", "orders-raw" },
    { "orders-raw2", "orders*" },
    { "orders", "orders*" },
    { "order", "*" },
    { "", "*" },
    { "__consumer_offsets", NULL },
    { "__transaction_state", NULL },
    { "__share_group_state", NULL },
    { "__cluster_metadata", NULL },
    { "__remote_log_metadata", NULL },
    { "__consumer_offsets2", "*" },
};

static void the_first_rule_that_matches_counts(void **state)
{
    (void)state;
    struct topic_policy memory[RULES_MAX];
    const struct policy policy = policy_of(three_rules, memory);
    for (size_t i = 0; i < COUNT(find_cases); i++) {
        const struct find_case *c = &find_cases[i];
        const struct topic_policy *found = policy_find(&policy, slice_of_text(c->topic));
        assert_non_null(found);
        if (c->pattern ? !found->pattern || strcmp(found->pattern, c->pattern) != 0 : found->pattern != NULL) {
            fail_msg("%s: %s", c->topic, found->pattern ? found->pattern : "(none)");
        }
    }
}

static void what_no_rule_matches_is_in_clear(void **state)
{
    (void)state;
    static const struct rule rules[RULES_MAX] = { { "orders", true, true } };
    struct topic_policy memory[RULES_MAX];
    const struct policy policy = policy_of(rules, memory), none = { 0 };
    assert_false(policy_find(&policy, slice_of_text("clicks"))->seal);
    assert_false(policy_find(&none, slice_of_text("orders"))->seal);
    assert_false(policy_opens(policy_find(&none, slice_of_text("orders"))));
}

/* Internal topics are in clear even where everything is sealed. */
static void internal_topics_are_never_sealed(void **state)
{
    (void)state;
    static const struct rule rules[RULES_MAX] = { { "__consumer_offsets", true, true }, { "*", true, true } };
    struct topic_policy memory[RULES_MAX];
    const struct policy policy = policy_of(rules, memory);
    assert_false(policy_find(&policy, slice_of_text("__consumer_offsets"))->seal);
    assert_true(policy_find(&policy, slice_of_text("orders"))->seal);
}

struct version_case {
    const char *label;
    struct rule rules[RULES_MAX];
    bool produce_by_id, fetch_by_id;
};

static const struct version_case version_cases[] = {
    { "no rules", { { NULL, false, false } }, false, false },
    { "everything sealed and opened", { { "*", true, true } }, true, true },
    { "everything sealed, in two rules", { { "orders*", true, true }, { "*", true, true } }, true, true },
    { "one topic unsealed", { { "metrics", false, false }, { "*", true, true } }, false, false },
    { "one pattern unsealed", { { "m?", false, false }, { "*", true, true } }, false, false },
    { "a rule that no topic can reach", { { "*", true, true }, { "?*", false, false } }, false, false },
    { "everything sealed, nothing opened", { { "*", true, false } }, true, false },
    { "everything sealed, one not opened", { { "raw", true, false }, { "*", true, true } }, true, false },
    { "the rest unsealed", { { "orders*", true, true }, { "*", false, false } }, false, false },
    { "nothing sealed", { { "*", false, false } }, false, false },
    { "no rule for the rest", { { "orders*", true, true } }, false, false },
    { "no rule for the shortest", { { "?*", true, true } }, false, false },
    { "everything, in two stars", { { "**", true, true } }, true, true },
    { "an empty pattern", { { "", true, true } }, false, false },
    { "opened but not sealed", { { "*", false, true } }, false, false },
};

static void topics_are_named_by_id_only_where_none_is_in_clear(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(version_cases); i++) {
        const struct version_case *c = &version_cases[i];
        struct topic_policy memory[RULES_MAX];
        const struct policy policy = policy_of(c->rules, memory);
        int16_t produce = policy_version_max(&policy, API_PRODUCE), fetch = policy_version_max(&policy, API_FETCH);
        if (produce != (c->produce_by_id ? INT16_MAX : 12) || fetch != (c->fetch_by_id ? INT16_MAX : 12)) {
            fail_msg("%s: Produce %d, Fetch %d", c->label, produce, fetch);
        }
        /* Clients have no other way there, and all other APIs carry no records. */
        assert_int_equal(policy_version_max(&policy, API_SHARE_FETCH), INT16_MAX);
        assert_int_equal(policy_version_max(&policy, API_METADATA), INT16_MAX);
    }
}

static struct topic_id id_of(uint8_t first, uint8_t last)
{
    struct topic_id id = { { 0 } };
    id.bytes[0] = first;
    id.bytes[sizeof id.bytes - 1] = last;
    return id;
}

static void known_ids_are_found(void **state)
{
    (void)state;
    enum { MANY = 500 };
    static char name[] = "metrics";
    struct known_topic known[MANY];
    for (int i = 0; i < MANY; i++) {
        known[i] = (struct known_topic){ id_of((uint8_t)(i * 7), (uint8_t)(1 + i / 256)), name };
    }
    const struct policy none = { 0 };
    for (size_t count = 1; count <= MANY; count += 83) {
        struct known_topic sorted[MANY];
        memcpy(sorted, known, sizeof sorted);
        qsort(sorted, count, sizeof *sorted, known_topic_compare);
        const struct policy policy = { .known = sorted, .known_count = count };
        for (size_t i = 0; i < MANY; i++) {
            const struct known_topic *found = policy_known(&policy, &known[i].id);
            assert_int_equal(found != NULL, i < count);
            assert_true(!found || topic_id_equal(&found->id, &known[i].id));
            assert_null(policy_known(&none, &known[i].id));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_rule_that_matches_counts),
        cmocka_unit_test(what_no_rule_matches_is_in_clear),
        cmocka_unit_test(internal_topics_are_never_sealed),
        cmocka_unit_test(topics_are_named_by_id_only_where_none_is_in_clear),
        cmocka_unit_test(known_ids_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
