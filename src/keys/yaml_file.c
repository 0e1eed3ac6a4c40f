/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/yaml_file.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const cyaml_strval_t yaml_bool_words[2] = { { "false", YAML_FALSE }, { "true", YAML_TRUE } };

/* What libcyaml logs about its one error: the error, then where it was, from the inside out. */
struct complaint {
    char text[256];
    char path[sizeof((struct key_path *)0)->text];
    unsigned line; /* of the innermost place; 0 when none was given */
};

struct key_path key_path_of(const char *format, ...)
{
    struct key_path path;
    va_list values;
    va_start(values, format);
    vsnprintf(path.text, sizeof path.text, format, values);
    va_end(values);
    return path;
}

static struct finding_place place_of(const struct yaml_file *file, const char *key_path)
{
    return (struct finding_place){
        .file = file->name,
        .line = yaml_outline_line(&file->outline, key_path),
        .key_path = *key_path ? key_path : NULL,
    };
}

void yaml_file_complain(const struct yaml_file *file, enum severity severity, struct key_path path, const char *hint,
                        const char *format, ...)
{
    char *text = NULL;
    va_list values;
    va_start(values, format);
    int size = vasprintf(&text, format, values);
    va_end(values);
    if (size < 0) {
        file->report->error = SIGNET_ERROR_OUT_OF_MEMORY;
        file->report->error_count += severity == SEVERITY_ERROR;
        return;
    }
    report_add(file->report, severity, place_of(file, path.text), hint, "%s", text);
    free(text);
}

/* A path that grows too long keeps its inner end; those of our schemas do not. */
static void prepend(struct complaint *complaint, const char *step)
{
    char joined[sizeof complaint->path];
    const char *rest = complaint->path, *dot = *rest && *rest != '[' ? "." : "";
    int size = snprintf(joined, sizeof joined, "%s%s%s", step, dot, rest);
    if (size >= 0 && (size_t)size < sizeof joined) {
        memcpy(complaint->path, joined, sizeof joined);
    }
}

static void take_place(struct complaint *complaint, const char *text)
{
    char key[96], step[128];
    unsigned line = 0, entry = 0;
    if (sscanf(text, " in mapping field '%95[^']' (line: %u", key, &line) >= 1) {
        prepend(complaint, key);
    } else if (sscanf(text, " in sequence entry '%u' (line: %u", &entry, &line) >= 1 && entry > 0) {
        snprintf(step, sizeof step, "[%u]", entry - 1);
        prepend(complaint, step);
    }
    complaint->line = complaint->line ? complaint->line : line;
}

__attribute__((format(printf, 3, 0))) static void take_log(cyaml_log_t level, void *context, const char *format,
                                                           va_list values)
{
    (void)level;
    struct complaint *complaint = context;
    char text[sizeof complaint->text];
    vsnprintf(text, sizeof text, format, values);
    text[strcspn(text, "\n")] = '\0';
    if (strncmp(text, "  in ", 5) == 0) {
        take_place(complaint, text);
    } else if (!*complaint->text) {
        const char *start = strncmp(text, "Load: ", 6) == 0 ? text + 6 : text;
        snprintf(complaint->text, sizeof complaint->text, "%s", start);
    }
}

static const cyaml_config_t plain_config = {
    .mem_fn = cyaml_mem,
    .log_level = CYAML_LOG_ERROR,
    .flags = CYAML_CFG_NO_ALIAS,
};

static const cyaml_schema_field_t *find_field(const cyaml_schema_field_t *fields, const char *key, size_t size)
{
    for (; fields->key; fields++) {
        if (strlen(fields->key) == size && memcmp(fields->key, key, size) == 0) {
            return fields;
        }
    }
    return NULL;
}

/* The schema of what a key path leads to; NULL when it leads nowhere. */
static const cyaml_schema_value_t *find_schema(const cyaml_schema_value_t *schema, const char *path)
{
    while (schema && *path) {
        if (*path == '[') {
            schema = schema->type == CYAML_SEQUENCE ? schema->sequence.entry : NULL;
            path += strcspn(path, "]") + 1;
            continue;
        }
        path += *path == '.';
        size_t size = strcspn(path, ".[");
        const cyaml_schema_field_t *field =
            schema->type == CYAML_MAPPING ? find_field(schema->mapping.fields, path, size) : NULL;
        schema = field ? &field->value : NULL;
        path += size;
    }
    return schema;
}

/* "known here: a, b, c" of the keys of a mapping or the words of a choice. */
static void list_words(const cyaml_schema_value_t *schema, char *ret_text, size_t size)
{
    size_t used = 0, count = 0;
    bool mapping = schema && schema->type == CYAML_MAPPING, choice = schema && schema->type == CYAML_ENUM;
    for (;; count++) {
        const char *word = NULL;
        if (mapping) {
            word = schema->mapping.fields[count].key;
        } else if (choice && count < schema->enumeration.count) {
            word = schema->enumeration.strings[count].str;
        }
        if (!word || used >= size) {
            return;
        }
        int put = snprintf(ret_text + used, size - used, "%s%s", count ? ", " : "known here: ", word);
        used += put > 0 ? (size_t)put : 0;
    }
}

static void complain_unknown_key(const struct yaml_file *file, struct complaint *complaint, const char *key)
{
    char hint[512] = "";
    list_words(find_schema(file->schema, complaint->path), hint, sizeof hint);
    struct key_path path = key_path_of("%s%s%s", complaint->path, *complaint->path ? "." : "", key);
    yaml_file_complain(file, SEVERITY_ERROR, path, hint, "there is no such key");
}

static void complain_choice(const struct yaml_file *file, const struct complaint *complaint, const char *value)
{
    char hint[512] = "";
    list_words(find_schema(file->schema, complaint->path), hint, sizeof hint);
    yaml_file_complain(file, SEVERITY_ERROR, key_path_of("%s", complaint->path), hint,
                       "`%s` is not a value that this key can have", value);
}

static void complain_twice(const struct yaml_file *file, const struct complaint *complaint)
{
    struct finding_place place = {
        .file = file->name,
        .line = yaml_outline_line_of_second(&file->outline, complaint->path),
        .key_path = complaint->path,
    };
    report_add(file->report, SEVERITY_ERROR, place, "keep one of the two", "this key stands here twice");
}

static const char *shape_word(const cyaml_schema_value_t *schema)
{
    switch (schema ? schema->type : CYAML__TYPE_COUNT) {
    case CYAML_MAPPING:
        return "a mapping (keys with values) is wanted here";
    case CYAML_SEQUENCE:
        return "a list is wanted here";
    case CYAML_STRING:
    case CYAML_ENUM:
        return "a plain value is wanted here";
    default:
        return "something else is wanted here";
    }
}

static void complain_about(const struct yaml_file *file, struct complaint *complaint)
{
    struct key_path path = key_path_of("%s", complaint->path);
    const char *detail = strstr(complaint->text, ": ");
    detail = detail ? detail + 2 : "";
    unsigned limit = 0;
    if (strncmp(complaint->text, "Unexpected key", 14) == 0) {
        complain_unknown_key(file, complaint, detail);
    } else if (strncmp(complaint->text, "Mapping field already seen", 26) == 0) {
        complain_twice(file, complaint);
    } else if (strncmp(complaint->text, "Invalid ENUM value", 18) == 0) {
        complain_choice(file, complaint, detail);
    } else if (strncmp(complaint->text, "Expecting ", 10) == 0) {
        yaml_file_complain(file, SEVERITY_ERROR, path, NULL, "%s", shape_word(find_schema(file->schema, path.text)));
    } else if (strncmp(complaint->text, "STRING length <", 15) == 0) {
        yaml_file_complain(file, SEVERITY_ERROR, path, "give it a value or leave the key out", "the value is empty");
    } else if (sscanf(complaint->text, "STRING length > %u", &limit) == 1) {
        yaml_file_complain(file, SEVERITY_ERROR, path, NULL, "the value is longer than %u bytes", limit);
    } else if (sscanf(complaint->text, "Excessive entries (%u", &limit) == 1) {
        yaml_file_complain(file, SEVERITY_ERROR, path, NULL, "the list has more than %u entries", limit);
    } else {
        yaml_file_complain(file, SEVERITY_ERROR, path, NULL, "%s", complaint->text);
    }
}

static signet_error load_outline(struct slice text, struct yaml_file *file)
{
    struct yaml_problem problem = { 0 };
    signet_error error = yaml_outline_read(text, &file->outline, &problem);
    if (error == SIGNET_ERROR_OUT_OF_MEMORY) {
        return error;
    }
    if (error) {
        struct finding_place place = { .file = file->name, .line = problem.line };
        report_add(file->report, SEVERITY_ERROR, place, problem.hint, "%s", problem.text);
        return SIGNET_ERROR_MALFORMED;
    }
    return SIGNET_OK;
}

static signet_error load_data(struct slice text, struct yaml_file *file)
{
    struct complaint complaint = { 0 };
    cyaml_config_t config = plain_config;
    config.log_fn = take_log;
    config.log_ctx = &complaint;
    cyaml_err_t failed = cyaml_load_data(text.data, text.size, &config, file->schema, &file->data, NULL);
    if (failed == CYAML_ERR_OOM) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    if (!failed && file->data) {
        return SIGNET_OK;
    }
    if (!*complaint.text) {
        snprintf(complaint.text, sizeof complaint.text, "%s", failed ? cyaml_strerror(failed) : "the file is empty");
    }
    complain_about(file, &complaint);
    return SIGNET_ERROR_MALFORMED;
}

signet_error yaml_file_load(struct slice text, const char *name, const cyaml_schema_value_t *schema,
                            struct report *report, struct yaml_file *ret_file)
{
    struct yaml_file file = { .name = name, .schema = schema, .report = report };
    signet_error error = load_outline(text, &file);
    if (!error) {
        error = load_data(text, &file);
    }
    if (error) {
        yaml_file_free(&file);
        return error;
    }
    *ret_file = file;
    return SIGNET_OK;
}

void yaml_file_free(struct yaml_file *file)
{
    if (file->data) {
        cyaml_free(&plain_config, file->schema, file->data, 0);
    }
    yaml_outline_free(&file->outline);
    *file = (struct yaml_file){ 0 };
}
