/* SPDX-License-Identifier: Apache-2.0 */
/* Threads beside the main one, which alone hears signals. */
#ifndef SIGNET_BASE_THREAD_H
#define SIGNET_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* With every signal blocked in it.  False when the system refuses. */
bool thread_start(pthread_t *ret_thread, void *(*run)(void *context), void *context);

#endif
