/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/material.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/secret_memory.h"
#include "gateway/key_source.h"
#include "gateway/socket_folders.h"
#include "gateway/tls_files.h"
#include "keys/secret_file.h"
#include "keys/trust_file.h"
#include "keys/yaml_value.h"

/* One loading: what is read, where it goes, and whom to tell. */
struct loading {
    const struct config *config;
    struct material *material;
    struct report *report;
    int64_t now_ms;
};

#define complain(l, path, hint, ...) \
    report_add((l)->report, SEVERITY_ERROR, config_place((l)->config, (path).text), hint, __VA_ARGS__)
#define warn(l, path, hint, ...) \
    report_add((l)->report, SEVERITY_WARNING, config_place((l)->config, (path).text), hint, __VA_ARGS__)

static void *new_array(struct loading *l, size_t count, size_t size)
{
    void *array = count ? calloc(count, size) : NULL;
    if (count && !array) {
        l->report->error = SIGNET_ERROR_OUT_OF_MEMORY;
    }
    return array;
}

static void complain_file(struct loading *l, struct key_path path, const char *file, signet_error error,
                          const struct key_problem *problem, int system_error)
{
    key_source_complain(l->report, config_place(l->config, path.text), file, error, problem, system_error);
}

/* NULL after a complaint. */
static struct secret_key *read_secret(struct loading *l, struct key_path file_path, struct key_path passphrase_path,
                                      const struct config_secret_file *source, enum key_role role)
{
    return key_source_read_secret(source, role, config_place(l->config, file_path.text),
                                  config_place(l->config, passphrase_path.text), l->report);
}

static void load_identity(struct loading *l)
{
    struct material *material = l->material;
    if (!l->config->identity.file) {
        return;
    }
    struct secret_key *key = read_secret(l, key_path_of("identity.writer-key"), key_path_of("identity.passphrase-file"),
                                         &l->config->identity, KEY_WRITER);
    if (!key) {
        return;
    }
    material->writer = key->public_half;
    material->signing_key = secret_memory_new(sizeof *material->signing_key);
    if (material->signing_key) {
        signing_key_from_seed(material->signing_key, key->bytes);
    } else {
        l->report->error = SIGNET_ERROR_OUT_OF_MEMORY;
    }
    secret_key_free(key);
}

static void load_recipient(struct loading *l, size_t index)
{
    struct key_path path = key_path_of("recipients[%zu]", index);
    const char *file = l->config->recipients[index];
    struct key_problem problem = { 0 };
    struct public_key key;
    signet_error error = key_file_read_public(file, &key, &problem);
    if (error) {
        complain_file(l, path, file, error, &problem, errno);
        return;
    }
    if (key.role != KEY_RECIPIENT) {
        complain(l, path, NULL, "%s: this is the key of a writer; that of a recipient is needed", file);
        return;
    }
    for (size_t i = 0; i < l->material->recipient_count; i++) {
        if (memcmp(l->material->recipients[i].bytes, key.bytes, KEY_BYTES) == 0) {
            complain(l, path, "remove one of the two", "%s: this recipient stands in the list already", file);
            return;
        }
    }
    l->material->recipients[l->material->recipient_count++] = key;
}

static void load_recipients(struct loading *l)
{
    l->material->recipients = new_array(l, l->config->recipient_count, sizeof *l->material->recipients);
    for (size_t i = 0; l->material->recipients && i < l->config->recipient_count; i++) {
        load_recipient(l, i);
    }
}

static void load_recipient_keys(struct loading *l)
{
    struct material *material = l->material;
    material->recipient_keys = new_array(l, l->config->recipient_key_count, sizeof(void *));
    for (size_t i = 0; material->recipient_keys && i < l->config->recipient_key_count; i++) {
        struct secret_key *key = read_secret(l, key_path_of("recipient-keys[%zu].file", i),
                                             key_path_of("recipient-keys[%zu].passphrase-file", i),
                                             &l->config->recipient_keys[i], KEY_RECIPIENT);
        if (key) {
            material->recipient_keys[material->recipient_key_count++] = key;
        }
    }
}

static void load_trust(struct loading *l)
{
    const char *file = l->config->trust_file;
    struct file_text text;
    signet_error error = file ? file_text_read(file, TRUST_FILE_BYTES_MAX, &text) : SIGNET_OK;
    if (error) {
        struct key_problem problem = { .text = signet_error_text(error) };
        complain_file(l, key_path_of("trust-file"), file, error, &problem, errno);
    }
    if (!file || error) {
        return;
    }
    error = trust_file_parse(file_text_slice(&text), file, &l->material->trust, l->report);
    if (error == SIGNET_ERROR_OUT_OF_MEMORY) {
        l->report->error = error;
    }
    file_text_free(&text);
}

static bool seals(const struct config *config)
{
    for (size_t i = 0; i < config->topic_count; i++) {
        if (config->topics[i].seal) {
            return true;
        }
    }
    return false;
}

/* Is every topic of `pattern` one of `wider`?  Held against it as a name: `*` then stands for itself, which a `?` must not match. */
static bool pattern_covers(const char *wider, const char *pattern)
{
    bool by_question_mark = strchr(wider, '?') && strchr(pattern, '*');
    return !by_question_mark && pattern_matches(wider, slice_of_text(pattern));
}

static bool writer_covers(const struct trusted_writer *writer, const char *pattern)
{
    for (size_t i = 0; i < writer->topic_count; i++) {
        if (pattern_covers(writer->topics[i], pattern)) {
            return true;
        }
    }
    return false;
}

/* What this gateway seals, its own readers should believe. */
static void check_own_writer(struct loading *l)
{
    struct key_path path = key_path_of("identity.writer-key");
    const struct trusted_writer *writer = trust_find_writer(&l->material->trust, l->material->writer.bytes);
    if (!writer) {
        warn(l, path, "add its public key to the trust file before it seals anything",
             "the trust file does not have this gateway's own writer `%s`", l->material->writer.name);
        return;
    }
    if (writer->revoked) {
        warn(l, path, "make a new key", "the trust file says that this gateway's own key is revoked");
    }
    if (!trusted_writer_valid_at(writer, l->now_ms)) {
        warn(l, path, "extend not-before or not-after in the trust file, or make a new key",
             "by the trust file this gateway's own key is not valid today");
    }
    for (size_t i = 0; i < l->config->topic_count; i++) {
        const struct config_topic *topic = &l->config->topics[i];
        if (topic->seal && !writer_covers(writer, topic->match)) {
            warn(l, path, "add the pattern to the writer's topics in the trust file",
                 "topics matching `%s` are sealed, but the trust file does not let `%s` write all of them",
                 topic->match, writer->name);
        }
    }
}

/* Else a consumer of this gateway cannot read what its producers wrote. */
static void check_own_recipients(struct loading *l)
{
    const struct material *material = l->material;
    for (size_t i = 0; i < material->recipient_key_count; i++) {
        bool found = false;
        for (size_t r = 0; r < material->recipient_count; r++) {
            found = found || memcmp(material->recipients[r].bytes, material->recipient_keys[i]->public_half.bytes,
                                    KEY_BYTES) == 0;
        }
        if (!found) {
            warn(l, key_path_of("recipient-keys[%zu]", i),
                 "add its *.pub file to recipients, unless the key is retired",
                 "the recipient `%s` cannot open what is sealed here, as it is not among the recipients",
                 material->recipient_keys[i]->public_half.name);
        }
    }
}

/* A gateway that cannot write its ledger does not start. */
static void check_ledger_directory(struct loading *l)
{
    const char *directory = l->config->ledger.directory;
    struct stat status;
    struct key_path path = key_path_of("ledger.directory");
    if (!directory) {
        return;
    }
    if (stat(directory, &status) != 0) {
        complain(l, path, "make it, for the gateway's user alone", "%s: %s", directory, strerror(errno));
    } else if (!S_ISDIR(status.st_mode) || access(directory, R_OK | W_OK | X_OK) != 0) {
        complain(l, path, NULL, "%s: this is not a directory that the gateway may write to", directory);
    } else if ((status.st_mode & S_IWOTH) != 0) {
        warn(l, path, "chmod o-w the directory", "%s: everybody may remove the ledger's files", directory);
    }
}

static void check_ledger_password(struct loading *l)
{
    struct file_text password;
    if (key_source_read_passphrase(l->config->ledger.topic.sasl.password_file,
                                   config_place(l->config, "ledger.topic.sasl.password-file"), l->report, &password)) {
        file_text_free(&password);
    }
}

static void load_all(struct loading *l)
{
    size_t errors_before = l->report->error_count;
    load_identity(l);
    load_recipients(l);
    load_recipient_keys(l);
    load_trust(l);
    tls_files_check(l->config, l->now_ms, l->report);
    socket_folders_check(l->config, l->report);
    check_ledger_directory(l);
    check_ledger_password(l);
    if (!report_since(l->report, errors_before) && seals(l->config)) {
        check_own_writer(l);
        check_own_recipients(l);
    }
}

signet_error material_load(const struct config *config, int64_t now_ms, struct material **ret_material,
                           struct report *report)
{
    size_t errors_before = report->error_count;
    struct loading loading = { .config = config, .report = report, .now_ms = now_ms };
    loading.material = calloc(1, sizeof *loading.material);
    if (!loading.material) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    load_all(&loading);
    signet_error error = report_since(report, errors_before);
    if (error) {
        material_free(loading.material);
        return error;
    }
    *ret_material = loading.material;
    return SIGNET_OK;
}

void material_free(struct material *material)
{
    if (!material) {
        return;
    }
    for (size_t i = 0; i < material->recipient_key_count; i++) {
        secret_key_free(material->recipient_keys[i]);
    }
    secret_memory_free(material->signing_key);
    free(material->recipient_keys);
    free(material->recipients);
    trust_free(&material->trust);
    free(material);
}
