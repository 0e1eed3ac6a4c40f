/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session: a client's connection, the broker's connection behind it, and the
 * relay between them.  It is a table of states and events; reading stops on one
 * side while the other is slow, and everything ends at the end of a turn.
 */
#ifndef SIGNET_GATEWAY_SESSION_H
#define SIGNET_GATEWAY_SESSION_H

#include "gateway/worker.h"

/* What relays of sessions call; their context is the session. */
extern const struct relay_hooks session_hooks;

/* Takes the descriptor.  A session that cannot be made is logged and gone. */
void session_begin(struct worker *worker, const struct gate *gate, int descriptor, const struct endpoint *peer);
/* For every session of the worker, once a second: ends what is idle or takes too long. */
void session_sweep(struct session *session, int64_t now_ms);
/* How long it has kept memory for a request, or for output, that does not get on. */
int64_t session_stalled_ms(const struct session *session, int64_t now_ms);
/* Ends it for that, since others wait for memory. */
void session_make_room(struct session *session);
/* Drops what was read ahead for its client, since others wait for memory. */
void session_give_way(struct session *session);
/* Reads on if it was waiting for memory. */
void session_retry(struct session *session);
/* No new requests are wanted: ends it as soon as nothing is in flight. */
void session_drain(struct session *session);
/* Ends it now. */
void session_abandon(struct session *session);
struct session *session_next(const struct session *session);

#endif
