/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refusals in the log: every one names topic, partition, offset, writer,
 * principal and verdict.  A client that asks for the same bad batch again and
 * again gets one line, and then one more now and then with the count.
 */
#ifndef SIGNET_GATEWAY_REFUSAL_LOG_H
#define SIGNET_GATEWAY_REFUSAL_LOG_H

#include "relay/relay.h"

/* Of one session; starts as all zero. */
struct refusal_log {
    struct place place;
    int64_t offset;
    enum verdict verdict;
    int64_t told_ms;
    uint64_t repeated; /* since then */
};

void refusal_log_batch(struct refusal_log *log, const struct open_finding *finding, struct slice principal,
                       struct slice client, int64_t now_ms);
void refusal_log_request(const struct request_refusal *refusal, struct slice principal, struct slice client);
/* Says how often the last one was repeated, if it was. */
void refusal_log_flush(struct refusal_log *log);

#endif
