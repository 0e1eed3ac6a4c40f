/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: one line an event on standard error, as text for people or JSON
 * for programs, with the same fields under the same names.  Values that come
 * from peers are escaped; secrets are never given to it.
 */
#ifndef SIGNET_GATEWAY_LOG_H
#define SIGNET_GATEWAY_LOG_H

#include "base/slice.h"
#include "gateway/config.h"

enum log_field_kind { LOG_FIELD_END, LOG_FIELD_TEXT, LOG_FIELD_NUMBER };

struct log_field {
    const char *name;
    enum log_field_kind kind;
    struct slice text;
    int64_t number;
};

#define LOG_TEXT_FIELD(field_name, field_slice)                             \
    {                                                                       \
        .name = (field_name), .kind = LOG_FIELD_TEXT, .text = (field_slice) \
    }
#define LOG_NUMBER_FIELD(field_name, field_number)                               \
    {                                                                            \
        .name = (field_name), .kind = LOG_FIELD_NUMBER, .number = (field_number) \
    }

/* Once, before any thread logs, and again on reload. */
void log_configure(enum log_level level, enum log_format format);

/*
 * `event` is a short constant; `fields` end with an all-zero one and may be
 * NULL.  Fields with an empty text are left out.  Any thread.
 */
void log_event(enum log_level level, const char *event, const struct log_field *fields);
/* Standard error took no more just then.  Any thread. */
unsigned long long log_lines_lost(void);

#endif
