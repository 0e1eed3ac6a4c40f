/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Kafka client for a thread that may wait and has one record at a time to
 * send.  It starts from any of the servers in turn, asks who leads the
 * partition, and keeps that connection for as long as nothing fails.
 *
 * The rule to keep: an error says nothing about whether the record is stored.
 * Who wants to know sends the same bytes again.
 */
#ifndef SIGNET_CLIENT_CLIENT_H
#define SIGNET_CLIENT_CLIENT_H

#include "client/login.h"
#include "net/cause.h"
#include "net/channel.h"

struct client;

/* Borrowed, except for `tls`, of which it takes a reference, and `account`, which it frees, whether it can be made or not. */
struct client_options {
    const struct address *servers;
    size_t server_count;
    struct tls_context *tls;       /* NULL: plain */
    struct login_account *account; /* NULL: no SASL */
    const char *topic;
    size_t record_bytes_max; /* key and value */
};

/* OUT_OF_MEMORY. */
signet_error client_new(const struct client_options *options, struct client **ret_client);
/* Takes NULL. */
void client_free(struct client *client);

/*
 * Acknowledged by all replicas in sync when it returns.  `*partition` is -1 for
 * one that follows from the key, which is then put there.  The deadline is of
 * the monotonic clock.  REFUSED when the broker says no; PROTOCOL, LIMIT, or
 * errors of net/channel.h; each with a cause.
 */
signet_error client_produce(struct client *client, struct slice key, struct slice value, int64_t time_ms,
                            int32_t *partition, int64_t deadline_ms, struct cause *ret_cause);

#endif
