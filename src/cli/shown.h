/* SPDX-License-Identifier: Apache-2.0 */
/* What others chose or claim, as people are shown it. */
#ifndef SIGNET_CLI_SHOWN_H
#define SIGNET_CLI_SHOWN_H

#include "base/escape.h"

enum { SHOWN_BYTES = 1024 };

/* Escaped as escape_text does; gives `ret_shown`. */
static inline const char *shown_text(const char *text, char ret_shown[SHOWN_BYTES])
{
    escape_text(slice_of_text(text), 0, ret_shown, SHOWN_BYTES);
    return ret_shown;
}

#endif
