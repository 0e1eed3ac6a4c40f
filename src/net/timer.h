/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timers of a loop, in milliseconds of loop_now_ms.  A timer is made once and
 * set as often as needed; it never fires after timer_stop or timer_free.
 */
#ifndef SIGNET_NET_TIMER_H
#define SIGNET_NET_TIMER_H

#include "net/loop.h"

struct timer;

/* Not set.  OUT_OF_MEMORY. */
signet_error timer_new(struct loop *loop, job_fn *on_time, void *context, struct timer **ret_timer);
/* Once, after so many ms; a time that was set before is forgotten. */
void timer_set(struct timer *timer, int64_t after_ms);
/* First after `every_ms`, then again and again. */
void timer_repeat(struct timer *timer, int64_t every_ms);
void timer_stop(struct timer *timer);
bool timer_is_set(const struct timer *timer);
/* Also from its own callback; takes NULL. */
void timer_free(struct timer *timer);

#endif
