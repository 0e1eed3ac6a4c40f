/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a configuration counts only after a restart: who is let in and
 * where, which brokers are behind, and limits.  A reload leaves all of it as it
 * was, and names every key that it left, so that nobody takes it for done.
 */
#ifndef SIGNET_GATEWAY_CONFIG_RESTART_H
#define SIGNET_GATEWAY_CONFIG_RESTART_H

#include "gateway/config.h"

/* `key` is as in the file, under the listener of that name if there is one; `change` is "has changed", "is new" or "is gone". */
typedef void config_restart_teller(void *context, const char *key, const char *listener, const char *change);

/* Tells of every key of `next` that differs from `now` and needs a restart. */
void config_tell_restart(const struct config *now, const struct config *next, config_restart_teller *tell,
                         void *context);

/*
 * The listener of `next` that has this one's name and differs in nothing that
 * needs a restart, or NULL.  Certificates are taken over for such a one only:
 * they would come to stand on a port that they are not meant for.
 */
const struct config_listener *config_same_listener(const struct config_listener *now, const struct config *next);
/* The same brokers, reached with TLS or without it as before? */
bool config_same_brokers(const struct config *now, const struct config *next);

#endif
