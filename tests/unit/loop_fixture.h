/* SPDX-License-Identifier: Apache-2.0 */
/* Loops for tests: made for certain, and run for a while. */
#ifndef SIGNET_TESTS_LOOP_FIXTURE_H
#define SIGNET_TESTS_LOOP_FIXTURE_H

#include "net/loop.h"

/* The caller frees. */
struct loop *new_loop(void);
/* Runs the loop for at least so long. */
void run_for(struct loop *loop, int64_t ms);
/* A job: ends the loop that is its context. */
void stop_loop(void *context);

#endif
