/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refusals in the log: every one names topic, partition, offset, writer,
 * principal and verdict.  A client that asks for the same bad batch again and
 * again gets one line, and then one more now and then with the count.
 */
#ifndef SIGNET_GATEWAY_REFUSAL_LOG_H
#define SIGNET_GATEWAY_REFUSAL_LOG_H

#include "gateway/log_limit.h"
#include "relay/relay.h"

struct refused_client {
    struct slice principal; /* empty: not known */
    struct slice address;
};

void refusal_log_batch(struct log_limit *limit, const struct open_finding *finding, const struct refused_client *client,
                       int64_t now_ms);
void refusal_log_request(struct log_limit *limit, const struct request_refusal *refusal,
                         const struct refused_client *client, int64_t now_ms);

#endif
