/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Brings records of the ledger to a Kafka topic (spec/ledger.md, section 4,
 * "In Kafka"): each is the value of one message, the log's origin is its key,
 * and all records of a log go to one partition.
 */
#ifndef SIGNET_GATEWAY_LEDGER_COURIER_H
#define SIGNET_GATEWAY_LEDGER_COURIER_H

#include "gateway/config.h"
#include "net/cause.h"

struct ledger_courier;

/* Nobody is talked to yet.  `config` is borrowed.  Errors of net/tls.h, and of keys/secret_file.h for a password, with a cause; OUT_OF_MEMORY. */
signet_error ledger_courier_new(const struct config_ledger_topic *config, struct ledger_courier **ret_courier,
                                struct cause *ret_cause);
/* Takes NULL. */
void ledger_courier_free(struct ledger_courier *courier);

/* What is brought from now on is another log's. */
void ledger_courier_begin(struct ledger_courier *courier);
/* Acknowledged when it returns; until `deadline_ms` of the monotonic clock.  Errors of client/client.h with a cause: it may be there all the same. */
signet_error ledger_courier_bring(struct ledger_courier *courier, struct slice origin, struct slice record,
                                  int64_t deadline_ms, struct cause *ret_cause);

#endif
