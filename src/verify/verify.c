/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/crew.h"
#include "kafka/segment.h"
#include "verify/disk.h"

static uint64_t size_of_segments(int folder, int64_t only)
{
    struct segments segments;
    uint64_t bytes = 0;
    if (disk_list_segments(folder, &segments) != SIGNET_OK) {
        return 0;
    }
    for (size_t i = 0; i < segments.count; i++) {
        char name[SEGMENT_NAME_BYTES];
        struct stat found;
        segment_name(segments.bases[i], name);
        bool wanted = only < 0 || only == segments.bases[i];
        bytes += wanted && fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) == 0 ? (uint64_t)found.st_size : 0;
    }
    segments_free(&segments);
    return bytes;
}

static signet_error add_survey(const struct verify_request *request, const char *path, int folder,
                               const struct log_folder_name *name, int64_t only, struct verify_result *result)
{
    struct survey *surveys = array_with_room(result->surveys, result->count, &result->capacity, sizeof *surveys, 16);
    if (!surveys) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    result->surveys = surveys;
    struct survey *s = &surveys[result->count];
    *s = (struct survey){
        .path = strdup(path), .partition = name->partition, .number = (uint32_t)result->count, .only_segment = only
    };
    if (!s->path) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    result->count++;
    memcpy(s->topic, name->topic.data, name->topic.size);
    s->policy = policy_find(request->policy, name->topic);
    s->scope = topic_is_internal(name->topic) ? SURVEY_INTERNAL : s->policy->seal ? SURVEY_SEALED : SURVEY_CLEAR;
    s->bytes = s->scope == SURVEY_SEALED ? size_of_segments(folder, only) : 0;
    s->first_offset = s->next_offset = -1;
    result->all_bytes += s->bytes;
    bool mapped = request->maps && s->scope == SURVEY_SEALED;
    s->map = mapped ? calloc(1, sizeof *s->map) : NULL;
    return mapped && !s->map ? SIGNET_ERROR_OUT_OF_MEMORY : SIGNET_OK;
}

/* The broker's word on which cluster this is; every envelope says it too, signed. */
static void check_cluster(const struct verify_request *request, int folder, const char *path, bool needed,
                          struct verify_result *result)
{
    struct small_file file;
    struct slice id;
    signet_error error = disk_read_small(folder, "meta.properties", &file);
    const char *why = error == SIGNET_ERROR_SYSTEM ? strerror(errno) : NULL;
    error = error ? error : meta_properties_read(slice_of(file.bytes, file.size), &id);
    if (error) {
        if (needed) {
            flaws_say(&result->flaws, FLAW_UNKNOWN, -1, "%s/meta.properties: %s", path,
                      why ? why : signet_error_text(error));
        }
    } else if (!slice_equal_text(id, request->trust->cluster_id)) {
        struct flaw flaw = flaw_of(FLAW_BAD);
        flaw.verdict = VERDICT_WRONG_PLACE;
        snprintf(flaw.text, sizeof flaw.text, "%.100s/meta.properties is of cluster %.*s, not the trust file's", path,
                 id.size < 64 ? (int)id.size : 64, (const char *)id.data);
        flaws_add(&result->flaws, &flaw);
    }
}

/* One name in a log directory. */
static signet_error add_entry(const struct verify_request *request, int folder, const char *path, const char *name,
                              struct verify_result *result)
{
    struct log_folder_name parsed = log_folder_name_parse(slice_of_text(name));
    char full[PATH_MAX];
    struct stat found;
    int own = disk_open_folder(folder, name);
    if (own < 0) {
        int why = errno;
        bool there = fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) == 0;
        if (there && !S_ISREG(found.st_mode)) {
            flaws_say(&result->flaws, FLAW_UNKNOWN, -1, "%s/%s: %s", path, name,
                      S_ISLNK(found.st_mode) ? "a link, which is not followed" : strerror(why));
        }
        return SIGNET_OK;
    }
    signet_error error = SIGNET_OK;
    int size = snprintf(full, sizeof full, "%s/%s", path, name);
    if (parsed.kind == LOG_FOLDER_OTHER || size >= (int)sizeof full) {
        flaws_say(&result->flaws, FLAW_UNKNOWN, -1, "%s/%s: no folder that Kafka makes", path, name);
    } else if (parsed.kind == LOG_FOLDER_PARTITION) {
        error = add_survey(request, full, own, &parsed, -1, result);
    } else if (parsed.kind != LOG_FOLDER_KNOWN) {
        result->aside++;
    }
    close(own);
    return error;
}

static signet_error add_log_folder(const struct verify_request *request, int folder, const char *path,
                                   struct verify_result *result)
{
    struct names names;
    size_t before = result->count;
    signet_error error = disk_list(folder, &names);
    if (error) {
        flaws_say(&result->flaws, FLAW_UNKNOWN, -1, "%s: %s", path,
                  error == SIGNET_ERROR_SYSTEM ? strerror(errno) : signet_error_text(error));
        return error == SIGNET_ERROR_OUT_OF_MEMORY ? error : SIGNET_OK;
    }
    check_cluster(request, folder, path, true, result);
    for (size_t i = 0; i < names.count && !error; i++) {
        error = add_entry(request, folder, path, names.items[i], result);
    }
    if (!error && result->count == before) {
        flaws_say(&result->flaws, FLAW_UNKNOWN, -1, "%s: no partition is in this folder", path);
    }
    names_free(&names);
    return error;
}

static void check_parent_cluster(const struct verify_request *request, int folder, const char *path,
                                 struct verify_result *result)
{
    int parent = openat(folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent >= 0) {
        check_cluster(request, parent, path, false, result);
        close(parent);
    }
}

static signet_error add_folder(const struct verify_request *request, const char *path, int64_t only,
                               struct verify_result *result)
{
    const char *slash = strrchr(path, '/');
    struct log_folder_name name = log_folder_name_parse(slice_of_text(slash ? slash + 1 : path));
    int folder = disk_open_folder(AT_FDCWD, path);
    if (folder < 0) {
        flaws_say(&result->flaws, FLAW_UNKNOWN, -1, "%s: %s", path, strerror(errno));
        return SIGNET_OK;
    }
    signet_error error = SIGNET_OK;
    struct stat found;
    bool is_log_folder = fstatat(folder, "meta.properties", &found, AT_SYMLINK_NOFOLLOW) == 0;
    if (name.kind == LOG_FOLDER_PARTITION && !is_log_folder) {
        check_parent_cluster(request, folder, path, result);
        error = add_survey(request, path, folder, &name, only, result);
    } else if (only >= 0) {
        flaws_say(&result->flaws, FLAW_UNKNOWN, -1,
                  "%s: a segment is verified in a folder named TOPIC-PARTITION, with its partition.metadata", path);
    } else {
        error = add_log_folder(request, folder, path, result);
    }
    close(folder);
    return error;
}

signet_error verify_add(const struct verify_request *request, const char *path, struct verify_result *result)
{
    struct stat found;
    char *real = realpath(path, NULL);
    if (!real || stat(real, &found) != 0) {
        flaws_say(&result->flaws, FLAW_UNKNOWN, -1, "%s: %s", path, strerror(errno));
        free(real);
        return SIGNET_OK;
    }
    signet_error error = SIGNET_OK;
    char *slash = strrchr(real, '/');
    struct log_file_name name = log_file_name_parse(slice_of_text(slash + 1));
    if (S_ISDIR(found.st_mode)) {
        error = add_folder(request, real, -1, result);
    } else if (name.kind == LOG_FILE_SEGMENT && slash > real) {
        *slash = '\0';
        error = add_folder(request, real, name.base_offset, result);
    } else {
        flaws_say(&result->flaws, FLAW_UNKNOWN, -1, "%s: neither a folder nor a segment (20 digits and .log)", path);
    }
    free(real);
    return error;
}

/* The surveys, and the threads about them: the caller's and a crew's. */
struct crowd {
    struct survey_plant plant;
    struct surveyor surveyors[SURVEY_THREADS_MAX];
    size_t surveyor_count;
    struct crew_job job;
};

struct survey_task {
    struct crew_task task;
    struct crowd *crowd;
    struct survey *survey;
};

static void run_survey(struct crew_task *task, size_t who)
{
    struct survey_task *own = (struct survey_task *)task; /* its first member */
    survey_partition(&own->crowd->surveyors[who], own->survey);
}

static signet_error start_surveyors(struct crowd *crowd)
{
    signet_error error = SIGNET_OK;
    size_t count = 1 + crew_size(crowd->job.crew);
    while (crowd->surveyor_count < count && !error) {
        error = surveyor_init(&crowd->surveyors[crowd->surveyor_count++], &crowd->plant);
    }
    return error;
}

static signet_error survey_all(struct crowd *crowd, struct verify_result *result)
{
    struct survey_task *tasks = calloc(result->count ? result->count : 1, sizeof *tasks);
    signet_error error = tasks ? start_surveyors(crowd) : SIGNET_ERROR_OUT_OF_MEMORY;
    for (size_t i = 0; i < result->count && !error; i++) {
        tasks[i] = (struct survey_task){ { .run = run_survey }, crowd, &result->surveys[i] };
        crew_post(&crowd->job, &tasks[i].task);
    }
    crew_finish(&crowd->job);
    free(tasks);
    return error;
}

static void end_surveyors(struct crowd *crowd, struct verify_result *result)
{
    for (size_t i = 0; i < crowd->surveyor_count; i++) {
        struct surveyor *surveyor = &crowd->surveyors[i];
        for (size_t w = 0; surveyor->writer_batches && w < crowd->plant.trust->writer_count; w++) {
            result->writer_batches[w] += surveyor->writer_batches[w];
        }
        surveyor_free(surveyor);
    }
}

signet_error verify_run(const struct verify_request *request, struct verify_result *result)
{
    size_t writers = request->trust->writer_count;
    result->writer_batches = calloc(writers ? writers : 1, sizeof *result->writer_batches);
    if (!result->writer_batches) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    size_t threads = request->threads < SURVEY_THREADS_MAX ? request->threads : SURVEY_THREADS_MAX;
    struct crowd crowd = {
        .plant = {
            .trust = request->trust,
            .policy = request->policy,
            .append_skew_ms = request->append_skew_ms,
            .stored = request->stored,
            .progress = request->progress,
            .progress_context = request->progress_context,
            .watch = request->watch,
            .watch_context = request->watch_context,
            .bytes_all = result->all_bytes,
        },
        .job = { .crew = threads > 1 ? crew_new(threads - 1) : NULL },
    };
    pthread_mutex_init(&crowd.plant.large, NULL);
    pthread_mutex_init(&crowd.plant.telling, NULL);
    signet_error error = survey_all(&crowd, result);
    end_surveyors(&crowd, result);
    crew_free(crowd.job.crew);
    pthread_mutex_destroy(&crowd.plant.telling);
    pthread_mutex_destroy(&crowd.plant.large);
    result->bad = result->flaws.bad;
    result->unknown = result->flaws.unknown;
    for (size_t i = 0; i < result->count; i++) {
        result->bad = result->bad || result->surveys[i].flaws.bad;
        result->unknown = result->unknown || result->surveys[i].flaws.unknown;
    }
    return error;
}

void verify_result_free(struct verify_result *result)
{
    for (size_t i = 0; i < result->count; i++) {
        survey_free(&result->surveys[i]);
    }
    free(result->surveys);
    free(result->writer_batches);
    flaws_free(&result->flaws);
    *result = (struct verify_result){ 0 };
}
