/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <time.h>

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / (1000 * 1000);
}

int64_t monotonic_clock_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

int64_t wall_clock_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}
