/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/json_print.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/utc.h"

enum { MS_SUFFIX_BYTES = 3 };

static void print_scalar(const char *name, const json_t *value)
{
    size_t size = strlen(name);
    char when[UTC_TEXT_BYTES];
    if (json_is_null(value)) {
        printf("%s: null", name);
    } else if (json_is_string(value)) {
        printf("%s: %s", name, json_string_value(value));
    } else if (json_is_boolean(value)) {
        printf("%s: %s", name, json_is_true(value) ? "true" : "false");
    } else if (size > MS_SUFFIX_BYTES && strcmp(name + size - MS_SUFFIX_BYTES, "-ms") == 0) {
        printf("%.*s: %s", (int)(size - MS_SUFFIX_BYTES), name, utc_text(json_integer_value(value), when));
    } else {
        printf("%s: %" JSON_INTEGER_FORMAT, name, json_integer_value(value));
    }
}

/* The fields of one object in a line. */
static void print_line(json_t *object)
{
    const char *name, *before = "";
    json_t *value;
    json_object_foreach(object, name, value)
    {
        if (json_is_object(value) || json_is_array(value)) {
            continue;
        }
        fputs(before, stdout);
        print_scalar(name, value);
        before = " ";
    }
    putchar('\n');
}

static void print_list(const char *name, const json_t *list)
{
    printf("    %s: %zu\n", name, json_array_size(list));
    for (size_t i = 0; i < json_array_size(list); i++) {
        fputs("        ", stdout);
        print_line(json_array_get(list, i));
    }
}

/* The fields of a part, such as the seal, in lines of their own. */
static void print_part(json_t *part)
{
    const char *name;
    json_t *value;
    json_object_foreach(part, name, value)
    {
        if (json_is_array(value)) {
            print_list(name, value);
        } else if (json_is_object(value)) {
            printf("    %s ", name);
            print_line(value);
        } else {
            fputs("    ", stdout);
            print_scalar(name, value);
            putchar('\n');
        }
    }
}

void json_print(struct json_t *object)
{
    const char *name;
    json_t *value;
    print_line(object);
    json_object_foreach(object, name, value)
    {
        if (json_is_object(value)) {
            printf("  %s\n", name);
            print_part(value);
        } else if (json_is_array(value)) {
            print_list(name, value);
        }
    }
}
