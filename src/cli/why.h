/* SPDX-License-Identifier: Apache-2.0 */
/* signet inspect --why: what signet verify says about one offset of a partition, and by which rule. */
#ifndef SIGNET_CLI_WHY_H
#define SIGNET_CLI_WHY_H

#include <stdint.h>

#include "cli/knowledge.h"

struct why {
    struct knowledge_source source;
    int64_t offset;
    bool json;
};

/* `path` is of a partition's folder or of a segment in it. */
enum exit_code why_tell(struct why *why, const char *path);

#endif
