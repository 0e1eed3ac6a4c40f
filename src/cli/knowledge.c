/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/knowledge.h"

#include <stdlib.h>

#include "cli/report_print.h"
#include "gateway/config.h"
#include "keys/trust_file.h"

bool knowledge_add_pattern(struct knowledge_source *source, struct topic_policy row)
{
    if (source->pattern_count == PATTERNS_MAX) {
        return false;
    }
    source->patterns[source->pattern_count++] = row;
    return true;
}

/* Everything must be sealed that the arguments do not say otherwise of. */
static void take_patterns(struct knowledge_source *source, struct knowledge *k)
{
    static char every[] = "*";
    source->patterns[source->pattern_count] = (struct topic_policy){ .pattern = every, .seal = true };
    k->policy = (struct policy){ .topics = source->patterns, .count = source->pattern_count + 1 };
}

enum exit_code knowledge_load(struct knowledge_source *source, struct knowledge *k)
{
    struct report report = { 0 };
    const char *path = source->config ? source->config : source->trust;
    signet_error error = SIGNET_OK;
    if (source->config) {
        error = config_read(source->config, &k->config, &report);
        error = error ? error : config_policy(k->config, &k->policy);
    } else {
        take_patterns(source, k);
    }
    const char *trust = source->trust ? source->trust : k->config ? k->config->trust_file : NULL;
    if (!error && !trust) {
        complain("give one with --trust FILE", "%s names no trust file", path);
        report_free(&report);
        return EXIT_NO_ANSWER;
    }
    k->trust_file = trust;
    error = error ? error : trust_file_read(trust, &k->trust, &report);
    report_print(stderr, &report);
    report_free(&report);
    if (error && error != SIGNET_ERROR_MALFORMED) {
        complain(NULL, "%s: %s", path, signet_error_text(error));
    }
    return error ? EXIT_NO_ANSWER : EXIT_GOOD;
}

void knowledge_free(struct knowledge *k)
{
    if (k->config) {
        free(k->policy.topics);
    }
    config_free(k->config);
    trust_free(&k->trust);
}
