/* SPDX-License-Identifier: Apache-2.0 */
/* Times for people: ISO 8601 in UTC, to the millisecond. */
#ifndef SIGNET_BASE_UTC_H
#define SIGNET_BASE_UTC_H

#include <stdint.h>

enum { UTC_TEXT_BYTES = 48 };

/* Milliseconds since 1970; those that the calendar cannot say, and negative ones, as a number.  Gives `ret_text`. */
const char *utc_text(int64_t ms, char ret_text[UTC_TEXT_BYTES]);

#endif
