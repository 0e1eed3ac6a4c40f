/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report_print.h"

#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>

bool is_in_colour(FILE *out)
{
    const char *no_colour = getenv("NO_COLOR");
    return isatty(fileno(out)) && !(no_colour && *no_colour);
}

static void print_place(FILE *out, const struct finding *finding)
{
    if (finding->file && finding->line) {
        fprintf(out, "%s:%u: ", finding->file, finding->line);
    } else if (finding->file) {
        fprintf(out, "%s: ", finding->file);
    }
}

static void print_finding(FILE *out, const struct finding *finding, bool colour)
{
    const char *begin = finding->severity == SEVERITY_ERROR ? "\033[1;31m" : "\033[1;33m";
    print_place(out, finding);
    fprintf(out, "%s%s:%s ", colour ? begin : "", severity_word(finding->severity), colour ? "\033[0m" : "");
    if (finding->key_path) {
        fprintf(out, "%s: ", finding->key_path);
    }
    fprintf(out, "%s\n", finding->text);
    if (finding->hint) {
        fprintf(out, "  hint: %s\n", finding->hint);
    }
}

void report_print(FILE *out, const struct report *report)
{
    bool colour = is_in_colour(out);
    for (size_t i = 0; i < report->count; i++) {
        print_finding(out, &report->findings[i], colour);
    }
}

struct json_t *report_json(const struct report *report)
{
    json_t *list = json_array();
    for (size_t i = 0; i < report->count; i++) {
        const struct finding *finding = &report->findings[i];
        json_t *row = json_pack("{s:s, s:s?, s:s?, s:s, s:s?}", "severity", severity_word(finding->severity), "file",
                                finding->file, "key", finding->key_path, "text", finding->text, "hint", finding->hint);
        json_object_set_new(row, "line", finding->line ? json_integer(finding->line) : json_null());
        json_array_append_new(list, row);
    }
    return list;
}
