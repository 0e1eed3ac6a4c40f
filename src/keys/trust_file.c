/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/trust_file.h"

#include <errno.h>
#include <stdlib.h>

#include "keys/key_file.h"
#include "keys/scalar.h"
#include "keys/secret_file.h"
#include "keys/trust_duplicates.h"
#include "keys/yaml_value.h"

_Static_assert((int)WRITER_KEY_BYTES == (int)KEY_BYTES, "a writer's key is an Ed25519 public key");
_Static_assert((int)WRITER_NAME_BYTES_MAX == (int)KEY_NAME_BYTES_MAX, "writers are named as their keys are");

/* One row of last-good, cut-overs or exceptions; each uses some of it. */
struct place_text {
    char *topic, *topic_id, *partition, *offset, *first_offset, *last_offset, *reason;
};

struct revocation_text {
    char *reason;
    struct place_text *last_good;
    size_t last_good_count;
};

struct writer_text {
    char *name, *public_key, *not_before, *not_after;
    char **topics;
    size_t topics_count;
    struct revocation_text *revoked;
};

struct trust_text {
    char *version, *cluster_id;
    struct writer_text *writers;
    size_t writers_count;
    struct place_text *cut_overs;
    size_t cut_overs_count;
    struct place_text *exceptions;
    size_t exceptions_count;
};

static const cyaml_schema_field_t last_good_fields[] = {
    YAML_FIELD_TEXT("topic", struct place_text, topic),
    YAML_FIELD_TEXT("topic-id", struct place_text, topic_id),
    YAML_FIELD_TEXT("partition", struct place_text, partition),
    YAML_FIELD_TEXT("offset", struct place_text, offset),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t cut_over_fields[] = {
    YAML_FIELD_TEXT("topic", struct place_text, topic),
    YAML_FIELD_TEXT("topic-id", struct place_text, topic_id),
    YAML_FIELD_TEXT("partition", struct place_text, partition),
    YAML_FIELD_TEXT("offset", struct place_text, offset),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t exception_fields[] = {
    YAML_FIELD_TEXT("topic", struct place_text, topic),
    YAML_FIELD_TEXT("topic-id", struct place_text, topic_id),
    YAML_FIELD_TEXT("partition", struct place_text, partition),
    YAML_FIELD_TEXT("first-offset", struct place_text, first_offset),
    YAML_FIELD_TEXT("last-offset", struct place_text, last_offset),
    YAML_FIELD_TEXT("reason", struct place_text, reason),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t topic_entry = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, YAML_VALUE_BYTES_MAX),
};
static const cyaml_schema_value_t last_good_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct place_text, last_good_fields),
};
static const cyaml_schema_value_t cut_over_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct place_text, cut_over_fields),
};
static const cyaml_schema_value_t exception_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct place_text, exception_fields),
};

static const cyaml_schema_field_t revocation_fields[] = {
    YAML_FIELD_TEXT("reason", struct revocation_text, reason),
    YAML_FIELD_LIST("last-good", struct revocation_text, last_good, &last_good_entry, TRUST_PLACES_MAX),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t writer_fields[] = {
    YAML_FIELD_TEXT("name", struct writer_text, name),
    YAML_FIELD_TEXT("public-key", struct writer_text, public_key),
    YAML_FIELD_LIST("topics", struct writer_text, topics, &topic_entry, WRITER_TOPICS_MAX),
    YAML_FIELD_TEXT("not-before", struct writer_text, not_before),
    YAML_FIELD_TEXT("not-after", struct writer_text, not_after),
    YAML_FIELD_PART_PTR("revoked", struct writer_text, revoked, revocation_fields),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t writer_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct writer_text, writer_fields),
};

static const cyaml_schema_field_t trust_fields[] = {
    YAML_FIELD_TEXT("version", struct trust_text, version),
    YAML_FIELD_TEXT("cluster-id", struct trust_text, cluster_id),
    YAML_FIELD_LIST("writers", struct trust_text, writers, &writer_entry, TRUSTED_WRITERS_MAX),
    YAML_FIELD_LIST("cut-overs", struct trust_text, cut_overs, &cut_over_entry, TRUST_PLACES_MAX),
    YAML_FIELD_LIST("exceptions", struct trust_text, exceptions, &exception_entry, TRUST_PLACES_MAX),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t trust_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct trust_text, trust_fields),
};

#define complain(file, path, hint, ...) yaml_file_complain(file, SEVERITY_ERROR, path, hint, __VA_ARGS__)

static void take_integer(const struct yaml_file *file, struct key_path prefix, const char *key, const char *text,
                         int64_t max, int64_t *ret_value)
{
    yaml_require(file, prefix, key, text);
    yaml_take_integer(file, key_path_join(prefix, key), text, 0, max, ret_value);
}

static void take_place(const struct yaml_file *file, struct key_path prefix, const struct place_text *text,
                       struct place *ret_place, char **ret_topic)
{
    if (yaml_check_topic(file, prefix, text->topic)) {
        *ret_topic = yaml_copy(file, text->topic);
    }
    yaml_take_topic_id(file, prefix, text->topic_id, &ret_place->topic);
    int64_t partition = 0;
    take_integer(file, prefix, "partition", text->partition, INT32_MAX, &partition);
    ret_place->partition = (int32_t)partition;
}

static void check_reason(const struct yaml_file *file, struct key_path prefix, const char *reason)
{
    if (yaml_require(file, prefix, "reason", reason) && strlen(reason) > REASON_BYTES_MAX) {
        complain(file, key_path_join(prefix, "reason"), NULL, "a reason has at most %d bytes", REASON_BYTES_MAX);
    }
}

static void take_key(const struct yaml_file *file, struct key_path prefix, const struct writer_text *text,
                     struct trusted_writer *writer)
{
    struct key_path path = key_path_join(prefix, "public-key");
    struct key_text key;
    struct key_problem problem;
    struct public_key public_key;
    if (!yaml_require(file, prefix, "public-key", text->public_key)) {
        return;
    }
    if (key_line_parse(slice_of_text(text->public_key), &key, &problem)) {
        complain(file, path, problem.hint, "%s", problem.text);
    } else if (key.form != KEY_PUBLIC) {
        complain(file, path, "treat it as stolen: make a new key", "this is a secret key");
    } else if (key.role != KEY_WRITER) {
        complain(file, path, "writers sign; recipients are named in the gateway's configuration",
                 "this is a recipient's key, not a writer's");
    } else if (public_key_from_text(&key, &public_key)) {
        complain(file, path, NULL, "this key is not one that can be used safely");
    } else {
        memcpy(writer->key, public_key.bytes, sizeof writer->key);
        if (text->name && strcmp(text->name, key.name) != 0) {
            yaml_file_complain(file, SEVERITY_WARNING, path, "is it the right key?",
                               "the key is named `%s`, its writer `%s`", key.name, text->name);
        }
    }
}

static void take_time(const struct yaml_file *file, struct key_path path, const char *text, int64_t *ret_ms)
{
    if (text && !scalar_time(text, ret_ms)) {
        complain(file, path, "write it in UTC, as 2026-01-31T00:00:00Z", "`%s` is not a time", text);
    }
}

static void take_validity(const struct yaml_file *file, struct key_path prefix, const struct writer_text *text,
                          struct trusted_writer *writer)
{
    writer->not_before_ms = INT64_MIN;
    writer->not_after_ms = INT64_MAX;
    take_time(file, key_path_join(prefix, "not-before"), text->not_before, &writer->not_before_ms);
    take_time(file, key_path_join(prefix, "not-after"), text->not_after, &writer->not_after_ms);
    if (writer->not_before_ms > writer->not_after_ms) {
        complain(file, key_path_join(prefix, "not-after"), NULL, "the writer's time ends before it begins");
    }
}

static void take_topics(const struct yaml_file *file, struct key_path prefix, const struct writer_text *text,
                        struct trusted_writer *writer)
{
    if (text->topics_count == 0) {
        complain(file, key_path_join(prefix, "topics"), "list the topics it may write; [\"*\"] is all of them",
                 "the writer has no topics");
        return;
    }
    writer->topics = yaml_array(file, text->topics_count, sizeof *writer->topics);
    for (size_t i = 0; writer->topics && i < text->topics_count; i++) {
        if (!topic_pattern_valid(text->topics[i])) {
            complain(file, key_path_of("%s.topics[%zu]", prefix.text, i),
                     "letters, digits, . _ - as in names of topics, and * and ?",
                     "`%s` is not a topic or a pattern of topics", text->topics[i]);
        }
        writer->topics[writer->topic_count++] = yaml_copy(file, text->topics[i]);
    }
}

static void take_revocation(const struct yaml_file *file, struct key_path prefix, const struct revocation_text *text,
                            struct trusted_writer *writer)
{
    writer->revoked = true;
    check_reason(file, prefix, text->reason);
    writer->last_good = yaml_array(file, text->last_good_count, sizeof *writer->last_good);
    for (size_t i = 0; writer->last_good && i < text->last_good_count; i++) {
        struct key_path path = key_path_of("%s.last-good[%zu]", prefix.text, i);
        struct last_good *good = &writer->last_good[writer->last_good_count++];
        take_place(file, path, &text->last_good[i], &good->place, &good->topic);
        take_integer(file, path, "offset", text->last_good[i].offset, INT64_MAX, &good->offset);
    }
    trust_check_last_good(file, prefix, writer);
}

static void take_writer(const struct yaml_file *file, size_t index, const struct writer_text *text,
                        struct trusted_writer *writer)
{
    struct key_path prefix = key_path_of("writers[%zu]", index);
    if (yaml_require(file, prefix, "name", text->name)) {
        if (key_name_valid(slice_of_text(text->name))) {
            memcpy(writer->name, text->name, strlen(text->name) + 1);
        } else {
            complain(file, key_path_join(prefix, "name"), "1 to 64 of A-Z a-z 0-9 . _ @ -", "`%s` is not a name",
                     text->name);
        }
    }
    take_key(file, prefix, text, writer);
    take_topics(file, prefix, text, writer);
    take_validity(file, prefix, text, writer);
    if (text->revoked) {
        take_revocation(file, key_path_join(prefix, "revoked"), text->revoked, writer);
    }
}

static void take_writers(const struct yaml_file *file, const struct trust_text *text, struct trust *trust)
{
    if (text->writers_count == 0) {
        yaml_file_complain(file, SEVERITY_WARNING, key_path_of("writers"), "add the public key of each gateway",
                           "no writer is trusted, so nothing will be authentic");
    }
    trust->writers = yaml_array(file, text->writers_count, sizeof *trust->writers);
    for (size_t i = 0; trust->writers && i < text->writers_count; i++) {
        take_writer(file, i, &text->writers[i], &trust->writers[trust->writer_count++]);
    }
    trust_check_writers(file, trust);
}

static void take_cut_overs(const struct yaml_file *file, const struct trust_text *text, struct trust *trust)
{
    trust->cut_overs = yaml_array(file, text->cut_overs_count, sizeof *trust->cut_overs);
    for (size_t i = 0; trust->cut_overs && i < text->cut_overs_count; i++) {
        struct key_path path = key_path_of("cut-overs[%zu]", i);
        struct cut_over *cut_over = &trust->cut_overs[trust->cut_over_count++];
        take_place(file, path, &text->cut_overs[i], &cut_over->place, &cut_over->topic);
        take_integer(file, path, "offset", text->cut_overs[i].offset, INT64_MAX, &cut_over->offset);
    }
    trust_check_cut_overs(file, trust);
}

static void take_exceptions(const struct yaml_file *file, const struct trust_text *text, struct trust *trust)
{
    trust->exceptions = yaml_array(file, text->exceptions_count, sizeof *trust->exceptions);
    for (size_t i = 0; trust->exceptions && i < text->exceptions_count; i++) {
        const struct place_text *row = &text->exceptions[i];
        struct key_path path = key_path_of("exceptions[%zu]", i);
        struct accepted_exception *exception = &trust->exceptions[trust->exception_count++];
        take_place(file, path, row, &exception->place, &exception->topic);
        take_integer(file, path, "first-offset", row->first_offset, INT64_MAX, &exception->first_offset);
        take_integer(file, path, "last-offset", row->last_offset, INT64_MAX, &exception->last_offset);
        if (exception->last_offset < exception->first_offset) {
            complain(file, key_path_join(path, "last-offset"), NULL, "the last offset is before the first");
        }
        check_reason(file, path, row->reason);
        exception->reason = yaml_copy(file, row->reason);
    }
}

static void take_head(const struct yaml_file *file, const struct trust_text *text, struct trust *trust)
{
    struct key_path top = { "" };
    if (yaml_require(file, top, "version", text->version) && strcmp(text->version, "1") != 0) {
        complain(file, key_path_join(top, "version"), "this program reads version 1", "version `%s` is not known",
                 text->version);
    }
    if (!yaml_require(file, top, "cluster-id", text->cluster_id)) {
        return;
    }
    if (strlen(text->cluster_id) > CLUSTER_ID_BYTES_MAX) {
        complain(file, key_path_join(top, "cluster-id"), NULL, "a cluster id has at most %d bytes",
                 CLUSTER_ID_BYTES_MAX);
        return;
    }
    memcpy(trust->cluster_id, text->cluster_id, strlen(text->cluster_id) + 1);
}

signet_error trust_file_parse(struct slice text, const char *name, struct trust *ret_trust, struct report *report)
{
    struct yaml_file file;
    signet_error error = yaml_file_load(text, name, &trust_schema, report, &file);
    if (error) {
        return error;
    }
    struct trust trust = { 0 };
    sha256(text, trust.digest);
    size_t errors_before = report->error_count;
    const struct trust_text *read = file.data;
    take_head(&file, read, &trust);
    take_writers(&file, read, &trust);
    take_cut_overs(&file, read, &trust);
    take_exceptions(&file, read, &trust);
    yaml_file_free(&file);
    error = report_since(report, errors_before);
    if (error) {
        trust_free(&trust);
        return error;
    }
    *ret_trust = trust;
    return SIGNET_OK;
}

signet_error trust_file_read(const char *path, struct trust *ret_trust, struct report *report)
{
    struct file_text text;
    struct finding_place place = { .file = path };
    signet_error error = file_text_read(path, TRUST_FILE_BYTES_MAX, &text);
    if (error == SIGNET_ERROR_OUT_OF_MEMORY) {
        return error;
    }
    if (error) {
        const char *why = error == SIGNET_ERROR_SYSTEM ? strerror(errno) : signet_error_text(error);
        report_add(report, SEVERITY_ERROR, place, NULL, "the trust file cannot be read: %s", why);
        return SIGNET_ERROR_MALFORMED;
    }
    error = trust_file_parse(file_text_slice(&text), path, ret_trust, report);
    file_text_free(&text);
    return error;
}
