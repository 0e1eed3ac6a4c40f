/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stubs: the records after the first of an outer batch (spec/sealed-batch.md,
 * section 3).  They hold nothing but their offset and timestamp delta, so what
 * they must be is known and reading them is comparing.
 */
#ifndef SIGNET_SEAL_STUB_H
#define SIGNET_SEAL_STUB_H

#include "base/slice.h"

enum {
    STUB_FRONT_BYTES_MAX = 1 + 1 + 10, /* length, attributes, timestamp delta */
    STUB_TAIL_BYTES = 3,               /* null key, empty value, no headers */
    STUB_BYTES_MAX = STUB_FRONT_BYTES_MAX + 5 + STUB_TAIL_BYTES,
};

/* Bytes of stubs 1 to record_count - 1, each with this timestamp delta. */
size_t stubs_size(int32_t record_count, int64_t timestamp_delta);
/* `ret_bytes` has stubs_size bytes. */
void stubs_write(int32_t record_count, int64_t timestamp_delta, uint8_t *ret_bytes);
bool stubs_match(int32_t record_count, int64_t timestamp_delta, struct slice bytes);

#endif
