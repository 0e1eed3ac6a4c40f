/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishes the ledger of this process (spec/ledger.md): a thread of its own
 * takes what the relay entered, every interval and earlier when that is much,
 * and makes of it signed records, which it puts into the ledger's folder, its
 * Kafka topic, or both.
 *
 * The rules to keep: a record that was signed is published as it is or not at
 * all, and none is made after it before it is; and whoever produces never
 * waits for the thread.
 */
#ifndef SIGNET_GATEWAY_LEDGER_PUBLISHER_H
#define SIGNET_GATEWAY_LEDGER_PUBLISHER_H

#include "gateway/material.h"
#include "net/cause.h"
#include "relay/ledger_entries.h"

struct ledger_publisher;

/*
 * The log is begun, with its first record in every place, when it returns.  `config`
 * is borrowed and has a directory or a topic; of `material`, which has a signing key, all
 * that is needed is copied.  SYSTEM with a cause; OUT_OF_MEMORY; LIMIT for a cluster id that no log can have.
 */
signet_error ledger_publisher_start(const struct config_ledger *config, const struct material *material,
                                    struct ledger_publisher **ret_publisher, struct cause *ret_cause);
/* Where the relay enters what was acknowledged; as long-lived as the publisher. */
struct ledger_entries *ledger_publisher_entries(struct ledger_publisher *publisher);
/* Another writer or another cluster ends the log and begins the next; any thread.  False when there is no memory for the key. */
bool ledger_publisher_reload(struct ledger_publisher *publisher, const struct material *material);
/* Takes NULL.  Nobody enters anything any more; what was is published, and the log closed, if that is possible soon. */
void ledger_publisher_stop(struct ledger_publisher *publisher);

struct ledger_publisher_state {
    uint64_t records, leaves; /* published by this process */
    uint64_t failures;        /* attempts */
    bool failing;             /* the last one did */
    int64_t published_ms;     /* Unix time of the last record */
};
/* Any thread. */
void ledger_publisher_look(struct ledger_publisher *publisher, struct ledger_publisher_state *ret_state);

#endif
