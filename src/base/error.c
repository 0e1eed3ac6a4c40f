/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stddef.h>

static const char *const texts[] = {
#define X(name, text) [SIGNET_ERROR_##name] = (text),
    SIGNET_ERRORS(X)
#undef X
};

const char *signet_error_text(signet_error error)
{
    size_t index = (size_t)error;
    return index < sizeof texts / sizeof texts[0] ? texts[index] : "unknown error";
}
