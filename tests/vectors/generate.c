/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes spec/vectors/<verdict>/<name>.json (spec/vectors/README.md).  What is
 * expected is said by the cases and not by the opener.  Run by hand; the
 * output is committed, and is the same every time.
 */
#include <stdio.h>

#include "cases.h"

typedef void cases_of(struct world *w, const char *root);

static cases_of *const all[] = {
    cases_authentic, cases_not_sealed, cases_malformed, cases_altered,
    cases_place,     cases_order,      cases_outcome,   cases_exception,
};

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct world w;
        world_seed("world", "");
        world_init(&w);
        all[i](&w, argv[1]);
        world_free(&w);
    }
    return 0;
}
