/* SPDX-License-Identifier: Apache-2.0 */
/* Findings for people, one a line with its hint under it, as compilers write them, so that editors can jump to the place. */
#ifndef SIGNET_CLI_REPORT_PRINT_H
#define SIGNET_CLI_REPORT_PRINT_H

#include <stdbool.h>
#include <stdio.h>

#include "keys/report.h"

/* `out` is a terminal and NO_COLOR is not set. */
bool is_in_colour(FILE *out);
/* In colour where that is so. */
void report_print(FILE *out, const struct report *report);

/* A new list of the findings for programs; NULL when memory is out. */
struct json_t *report_json(const struct report *report);

#endif
