/* SPDX-License-Identifier: Apache-2.0 */
/* What reading ledgers found, for people and for programs. */
#ifndef SIGNET_CLI_LEDGER_PRINT_H
#define SIGNET_CLI_LEDGER_PRINT_H

#include <stdio.h>

#include "verify/ledger_source.h"

struct json_t;

void ledger_print(FILE *out, const struct ledger_source *ledgers);
/* One object; NULL when memory is out. */
struct json_t *ledger_json(const struct ledger_source *ledgers);

#endif
