/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/log.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/utc.h"

enum { LINE_BYTES_MAX = PIPE_BUF };

static atomic_int current_level = LOG_INFO;
static atomic_int current_format = LOG_TEXT;
static pthread_mutex_t output_lock = PTHREAD_MUTEX_INITIALIZER;
static bool line_is_cut; /* under the lock: the last one lacks its end */
static atomic_ullong lines_lost;

static const char *const level_words[] = {
    [LOG_ERROR] = "error",
    [LOG_WARNING] = "warning",
    [LOG_INFO] = "info",
    [LOG_DEBUG] = "debug",
};

void log_configure(enum log_level level, enum log_format format)
{
    current_level = (int)level;
    current_format = (int)format;
}

static void now_text(char ret_text[UTC_TEXT_BYTES])
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    utc_text((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, ret_text);
}

/* So much goes into a pipe at once and without waiting, or not at all. */
static bool has_room(void)
{
    struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };
    return poll(&out, 1, 0) > 0 && (out.revents & POLLOUT);
}

/* How much of it was written. */
static size_t put_bytes(const char *data, size_t size)
{
    size_t written = 0;
    while (written < size && has_room()) {
        size_t piece = size - written < PIPE_BUF ? size - written : PIPE_BUF;
        ssize_t done = write(STDERR_FILENO, data + written, piece);
        if (done < 0 && errno != EINTR) {
            break;
        }
        written += done > 0 ? (size_t)done : 0;
    }
    return written;
}

/*
 * Whoever reads the log may have stopped, and traffic does not wait for that:
 * a line that cannot be written is lost, and counted.  The lock keeps another
 * thread from filling what this one has found to be room.
 */
static void put_line(const char *line, size_t size)
{
    pthread_mutex_lock(&output_lock);
    if (line_is_cut && put_bytes("\n", 1) == 1) {
        line_is_cut = false;
    }
    size_t written = line_is_cut ? 0 : put_bytes(line, size);
    if (written < size) {
        line_is_cut = line_is_cut || written > 0;
        atomic_fetch_add(&lines_lost, 1);
    }
    pthread_mutex_unlock(&output_lock);
}

unsigned long long log_lines_lost(void)
{
    return atomic_load(&lines_lost);
}

static bool is_plain(uint8_t byte)
{
    return byte > 0x20 && byte < 0x7f && byte != '"' && byte != '\\' && byte != '=';
}

static bool needs_quotes(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!is_plain(text.data[i])) {
            return true;
        }
    }
    return false;
}

/* Quotes, with everything a terminal might act on as \xNN. */
static size_t put_text(char *at, size_t room, struct slice text)
{
    size_t used = 0;
    bool quoted = needs_quotes(text);
    if (quoted && used < room) {
        at[used++] = '"';
    }
    if (used + 1 < room) {
        used += escape_text(text, '"', at + used, room - used - 1);
    }
    if (quoted && used < room) {
        at[used++] = '"';
    }
    return used;
}

static bool is_empty(const struct log_field *field)
{
    return field->kind == LOG_FIELD_TEXT && field->text.size == 0;
}

static void put_as_text(enum log_level level, const char *event, const struct log_field *fields)
{
    char line[LINE_BYTES_MAX], when[UTC_TEXT_BYTES];
    const size_t room = sizeof line - 1;
    now_text(when);
    size_t used = (size_t)snprintf(line, room, "%s %-7s %s", when, level_words[level], event);
    for (; fields && fields->kind != LOG_FIELD_END && used + 64 < room; fields++) {
        if (is_empty(fields)) {
            continue;
        }
        used += (size_t)snprintf(line + used, room - used, " %s=", fields->name);
        if (fields->kind == LOG_FIELD_NUMBER) {
            used += (size_t)snprintf(line + used, room - used, "%lld", (long long)fields->number);
        } else {
            used += put_text(line + used, room - used, fields->text);
        }
    }
    line[used++] = '\n';
    put_line(line, used);
}

/* Bytes that are not UTF-8 are not text: they are shown escaped, as in the other format. */
static json_t *json_of(struct slice text)
{
    json_t *value = json_stringn((const char *)text.data, text.size);
    if (value) {
        return value;
    }
    char escaped[1024];
    return json_stringn(escaped, put_text(escaped, sizeof escaped, text));
}

static void put_as_json(enum log_level level, const char *event, const struct log_field *fields)
{
    char when[UTC_TEXT_BYTES];
    now_text(when);
    json_t *object = json_pack("{s:s, s:s, s:s}", "time", when, "level", level_words[level], "event", event);
    for (; object && fields && fields->kind != LOG_FIELD_END; fields++) {
        if (!is_empty(fields)) {
            json_object_set_new(object, fields->name,
                                fields->kind == LOG_FIELD_NUMBER ? json_integer(fields->number)
                                                                 : json_of(fields->text));
        }
    }
    char *line = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII); /* nothing that a terminal might act on */
    if (line) {
        size_t size = strlen(line);
        line[size] = '\n'; /* in the place of the NUL */
        put_line(line, size + 1);
    }
    free(line);
    json_decref(object);
}

void log_event(enum log_level level, const char *event, const struct log_field *fields)
{
    if ((int)level > current_level) {
        return;
    }
    if (current_format == LOG_JSON) {
        put_as_json(level, event, fields);
    } else {
        put_as_text(level, event, fields);
    }
}
