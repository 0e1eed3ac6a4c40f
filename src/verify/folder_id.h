/* SPDX-License-Identifier: Apache-2.0 */
/* Which incarnation of its topic a partition's folder is of: what partition.metadata says, and what the operator does. */
#ifndef SIGNET_VERIFY_FOLDER_ID_H
#define SIGNET_VERIFY_FOLDER_ID_H

#include "relay/policy.h"
#include "seal/trust.h"
#include "verify/flaw.h"

/* False, which is told, when the file has no topic id. */
bool folder_id_read(int folder, struct flaws *flaws, struct topic_id *ret_topic);
/* The trust file or the configuration has rows about the topic, and none of them has that id. */
bool folder_id_contradicts(const struct trust *trust, const struct policy *policy, const char *topic,
                           const struct topic_id *id);

#endif
