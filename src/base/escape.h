/* SPDX-License-Identifier: Apache-2.0 */
/* Text that others chose, made fit to be shown: a terminal obeys other bytes than printable ASCII. */
#ifndef SIGNET_BASE_ESCAPE_H
#define SIGNET_BASE_ESCAPE_H

#include "base/slice.h"

/*
 * Printable ASCII as it is, everything else and the backslash as \xNN, and so
 * is `quote` when it is not 0.  Cut between two characters where `room` bytes,
 * at least 1, would not hold it with its NUL.  Gives the size without the NUL.
 */
size_t escape_text(struct slice text, char quote, char *ret_text, size_t room);

#endif
