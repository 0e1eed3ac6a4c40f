/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/log_limit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "crypto/table_hash.h"

enum { EVENT_BYTES = 64, LINE_COST_MS = 1000 / LOG_LINES_PER_SECOND };

/* A line that was told, with texts of its own, in one piece of memory. */
struct told_line {
    uint64_t hash;
    int64_t told_ms;
    int64_t repeated; /* since then */
    enum log_level level;
    size_t count;
    struct slice origin;
    struct log_field fields[]; /* `count`, and room for the number of times and the end */
};

struct event_limit {
    struct event_limit *next;
    const char *event;
    int64_t spent_until_ms; /* each line told costs its time; so far ahead of the clock that time has been spent */
    int64_t suppressed;     /* since the last sweep */
    enum log_level suppressed_level;
    size_t count;
    struct told_line *lines[LOG_LINES_REMEMBERED];
};

static struct event_limit *event_of(struct log_limit *limit, const char *event)
{
    for (struct event_limit *e = limit->events; e; e = e->next) {
        if (strcmp(e->event, event) == 0) {
            return e;
        }
    }
    struct event_limit *e = calloc(1, sizeof *e);
    if (e) {
        e->event = event;
        e->next = limit->events;
        limit->events = e;
    }
    return e;
}

/* What is found by it is compared in full. */
static uint64_t hash_of(const struct log_line *line)
{
    uint64_t hash = table_hash(line->origin, 0);
    for (size_t i = 0; i < line->alike; i++) {
        const struct log_field *field = &line->fields[i];
        const uint64_t both[] = { hash, (uint64_t)field->number, table_hash(field->text, 0) };
        hash = table_hash(slice_of(both, sizeof both), 0);
    }
    return hash;
}

static bool is_alike(const struct told_line *told, const struct log_line *line)
{
    if (!slice_equal(told->origin, line->origin)) {
        return false;
    }
    for (size_t i = 0; i < line->alike; i++) {
        if (told->fields[i].number != line->fields[i].number ||
            !slice_equal(told->fields[i].text, line->fields[i].text)) {
            return false;
        }
    }
    return true;
}

static struct told_line *find(const struct event_limit *e, const struct log_line *line, uint64_t hash)
{
    for (size_t i = 0; i < e->count; i++) {
        if (e->lines[i]->hash == hash && is_alike(e->lines[i], line)) {
            return e->lines[i];
        }
    }
    return NULL;
}

static bool may_tell(struct event_limit *e, int64_t now_ms)
{
    int64_t from_ms = e->spent_until_ms > now_ms ? e->spent_until_ms : now_ms;
    if (from_ms - now_ms > (LOG_LINES_BURST - 1) * LINE_COST_MS) {
        return false;
    }
    e->spent_until_ms = from_ms + LINE_COST_MS;
    return true;
}

static struct slice keep(uint8_t **at, struct slice text)
{
    struct slice kept = slice_of(*at, text.size);
    if (text.size > 0) {
        memcpy(*at, text.data, text.size);
        *at += text.size;
    }
    return kept;
}

/* NULL when memory is out. */
static struct told_line *copy_of(const struct log_line *line)
{
    size_t count = 0, bytes = line->origin.size;
    for (; line->fields[count].kind != LOG_FIELD_END; count++) {
        bytes += line->fields[count].text.size;
    }
    struct told_line *told = malloc(sizeof *told + (count + 2) * sizeof told->fields[0] + bytes);
    if (!told) {
        return NULL;
    }
    uint8_t *at = (uint8_t *)&told->fields[count + 2];
    *told = (struct told_line){ .level = line->level, .count = count, .origin = keep(&at, line->origin) };
    for (size_t i = 0; i < count; i++) {
        told->fields[i] = line->fields[i];
        told->fields[i].text = keep(&at, line->fields[i].text);
    }
    return told;
}

/* One that cannot be remembered is told again when it comes again. */
static void remember(struct event_limit *e, const struct log_line *line, uint64_t hash, int64_t now_ms)
{
    struct told_line *told = e->count < LOG_LINES_REMEMBERED ? copy_of(line) : NULL;
    if (told) {
        told->hash = hash;
        told->told_ms = now_ms;
        e->lines[e->count++] = told;
    }
}

void log_limit_tell(struct log_limit *limit, const struct log_line *line, int64_t now_ms)
{
    struct event_limit *e = event_of(limit, line->event);
    if (!e) {
        log_event(line->level, line->event, line->fields); /* no memory to limit it in */
        return;
    }
    uint64_t hash = hash_of(line);
    struct told_line *told = find(e, line, hash);
    if (told) {
        told->repeated++;
    } else if (may_tell(e, now_ms)) {
        log_event(line->level, line->event, line->fields);
        remember(e, line, hash, now_ms);
    } else {
        e->suppressed++;
        e->suppressed_level = line->level;
    }
}

static void tell_again(const struct event_limit *e, struct told_line *told)
{
    char event[EVENT_BYTES];
    if (told->repeated == 0) {
        return;
    }
    (void)snprintf(event, sizeof event, "%s-again", e->event);
    told->fields[told->count] = (struct log_field)LOG_NUMBER_FIELD("times", told->repeated);
    told->fields[told->count + 1] = (struct log_field){ 0 };
    log_event(told->level, event, told->fields);
}

static void tell_suppressed(struct event_limit *e)
{
    const struct log_field fields[] = {
        LOG_TEXT_FIELD("lines", slice_of_text(e->event)),
        LOG_NUMBER_FIELD("times", e->suppressed),
        { 0 },
    };
    if (e->suppressed > 0) {
        log_event(e->suppressed_level, "suppressed", fields);
    }
    e->suppressed = 0;
}

/* What goes on is remembered further; what has not come again is forgotten. */
static void sweep_event(struct event_limit *e, int64_t now_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < e->count; i++) {
        struct told_line *told = e->lines[i];
        bool due = now_ms - told->told_ms >= LOG_REPEAT_MS;
        if (due && told->repeated == 0) {
            free(told);
            continue;
        }
        if (due) {
            tell_again(e, told);
            told->told_ms = now_ms;
            told->repeated = 0;
        }
        e->lines[kept++] = told;
    }
    e->count = kept;
    tell_suppressed(e);
}

void log_limit_sweep(struct log_limit *limit, int64_t now_ms)
{
    for (struct event_limit *e = limit->events; e; e = e->next) {
        sweep_event(e, now_ms);
    }
}

void log_limit_end(struct log_limit *limit)
{
    for (struct event_limit *e = limit->events, *next; e; e = next) {
        next = e->next;
        for (size_t i = 0; i < e->count; i++) {
            tell_again(e, e->lines[i]);
            free(e->lines[i]);
        }
        tell_suppressed(e);
        free(e);
    }
    limit->events = NULL;
}
