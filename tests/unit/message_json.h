/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kafka messages as JSON, for tests: an object of fields by their names in
 * Kafka's own schema, whatever the version.  Strings are strings; bytes,
 * records and uuids are in hexadecimal.  What a version does not have is not
 * written; what an object does not have is zero, empty or null; a tagged field
 * is written when the object has it.  Reading is by hand and not by the walker.
 */
#ifndef SIGNET_TESTS_MESSAGE_JSON_H
#define SIGNET_TESTS_MESSAGE_JSON_H

#include <jansson.h>

#include "byte_string.h"
#include "kafka/message.h"

/* Appends one frame, size first, header included. */
void message_json_request(int16_t api_key, int16_t version, int32_t correlation_id, const char *client_id,
                          const json_t *body, struct byte_string *ret_out);
void message_json_response(int16_t api_key, int16_t version, int32_t correlation_id, const json_t *body,
                           struct byte_string *ret_out);

/* Reads a body; NULL when it is not exactly one message. */
json_t *message_json_read(int16_t api_key, enum message_direction direction, int16_t version, struct slice body);

/* Printed, then read; apostrophes stand for quotation marks. */
json_t *json_of(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "Topics/0/Name": what stands there, which must be there. */
json_t *json_at(json_t *json, const char *path);
int64_t json_number_at(json_t *json, const char *path);
const char *json_text_at(json_t *json, const char *path);
/* Bytes of a hexadecimal string; NULL gives none. */
struct byte_string json_bytes(const json_t *json);
/* Bytes there, as json_bytes. */
struct byte_string json_bytes_at(json_t *json, const char *path);
json_t *json_hex(struct slice bytes);
void json_set(json_t *json, const char *path, json_t *value);

#endif
