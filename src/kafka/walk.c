/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/walk.h"

#include <assert.h>

#include "kafka/api.h"

enum {
    LENGTH_BYTES_MAX = 5,
};

struct walk {
    int16_t version;
    bool flexible;
    bool beginning; /* of a body that has not come whole */
    struct reader r;
    uint8_t *body; /* what `r` reads, to be patched */
    uint8_t *run;  /* read already, but not in the output yet: from here to where `r` is */
    struct block *owner;
    struct gather *out;
    struct gather replacement;
    struct gather tail; /* what follows a prefix that is being written anew */
    struct walk_hook hook;
};

/* A length, count or size in front of what may yet be edited. */
struct prefix {
    struct gather_mark before; /* the output up to it */
    size_t size;               /* its own bytes */
};

static void walk_fields(struct walk *w, const struct field *rows);

static uint8_t *here(const struct walk *w)
{
    return w->body + (w->r.at - w->body);
}

static size_t read_since(const struct walk *w, const uint8_t *at)
{
    return (size_t)(w->r.at - at);
}

/* Output */

static void flush(struct walk *w, uint8_t *upto)
{
    if (w->out) {
        gather_add(w->out, w->owner, w->run, (size_t)(upto - w->run));
        w->run = upto;
    }
}

static struct gather_mark settle(struct walk *w, uint8_t *upto)
{
    flush(w, upto);
    return w->out ? gather_mark(w->out) : (struct gather_mark){ 0 };
}

static void write_length(struct walk *w, enum field_type type, bool null, size_t length)
{
    uint8_t memory[LENGTH_BYTES_MAX];
    struct writer prefix = writer_over(memory, sizeof memory);
    if (length > (type == FIELD_STRING && !w->flexible ? INT16_MAX : INT32_MAX)) {
        reader_fail(&w->r, SIGNET_ERROR_LIMIT);
    } else if (w->flexible) {
        write_uvarint(&prefix, null ? 0 : (uint32_t)length + 1);
    } else if (type == FIELD_STRING) {
        write_i16(&prefix, null ? -1 : (int16_t)length);
    } else {
        write_i32(&prefix, null ? -1 : (int32_t)length);
    }
    gather_copy(w->out, writer_slice(&prefix));
}

/* Moves what the output got after `prefix` to the tail, and forgets the prefix itself. */
static void cut_prefix(struct walk *w, const struct prefix *prefix)
{
    flush(w, here(w));
    size_t kept = prefix->before.count;
    for (size_t i = kept > 0 ? kept - 1 : 0; i < w->out->count; i++) {
        const struct piece *piece = &w->out->pieces[i];
        size_t skipped = i < kept ? prefix->before.last_size : 0;
        gather_add(&w->tail, piece->owner, piece->data + skipped, piece->size - skipped);
    }
    gather_rewind(w->out, prefix->before);
    if (!w->tail.error && !w->out->error) {
        gather_consume(&w->tail, prefix->size);
    }
}

static void rewrite_count(struct walk *w, const struct prefix *prefix, uint32_t count)
{
    cut_prefix(w, prefix);
    write_length(w, FIELD_ARRAY, false, count);
    gather_splice(w->out, &w->tail);
}

static void rewrite_tag_size(struct walk *w, const struct prefix *prefix, size_t size)
{
    cut_prefix(w, prefix);
    uint8_t memory[LENGTH_BYTES_MAX];
    struct writer written = writer_over(memory, sizeof memory);
    write_uvarint(&written, (uint32_t)size);
    gather_copy(w->out, writer_slice(&written));
    gather_splice(w->out, &w->tail);
}

/* Puts the replacement, or null, with a length of its own, where the output ends. */
static void write_replacement(struct walk *w, enum field_type type, bool null, size_t length)
{
    if (null) {
        gather_clear(&w->replacement);
        length = 0;
    }
    write_length(w, type, null, length);
    gather_splice(w->out, &w->replacement);
    w->run = here(w);
}

/* Hook */

static enum walk_answer call_hook(struct walk *w, struct walk_visit *visit)
{
    if (!w->hook.visit) {
        return WALK_KEEP;
    }
    visit->replacement = w->out ? &w->replacement : NULL;
    enum walk_answer answer = w->hook.visit(w->hook.context, visit);
    assert(w->out || answer == WALK_KEEP || answer == WALK_FAIL);
    if (answer == WALK_FAIL) {
        reader_fail(&w->r, visit->error ? visit->error : SIGNET_ERROR_MALFORMED);
    }
    if (answer != WALK_REPLACE && w->replacement.size > 0) {
        gather_clear(&w->replacement);
    }
    return answer;
}

/* Input */

/* The length or count in front of a value; 0 for null. */
static size_t read_length(struct walk *w, enum field_type type, bool nullable, bool *ret_null)
{
    int64_t length;
    if (w->flexible) {
        length = (int64_t)read_uvarint(&w->r) - 1;
    } else {
        length = type == FIELD_STRING ? read_i16(&w->r) : read_i32(&w->r);
    }
    *ret_null = length == -1;
    if (length < -1 || (*ret_null && !nullable)) {
        reader_fail(&w->r, SIGNET_ERROR_MALFORMED);
    }
    return length > 0 ? (size_t)length : 0;
}

static void walk_fixed(struct walk *w, const struct field *field, size_t width)
{
    uint8_t *at = here(w);
    read_bytes(&w->r, width);
    if (!w->r.error && field->mark) {
        struct walk_visit v = { .event = VISIT_FIELD, .mark = field->mark, .field = field, .at = at, .size = width };
        enum walk_answer answer = call_hook(w, &v);
        assert(answer == WALK_KEEP || answer == WALK_FAIL);
        (void)answer;
    }
}

/* Records of which the end has not come yet. */
static void visit_beginning(struct walk *w, const struct field *field, uint8_t *content)
{
    struct walk_visit v = { .event = VISIT_FIELD, .mark = field->mark, .field = field, .at = content };
    v.size = reader_left(&w->r);
    call_hook(w, &v);
}

/* A string, bytes or records: the field itself, or an element of an array of them, which cannot be null. */
static void walk_content(struct walk *w, const struct field *field, enum field_type type, bool nullable)
{
    uint8_t *start = here(w);
    bool null;
    size_t size = read_length(w, type, nullable, &null);
    uint8_t *content = here(w);
    if (w->beginning && type == FIELD_RECORDS && field->mark && !w->r.error && size > reader_left(&w->r)) {
        visit_beginning(w, field, content);
    }
    read_bytes(&w->r, size);
    if (w->r.error || !field->mark) {
        return;
    }
    struct walk_visit v = { .event = VISIT_FIELD, .mark = field->mark, .field = field, .at = content, .size = size };
    v.null = null;
    enum walk_answer answer = call_hook(w, &v);
    assert(answer != WALK_DROP && (answer != WALK_NULL || nullable));
    if (answer == WALK_REPLACE || answer == WALK_NULL) {
        flush(w, start);
        write_replacement(w, type, answer == WALK_NULL, w->replacement.size);
    }
}

/* Is the element kept? */
static bool walk_element(struct walk *w, const struct field *field)
{
    uint8_t *at = here(w);
    struct gather_mark before = settle(w, at);
    struct walk_visit v = { .event = VISIT_ELEMENT_BEGIN, .mark = field->mark, .field = field, .at = at };
    call_hook(w, &v);
    walk_fields(w, field->fields);
    if (w->r.error) {
        return false;
    }
    v = (struct walk_visit){ .event = VISIT_ELEMENT_END, .mark = field->mark, .field = field, .at = at };
    v.size = read_since(w, at);
    if (call_hook(w, &v) != WALK_DROP) {
        return true;
    }
    gather_rewind(w->out, before);
    w->run = here(w);
    return false;
}

static void end_array(struct walk *w, const struct prefix *prefix, uint32_t count, struct walk_visit *v)
{
    enum walk_answer answer = call_hook(w, v);
    assert(answer != WALK_DROP && (answer != WALK_NULL || field_null_in_version(v->field, w->version)));
    if (answer == WALK_REPLACE || answer == WALK_NULL) {
        gather_rewind(w->out, prefix->before);
        write_replacement(w, FIELD_ARRAY, answer == WALK_NULL, v->count);
    } else if (answer == WALK_KEEP && v->count != count) {
        rewrite_count(w, prefix, v->count);
    }
}

/* An array whose count, from `start` on, has just been read. */
static void walk_marked_structs(struct walk *w, const struct field *field, uint8_t *start, uint32_t count, bool null)
{
    struct prefix prefix = { settle(w, start), read_since(w, start) };
    uint8_t *at = here(w);
    struct walk_visit v = { .event = VISIT_ARRAY_BEGIN, .mark = field->mark, .field = field, .at = at, .null = null };
    v.count = count;
    call_hook(w, &v);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count && !w->r.error; i++) {
        kept += walk_element(w, field) ? 1 : 0;
    }
    if (w->r.error) {
        return;
    }
    v = (struct walk_visit){ .event = VISIT_ARRAY_END, .mark = field->mark, .field = field, .at = at, .null = null };
    v.size = read_since(w, at);
    v.count = kept;
    end_array(w, &prefix, count, &v);
}

static void walk_structs(struct walk *w, const struct field *field, uint8_t *start, uint32_t count, bool null)
{
    if (field->mark) {
        walk_marked_structs(w, field, start, count, null);
        return;
    }
    for (uint32_t i = 0; i < count && !w->r.error; i++) {
        walk_fields(w, field->fields);
    }
}

static void walk_plain_elements(struct walk *w, const struct field *field, uint32_t count)
{
    size_t width = field_width(field->element);
    if (width > 0 && !field->mark) {
        read_bytes(&w->r, width * count);
        return;
    }
    for (uint32_t i = 0; i < count && !w->r.error; i++) {
        if (width > 0) {
            walk_fixed(w, field, width);
        } else {
            walk_content(w, field, field->element, false);
        }
    }
}

static void walk_array(struct walk *w, const struct field *field)
{
    uint8_t *start = here(w);
    bool null;
    size_t count = read_length(w, FIELD_ARRAY, field_null_in_version(field, w->version), &null);
    if (count > reader_left(&w->r)) { /* the smallest element is a byte */
        reader_fail(&w->r, SIGNET_ERROR_TRUNCATED);
    }
    if (w->r.error) {
        return;
    }
    if (field->element == FIELD_STRUCT) {
        walk_structs(w, field, start, (uint32_t)count, null);
    } else {
        walk_plain_elements(w, field, (uint32_t)count);
    }
}

static void walk_struct(struct walk *w, const struct field *field)
{
    if (field_null_in_version(field, w->version)) {
        int8_t presence = read_i8(&w->r);
        if (presence != 1) {
            if (presence != -1) {
                reader_fail(&w->r, SIGNET_ERROR_MALFORMED);
            }
            return;
        }
    }
    walk_fields(w, field->fields);
}

static void walk_field(struct walk *w, const struct field *field)
{
    switch (field->type) {
    case FIELD_STRING:
    case FIELD_BYTES:
    case FIELD_RECORDS:
        walk_content(w, field, field->type, field_null_in_version(field, w->version));
        break;
    case FIELD_STRUCT:
        walk_struct(w, field);
        break;
    case FIELD_ARRAY:
        walk_array(w, field);
        break;
    default:
        walk_fixed(w, field, field_width(field->type));
        break;
    }
}

/* Tagged fields */

static const struct field *find_tag(const struct field *rows, int16_t version, uint32_t tag)
{
    for (const struct field *field = rows; field->type != FIELD_END; field++) {
        if (field->tagged && field->tag == tag && field_in_version(field, version)) {
            return field;
        }
    }
    return NULL;
}

/* The value of a known tag must fill `size` bytes, no more and no less. */
static void walk_tag_value(struct walk *w, const struct field *field, size_t size)
{
    const uint8_t *end = w->r.end;
    w->r.end = w->r.at + size;
    walk_field(w, field);
    if (w->r.error == SIGNET_ERROR_TRUNCATED || (!w->r.error && reader_left(&w->r) > 0)) {
        w->r.error = SIGNET_ERROR_MALFORMED;
    }
    w->r.end = end;
}

static void walk_tag(struct walk *w, const struct field *field)
{
    uint8_t *start = here(w);
    size_t size = read_uvarint(&w->r);
    if (size > reader_left(&w->r)) {
        reader_fail(&w->r, SIGNET_ERROR_TRUNCATED);
    }
    if (!field || w->r.error) {
        read_bytes(&w->r, size);
        return;
    }
    struct prefix prefix = { settle(w, start), read_since(w, start) };
    walk_tag_value(w, field, size);
    if (w->r.error || !w->out) {
        return;
    }
    flush(w, here(w));
    size_t written = w->out->size - prefix.before.size - prefix.size;
    if (written != size && !w->out->error) {
        rewrite_tag_size(w, &prefix, written);
    }
}

/* Tags ascend; a field that came twice would mean one thing here and another at the broker. */
static void walk_tags(struct walk *w, const struct field *rows)
{
    uint32_t count = read_uvarint(&w->r);
    int64_t last = -1;
    for (uint32_t i = 0; i < count && !w->r.error; i++) {
        uint32_t tag = read_uvarint(&w->r);
        if (!w->r.error && tag <= last) {
            reader_fail(&w->r, SIGNET_ERROR_MALFORMED);
            return;
        }
        last = tag;
        walk_tag(w, find_tag(rows, w->version, tag));
    }
}

/* The tables nest four deep at most, and so does the recursion: what is read cannot make it deeper. */
static void walk_fields(struct walk *w, const struct field *rows)
{
    for (const struct field *field = rows; field->type != FIELD_END && !w->r.error; field++) {
        if (!field->tagged && field_in_version(field, w->version)) {
            walk_field(w, field);
        }
    }
    if (w->flexible && !w->r.error) {
        walk_tags(w, rows);
    }
}

static signet_error finish(struct walk *w, struct gather_mark before)
{
    if (!w->r.error && reader_left(&w->r) > 0) {
        reader_fail(&w->r, SIGNET_ERROR_TRAILING);
    }
    if (!w->r.error) {
        flush(w, here(w));
    }
    if (!w->out) {
        return w->r.error;
    }
    signet_error error = w->r.error ? w->r.error : w->out->error;
    if (error) {
        gather_rewind(w->out, before);
    }
    gather_free(&w->replacement);
    gather_free(&w->tail);
    return error;
}

signet_error walk_message(const struct message *message, int16_t version, struct block *owner, uint8_t *body,
                          size_t size, struct walk_hook hook, struct gather *ret_out)
{
    if (version < message->since || version > message->last) {
        return SIGNET_ERROR_UNSUPPORTED;
    }
    struct walk w = {
        .version = version,
        .flexible = api_is_flexible(api_find(message->api_key), version),
        .r = reader_over(slice_of(body, size)),
        .body = body,
        .run = body,
        .owner = owner,
        .out = ret_out,
        .hook = hook,
    };
    struct gather_mark before = { 0 };
    if (ret_out) {
        gather_init(&w.replacement, ret_out->budget);
        gather_init(&w.tail, ret_out->budget);
        before = gather_mark(ret_out);
    }
    walk_fields(&w, message->fields);
    return finish(&w, before);
}

void walk_beginning(const struct message *message, int16_t version, uint8_t *body, size_t size, struct walk_hook hook)
{
    if (version < message->since || version > message->last) {
        return;
    }
    struct walk w = {
        .version = version,
        .flexible = api_is_flexible(api_find(message->api_key), version),
        .beginning = true,
        .r = reader_over(slice_of(body, size)),
        .body = body,
        .run = body,
        .hook = hook,
    };
    walk_fields(&w, message->fields);
}
