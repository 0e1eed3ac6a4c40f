/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text in HTML.  The rule to keep: what others chose, such as a topic's name,
 * reaches a page by these functions only; what is written otherwise is our own.
 */
#ifndef SIGNET_CLI_HTML_H
#define SIGNET_CLI_HTML_H

#include <stdio.h>

/*
 * `&`, `<`, `>` and quotes as entities, good in elements and in quoted
 * attributes.  html_raw_text is for what others chose, and escapes it first as
 * base/escape.h has it; html_text for what was escaped so, or is our own.
 */
void html_raw_text(FILE *out, const char *text);
void html_text(FILE *out, const char *text);
/* A term and its text, escaped, in a `dl`; nothing when the text is empty or NULL. */
void html_field(FILE *out, const char *term, const char *text);
/* The same, with the text made as by printf. */
void html_field_of(FILE *out, const char *term, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
