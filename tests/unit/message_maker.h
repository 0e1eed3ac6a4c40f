/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes random messages by the tables of kafka/message.h, for tests.  The
 * seed makes a message, so a failure can be had again.  Where lengths and
 * counts were written is remembered, so that a test can make them lie.
 */
#ifndef SIGNET_TESTS_MESSAGE_MAKER_H
#define SIGNET_TESTS_MESSAGE_MAKER_H

#include "base/cursor.h"
#include "kafka/message.h"

enum {
    MADE_BYTES_MAX = 64 * 1024,
    MADE_LENGTHS_MAX = 4096,
};

enum length_width {
    LENGTH_I16,
    LENGTH_I32,
    LENGTH_COMPACT,  /* uvarint, one more than the length, 0 for null */
    LENGTH_TAG_SIZE, /* uvarint, plain */
};

struct made_length {
    size_t at, size; /* its own bytes */
    enum length_width width;
    bool nullable;
    uint32_t value;
    bool in_tag; /* inside a tagged field, whose size then bounds it too */
};

struct made_message {
    uint8_t bytes[MADE_BYTES_MAX];
    size_t size;
    struct made_length lengths[MADE_LENGTHS_MAX];
    size_t length_count;
};

void make_message(const struct message *message, int16_t version, uint64_t seed, struct made_message *ret_made);

/* The message with one length written differently; `value` -1 is null.  Returns the size. */
size_t make_lie(const struct made_message *made, size_t length_index, int64_t value, uint8_t *ret_bytes);

#endif
