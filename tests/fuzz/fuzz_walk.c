/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte chooses the message, the second its version, the third a seed
 * of edits; the rest is the body.  What is accepted comes out as it went in, in
 * one piece; and what comes out after edits is accepted again.
 */
#include <stdlib.h>

#include "kafka/walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    CHOICE_BYTES = 3,
};

static struct budget budget = { .limit_bytes = SIZE_MAX };

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

struct editor {
    uint32_t state;
    int16_t version;
};

static uint32_t below(struct editor *editor, uint32_t bound)
{
    editor->state = editor->state * 1103515245 + 12345;
    return (editor->state >> 16) % bound;
}

static enum walk_answer edit_field(struct editor *editor, struct walk_visit *visit)
{
    const struct field *field = visit->field;
    enum field_type type = field->type == FIELD_ARRAY ? field->element : field->type;
    if (field_width(type) > 0) {
        visit->at[0] ^= (uint8_t)below(editor, 256);
        return WALK_KEEP;
    }
    if (field->type != FIELD_ARRAY && field_null_in_version(field, editor->version) && below(editor, 4) == 0) {
        return WALK_NULL;
    }
    if (below(editor, 2) == 0) {
        return WALK_KEEP;
    }
    size_t room_size = below(editor, 300);
    uint8_t *room = gather_room(visit->replacement, room_size);
    require(room);
    memset(room, 'r', room_size);
    return WALK_REPLACE;
}

static enum walk_answer edit(void *context, struct walk_visit *visit)
{
    struct editor *editor = context;
    switch (visit->event) {
    case VISIT_FIELD:
        return edit_field(editor, visit);
    case VISIT_ELEMENT_END:
        return below(editor, 3) == 0 ? WALK_DROP : WALK_KEEP;
    case VISIT_ARRAY_END:
        visit->count = below(editor, 4) == 0 ? 0 : visit->count;
        return visit->count == 0 && !visit->null ? WALK_REPLACE : WALK_KEEP;
    default:
        return WALK_KEEP;
    }
}

static struct block *block_with(const uint8_t *bytes, size_t size)
{
    struct block *block = block_new(&budget, size);
    require(block);
    memcpy(block->data, bytes, size);
    return block;
}

static signet_error check_kept(const struct message *message, int16_t version, const uint8_t *body, size_t size)
{
    struct block *block = block_with(body, size);
    struct gather out;
    gather_init(&out, &budget);
    struct walk_hook none = { 0 };
    signet_error error = walk_message(message, version, block, block->data, size, none, &out);
    require(out.size == (error ? 0 : size));
    require(out.count <= 1 && (out.count == 0 || out.pieces[0].data == block->data));
    require(memcmp(block->data, body, size) == 0);
    gather_free(&out);
    block_release(block);
    return error;
}

static void check_edited(const struct message *message, int16_t version, uint8_t seed, const uint8_t *body, size_t size)
{
    struct block *block = block_with(body, size);
    struct editor editor = { .state = seed, .version = version };
    struct walk_hook hook = { edit, &editor };
    struct gather out;
    gather_init(&out, &budget);
    require(walk_message(message, version, block, block->data, size, hook, &out) == SIGNET_OK);
    uint8_t *edited = malloc(out.size + 1);
    require(edited);
    gather_flatten(&out, edited);
    require(check_kept(message, version, edited, out.size) == SIGNET_OK);
    free(edited);
    gather_free(&out);
    block_release(block);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < CHOICE_BYTES) {
        return 0;
    }
    size_t count = 0;
    while (message_at(count)) {
        count++;
    }
    const struct message *message = message_at(data[0] % count);
    int16_t version = (int16_t)(message->since + data[1] % (message->last - message->since + 1));
    const uint8_t *body = data + CHOICE_BYTES;
    size -= CHOICE_BYTES;
    if (check_kept(message, version, body, size) == SIGNET_OK) {
        check_edited(message, version, data[2], body, size);
    }
    require(budget.used_bytes == 0);
    return 0;
}
