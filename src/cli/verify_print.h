/* SPDX-License-Identifier: Apache-2.0 */
/* What a verification found, for people and for programs.  Names in it are others' choice, and are shown escaped. */
#ifndef SIGNET_CLI_VERIFY_PRINT_H
#define SIGNET_CLI_VERIFY_PRINT_H

#include <stdio.h>

#include "verify/verify.h"

struct json_t;

void verify_print(FILE *out, const struct verify_result *result, const struct trust *trust);
/* One object; NULL when memory is out. */
struct json_t *verify_json(const struct verify_result *result, const struct trust *trust);

/* One finding as a new object; `survey` is the partition's, and NULL where it is of none.  NULL when memory is out. */
struct json_t *verify_flaw_json(const struct survey *survey, const struct flaw *flaw);

#endif
