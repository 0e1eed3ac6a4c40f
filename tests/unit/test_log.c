/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/log.h"
#include "log_capture.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

static char *line_of(enum log_format format, const char *value)
{
    const struct log_field fields[] = { LOG_TEXT_FIELD("topic", slice_of_text(value)), { 0 } };
    log_configure(LOG_INFO, format);
    struct log_capture capture = log_capture_begin();
    log_event(LOG_ERROR, "batch-refused", fields);
    return log_capture_end(&capture);
}

struct text_case {
    const char *label;
    const char *value;
    const char *as_text, *as_json;
};

static const struct text_case text_cases[] = {
    { "plain", "orders", "topic=orders\n", "\"topic\":\"orders\"}\n" },
    { "a line's end", "a\nb", "topic=\"a\\x0ab\"\n", "\"topic\":\"a\\nb\"}\n" },
    { "an escape", "\x1b[2J", "topic=\"\\x1b[2J\"\n", "\"topic\":\"\\u001B[2J\"}\n" },
    { "a C1 control", "\xc2\x9bm", "topic=\"\\xc2\\x9bm\"\n", "\"topic\":\"\\u009Bm\"}\n" },
    { "right to left", "\xe2\x80\xaex", "topic=\"\\xe2\\x80\\xaex\"\n", "\"topic\":\"\\u202Ex\"}\n" },
    { "a letter", "\xc3\xa4", "topic=\"\\xc3\\xa4\"\n", "\"topic\":\"\\u00E4\"}\n" },
    { "no UTF-8", "\xff", "topic=\"\\xff\"\n", "\"topic\":\"\\\"\\\\xff\\\"\"}\n" },
};

static void nothing_that_a_terminal_acts_on_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(text_cases); i++) {
        const struct text_case *c = &text_cases[i];
        char *text = line_of(LOG_TEXT, c->value), *json = line_of(LOG_JSON, c->value);
        if (!strstr(text, c->as_text) || !strstr(json, c->as_json)) {
            fail_msg("%s: %s %s", c->label, text, json);
        }
        free(text);
        free(json);
    }
}

/* Standard error as a pipe that nobody reads. */
struct stalled_pipe {
    int standard_error, ends[2];
};

static void stall(struct stalled_pipe *stalled)
{
    assert_int_equal(pipe(stalled->ends), 0);
    stalled->standard_error = dup(STDERR_FILENO);
    assert_int_equal(dup2(stalled->ends[1], STDERR_FILENO), STDERR_FILENO);
    close(stalled->ends[1]);
}

/* All that is in it, and standard error as it was. */
static size_t end_stall(struct stalled_pipe *stalled, char *ret_text, size_t max)
{
    size_t size = 0;
    assert_int_equal(dup2(stalled->standard_error, STDERR_FILENO), STDERR_FILENO);
    close(stalled->standard_error);
    for (ssize_t got; (got = read(stalled->ends[0], ret_text + size, max - size)) > 0;) {
        size += (size_t)got;
    }
    close(stalled->ends[0]);
    return size;
}

static void a_log_that_nobody_reads_stops_nobody(void **state)
{
    (void)state;
    const struct log_field fields[] = { LOG_TEXT_FIELD("topic", slice_of_text("orders")), { 0 } };
    enum { LINES = 4000, BYTES = 256 * 1024 };
    struct stalled_pipe stalled;
    char *text = malloc(BYTES);
    unsigned long long lost = log_lines_lost();
    log_configure(LOG_INFO, LOG_JSON);
    stall(&stalled);
    for (int i = 0; i < LINES; i++) {
        log_event(LOG_ERROR, "batch-refused", fields);
    }
    size_t size = end_stall(&stalled, text, BYTES), lines = 0;
    for (size_t i = 0; i < size; i++) {
        lines += text[i] == '\n';
    }
    assert_true(lines > 0 && text[size - 1] == '\n');
    assert_int_equal(log_lines_lost() - lost, LINES - lines);
    assert_true(lines < LINES);
    free(text);
}

/* A line that is longer than a pipe takes at once can be cut; the next one begins anew. */
static void a_line_that_is_cut_spoils_no_other(void **state)
{
    (void)state;
    enum { TEXT_BYTES = 100 * 1024, PIPE_BYTES = 64 * 1024 };
    uint8_t *value = malloc(TEXT_BYTES);
    char *text = calloc(1, 2 * TEXT_BYTES);
    memset(value, 'x', TEXT_BYTES);
    const struct log_field fields[] = { LOG_TEXT_FIELD("why", slice_of(value, TEXT_BYTES)), { 0 } };
    struct stalled_pipe stalled;
    unsigned long long lost = log_lines_lost();
    log_configure(LOG_INFO, LOG_JSON);
    stall(&stalled);
    assert_true(fcntl(STDERR_FILENO, F_SETPIPE_SZ, PIPE_BYTES) == PIPE_BYTES);
    log_event(LOG_ERROR, "long", fields);
    log_event(LOG_ERROR, "lost", NULL);
    size_t cut = (size_t)read(stalled.ends[0], text, 2 * TEXT_BYTES);
    log_event(LOG_ERROR, "whole", NULL);
    size_t size = cut + end_stall(&stalled, text + cut, 2 * TEXT_BYTES - cut);
    assert_int_equal(cut, PIPE_BYTES);
    assert_int_equal(text[cut], '\n');
    assert_int_equal(text[cut + 1], '{');
    assert_non_null(strstr(text + cut, "\"event\":\"whole\"}\n"));
    assert_int_equal(text[size - 1], '\n');
    assert_int_equal(log_lines_lost() - lost, 2);
    free(value);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_that_a_terminal_acts_on_is_told),
        cmocka_unit_test(a_log_that_nobody_reads_stops_nobody),
        cmocka_unit_test(a_line_that_is_cut_spoils_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
