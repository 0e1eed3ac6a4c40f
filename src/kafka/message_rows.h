/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of rows (messages_*.c) hand to message.c; nobody else includes this. */
#ifndef SIGNET_KAFKA_MESSAGE_ROWS_H
#define SIGNET_KAFKA_MESSAGE_ROWS_H

#include "kafka/message.h"

/* A row says what is true of its field and leaves out what is not. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

enum {
    MESSAGES_DATA = 10,
    MESSAGES_CLUSTER = 14,
    MESSAGES_SESSION = 6,
};

extern const struct message messages_data[MESSAGES_DATA];
extern const struct message messages_cluster[MESSAGES_CLUSTER];
extern const struct message messages_session[MESSAGES_SESSION];

#endif
