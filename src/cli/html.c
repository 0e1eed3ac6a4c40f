/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/html.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/escape.h"

static const char *entity_of(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

static void put_char(FILE *out, char c)
{
    char shown[8];
    const char *entity = entity_of(c);
    if (!entity) {
        escape_text(slice_of(&c, 1), 0, shown, sizeof shown);
    }
    fputs(entity ? entity : shown, out);
}

void html_raw_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        put_char(out, *text);
    }
}

void html_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\\') {
            fputc('\\', out);
        } else {
            put_char(out, *text);
        }
    }
}

void html_field(FILE *out, const char *term, const char *text)
{
    if (text && text[0]) {
        fprintf(out, "<dt>%s</dt><dd>", term);
        html_text(out, text);
        fputs("</dd>\n", out);
    }
}

void html_field_of(FILE *out, const char *term, const char *format, ...)
{
    char *text = NULL;
    va_list values;
    va_start(values, format);
    int size = vasprintf(&text, format, values);
    va_end(values);
    html_field(out, term, size < 0 ? "out of memory" : text);
    if (size >= 0) {
        free(text);
    }
}
