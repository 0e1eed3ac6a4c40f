/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be known before logs are judged: trust, and which topics must be sealed, as the command line names them. */
#ifndef SIGNET_CLI_KNOWLEDGE_H
#define SIGNET_CLI_KNOWLEDGE_H

#include "cli/command.h"
#include "relay/policy.h"
#include "seal/trust.h"

enum { PATTERNS_MAX = 1000 };

/* As the arguments have it, which must outlive the knowledge. */
struct knowledge_source {
    const char *config, *trust; /* files; NULL: not given */
    struct topic_policy patterns[PATTERNS_MAX + 1];
    size_t pattern_count;
};

struct knowledge {
    struct config *config;  /* NULL without one */
    const char *trust_file; /* its path */
    struct trust trust;
    struct policy policy;
};

/* False when there are too many. */
bool knowledge_add_pattern(struct knowledge_source *source, struct topic_policy row);
/* With a configuration or a trust file or both.  Complains.  To be freed whatever comes of it. */
enum exit_code knowledge_load(struct knowledge_source *source, struct knowledge *ret_knowledge);
void knowledge_free(struct knowledge *knowledge);

#endif
