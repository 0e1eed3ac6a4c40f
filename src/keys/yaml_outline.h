/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outline of a YAML document: which key stands on which line.  The schema
 * library reports its own errors with a line, but what is found afterwards
 * (a port used twice, a key that does not parse) has none; here it is looked
 * up by key path.
 *
 * Drawing the outline is also where YAML is cut down to what these files
 * need: one document, plain keys, no anchors, aliases or tags, bounded depth.
 * What is refused here could otherwise be read in two ways.
 */
#ifndef SIGNET_KEYS_YAML_OUTLINE_H
#define SIGNET_KEYS_YAML_OUTLINE_H

#include "base/error.h"
#include "base/slice.h"

struct yaml_node {
    uint64_t key; /* a hash of the key's text, or the index in a list */
    uint32_t parent;
    uint32_t line;
};

/* nodes[0] is the document itself, its own parent. */
struct yaml_outline {
    struct yaml_node *nodes;
    size_t count, capacity;
};

struct yaml_problem {
    unsigned line;
    char text[160];
    const char *hint; /* static; NULL when there is none */
};

/* MALFORMED, LIMIT, OUT_OF_MEMORY.  The caller frees. */
signet_error yaml_outline_read(struct slice text, struct yaml_outline *ret_outline, struct yaml_problem *ret_problem);
void yaml_outline_free(struct yaml_outline *outline);

/* Line of "listeners[0].tls.key", or of the deepest part of that path that is there. */
unsigned yaml_outline_line(const struct yaml_outline *outline, const char *key_path);
/* The same where the last key of the path stands twice in one mapping: the line of the second. */
unsigned yaml_outline_line_of_second(const struct yaml_outline *outline, const char *key_path);

#endif
