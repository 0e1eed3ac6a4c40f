/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utc.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

const char *utc_text(int64_t ms, char ret_text[UTC_TEXT_BYTES])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc;
    char text[UTC_TEXT_BYTES - sizeof ".000Z" + 1];
    if (ms < 0 || !gmtime_r(&seconds, &utc) || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc) == 0) {
        snprintf(ret_text, UTC_TEXT_BYTES, "%" PRId64 " ms", ms);
    } else {
        snprintf(ret_text, UTC_TEXT_BYTES, "%s.%03dZ", text, (int)(ms % 1000));
    }
    return ret_text;
}
