/* SPDX-License-Identifier: Apache-2.0 */
/* signet inspect: what stands in a segment and in the files beside it, with keys record by record, and why a batch has its verdict. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/escape.h"
#include "cli/batch_json.h"
#include "cli/command.h"
#include "cli/json_print.h"
#include "cli/log_index_json.h"
#include "cli/record_json.h"
#include "cli/why.h"
#include "kafka/segment.h"
#include "verify/disk.h"

enum { PATH_SHOWN_BYTES = 4096 };

struct inspection {
    bool json, records, range, asks_why;
    struct inspect_keys keys;
    int64_t first, last; /* offsets to be shown */
    struct why why;
    struct budget budget;
    struct compression compression;
    struct outer_codecs codecs;
    char path[PATH_SHOWN_BYTES]; /* of the file at hand, escaped */
    enum exit_code code;
};

static void note(struct inspection *self, enum exit_code code)
{
    self->code = code > self->code ? code : self->code;
}

static void complain_of(struct inspection *self, const char *path, const char *what)
{
    escape_text(slice_of_text(path), 0, self->path, sizeof self->path);
    complain(NULL, "%s: %s", self->path, what);
    note(self, EXIT_NO_ANSWER);
}

static void print_item(struct inspection *self, json_t *object)
{
    if (!self->json) {
        json_print(object);
        return;
    }
    json_object_set_new(object, "file", json_string(self->path));
    if (json_dumpf(object, stdout, JSON_COMPACT | JSON_ENSURE_ASCII) != 0 || putchar('\n') == EOF) {
        note(self, EXIT_NO_ANSWER);
    }
}

static void show_record(void *context, json_t *record)
{
    struct inspection *self = context;
    if (!self->json) {
        fputs("  ", stdout);
    }
    print_item(self, record);
}

static void show_records(struct inspection *self, const struct listing_item *item)
{
    const char *why = records_show(&self->codecs, &self->keys, item, show_record, self);
    json_t *object = why ? json_pack("{s:s, s:s}", "kind", "records not shown", "why", why) : NULL;
    if (why) {
        note(self, EXIT_NO_ANSWER);
    }
    if (object) {
        show_record(self, object);
        json_decref(object);
    }
}

static bool is_wanted(const struct inspection *self, const struct listing_item *item)
{
    if (item->kind != LISTING_BATCH) {
        return true;
    }
    return batch_last_offset(&item->batch.header) >= self->first && item->base_offset <= self->last;
}

static void show_item(void *context, const struct listing_item *item)
{
    struct inspection *self = context;
    if (item->kind == LISTING_LARGE) {
        note(self, EXIT_NO_ANSWER);
    }
    if (item->kind == LISTING_BROKEN) {
        note(self, EXIT_FINDING);
    }
    if (!is_wanted(self, item)) {
        return;
    }
    json_t *object = batch_json(&self->codecs, item);
    if (!object) {
        note(self, EXIT_NO_ANSWER);
        return;
    }
    if (item->kind == LISTING_BATCH && !json_is_true(json_object_get(object, "crc-right"))) {
        note(self, EXIT_FINDING);
    }
    print_item(self, object);
    json_decref(object);
    if (self->records && item->kind == LISTING_BATCH) {
        show_records(self, item);
    }
}

static void show_entry(void *context, json_t *item)
{
    struct inspection *self = context;
    if (item) {
        print_item(self, item);
    } else {
        note(self, EXIT_NO_ANSWER);
    }
}

static signet_error list_index(struct inspection *self, int file, uint64_t size, const struct log_index_name *name)
{
    struct log_index_listing listing = {
        .file = file,
        .size = size,
        .name = *name,
        .first = self->first,
        .last = self->last,
        .hook = show_entry,
        .context = self,
    };
    signet_error error = log_index_list(&listing);
    note(self, listing.unknown ? EXIT_NO_ANSWER : listing.wrong ? EXIT_FINDING : EXIT_GOOD);
    return error;
}

static struct slice last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slice_of_text(slash ? slash + 1 : path);
}

static void inspect_file(struct inspection *self, int folder, const char *name, const char *path)
{
    uint64_t size;
    int file = disk_open_file(folder, name, &size);
    if (file < 0) {
        complain_of(self, path, errno == EINVAL ? "is no file" : strerror(errno));
        return;
    }
    escape_text(slice_of_text(path), 0, self->path, sizeof self->path);
    if (!self->json) {
        printf("%s\n", self->path);
    }
    struct log_index_name index = log_index_name_parse(last_part(path));
    signet_error error = index.kind == LOG_INDEX_NONE ? listing_run(&self->budget, file, size, show_item, self)
                                                      : list_index(self, file, size, &index);
    if (error) {
        complain_of(self, path, signet_error_text(error));
    }
    close(file);
}

/* The segments of a partition, those on their way out or in too. */
static bool is_segment(const char *name)
{
    enum log_file_kind kind = log_file_name_parse(slice_of_text(name)).kind;
    return kind == LOG_FILE_SEGMENT || (kind == LOG_FILE_PASSING && strstr(name, ".log"));
}

static void inspect_folder(struct inspection *self, int folder, const char *path)
{
    struct names names = { 0 };
    size_t found = 0;
    signet_error error = disk_list(folder, &names);
    for (size_t i = 0; i < names.count; i++) {
        char inside[PATH_SHOWN_BYTES];
        if (is_segment(names.items[i])) {
            snprintf(inside, sizeof inside, "%s/%s", path, names.items[i]);
            inspect_file(self, folder, names.items[i], inside);
            found++;
        }
    }
    names_free(&names);
    if (error || found == 0) {
        complain_of(self, path, error ? signet_error_text(error) : "has no segments: give a partition's folder");
    }
}

static void inspect_path(struct inspection *self, const char *path)
{
    int folder = disk_open_folder(AT_FDCWD, path);
    if (folder >= 0) {
        inspect_folder(self, folder, path);
        close(folder);
    } else {
        inspect_file(self, AT_FDCWD, path, path);
    }
}

static bool read_offset(const char **text, int64_t *ret_offset)
{
    char *end;
    errno = 0;
    long long number = strtoll(*text, &end, 10);
    bool good = **text >= '0' && **text <= '9' && errno == 0;
    *text = end;
    *ret_offset = number;
    return good;
}

/* "5" or "5-9" */
static bool read_offsets(const char *text, struct inspection *self)
{
    bool good = read_offset(&text, &self->first);
    self->last = self->first;
    if (good && *text == '-') {
        text++;
        good = read_offset(&text, &self->last);
    }
    return good && *text == '\0' && self->first <= self->last;
}

static bool take_why(const char *text, struct why *why, bool *ret_asks)
{
    *ret_asks = read_offset(&text, &why->offset) && *text == '\0';
    return *ret_asks;
}

/* What judging takes to know, besides trust. */
static enum exit_code take_known(const struct command *self, int option, char **argv, struct inspection *ret)
{
    struct topic_policy append = {
        .pattern = optarg, .seal = true, .open = true, .timestamp_type = TIMESTAMP_LOG_APPEND_TIME
    };
    if (option == 'c') {
        ret->why.source.config = optarg;
    } else if (option == 'w') {
        return take_why(optarg, &ret->why, &ret->asks_why) ? EXIT_GOOD : usage_error(self, "--why takes an offset");
    } else if (option != 'l') {
        return option_error(self, option, argv);
    } else if (!knowledge_add_pattern(&ret->why.source, append)) {
        return usage_error(self, "too many patterns");
    }
    return EXIT_GOOD;
}

static enum exit_code take_option(const struct command *self, int option, char **argv, struct inspection *ret)
{
    struct inspect_keys *keys = &ret->keys;
    if (option == 'j') {
        ret->json = true;
    } else if (option == 'r') {
        ret->records = true;
    } else if (option == 't') {
        keys->trust_file = optarg;
    } else if (option == 'k') {
        if (keys->count == RECIPIENTS_MAX) {
            return usage_error(self, "too many keys");
        }
        keys->files[keys->count++] = optarg;
    } else if (option != 'o') {
        return take_known(self, option, argv, ret);
    } else if (!read_offsets(optarg, ret)) {
        return usage_error(self, "--offset takes an offset, or two with a dash between them");
    } else {
        ret->range = true;
    }
    return EXIT_GOOD;
}

/* --why is a question of its own. */
static enum exit_code check_why(const struct command *self, struct inspection *in, size_t paths)
{
    struct knowledge_source *source = &in->why.source;
    if (!in->asks_why) {
        bool known = source->config || source->pattern_count > 0;
        return known ? usage_error(self, "--config and --log-append-time go with --why") : EXIT_GOOD;
    }
    source->trust = in->keys.trust_file;
    in->why.json = in->json;
    if (in->records || in->range || in->keys.count > 0 || paths != 1) {
        return usage_error(self, "--why is about one offset of one partition, and goes with no other question");
    }
    if (source->config && source->pattern_count > 0) {
        return usage_error(self, "with --config, the configuration says what topics are");
    }
    return source->config || source->trust ? EXIT_GOOD : usage_error(self, "--why needs --trust or --config");
}

static enum exit_code read_arguments(const struct command *self, int argc, char **argv, struct inspection *ret)
{
    static const struct option options[] = {
        { "offset", required_argument, NULL, 'o' },
        { "records", no_argument, NULL, 'r' },
        { "keys", required_argument, NULL, 'k' },
        { "trust", required_argument, NULL, 't' },
        { "json", no_argument, NULL, 'j' },
        { "why", required_argument, NULL, 'w' },
        { "config", required_argument, NULL, 'c' },
        { "log-append-time", required_argument, NULL, 'l' },
        { 0 },
    };
    for (int option; (option = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        enum exit_code code = take_option(self, option, argv, ret);
        if (code) {
            return code;
        }
    }
    enum exit_code code = check_why(self, ret, (size_t)(argc - optind));
    if (code || ret->asks_why) {
        return code;
    }
    bool opens = ret->keys.count > 0;
    if (opens != (ret->keys.trust_file != NULL) || (opens && !ret->records)) {
        return usage_error(self, "--keys goes with --trust and --records: only what trusted writers sealed is opened");
    }
    return optind < argc ? EXIT_GOOD : usage_error(self, "inspect needs a segment, an index or a partition's folder");
}

static void inspect(struct inspection *in, char **paths, size_t count)
{
    in->code = inspect_keys_load(&in->keys);
    compression_init(&in->compression);
    in->codecs = (struct outer_codecs){ zstd_frame_new(), &in->compression, &in->budget };
    if (!in->codecs.zstd) {
        complain(NULL, "out of memory");
        note(in, EXIT_NO_ANSWER);
    }
    for (size_t i = 0; i < count && (in->code == EXIT_GOOD || i > 0); i++) {
        inspect_path(in, paths[i]);
    }
    zstd_frame_free(in->codecs.zstd);
    compression_free(&in->compression);
    budget_trim(&in->budget);
    inspect_keys_free(&in->keys);
}

enum exit_code command_inspect(const struct command *self, int argc, char **argv)
{
    struct inspection *in = calloc(1, sizeof *in);
    if (!in) {
        complain(NULL, "out of memory");
        return EXIT_NO_ANSWER;
    }
    in->first = INT64_MIN;
    in->last = INT64_MAX;
    in->budget.limit_bytes = SIZE_MAX;
    enum exit_code code = read_arguments(self, argc, argv, in);
    if (!code && in->asks_why) {
        code = why_tell(&in->why, argv[optind]);
    } else if (!code) {
        inspect(in, argv + optind, (size_t)(argc - optind));
        code = in->code;
    }
    free(in);
    return code;
}
