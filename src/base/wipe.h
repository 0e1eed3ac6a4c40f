/* SPDX-License-Identifier: Apache-2.0 */
/* Overwriting of secrets that the compiler may not leave out. */
#ifndef SIGNET_BASE_WIPE_H
#define SIGNET_BASE_WIPE_H

#include <stddef.h>

void wipe(void *memory, size_t size);

#endif
