/* SPDX-License-Identifier: Apache-2.0 */
#include "net/cause.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void cause_set(struct cause *cause, const char *format, ...)
{
    if (!cause) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(cause->text, sizeof cause->text, format, arguments);
    va_end(arguments);
}

void cause_set_system(struct cause *cause, const char *what, const char *name, int system_error)
{
    char memory[128];
    cause_set(cause, "%s %s: %s", what, name, strerror_r(system_error, memory, sizeof memory));
}
