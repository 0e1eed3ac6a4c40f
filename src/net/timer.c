/* SPDX-License-Identifier: Apache-2.0 */
#include "net/timer.h"

#include <stdlib.h>

#include "net/loop_body.h"

struct timer {
    uv_timer_t handle;
    job_fn *on_time;
    void *context;
};

static void fire(uv_timer_t *handle)
{
    struct timer *timer = handle->data;
    timer->on_time(timer->context);
}

static void release(uv_handle_t *handle)
{
    free(handle->data);
}

static uint64_t not_negative(int64_t ms)
{
    return ms > 0 ? (uint64_t)ms : 0;
}

signet_error timer_new(struct loop *loop, job_fn *on_time, void *context, struct timer **ret_timer)
{
    struct timer *timer = malloc(sizeof *timer);
    if (!timer) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    (void)uv_timer_init(&loop->uv, &timer->handle);
    timer->handle.data = timer;
    timer->on_time = on_time;
    timer->context = context;
    *ret_timer = timer;
    return SIGNET_OK;
}

void timer_set(struct timer *timer, int64_t after_ms)
{
    (void)uv_timer_start(&timer->handle, fire, not_negative(after_ms), 0);
}

void timer_repeat(struct timer *timer, int64_t every_ms)
{
    /* Zero would mean "once" to libuv. */
    uint64_t ms = every_ms > 0 ? (uint64_t)every_ms : 1;
    (void)uv_timer_start(&timer->handle, fire, ms, ms);
}

void timer_stop(struct timer *timer)
{
    (void)uv_timer_stop(&timer->handle);
}

bool timer_is_set(const struct timer *timer)
{
    return uv_is_active((const uv_handle_t *)&timer->handle);
}

void timer_free(struct timer *timer)
{
    if (timer) {
        uv_close((uv_handle_t *)&timer->handle, release);
    }
}
