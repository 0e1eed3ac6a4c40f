/* SPDX-License-Identifier: Apache-2.0 */
/* A witness in numbers: as Prometheus reads them (text format 0.0.4), and as a page for people. */
#ifndef SIGNET_WITNESS_WITNESS_PAGE_H
#define SIGNET_WITNESS_WITNESS_PAGE_H

#include "witness/witness.h"

/* The caller frees; NULL when memory is out. */
char *witness_as_prometheus(const struct witness *witness);
char *witness_as_page(const struct witness *witness);

#endif
