/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/yaml_value.h"

#include <stdlib.h>

#include "keys/scalar.h"

struct key_path key_path_join(struct key_path prefix, const char *key)
{
    return key_path_of("%s%s%s", prefix.text, *prefix.text && *key ? "." : "", key);
}

bool yaml_require(const struct yaml_file *file, struct key_path prefix, const char *key, const char *value)
{
    if (!value) {
        yaml_file_complain(file, SEVERITY_ERROR, key_path_join(prefix, key), NULL, "this key is missing");
    }
    return value;
}

void yaml_take_integer(const struct yaml_file *file, struct key_path path, const char *text, int64_t min, int64_t max,
                       int64_t *ret_value)
{
    if (text && !scalar_integer(text, min, max, ret_value)) {
        yaml_file_complain(file, SEVERITY_ERROR, path, NULL, "`%s` is not a whole number from %lld to %lld", text,
                           (long long)min, (long long)max);
    }
}

struct quantity {
    bool (*parse)(const char *text, int64_t *ret_value);
    void (*format)(int64_t value, char ret_text[SCALAR_TEXT_BYTES]);
    const char *noun, *hint;
};

static void take_quantity(const struct yaml_file *file, struct key_path path, const char *text, int64_t min,
                          int64_t max, const struct quantity *quantity, int64_t *ret_value)
{
    int64_t value = 0;
    char lowest[SCALAR_TEXT_BYTES], highest[SCALAR_TEXT_BYTES];
    if (!text) {
        return;
    }
    if (!quantity->parse(text, &value)) {
        yaml_file_complain(file, SEVERITY_ERROR, path, quantity->hint, "`%s` is not a %s", text, quantity->noun);
    } else if (value < min || value > max) {
        quantity->format(min, lowest);
        quantity->format(max, highest);
        yaml_file_complain(file, SEVERITY_ERROR, path, NULL, "`%s` is not between %s and %s", text, lowest, highest);
    } else {
        *ret_value = value;
    }
}

void yaml_take_size(const struct yaml_file *file, struct key_path path, const char *text, int64_t min, int64_t max,
                    int64_t *ret_bytes)
{
    static const struct quantity size = { scalar_size, scalar_size_text, "size",
                                          "write it as 4096 or with KiB, MiB, GiB or TiB: 256MiB" };
    take_quantity(file, path, text, min, max, &size, ret_bytes);
}

void yaml_take_duration(const struct yaml_file *file, struct key_path path, const char *text, int64_t min_ms,
                        int64_t max_ms, int64_t *ret_ms)
{
    static const struct quantity duration = { scalar_duration, scalar_duration_text, "duration",
                                              "write a whole number with ms, s, m, h or d: 10m" };
    take_quantity(file, path, text, min_ms, max_ms, &duration, ret_ms);
}

bool yaml_check_topic(const struct yaml_file *file, struct key_path prefix, const char *name)
{
    if (!yaml_require(file, prefix, "topic", name)) {
        return false;
    }
    if (!topic_name_valid(name)) {
        yaml_file_complain(file, SEVERITY_ERROR, key_path_join(prefix, "topic"), NULL,
                           "`%s` cannot be the name of a topic", name);
        return false;
    }
    return true;
}

void yaml_take_topic_id(const struct yaml_file *file, struct key_path prefix, const char *text, struct topic_id *ret_id)
{
    static const char hint[] = "kafka-topics.sh --describe shows it as TopicId";
    struct key_path path = key_path_join(prefix, "topic-id");
    struct topic_id id;
    if (!yaml_require(file, prefix, "topic-id", text)) {
        return;
    }
    if (!scalar_topic_id(text, &id)) {
        yaml_file_complain(file, SEVERITY_ERROR, path, hint, "`%s` is not a topic id (22 characters of base64url)",
                           text);
    } else if (topic_id_is_zero(&id)) {
        yaml_file_complain(file, SEVERITY_ERROR, path, hint, "the topic id is zero");
    } else {
        *ret_id = id;
    }
}

char *yaml_copy(const struct yaml_file *file, const char *text)
{
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy) {
        file->report->error = SIGNET_ERROR_OUT_OF_MEMORY;
    }
    return copy;
}

void *yaml_array(const struct yaml_file *file, size_t count, size_t size)
{
    void *array = count ? calloc(count, size) : NULL;
    if (count && !array) {
        file->report->error = SIGNET_ERROR_OUT_OF_MEMORY;
    }
    return array;
}
