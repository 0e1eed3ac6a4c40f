/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a session is waited for: what it holds memory for and does not get
 * on with, and when nothing happens at all.  It is told what happens and the
 * time (loop_now_ms), and does nothing itself.
 *
 * The rule to keep: a peer that is merely slow gets on, one that stands still
 * does not; so what counts is not bytes now and then, but that a request
 * becomes whole, and that an output empties or that much of it goes.
 */
#ifndef SIGNET_GATEWAY_PATIENCE_H
#define SIGNET_GATEWAY_PATIENCE_H

#include "relay/relay.h"

/* An output that waits for its peer to take it. */
struct standing_output {
    int64_t since_ms; /* since when neither it was empty nor enough of it went; 0: it is empty */
    size_t sent;      /* since then */
};

/* Starts as all zero. */
struct patience {
    int64_t active_ms;                 /* when a byte last went anywhere */
    int64_t request_ms;                /* since when a request of the client's has been coming in; 0: none is */
    bool starved;                      /* it is not the session that keeps others waiting: it waits for memory itself */
    struct standing_output outputs[2]; /* by relay_side */
};

void patience_active(struct patience *p, int64_t now_ms);
/* Bytes of the client's have come, and were they the last ones of a request? */
void patience_request(struct patience *p, bool whole, int64_t now_ms);
/* A request that got its memory late is given the time that others have. */
void patience_starved(struct patience *p, bool starved, int64_t now_ms);
/* What waits for that side now, after `sent` bytes of it have gone. */
void patience_output(struct patience *p, enum relay_side side, size_t pending, size_t sent, int64_t now_ms);

/* How long the session has kept memory for something that does not get on. */
int64_t patience_stalled_ms(const struct patience *p, int64_t now_ms);
int64_t patience_idle_ms(const struct patience *p, int64_t now_ms);
/* Idle for longer than `idle_ms_max`?  Not while only a broker's answer is waited for, which may take UNANSWERED_MS_MAX. */
bool patience_is_over(const struct patience *p, bool awaits_broker, int64_t idle_ms_max, int64_t now_ms);

#endif
