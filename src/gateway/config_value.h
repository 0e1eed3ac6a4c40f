/* SPDX-License-Identifier: Apache-2.0 */
/* Values that configurations of several kinds have, with their findings: see keys/yaml_value.h. */
#ifndef SIGNET_GATEWAY_CONFIG_VALUE_H
#define SIGNET_GATEWAY_CONFIG_VALUE_H

#include "gateway/config.h"
#include "keys/secret_file.h"
#include "keys/yaml_value.h"
#include "net/address.h"

/* Relative to the folder of the configuration; the caller frees.  NULL for no text, and when memory is out. */
char *config_take_path(const struct yaml_file *file, const char *text);
/* Required. */
void config_take_address(const struct yaml_file *file, struct key_path prefix, const char *key, const char *text,
                         struct address *ret_address);
/* The same, and of TCP: HTTP is not served on Unix sockets. */
void config_take_http_address(const struct yaml_file *file, const char *key, const char *text,
                              struct address *ret_address);
/* A configuration's file whole.  MALFORMED with a finding; OUT_OF_MEMORY. */
signet_error config_text_read(const char *path, struct file_text *ret_text, struct report *report);

struct log_text {
    uint32_t level, format;
};
extern const cyaml_schema_field_t config_log_fields[];
/* LOG_INFO and LOG_TEXT where nothing is said. */
void config_take_log(const struct log_text *text, enum log_level *ret_level, enum log_format *ret_format);

#endif
