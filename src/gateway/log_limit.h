/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A limit to the lines that others can cause, who could cause them without
 * end: clients that nobody knows, and brokers.  What is alike is told once,
 * counted for a while, and then told again with the count.  What is not alike
 * is told at a rate, each event at its own, so that no event can keep another
 * out of the log.
 *
 * The rule to keep: a line is told whole, or counted; there is none that
 * leaves no trace.
 */
#ifndef SIGNET_GATEWAY_LOG_LIMIT_H
#define SIGNET_GATEWAY_LOG_LIMIT_H

#include "gateway/log.h"

struct event_limit;

/* Of one thread.  Starts as all zero. */
struct log_limit {
    struct event_limit *events; /* one for each that has been told */
};

struct log_line {
    enum log_level level;
    const char *event;              /* a constant */
    const struct log_field *fields; /* as for log_event; not NULL */
    /* Lines of an event are alike when the first so many fields are the same, and this beside them, which is not told. */
    size_t alike;
    struct slice origin;
};

/* `now_ms` is of a clock that only goes forward, here and below. */
void log_limit_tell(struct log_limit *limit, const struct log_line *line, int64_t now_ms);
/*
 * To be called every second or so.  Tells as "EVENT-again", with the fields of
 * the first and `times`, what was counted for long enough; and as "suppressed"
 * how much there was no room for.
 */
void log_limit_sweep(struct log_limit *limit, int64_t now_ms);
/* Tells all that is counted, and frees. */
void log_limit_end(struct log_limit *limit);

#endif
