/* SPDX-License-Identifier: Apache-2.0 */
/* The two clocks: one for waiting, which only goes forward, and one for what others are told, which can be set. */
#ifndef SIGNET_BASE_CLOCK_H
#define SIGNET_BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t monotonic_clock_ms(void);
/* Unix time in milliseconds. */
int64_t wall_clock_ms(void);

#endif
