/* SPDX-License-Identifier: Apache-2.0 */
/* Randomness from the kernel, and the one-time start of the crypto libraries. */
#ifndef SIGNET_CRYPTO_RANDOM_H
#define SIGNET_CRYPTO_RANDOM_H

#include <stddef.h>

#include "base/error.h"

/* Must be called once, before any thread uses this layer; may be called again. */
signet_error crypto_start(void);

/* Cannot fail: the kernel's generator is waited for by crypto_start. */
void random_fill(void *memory, size_t size);

#endif
