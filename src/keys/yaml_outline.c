/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/yaml_outline.h"

#include <stdio.h>
#include <stdlib.h>

#include <yaml.h>

#include "base/array.h"
#include "base/limits.h"

struct level {
    uint32_t node;
    bool mapping;
    bool key_next;       /* in a mapping: the next scalar is a key */
    uint32_t value;      /* in a mapping: the node of the key last read */
    uint64_t next_index; /* in a list */
};

struct walk {
    struct yaml_outline outline;
    struct level levels[YAML_DEPTH_MAX + 1];
    size_t depth;
    unsigned documents;
    struct yaml_problem *problem;
};

/* FNV-1a; a collision could only misplace a line number. */
static uint64_t hash_key(const char *text, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ (uint8_t)text[i]) * 0x100000001b3;
    }
    return hash;
}

static signet_error refuse(struct walk *walk, size_t line, const char *text, const char *hint, signet_error error)
{
    walk->problem->line = (unsigned)line + 1;
    walk->problem->hint = hint;
    snprintf(walk->problem->text, sizeof walk->problem->text, "%s", text);
    return error;
}

static signet_error add_node(struct walk *walk, uint32_t parent, uint64_t key, size_t line, uint32_t *ret_node)
{
    struct yaml_outline *outline = &walk->outline;
    if (outline->count >= YAML_NODES_MAX) {
        return refuse(walk, line, "the file has too many entries", NULL, SIGNET_ERROR_LIMIT);
    }
    struct yaml_node *nodes = array_with_room(outline->nodes, outline->count, &outline->capacity, sizeof *nodes, 64);
    if (!nodes) {
        return refuse(walk, line, "out of memory", NULL, SIGNET_ERROR_OUT_OF_MEMORY);
    }
    outline->nodes = nodes;
    outline->nodes[outline->count] = (struct yaml_node){ .key = key, .parent = parent, .line = (uint32_t)line + 1 };
    *ret_node = (uint32_t)outline->count++;
    return SIGNET_OK;
}

/* The node that a value starting here belongs to. */
static signet_error place_value(struct walk *walk, size_t line, uint32_t *ret_node)
{
    if (walk->depth == 0) {
        return add_node(walk, 0, 0, line, ret_node);
    }
    struct level *level = &walk->levels[walk->depth - 1];
    if (!level->mapping) {
        return add_node(walk, level->node, level->next_index++, line, ret_node);
    }
    if (level->key_next) {
        return refuse(walk, line, "a key must be a plain word", NULL, SIGNET_ERROR_MALFORMED);
    }
    level->key_next = true;
    *ret_node = level->value;
    return SIGNET_OK;
}

static signet_error take_key(struct walk *walk, const yaml_event_t *event)
{
    struct level *level = &walk->levels[walk->depth - 1];
    uint64_t key = hash_key((const char *)event->data.scalar.value, event->data.scalar.length);
    level->key_next = false;
    return add_node(walk, level->node, key, event->start_mark.line, &level->value);
}

static signet_error take_scalar(struct walk *walk, const yaml_event_t *event)
{
    size_t line = event->start_mark.line;
    if (strlen((const char *)event->data.scalar.value) != event->data.scalar.length) {
        return refuse(walk, line, "a value has a NUL character in it", NULL, SIGNET_ERROR_MALFORMED);
    }
    if (walk->depth > 0 && walk->levels[walk->depth - 1].mapping && walk->levels[walk->depth - 1].key_next) {
        return take_key(walk, event);
    }
    uint32_t node;
    return place_value(walk, line, &node);
}

static signet_error open_level(struct walk *walk, size_t line, bool mapping)
{
    uint32_t node = 0;
    if (walk->depth >= YAML_DEPTH_MAX) {
        return refuse(walk, line, "the file is nested too deep", NULL, SIGNET_ERROR_LIMIT);
    }
    signet_error error = place_value(walk, line, &node);
    if (!error) {
        walk->levels[walk->depth++] = (struct level){ .node = node, .mapping = mapping, .key_next = mapping };
    }
    return error;
}

static const char *decoration(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor ? "anchors" : event->data.scalar.tag ? "tags" : NULL;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor ? "anchors" : event->data.sequence_start.tag ? "tags" : NULL;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor ? "anchors" : event->data.mapping_start.tag ? "tags" : NULL;
    case YAML_ALIAS_EVENT:
        return "aliases";
    default:
        return NULL;
    }
}

static signet_error take_event(struct walk *walk, const yaml_event_t *event)
{
    size_t line = event->start_mark.line;
    if (decoration(event)) {
        return refuse(walk, line, "anchors, aliases and tags are not used in this file",
                      "write the value out; put text with & * or ! in quotes", SIGNET_ERROR_MALFORMED);
    }
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return walk->documents++ == 0 ? SIGNET_OK
                                      : refuse(walk, line, "a second document starts here", "remove the line with ---",
                                               SIGNET_ERROR_MALFORMED);
    case YAML_SCALAR_EVENT:
        return take_scalar(walk, event);
    case YAML_SEQUENCE_START_EVENT:
        return open_level(walk, line, false);
    case YAML_MAPPING_START_EVENT:
        return open_level(walk, line, true);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        walk->depth--;
        return SIGNET_OK;
    default:
        return SIGNET_OK;
    }
}

static signet_error refuse_syntax(struct walk *walk, const yaml_parser_t *parser)
{
    if (parser->error == YAML_MEMORY_ERROR) {
        return refuse(walk, 0, "out of memory", NULL, SIGNET_ERROR_OUT_OF_MEMORY);
    }
    const char *hint = strstr(parser->problem ? parser->problem : "", "tab") ? "YAML is indented with spaces" : NULL;
    return refuse(walk, parser->problem_mark.line, parser->problem ? parser->problem : "this is not YAML", hint,
                  SIGNET_ERROR_MALFORMED);
}

static signet_error walk_events(struct walk *walk, yaml_parser_t *parser)
{
    for (bool more = true; more;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            return refuse_syntax(walk, parser);
        }
        more = event.type != YAML_STREAM_END_EVENT;
        signet_error error = take_event(walk, &event);
        yaml_event_delete(&event);
        if (error) {
            return error;
        }
    }
    return walk->documents ? SIGNET_OK : refuse(walk, 0, "the file is empty", NULL, SIGNET_ERROR_MALFORMED);
}

signet_error yaml_outline_read(struct slice text, struct yaml_outline *ret_outline, struct yaml_problem *ret_problem)
{
    struct walk walk = { .problem = ret_problem };
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        return refuse(&walk, 0, "out of memory", NULL, SIGNET_ERROR_OUT_OF_MEMORY);
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, text.data, text.size);
    signet_error error = walk_events(&walk, &parser);
    yaml_parser_delete(&parser);
    if (error) {
        yaml_outline_free(&walk.outline);
        return error;
    }
    *ret_outline = walk.outline;
    return SIGNET_OK;
}

void yaml_outline_free(struct yaml_outline *outline)
{
    free(outline->nodes);
    *outline = (struct yaml_outline){ 0 };
}

/* The node after `from` with that parent and key; 0 when there is none, as 0 is nobody's child. */
static uint32_t find_child(const struct yaml_outline *outline, uint32_t parent, uint32_t from, uint64_t key)
{
    for (size_t i = (size_t)from + 1; i < outline->count; i++) {
        if (outline->nodes[i].parent == parent && outline->nodes[i].key == key) {
            return (uint32_t)i;
        }
    }
    return 0;
}

/* One step of a path: "[12]" or "key" with or without a dot before it. */
static uint64_t take_step(const char **path)
{
    const char *at = *path;
    if (*at == '[') {
        uint64_t index = strtoull(at + 1, NULL, 10);
        *path = at + strcspn(at, "]");
        *path += **path == ']';
        return index;
    }
    at += *at == '.';
    size_t size = strcspn(at, ".[");
    *path = at + size;
    return hash_key(at, size);
}

static unsigned find_line(const struct yaml_outline *outline, const char *key_path, bool second)
{
    uint32_t node = 0;
    while (outline->count > 0 && *key_path) {
        uint64_t key = take_step(&key_path);
        uint32_t child = find_child(outline, node, node, key);
        if (child && second && !*key_path) {
            uint32_t next = find_child(outline, node, child, key);
            child = next ? next : child;
        }
        if (!child) {
            break;
        }
        node = child;
    }
    return outline->count > 0 ? outline->nodes[node].line : 0;
}

unsigned yaml_outline_line(const struct yaml_outline *outline, const char *key_path)
{
    return find_line(outline, key_path, false);
}

unsigned yaml_outline_line_of_second(const struct yaml_outline *outline, const char *key_path)
{
    return find_line(outline, key_path, true);
}
