/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/config_value.h"

#include <errno.h>
#include <stdio.h>

#define complain(file, path, hint, ...) yaml_file_complain(file, SEVERITY_ERROR, path, hint, __VA_ARGS__)

char *config_take_path(const struct yaml_file *file, const char *text)
{
    const char *slash = strrchr(file->name, '/');
    if (!text || text[0] == '/' || !slash) {
        return yaml_copy(file, text);
    }
    char *path = NULL;
    if (asprintf(&path, "%.*s%s", (int)(slash + 1 - file->name), file->name, text) < 0) {
        file->report->error = SIGNET_ERROR_OUT_OF_MEMORY;
        return NULL;
    }
    return path;
}

void config_take_address(const struct yaml_file *file, struct key_path prefix, const char *key, const char *text,
                         struct address *ret_address)
{
    if (yaml_require(file, prefix, key, text) && address_parse(slice_of_text(text), ret_address)) {
        complain(file, key_path_join(prefix, key), "write host:port, [IPv6]:port or unix:/path",
                 "`%s` is not an address", text);
    }
}

void config_take_http_address(const struct yaml_file *file, const char *key, const char *text,
                              struct address *ret_address)
{
    config_take_address(file, key_path_of("%s", ""), key, text, ret_address);
    if (ret_address->kind == ADDRESS_UNIX) {
        complain(file, key_path_of("%s", key), "write host:port", "HTTP is not served on Unix sockets");
    }
}

signet_error config_text_read(const char *path, struct file_text *ret_text, struct report *report)
{
    const struct finding_place place = { .file = path };
    signet_error error = file_text_read(path, CONFIG_FILE_BYTES_MAX, ret_text);
    if (error && error != SIGNET_ERROR_OUT_OF_MEMORY) {
        const char *why = error == SIGNET_ERROR_SYSTEM ? strerror(errno) : signet_error_text(error);
        report_add(report, SEVERITY_ERROR, place, NULL, "the configuration cannot be read: %s", why);
        return SIGNET_ERROR_MALFORMED;
    }
    return error;
}

static const cyaml_strval_t level_words[] = {
    { "error", LOG_ERROR + 1 },
    { "warning", LOG_WARNING + 1 },
    { "info", LOG_INFO + 1 },
    { "debug", LOG_DEBUG + 1 },
};
static const cyaml_strval_t format_words[] = {
    { "text", LOG_TEXT + 1 },
    { "json", LOG_JSON + 1 },
};

const cyaml_schema_field_t config_log_fields[] = {
    YAML_FIELD_WORD("level", struct log_text, level, level_words),
    YAML_FIELD_WORD("format", struct log_text, format, format_words),
    CYAML_FIELD_END,
};

void config_take_log(const struct log_text *text, enum log_level *ret_level, enum log_format *ret_format)
{
    *ret_level = text->level ? (enum log_level)(text->level - 1) : LOG_INFO;
    *ret_format = text->format ? (enum log_format)(text->format - 1) : LOG_TEXT;
}
