/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that an operator writes in YAML, loaded through a schema.  Every
 * scalar comes out as text, because the schema library's own numbers and
 * booleans are lenient ("10x" is 10, "flase" is true): keys/scalar.h turns
 * them into values, and yaml_file_complain reports what is wrong with one
 * under its key path and line.
 */
#ifndef SIGNET_KEYS_YAML_FILE_H
#define SIGNET_KEYS_YAML_FILE_H

#include <cyaml/cyaml.h>

#include "base/error.h"
#include "base/slice.h"
#include "keys/report.h"
#include "keys/yaml_outline.h"

struct yaml_file {
    const char *name; /* borrowed */
    const cyaml_schema_value_t *schema;
    void *data; /* what the schema says, owned by this */
    struct yaml_outline outline;
    struct report *report;
};

/* `schema` is of a pointer to a mapping with optional fields.  MALFORMED with one error in `report`, or OUT_OF_MEMORY.  The caller frees. */
signet_error yaml_file_load(struct slice text, const char *name, const cyaml_schema_value_t *schema,
                            struct report *report, struct yaml_file *ret_file);
void yaml_file_free(struct yaml_file *file);

/* A key path, made as by printf: "writers[2].topics[0]". */
struct key_path {
    char text[192];
};
struct key_path key_path_of(const char *format, ...) __attribute__((format(printf, 1, 2)));

void yaml_file_complain(const struct yaml_file *file, enum severity severity, struct key_path path, const char *hint,
                        const char *format, ...) __attribute__((format(printf, 5, 6)));

/* A boolean that may be left out; strictly true or false. */
enum yaml_bool { YAML_UNSET, YAML_FALSE, YAML_TRUE };
extern const cyaml_strval_t yaml_bool_words[2];

/* Fields of schemas.  The longest value of a plain key has a limit here, so that no key can be used to fill memory. */
enum { YAML_VALUE_BYTES_MAX = 4096 };
#define YAML_FIELD_TEXT(key, structure, member) \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, member, 1, YAML_VALUE_BYTES_MAX)
#define YAML_FIELD_WORD(key, structure, member, words) \
    CYAML_FIELD_ENUM(key, CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, structure, member, words, CYAML_ARRAY_LEN(words))
#define YAML_FIELD_BOOL(key, structure, member) YAML_FIELD_WORD(key, structure, member, yaml_bool_words)
/* A mapping that is left zero, or NULL, when it is not there. */
#define YAML_FIELD_PART(key, structure, member, fields) \
    CYAML_FIELD_MAPPING(key, CYAML_FLAG_OPTIONAL, structure, member, fields)
#define YAML_FIELD_PART_PTR(key, structure, member, fields) \
    CYAML_FIELD_MAPPING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, member, fields)
/* The count goes to `member`_count. */
#define YAML_FIELD_LIST(key, structure, member, entry, max) \
    CYAML_FIELD_SEQUENCE(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, member, entry, 0, max)

#endif
