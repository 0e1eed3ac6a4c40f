/* SPDX-License-Identifier: Apache-2.0 */
#include "loop_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/timer.h"

struct loop *new_loop(void)
{
    struct loop *loop;
    assert_int_equal(loop_new(&loop), SIGNET_OK);
    return loop;
}

void stop_loop(void *context)
{
    loop_stop(context);
}

void run_for(struct loop *loop, int64_t ms)
{
    struct timer *end;
    assert_int_equal(timer_new(loop, stop_loop, loop, &end), SIGNET_OK);
    timer_set(end, ms);
    loop_run(loop);
    timer_free(end);
}
