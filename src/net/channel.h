/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection for a thread that may wait: to one address, plain or in TLS,
 * with a deadline for everything.
 *
 * The rule to keep: after a failure only closing is left, as nobody knows how
 * much of what was sent has arrived.
 */
#ifndef SIGNET_NET_CHANNEL_H
#define SIGNET_NET_CHANNEL_H

#include "net/address.h"
#include "net/cause.h"
#include "net/tls.h"

struct channel;

/*
 * Deadlines are of the monotonic clock, in milliseconds; only a name is looked
 * up for as long as the system's resolver takes.  `tls` is NULL for plain
 * bytes and borrowed for the call.  Errors are those of net/connection.h, and
 * SYSTEM when the time is over, with a cause.
 */
signet_error channel_open(const struct address *address, struct tls_context *tls, int64_t deadline_ms,
                          struct channel **ret_channel, struct cause *ret_cause);
/* All of it. */
signet_error channel_send(struct channel *channel, struct slice bytes, int64_t deadline_ms, struct cause *ret_cause);
/* Exactly so many; CLOSED when the peer ends before. */
signet_error channel_receive(struct channel *channel, void *memory, size_t size, int64_t deadline_ms,
                             struct cause *ret_cause);
/* Takes NULL. */
void channel_close(struct channel *channel);

#endif
