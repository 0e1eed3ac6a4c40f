/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The report of a verification as one page of HTML for people: what it comes
 * to in a sentence, what was asked, what each partition looks like, and every
 * finding.  It needs nothing but itself: no script, nothing that is fetched.
 */
#ifndef SIGNET_CLI_REPORT_PAGE_H
#define SIGNET_CLI_REPORT_PAGE_H

#include <stdio.h>

#include "cli/verify_answers.h"

/* Surveys have maps.  Whether all could be written, `ferror` says. */
void page_write(FILE *out, const struct verify_question *question, const struct knowledge *knowledge,
                const struct verify_answers *answers);

#endif
