/* SPDX-License-Identifier: Apache-2.0 */
/* The clock for waiting: it only goes forward, and nobody sets it. */
#ifndef SIGNET_BASE_CLOCK_H
#define SIGNET_BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t monotonic_clock_ms(void);

#endif
