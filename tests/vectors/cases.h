/* SPDX-License-Identifier: Apache-2.0 */
/* The vectors, by what is expected of them; each writes its files below `root`. */
#ifndef SIGNET_TESTS_CASES_H
#define SIGNET_TESTS_CASES_H

#include "vector_file.h"

void cases_authentic(struct world *w, const char *root);
void cases_not_sealed(struct world *w, const char *root); /* clear, control, unsealed */
void cases_malformed(struct world *w, const char *root);  /* unsupported and unknown writer too */
void cases_altered(struct world *w, const char *root);
void cases_place(struct world *w, const char *root); /* wrong place, not trusted, key unavailable, unopenable */
void cases_order(struct world *w, const char *root); /* wrong offset, removed, out of order, replayed */
void cases_outcome(struct world *w, const char *root);
void cases_exception(struct world *w, const char *root);

/* Seals and puts at an offset. */
static inline struct made sealed_at(struct world *w, int64_t offset, const struct want *want)
{
    struct made made = world_seal(w, want);
    made_place(&made, offset);
    return made;
}

/* What is to be sealed, written as fields of struct want. */
#define SEALED_AT(w, offset, ...) sealed_at(w, offset, &(struct want){ __VA_ARGS__ })

static inline struct made marker_at(struct world *w, int64_t offset, int64_t producer_id, bool commit)
{
    struct made made = world_marker(w, producer_id, commit);
    made_place(&made, offset);
    return made;
}

#endif
