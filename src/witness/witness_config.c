/* SPDX-License-Identifier: Apache-2.0 */
#include "witness/witness_config.h"

#include <stdlib.h>

#include "crypto/secret_memory.h"
#include "gateway/config_value.h"
#include "gateway/key_source.h"
#include "keys/trust_file.h"

struct key_file_text {
    char *file, *passphrase_file;
};

struct limits_text {
    char *logs, *logs_per_writer, *connections;
};

struct witness_text {
    char *address, *directory;
    struct key_file_text key;
    char **trust_files;
    size_t trust_files_count;
    struct limits_text limits;
    struct log_text log;
};

static const cyaml_schema_field_t key_fields[] = {
    YAML_FIELD_TEXT("file", struct key_file_text, file),
    YAML_FIELD_TEXT("passphrase-file", struct key_file_text, passphrase_file),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t limits_fields[] = {
    YAML_FIELD_TEXT("logs", struct limits_text, logs),
    YAML_FIELD_TEXT("logs-per-writer", struct limits_text, logs_per_writer),
    YAML_FIELD_TEXT("connections", struct limits_text, connections),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t text_entry = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, YAML_VALUE_BYTES_MAX),
};

static const cyaml_schema_field_t witness_fields[] = {
    YAML_FIELD_TEXT("address", struct witness_text, address),
    YAML_FIELD_TEXT("directory", struct witness_text, directory),
    YAML_FIELD_PART("witness-key", struct witness_text, key, key_fields),
    YAML_FIELD_LIST("trust-files", struct witness_text, trust_files, &text_entry, WITNESS_CLUSTERS_MAX),
    YAML_FIELD_PART("limits", struct witness_text, limits, limits_fields),
    YAML_FIELD_PART("log", struct witness_text, log, config_log_fields),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t witness_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct witness_text, witness_fields),
};

static struct finding_place place_of(const struct yaml_file *file, const char *key_path)
{
    return (struct finding_place){
        .file = file->name,
        .line = yaml_outline_line(&file->outline, key_path),
        .key_path = key_path,
    };
}

static void take_limit(const struct yaml_file *file, const char *key, const char *text, int64_t max, int64_t otherwise,
                       uint32_t *ret_limit)
{
    int64_t limit = otherwise;
    yaml_take_integer(file, key_path_of("limits.%s", key), text, 1, max, &limit);
    *ret_limit = (uint32_t)limit;
}

static void take_key(const struct yaml_file *file, const struct witness_text *text, struct witness_config *config)
{
    config->key_file.file = config_take_path(file, text->key.file);
    config->key_file.passphrase_file = config_take_path(file, text->key.passphrase_file);
    if (!yaml_require(file, key_path_of("witness-key"), "file", text->key.file) || file->report->error) {
        return;
    }
    struct secret_key *key = key_source_read_secret(&config->key_file, KEY_WITNESS, place_of(file, "witness-key.file"),
                                                    place_of(file, "witness-key.passphrase-file"), file->report);
    if (!key) {
        return;
    }
    config->secret = secret_memory_new(sizeof *config->secret);
    if (config->secret) {
        signing_key_from_seed(config->secret, key->bytes);
    } else {
        file->report->error = SIGNET_ERROR_OUT_OF_MEMORY;
    }
    signet_error error = witness_key_of(slice_of_text(key->public_half.name), key->public_half.bytes, &config->key);
    file->report->error = error ? error : file->report->error;
    secret_key_free(key);
}

/* Which of two rows of one writer would count nobody could tell. */
static void check_clusters(const struct yaml_file *file, const struct witness_config *config)
{
    for (size_t i = 1; config->trusts && i < config->trust_count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcmp(config->trusts[i].cluster_id, config->trusts[k].cluster_id) == 0) {
                yaml_file_complain(file, SEVERITY_ERROR, key_path_of("trust-files[%zu]", i),
                                   "give one trust file for each cluster",
                                   "it is about the same cluster as trust-files[%zu]", k);
            }
        }
    }
}

static void take_trusts(const struct yaml_file *file, const struct witness_text *text, struct witness_config *config)
{
    if (text->trust_files_count == 0) {
        yaml_require(file, key_path_of("%s", ""), "trust-files", NULL);
        return;
    }
    config->trusts = yaml_array(file, text->trust_files_count, sizeof *config->trusts);
    for (size_t i = 0; config->trusts && i < text->trust_files_count; i++) {
        char *path = config_take_path(file, text->trust_files[i]);
        if (path && !trust_file_read(path, &config->trusts[config->trust_count], file->report)) {
            config->trust_count++;
        }
        free(path);
    }
    check_clusters(file, config);
}

static void take_all(const struct yaml_file *file, struct witness_config *config)
{
    const struct witness_text *text = file->data;
    config_take_http_address(file, "address", text->address, &config->address);
    yaml_require(file, key_path_of("%s", ""), "directory", text->directory);
    config->directory = config_take_path(file, text->directory);
    take_limit(file, "logs", text->limits.logs, WITNESS_LOGS_MAX, WITNESS_LOGS_DEFAULT, &config->logs_max);
    take_limit(file, "logs-per-writer", text->limits.logs_per_writer, WITNESS_LOGS_MAX, WITNESS_LOGS_PER_WRITER_DEFAULT,
               &config->logs_per_writer_max);
    take_limit(file, "connections", text->limits.connections, WITNESS_CONNECTIONS_MAX, WITNESS_CONNECTIONS_DEFAULT,
               &config->connections_max);
    config_take_log(&text->log, &config->log_level, &config->log_format);
    take_trusts(file, text, config);
    take_key(file, text, config);
}

static signet_error parse(struct slice text, const char *path, struct witness_config **ret_config,
                          struct report *report)
{
    struct yaml_file file;
    size_t errors_before = report->error_count;
    signet_error error = yaml_file_load(text, path, &witness_schema, report, &file);
    if (error) {
        return error;
    }
    struct witness_config *config = yaml_array(&file, 1, sizeof *config);
    if (config) {
        take_all(&file, config);
    }
    yaml_file_free(&file);
    error = report_since(report, errors_before);
    if (error) {
        witness_config_free(config);
        return error;
    }
    *ret_config = config;
    return SIGNET_OK;
}

signet_error witness_config_load(const char *path, struct witness_config **ret_config, struct report *report)
{
    struct file_text text;
    signet_error error = config_text_read(path, &text, report);
    if (!error) {
        error = parse(file_text_slice(&text), path, ret_config, report);
        file_text_free(&text);
    }
    return error;
}

void witness_config_free(struct witness_config *config)
{
    if (config) {
        for (size_t i = 0; i < config->trust_count; i++) {
            trust_free(&config->trusts[i]);
        }
        free(config->trusts);
        free(config->key_file.file);
        free(config->key_file.passphrase_file);
        free(config->directory);
        secret_memory_free(config->secret);
        free(config);
    }
}
