/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

#include <getopt.h>
#include <stdarg.h>
#include <string.h>

#include <jansson.h>

void complain(const char *hint, const char *format, ...)
{
    va_list values;
    fputs("signet: ", stderr);
    va_start(values, format);
    vfprintf(stderr, format, values);
    va_end(values);
    fputc('\n', stderr);
    if (hint) {
        fprintf(stderr, "hint: %s\n", hint);
    }
}

void show_usage(const struct command *self, FILE *out)
{
    fprintf(out, "signet %s: %s\n\n", self->name, self->summary);
    const char *before = "usage:";
    for (const char *line = self->synopsis; *line;) {
        size_t size = strcspn(line, "\n");
        fprintf(out, "%s signet %s %.*s\n", before, self->name, (int)size, line);
        line += size + (line[size] == '\n');
        before = "      ";
    }
}

enum exit_code usage_error(const struct command *self, const char *text)
{
    if (text) {
        complain(NULL, "%s", text);
    }
    show_usage(self, stderr);
    return EXIT_USAGE;
}

enum exit_code option_error(const struct command *self, int result, char **argv)
{
    const char *option = argv[optind - 1];
    bool long_option = strncmp(option, "--", 2) == 0;
    if (result == ':') {
        complain(NULL, "option `%s` needs a value", option);
    } else if (optopt && !long_option) {
        complain(NULL, "`-%c` is not an option that %s has", optopt, self->name);
    } else {
        complain(NULL, "`%s` is not an option that %s has", option, self->name);
    }
    return usage_error(self, NULL);
}

enum exit_code print_json(struct json_t *value, enum exit_code code)
{
    if (!value || json_dumpf(value, stdout, JSON_INDENT(2)) != 0) {
        complain(NULL, "the answer could not be written");
        code = EXIT_NO_ANSWER;
    } else {
        putchar('\n');
    }
    json_decref(value);
    return code;
}
