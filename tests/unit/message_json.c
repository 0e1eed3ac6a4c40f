/* SPDX-License-Identifier: Apache-2.0 */
#include "message_json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "kafka/api.h"
#include "kafka/header.h"
#include "kafka/topic.h"

/* Writing */

struct composer {
    int16_t version;
    bool flexible;
    struct byte_string *out;
};

static void put_fields(struct composer *c, const struct field *rows, const json_t *object);

static void put_integer(struct composer *c, size_t width, int64_t value)
{
    uint8_t *room = byte_string_room(c->out, width);
    for (size_t i = 0; i < width; i++) {
        room[i] = (uint8_t)((uint64_t)value >> (8 * (width - 1 - i)));
    }
}

static void put_uvarint(struct composer *c, uint32_t value)
{
    uint8_t memory[5];
    struct writer w = writer_over(memory, sizeof memory);
    write_uvarint(&w, value);
    byte_string_add(c->out, writer_slice(&w));
}

static void put_length(struct composer *c, enum field_type type, int64_t length)
{
    if (c->flexible) {
        put_uvarint(c, (uint32_t)(length + 1));
    } else {
        put_integer(c, type == FIELD_STRING ? 2 : 4, length);
    }
}

static void put_content(struct composer *c, enum field_type type, bool nullable, const json_t *value)
{
    if (!json_is_string(value)) {
        put_length(c, type, nullable ? -1 : 0);
    } else if (type == FIELD_STRING) {
        put_length(c, type, (int64_t)json_string_length(value));
        byte_string_add(c->out, slice_of(json_string_value(value), json_string_length(value)));
    } else {
        struct byte_string bytes = json_bytes(value);
        put_length(c, type, (int64_t)bytes.size);
        byte_string_add(c->out, byte_string_slice(&bytes));
        byte_string_free(&bytes);
    }
}

static void put_fixed(struct composer *c, enum field_type type, const json_t *value)
{
    size_t width = field_width(type);
    if (type != FIELD_UUID) {
        put_integer(c, width, json_is_boolean(value) ? json_boolean_value(value) : json_integer_value(value));
        return;
    }
    struct byte_string bytes = json_bytes(value);
    memcpy(byte_string_room(c->out, width), bytes.data ? bytes.data : (const uint8_t *)"", bytes.size);
    byte_string_free(&bytes);
}

static void put_array(struct composer *c, const struct field *field, const json_t *array)
{
    if (!json_is_array(array)) {
        put_length(c, FIELD_ARRAY, field_null_in_version(field, c->version) ? -1 : 0);
        return;
    }
    put_length(c, FIELD_ARRAY, (int64_t)json_array_size(array));
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *element = json_array_get(array, i);
        if (field->element == FIELD_STRUCT) {
            put_fields(c, field->fields, element);
        } else if (field_width(field->element) > 0) {
            put_fixed(c, field->element, element);
        } else {
            put_content(c, field->element, false, element);
        }
    }
}

static void put_field(struct composer *c, const struct field *field, const json_t *value)
{
    switch (field->type) {
    case FIELD_STRING:
    case FIELD_BYTES:
    case FIELD_RECORDS:
        put_content(c, field->type, field_null_in_version(field, c->version), value);
        break;
    case FIELD_ARRAY:
        put_array(c, field, value);
        break;
    case FIELD_STRUCT:
        if (field_null_in_version(field, c->version)) {
            put_integer(c, 1, value ? 1 : -1);
        }
        if (value || !field_null_in_version(field, c->version)) {
            put_fields(c, field->fields, value);
        }
        break;
    default:
        put_fixed(c, field->type, value);
        break;
    }
}

static bool is_tag_of(const struct composer *c, const struct field *field, const json_t *object)
{
    return field->tagged && field_in_version(field, c->version) && json_object_get(object, field->name);
}

static void put_tags(struct composer *c, const struct field *rows, const json_t *object)
{
    uint32_t count = 0;
    for (const struct field *field = rows; field->type != FIELD_END; field++) {
        count += is_tag_of(c, field, object);
    }
    put_uvarint(c, count);
    for (const struct field *field = rows; field->type != FIELD_END; field++) {
        if (!is_tag_of(c, field, object)) {
            continue;
        }
        struct byte_string value = { 0 };
        struct composer inner = { c->version, c->flexible, &value };
        put_field(&inner, field, json_object_get(object, field->name));
        put_uvarint(c, field->tag);
        put_uvarint(c, (uint32_t)value.size);
        byte_string_add(c->out, byte_string_slice(&value));
        byte_string_free(&value);
    }
}

static void put_fields(struct composer *c, const struct field *rows, const json_t *object)
{
    for (const struct field *field = rows; field->type != FIELD_END; field++) {
        if (!field->tagged && field_in_version(field, c->version)) {
            put_field(c, field, json_object_get(object, field->name));
        }
    }
    if (c->flexible) {
        put_tags(c, rows, object);
    }
}

static void put_body(int16_t api_key, enum message_direction direction, int16_t version, const json_t *body,
                     struct byte_string *out)
{
    const struct message *message = message_find(api_key, direction);
    require(message, "a message without a table");
    struct composer c = { version, api_is_flexible(api_find(api_key), version), out };
    put_fields(&c, message->fields, body);
}

static void end_frame(struct byte_string *out, size_t start)
{
    store_u32(out->data + start, (uint32_t)(out->size - start - 4));
}

void message_json_request(int16_t api_key, int16_t version, int32_t correlation_id, const char *client_id,
                          const json_t *body, struct byte_string *ret_out)
{
    uint8_t memory[128];
    size_t start = ret_out->size;
    struct writer w = writer_over(memory, sizeof memory);
    const struct request_header header = {
        .api_key = api_key,
        .api_version = version,
        .correlation_id = correlation_id,
        .client_id_null = !client_id,
        .client_id = client_id ? slice_of_text(client_id) : slice_of(NULL, 0),
    };
    write_i32(&w, 0);
    request_header_write(&w, &header);
    byte_string_add(ret_out, writer_slice(&w));
    put_body(api_key, MESSAGE_REQUEST, version, body, ret_out);
    end_frame(ret_out, start);
}

void message_json_response(int16_t api_key, int16_t version, int32_t correlation_id, const json_t *body,
                           struct byte_string *ret_out)
{
    uint8_t memory[16];
    size_t start = ret_out->size;
    struct writer w = writer_over(memory, sizeof memory);
    write_i32(&w, 0);
    response_header_write(&w, response_header_version(api_find(api_key), version), correlation_id);
    byte_string_add(ret_out, writer_slice(&w));
    put_body(api_key, MESSAGE_RESPONSE, version, body, ret_out);
    end_frame(ret_out, start);
}

/* Reading */

struct parser {
    int16_t version;
    bool flexible;
    struct reader r;
};

static json_t *get_fields(struct parser *p, const struct field *rows);
static json_t *get_field(struct parser *p, const struct field *field);

static int64_t get_integer(struct parser *p, size_t width)
{
    struct slice bytes = read_bytes(&p->r, width);
    uint64_t value = bytes.size && bytes.data[0] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = 0; i < bytes.size; i++) {
        value = (value << 8) | bytes.data[i];
    }
    return (int64_t)value;
}

/* -1 for null. */
static int64_t get_length(struct parser *p, enum field_type type)
{
    int64_t length = p->flexible ? (int64_t)read_uvarint(&p->r) - 1 : get_integer(p, type == FIELD_STRING ? 2 : 4);
    if (length < -1) {
        reader_fail(&p->r, SIGNET_ERROR_MALFORMED);
    }
    return p->r.error ? -1 : length;
}

static json_t *get_content(struct parser *p, enum field_type type)
{
    int64_t length = get_length(p, type);
    struct slice bytes = read_bytes(&p->r, length > 0 ? (size_t)length : 0);
    if (length < 0) {
        return json_null();
    }
    return type == FIELD_STRING ? json_stringn((const char *)bytes.data, bytes.size) : json_hex(bytes);
}

static json_t *get_fixed(struct parser *p, enum field_type type)
{
    if (type == FIELD_UUID) {
        return json_hex(read_bytes(&p->r, TOPIC_ID_BYTES));
    }
    return type == FIELD_BOOL ? json_boolean(read_u8(&p->r)) : json_integer(get_integer(p, field_width(type)));
}

static json_t *get_array(struct parser *p, const struct field *field)
{
    int64_t count = get_length(p, FIELD_ARRAY);
    if (count < 0) {
        return json_null();
    }
    json_t *array = json_array();
    for (int64_t i = 0; i < count && !p->r.error; i++) {
        json_array_append_new(array, field->element == FIELD_STRUCT    ? get_fields(p, field->fields)
                                     : field_width(field->element) > 0 ? get_fixed(p, field->element)
                                                                       : get_content(p, field->element));
    }
    return array;
}

static json_t *get_field(struct parser *p, const struct field *field)
{
    switch (field->type) {
    case FIELD_STRING:
    case FIELD_BYTES:
    case FIELD_RECORDS:
        return get_content(p, field->type);
    case FIELD_ARRAY:
        return get_array(p, field);
    case FIELD_STRUCT:
        if (field_null_in_version(field, p->version) && read_i8(&p->r) < 0) {
            return json_null();
        }
        return get_fields(p, field->fields);
    default:
        return get_fixed(p, field->type);
    }
}

static const struct field *find_tag(const struct field *rows, int16_t version, uint32_t tag)
{
    const struct field *field = rows;
    while (field->type != FIELD_END && !(field->tagged && field->tag == tag && field_in_version(field, version))) {
        field++;
    }
    return field->type == FIELD_END ? NULL : field;
}

static void get_tags(struct parser *p, const struct field *rows, json_t *object)
{
    uint32_t count = read_uvarint(&p->r);
    for (uint32_t i = 0; i < count && !p->r.error; i++) {
        const struct field *field = find_tag(rows, p->version, read_uvarint(&p->r));
        struct slice value = read_bytes(&p->r, read_uvarint(&p->r));
        if (field && !p->r.error) {
            struct parser inner = { p->version, p->flexible, reader_over(value) };
            json_object_set_new(object, field->name, get_field(&inner, field));
            if (inner.r.error || reader_left(&inner.r) > 0) {
                reader_fail(&p->r, SIGNET_ERROR_MALFORMED);
            }
        }
    }
}

static json_t *get_fields(struct parser *p, const struct field *rows)
{
    json_t *object = json_object();
    for (const struct field *field = rows; field->type != FIELD_END && !p->r.error; field++) {
        if (!field->tagged && field_in_version(field, p->version)) {
            json_object_set_new(object, field->name, get_field(p, field));
        }
    }
    if (p->flexible) {
        get_tags(p, rows, object);
    }
    return object;
}

json_t *message_json_read(int16_t api_key, enum message_direction direction, int16_t version, struct slice body)
{
    const struct message *message = message_find(api_key, direction);
    require(message, "a message without a table");
    struct parser p = { version, api_is_flexible(api_find(api_key), version), reader_over(body) };
    json_t *json = get_fields(&p, message->fields);
    if (p.r.error || reader_left(&p.r) > 0) {
        json_decref(json);
        return NULL;
    }
    return json;
}

/* JSON */

json_t *json_of(const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    require(size >= 0, "memory is out");
    for (char *at = text; *at; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    json_error_t error;
    json_t *json = json_loads(text, JSON_DECODE_ANY, &error);
    require(json, text);
    free(text);
    return json;
}

static json_t *step(json_t *json, const char *name, size_t size)
{
    if (json_is_array(json)) {
        return json_array_get(json, strtoul(name, NULL, 10));
    }
    return json_object_getn(json, name, size);
}

static json_t *walk_to(json_t *json, const char *path, const char *end)
{
    while (json && path < end) {
        size_t size = strcspn(path, "/");
        size = size < (size_t)(end - path) ? size : (size_t)(end - path);
        json = step(json, path, size);
        path += size + (path + size < end ? 1 : 0);
    }
    return json;
}

json_t *json_at(json_t *json, const char *path)
{
    json_t *found = walk_to(json, path, path + strlen(path));
    require(found, path);
    return found;
}

int64_t json_number_at(json_t *json, const char *path)
{
    return json_integer_value(json_at(json, path));
}

const char *json_text_at(json_t *json, const char *path)
{
    return json_string_value(json_at(json, path));
}

static uint8_t nibble(char digit)
{
    return (uint8_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

struct byte_string json_bytes(const json_t *json)
{
    struct byte_string bytes = { 0 };
    const char *hex = json_string_value(json);
    size_t size = hex ? json_string_length(json) / 2 : 0;
    uint8_t *room = byte_string_room(&bytes, size);
    for (size_t i = 0; i < size; i++) {
        room[i] = (uint8_t)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
    }
    return bytes;
}

struct byte_string json_bytes_at(json_t *json, const char *path)
{
    return json_bytes(json_at(json, path));
}

json_t *json_hex(struct slice bytes)
{
    static const char digits[] = "0123456789abcdef";
    char *hex = malloc(2 * bytes.size + 1);
    require(hex, "memory is out");
    for (size_t i = 0; i < bytes.size; i++) {
        hex[2 * i] = digits[bytes.data[i] >> 4];
        hex[2 * i + 1] = digits[bytes.data[i] & 15];
    }
    json_t *json = json_stringn_nocheck(hex, 2 * bytes.size);
    free(hex);
    return json;
}

void json_set(json_t *json, const char *path, json_t *value)
{
    const char *name = strrchr(path, '/');
    json_t *parent = name ? walk_to(json, path, name) : json;
    name = name ? name + 1 : path;
    require(parent, path);
    if (json_is_array(parent)) {
        json_array_set_new(parent, strtoul(name, NULL, 10), value);
    } else {
        json_object_set_new(parent, name, value);
    }
}
