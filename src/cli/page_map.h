/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the report page that shows each partition as a bar. */
#ifndef SIGNET_CLI_PAGE_MAP_H
#define SIGNET_CLI_PAGE_MAP_H

#include <stdio.h>

#include "verify/verify.h"

/* What the colours and heights of bars mean. */
void page_map_legend(FILE *out);
/* Partitions that were looked at have a map; the brokers' own have no bar. */
void page_map_partitions(FILE *out, const struct verify_result *disks);

#endif
