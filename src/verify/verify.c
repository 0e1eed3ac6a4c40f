/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "kafka/segment.h"
#include "verify/disk.h"

enum { PROGRESS_MS = 200 };

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
    *s = (struct survey){ .path = strdup(path), .partition = name->partition, .only_segment = only };
    if (!s->path) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    memcpy(s->topic, name->topic.data, name->topic.size);
    s->policy = policy_find(request->policy, name->topic);
    s->scope = topic_is_internal(name->topic) ? SURVEY_INTERNAL : s->policy->seal ? SURVEY_SEALED : SURVEY_CLEAR;
    s->bytes = s->scope == SURVEY_SEALED ? size_of_segments(folder, only) : 0;
    s->first_offset = s->next_offset = -1;
    result->all_bytes += s->bytes;
    result->count++;
    return SIGNET_OK;
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
        struct flaw flaw = { .kind = FLAW_BAD,
                             .verdict = VERDICT_WRONG_PLACE,
                             .first_offset = -1,
                             .last_offset = -1,
                             .expected_offset = -1,
                             .missed_offset = -1 };
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

/* The surveys that are left, and the threads about them. */
struct crowd {
    struct survey_plant plant;
    struct verify_result *result;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    size_t next, running;
    signet_error error;
};

static struct survey *next_survey(struct crowd *crowd)
{
    pthread_mutex_lock(&crowd->lock);
    struct survey *survey =
        crowd->next < crowd->result->count && !crowd->error ? &crowd->result->surveys[crowd->next++] : NULL;
    pthread_mutex_unlock(&crowd->lock);
    return survey;
}

static void *survey_some(void *context)
{
    struct crowd *crowd = context;
    struct surveyor surveyor;
    signet_error error = surveyor_init(&surveyor, &crowd->plant);
    for (struct survey *survey; !error && (survey = next_survey(crowd));) {
        survey_partition(&surveyor, survey);
    }
    pthread_mutex_lock(&crowd->lock);
    for (size_t i = 0; !error && i < crowd->plant.trust->writer_count; i++) {
        crowd->result->writer_batches[i] += surveyor.writer_batches[i];
    }
    crowd->error = crowd->error ? crowd->error : error;
    crowd->running--;
    pthread_cond_signal(&crowd->ended);
    pthread_mutex_unlock(&crowd->lock);
    surveyor_free(&surveyor);
    return NULL;
}

static struct timespec soon(void)
{
    struct timespec when;
    clock_gettime(CLOCK_REALTIME, &when);
    when.tv_nsec += PROGRESS_MS * 1000000L;
    when.tv_sec += when.tv_nsec / 1000000000L;
    when.tv_nsec %= 1000000000L;
    return when;
}

static void wait_for_all(struct crowd *crowd, const struct verify_request *request)
{
    pthread_mutex_lock(&crowd->lock);
    while (crowd->running > 0) {
        struct timespec when = soon();
        pthread_cond_timedwait(&crowd->ended, &crowd->lock, &when);
        if (request->progress) {
            request->progress(request->progress_context, atomic_load(&crowd->plant.bytes_done),
                              crowd->result->all_bytes);
        }
    }
    pthread_mutex_unlock(&crowd->lock);
}

static signet_error start_and_wait(struct crowd *crowd, const struct verify_request *request)
{
    pthread_t threads[SURVEY_THREADS_MAX];
    size_t wanted = request->threads < SURVEY_THREADS_MAX ? request->threads : SURVEY_THREADS_MAX, started = 0;
    while (started < wanted) {
        pthread_mutex_lock(&crowd->lock);
        crowd->running++;
        pthread_mutex_unlock(&crowd->lock);
        if (pthread_create(&threads[started], NULL, survey_some, crowd) != 0) {
            pthread_mutex_lock(&crowd->lock);
            crowd->running--;
            pthread_mutex_unlock(&crowd->lock);
            break;
        }
        started++;
    }
    wait_for_all(crowd, request);
    for (size_t i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    return started == 0 ? SIGNET_ERROR_OUT_OF_MEMORY : crowd->error;
}

signet_error verify_run(const struct verify_request *request, struct verify_result *result)
{
    struct crowd crowd = {
        .plant = { .trust = request->trust, .policy = request->policy, .append_skew_ms = request->append_skew_ms },
        .result = result,
    };
    size_t writers = request->trust->writer_count;
    result->writer_batches = calloc(writers ? writers : 1, sizeof *result->writer_batches);
    if (!result->writer_batches) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    pthread_mutex_init(&crowd.plant.large, NULL);
    pthread_mutex_init(&crowd.lock, NULL);
    pthread_cond_init(&crowd.ended, NULL);
    signet_error error = start_and_wait(&crowd, request);
    pthread_cond_destroy(&crowd.ended);
    pthread_mutex_destroy(&crowd.lock);
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
