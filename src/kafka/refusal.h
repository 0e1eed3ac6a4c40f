/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Responses that the gateway gives in the broker's stead when it refuses a
 * whole request: an error at the top and nothing below it.  Each appends one
 * frame, size first.
 */
#ifndef SIGNET_KAFKA_REFUSAL_H
#define SIGNET_KAFKA_REFUSAL_H

#include "base/gather.h"

/* UNSUPPORTED below version 7, which has no error but a partition's. */
signet_error refusal_fetch(int16_t version, int32_t correlation_id, int16_t error_code, struct gather *ret_out);
signet_error refusal_share_fetch(int16_t version, int32_t correlation_id, int16_t error_code, struct gather *ret_out);

#endif
