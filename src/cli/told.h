/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One finding as people are told it, whichever check it comes from: the same
 * words, in the same order, on a terminal and in a report.
 *
 * Texts that others chose are escaped (base/escape.h), and cut where they are
 * longer than any that is written here.
 */
#ifndef SIGNET_CLI_TOLD_H
#define SIGNET_CLI_TOLD_H

#include <stdio.h>

#include "cli/shown.h"
#include "verify/holding.h"

struct told {
    enum flaw_kind kind;
    const char *word;
    const struct survey *survey; /* of the partition it is about; NULL: of none */
    char place[SHOWN_BYTES];     /* "orders-3" or a file; empty: none */
    char range[64];              /* "offsets 3-8", "record 2"; empty: of all */
    const char *meaning;         /* NULL: the text has it all */
    char text[SHOWN_BYTES];      /* what there is to say beyond it; empty: nothing */
    char writer[SHOWN_BYTES];    /* a name, a key in hex, or a log; empty: not known */
    char time[128];              /* "sealed ... to ..."; empty: not known */
    char details[2][SHOWN_BYTES];
    const char *hint; /* what to do; NULL: nothing */
};

/* `survey` is NULL where it is of no partition. */
void told_of_flaw(const struct survey *survey, const struct flaw *flaw, struct told *ret_told);
void told_of_ledger(const struct ledger_finding *finding, struct told *ret_told);
/* `surveys` is what was held. */
void told_of_holding(const struct survey *surveys, const struct holding_finding *finding, struct told *ret_told);

/* A line with the word and the place, and under it what there is. */
void told_print(FILE *out, const struct told *told, bool colour);

#endif
