/* SPDX-License-Identifier: Apache-2.0 */
#include "message_maker.h"

#include <assert.h>

#include "kafka/api.h"

enum {
    ELEMENTS_MAX = 3,
    CONTENT_BYTES_MAX = 12,
    UNKNOWN_TAG = 200, /* no message has as many */
};

struct maker {
    uint64_t state;
    int16_t version;
    bool flexible;
    bool in_tag;
    struct writer w;
    struct made_message *made;
};

static void make_fields(struct maker *m, const struct field *rows);
static void make_field(struct maker *m, const struct field *field);

/* SplitMix64. */
static uint64_t next(struct maker *m)
{
    uint64_t z = m->state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static uint32_t below(struct maker *m, uint32_t bound)
{
    return (uint32_t)(next(m) % bound);
}

static void write_length(struct writer *w, enum length_width width, int64_t value)
{
    switch (width) {
    case LENGTH_I16:
        write_i16(w, (int16_t)value);
        break;
    case LENGTH_I32:
        write_i32(w, (int32_t)value);
        break;
    case LENGTH_COMPACT:
        write_uvarint(w, (uint32_t)(value + 1));
        break;
    case LENGTH_TAG_SIZE:
        write_uvarint(w, (uint32_t)value);
        break;
    }
}

static void remember(struct maker *m, size_t at, struct made_length length)
{
    assert(m->made->length_count < MADE_LENGTHS_MAX);
    length.at = at;
    length.size = writer_used(&m->w) - at;
    length.in_tag = m->in_tag;
    m->made->lengths[m->made->length_count++] = length;
}

static void make_length(struct maker *m, enum field_type type, bool nullable, int64_t value)
{
    struct made_length length = {
        .width = m->flexible            ? LENGTH_COMPACT
                 : type == FIELD_STRING ? LENGTH_I16
                                        : LENGTH_I32,
        .nullable = nullable,
        .value = value > 0 ? (uint32_t)value : 0,
    };
    size_t at = writer_used(&m->w);
    write_length(&m->w, length.width, value);
    remember(m, at, length);
}

static void make_bytes(struct maker *m, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        write_u8(&m->w, (uint8_t)next(m));
    }
}

static bool make_null(struct maker *m, enum field_type type, bool nullable)
{
    if (nullable && below(m, 4) == 0) {
        make_length(m, type, true, -1);
        return true;
    }
    return false;
}

static void make_content(struct maker *m, enum field_type type, bool nullable)
{
    if (!make_null(m, type, nullable)) {
        uint32_t size = below(m, CONTENT_BYTES_MAX + 1);
        make_length(m, type, nullable, size);
        make_bytes(m, size);
    }
}

static void make_element(struct maker *m, const struct field *field)
{
    if (field->element == FIELD_STRUCT) {
        make_fields(m, field->fields);
    } else if (field_width(field->element) > 0) {
        make_bytes(m, field_width(field->element));
    } else {
        make_content(m, field->element, false);
    }
}

static void make_array(struct maker *m, const struct field *field)
{
    bool nullable = field_null_in_version(field, m->version);
    if (make_null(m, FIELD_ARRAY, nullable)) {
        return;
    }
    uint32_t count = below(m, ELEMENTS_MAX + 1);
    make_length(m, FIELD_ARRAY, nullable, count);
    for (uint32_t i = 0; i < count; i++) {
        make_element(m, field);
    }
}

static void make_struct(struct maker *m, const struct field *field)
{
    if (field_null_in_version(field, m->version)) {
        bool present = below(m, 2) == 0;
        write_u8(&m->w, present ? 1 : 0xff);
        if (!present) {
            return;
        }
    }
    make_fields(m, field->fields);
}

static void make_field(struct maker *m, const struct field *field)
{
    switch (field->type) {
    case FIELD_STRING:
    case FIELD_BYTES:
    case FIELD_RECORDS:
        make_content(m, field->type, field_null_in_version(field, m->version));
        break;
    case FIELD_ARRAY:
        make_array(m, field);
        break;
    case FIELD_STRUCT:
        make_struct(m, field);
        break;
    default:
        make_bytes(m, field_width(field->type));
        break;
    }
}

/* Moves what was written from `at` on, to make room in front of it; the lengths from `first` on move along. */
static void shift(struct maker *m, size_t at, size_t room, size_t first)
{
    size_t size = writer_used(&m->w) - at;
    write_room(&m->w, room);
    memmove(m->w.start + at + room, m->w.start + at, size);
    for (size_t i = first; i < m->made->length_count; i++) {
        m->made->lengths[i].at += room;
    }
}

static void make_tag(struct maker *m, uint32_t tag, const struct field *field)
{
    write_uvarint(&m->w, tag);
    size_t at = writer_used(&m->w);
    size_t first = m->made->length_count;
    m->in_tag = true;
    if (field) {
        make_field(m, field);
    } else {
        make_bytes(m, below(m, CONTENT_BYTES_MAX));
    }
    m->in_tag = false;
    uint32_t size = (uint32_t)(writer_used(&m->w) - at);
    shift(m, at, uvarint_size(size), first);
    struct writer prefix = writer_over(m->w.start + at, uvarint_size(size));
    write_uvarint(&prefix, size);
    struct made_length length = { .at = at, .size = uvarint_size(size), .width = LENGTH_TAG_SIZE, .value = size };
    m->made->lengths[m->made->length_count++] = length;
}

/* Some of the known tags in their order, and sometimes one or two that nobody knows. */
static void make_tags(struct maker *m, const struct field *rows)
{
    const struct field *chosen[8];
    uint32_t known = 0, unknown = below(m, 3);
    for (const struct field *field = rows; field->type != FIELD_END; field++) {
        if (field->tagged && field_in_version(field, m->version) && below(m, 3) > 0) {
            chosen[known++] = field;
        }
    }
    write_uvarint(&m->w, known + unknown);
    bool outer = m->in_tag;
    for (uint32_t i = 0; i < known; i++) {
        make_tag(m, chosen[i]->tag, chosen[i]);
        m->in_tag = outer;
    }
    for (uint32_t i = 0; i < unknown; i++) {
        make_tag(m, UNKNOWN_TAG + i * 1000, NULL);
        m->in_tag = outer;
    }
}

static void make_fields(struct maker *m, const struct field *rows)
{
    for (const struct field *field = rows; field->type != FIELD_END; field++) {
        if (!field->tagged && field_in_version(field, m->version)) {
            make_field(m, field);
        }
    }
    if (m->flexible) {
        make_tags(m, rows);
    }
}

void make_message(const struct message *message, int16_t version, uint64_t seed, struct made_message *ret_made)
{
    struct maker m = {
        .state = seed,
        .version = version,
        .flexible = api_is_flexible(api_find(message->api_key), version),
        .w = writer_over(ret_made->bytes, sizeof ret_made->bytes),
        .made = ret_made,
    };
    ret_made->length_count = 0;
    make_fields(&m, message->fields);
    assert(!m.w.error);
    ret_made->size = writer_used(&m.w);
}

size_t make_lie(const struct made_message *made, size_t length_index, int64_t value, uint8_t *ret_bytes)
{
    const struct made_length *length = &made->lengths[length_index];
    struct writer w = writer_over(ret_bytes, MADE_BYTES_MAX);
    write_bytes(&w, slice_of(made->bytes, length->at));
    write_length(&w, length->width, value);
    size_t after = length->at + length->size;
    write_bytes(&w, slice_of(made->bytes + after, made->size - after));
    assert(!w.error);
    return writer_used(&w);
}
