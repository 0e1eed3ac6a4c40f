/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of objects for programs and people, of the types that this program shows. */
#ifndef SIGNET_CLI_JSON_PUT_H
#define SIGNET_CLI_JSON_PUT_H

#include "base/slice.h"
#include "kafka/topic.h"

struct json_t;

/* At most so many bytes can be put as hex. */
enum { PUT_HEX_BYTES_MAX = 256 };

void put_number(struct json_t *object, const char *name, int64_t number);
void put_bool(struct json_t *object, const char *name, bool value);
/* One of our own, as it is. */
void put_word(struct json_t *object, const char *name, const char *word);
/* What others chose: as base/escape.h has it, and cut where it is longer than any name. */
void put_escaped(struct json_t *object, const char *name, struct slice text);
void put_hex(struct json_t *object, const char *name, const uint8_t *bytes, size_t size);
/* As Kafka writes it. */
void put_topic_id(struct json_t *object, const char *name, const struct topic_id *topic);

#endif
