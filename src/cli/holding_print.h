/* SPDX-License-Identifier: Apache-2.0 */
/* What holding disks against ledgers found, for people and for programs. */
#ifndef SIGNET_CLI_HOLDING_PRINT_H
#define SIGNET_CLI_HOLDING_PRINT_H

#include "verify/holding.h"

struct json_t;

/* `disks` is what was held. */
void holding_print(FILE *out, const struct holding *holding, const struct verify_result *disks);
/* One object; NULL when memory is out. */
struct json_t *holding_json(const struct holding *holding, const struct verify_result *disks);

#endif
