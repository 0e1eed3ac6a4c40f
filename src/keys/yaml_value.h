/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values out of a YAML file that has been loaded.  Each function reports what
 * is wrong under the path of the key, and leaves its result as it was: set it
 * to the default first.  A key that is not there is not wrong unless it is
 * required.
 */
#ifndef SIGNET_KEYS_YAML_VALUE_H
#define SIGNET_KEYS_YAML_VALUE_H

#include "kafka/topic.h"
#include "keys/yaml_file.h"

/* "prefix.key"; the prefix of the document itself is empty, and an empty key is the prefix itself. */
struct key_path key_path_join(struct key_path prefix, const char *key);

/* Complains when the value is NULL; true when it is there. */
bool yaml_require(const struct yaml_file *file, struct key_path prefix, const char *key, const char *value);

/* Bounds are inclusive.  `text` may be NULL. */
void yaml_take_integer(const struct yaml_file *file, struct key_path path, const char *text, int64_t min, int64_t max,
                       int64_t *ret_value);
void yaml_take_size(const struct yaml_file *file, struct key_path path, const char *text, int64_t min, int64_t max,
                    int64_t *ret_bytes);
void yaml_take_duration(const struct yaml_file *file, struct key_path path, const char *text, int64_t min_ms,
                        int64_t max_ms, int64_t *ret_ms);

/* Of keys `topic` and `topic-id` under `prefix`, both required: a name that Kafka allows, and an id that is not zero. */
bool yaml_check_topic(const struct yaml_file *file, struct key_path prefix, const char *name);
void yaml_take_topic_id(const struct yaml_file *file, struct key_path prefix, const char *text,
                        struct topic_id *ret_id);

/* Memory of the caller's.  NULL, which is kept in the report, when there is none; and for no text, or no entries. */
char *yaml_copy(const struct yaml_file *file, const char *text);
void *yaml_array(const struct yaml_file *file, size_t count, size_t size);

#endif
