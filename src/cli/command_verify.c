/* SPDX-License-Identifier: Apache-2.0 */
/* signet verify: are the logs on a broker's disks what was sealed? */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/holding_print.h"
#include "cli/ledger_print.h"
#include "cli/report_page.h"
#include "cli/verify_answers.h"
#include "cli/verify_print.h"
#include "keys/new_file.h"

enum { PAGE_MODE = 0644, STALE_INTERVALS_DEFAULT = 6, STALE_INTERVALS_MAX = 1000 * 1000 };

struct progress {
    struct timespec began;
    bool shown;
};

static double seconds_since(const struct timespec *began)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - began->tv_sec) + (double)(now.tv_nsec - began->tv_nsec) / 1e9;
}

static void show_progress(void *context, uint64_t done, uint64_t all)
{
    struct progress *p = context;
    double seconds = seconds_since(&p->began), mib = (double)done / 1048576, rate = seconds > 0 ? mib / seconds : 0;
    double left = rate > 0 && all > done ? (double)(all - done) / 1048576 / rate : 0;
    fprintf(stderr, "\r%.0f of %.0f MiB, %.0f MiB/s, %.0f s left \033[K", mib, (double)all / 1048576, rate, left);
    p->shown = true;
}

static signet_error verify_disks(const struct verify_question *q, const struct knowledge *k,
                                 struct verify_answers *answers)
{
    struct progress progress = { .shown = false };
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct verify_request request = {
        .trust = &k->trust,
        .policy = &k->policy,
        .append_skew_ms = APPEND_SKEW_MS,
        .stored = answers->has_ledgers ? &answers->stored : NULL,
        .maps = q->html != NULL,
        .threads = processors > 0 ? (size_t)processors : 1,
        .progress = isatty(STDERR_FILENO) ? show_progress : NULL,
        .progress_context = &progress,
    };
    signet_error error = SIGNET_OK;
    clock_gettime(CLOCK_MONOTONIC, &progress.began);
    for (size_t i = 0; i < q->path_count && !error; i++) {
        error = verify_add(&request, q->paths[i], &answers->disks);
    }
    error = error ? error : verify_run(&request, &answers->disks);
    if (progress.shown) {
        fputs("\r\033[K", stderr);
    }
    return error;
}

static signet_error verify_ledgers(const struct verify_question *q, const struct knowledge *k,
                                   struct ledger_source *ledgers)
{
    const struct ledger_logs_policy policy = {
        .now_ms = wall_clock_ms(),
        .stale_intervals = q->stale_intervals,
        .retention_ms = q->ledger_retention_ms,
        .cluster_id = slice_of_text(k->trust.cluster_id),
    };
    signet_error error = SIGNET_OK;
    for (size_t i = 0; i < q->ledger_count && !error; i++) {
        error = ledger_source_add(ledgers, q->ledgers[i]);
    }
    return error ? error : ledger_source_judge(ledgers, &policy);
}

static void tell_people(const struct knowledge *k, const struct verify_answers *found)
{
    if (found->has_disks) {
        verify_print(stdout, &found->disks, &k->trust);
    }
    if (found->has_ledgers) {
        ledger_print(stdout, &found->ledgers);
    }
    if (found->has_disks && found->has_ledgers) {
        holding_print(stdout, &found->holding, &found->disks);
    }
}

static void complain_of_file(const char *path, signet_error error)
{
    bool left = error == SIGNET_ERROR_SYSTEM && errno == EEXIST;
    const char *why = error == SIGNET_ERROR_MALFORMED ? "what is there is no regular file, and is not written over"
                      : error == SIGNET_ERROR_SYSTEM  ? strerror(errno)
                                                      : signet_error_text(error);
    complain(left ? "an interrupted run left it: remove it" : NULL, "%s%s: %s", path, left ? ".new" : "", why);
}

/* A report that was asked for and is not there is no answer, whatever was found. */
static enum exit_code write_page(const struct verify_question *q, const struct knowledge *k,
                                 const struct verify_answers *found, enum exit_code code)
{
    struct new_file file;
    signet_error error = new_file_begin(q->html, PAGE_MODE, &file);
    if (!error) {
        page_write(file.stream, q, k, found);
        error = new_file_commit(&file);
    }
    if (error) {
        complain_of_file(q->html, error);
    }
    return error && code != EXIT_FINDING ? EXIT_NO_ANSWER : code;
}

static enum exit_code tell(const struct verify_question *q, const struct knowledge *k,
                           const struct verify_answers *found)
{
    enum exit_code code = verify_answers_code(found);
    if (q->json) {
        code = print_json(verify_answers_json(found, &k->trust), code);
    } else {
        tell_people(k, found);
    }
    return q->html ? write_page(q, k, found, code) : code;
}

/* What is stored against what was entered. */
static signet_error hold(const struct verify_question *q, const struct knowledge *k, struct verify_answers *found)
{
    const struct holding_request request = {
        .trust = &k->trust,
        .logs = &found->ledgers.logs,
        .stored = &found->stored,
        .surveys = found->disks.surveys,
        .survey_count = found->disks.count,
        .now_ms = wall_clock_ms(),
        .retention_ms = q->retention_ms,
        .retention_bytes = (uint64_t)q->retention_bytes,
    };
    return holding_run(&request, &found->holding);
}

/* Ledgers first: what they say was acknowledged is stored by then. */
static enum exit_code verify(const struct verify_question *q, const struct knowledge *k)
{
    struct verify_answers found = {
        .has_disks = q->path_count > 0,
        .has_ledgers = q->ledger_count > 0,
        .ledgers = { .trust = &k->trust, .logs.keeps_entries = q->path_count > 0 },
        .began_ms = wall_clock_ms(),
    };
    stored_init(&found.stored);
    signet_error error = verify_ledgers(q, k, &found.ledgers);
    error = error || !found.has_disks ? error : verify_disks(q, k, &found);
    error = error || !found.has_disks || !found.has_ledgers ? error : hold(q, k, &found);
    found.ended_ms = wall_clock_ms();
    enum exit_code code = EXIT_NO_ANSWER;
    if (error) {
        complain(NULL, "not verified: %s", signet_error_text(error));
    } else {
        code = tell(q, k, &found);
    }
    holding_free(&found.holding);
    stored_free(&found.stored);
    verify_result_free(&found.disks);
    ledger_source_free(&found.ledgers);
    return code;
}

static bool add_ledger(struct verify_question *q, const char *path)
{
    if (q->ledger_count == LEDGER_PATHS_MAX) {
        return false;
    }
    q->ledgers[q->ledger_count++] = path;
    return true;
}

/* Zero when it is no number of intervals. */
static uint32_t stale_intervals(const char *text)
{
    char *end;
    long number = strtol(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && number <= STALE_INTERVALS_MAX ? (uint32_t)number : 0;
}

/* -1 when it is no number above zero. */
static int64_t retention(const char *text)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && errno == 0 && number > 0 ? number : -1;
}

static enum exit_code check_arguments(const struct command *self, const struct verify_question *q)
{
    if (q->known.config && q->known.pattern_count > 0) {
        return usage_error(self, "with --config, the configuration says what topics are");
    }
    if (q->stale_intervals == 0) {
        return usage_error(self, "--stale-intervals is a number of intervals, 1 to 1000000");
    }
    if (q->retention_ms < 0 || q->retention_bytes < 0 || q->ledger_retention_ms < 0) {
        return usage_error(self, "--retention-ms, --retention-bytes and --ledger-retention-ms are numbers above zero");
    }
    if (!q->known.config && !q->known.trust) {
        return usage_error(self, "verify needs a configuration or a trust file");
    }
    bool any = q->path_count > 0 || q->ledger_count > 0;
    return any ? EXIT_GOOD : usage_error(self, "verify needs a folder, a segment or a ledger");
}

static enum exit_code read_arguments(const struct command *self, int argc, char **argv, struct verify_question *q)
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' },
        { "trust", required_argument, NULL, 't' },
        { "allow-clear", required_argument, NULL, 'a' },
        { "log-append-time", required_argument, NULL, 'l' },
        { "ledger", required_argument, NULL, 'L' },
        { "stale-intervals", required_argument, NULL, 's' },
        { "ledger-retention-ms", required_argument, NULL, 'r' },
        { "retention-ms", required_argument, NULL, 'm' },
        { "retention-bytes", required_argument, NULL, 'b' },
        { "html", required_argument, NULL, 'h' },
        { "json", no_argument, NULL, 'j' },
        { 0 },
    };
    bool room = true;
    q->stale_intervals = STALE_INTERVALS_DEFAULT;
    for (int option; (option = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        if (option == 'c') {
            q->known.config = optarg;
        } else if (option == 't') {
            q->known.trust = optarg;
        } else if (option == 'a') {
            room = room && knowledge_add_pattern(&q->known, (struct topic_policy){ .pattern = optarg });
        } else if (option == 'l') {
            const struct topic_policy row = { optarg, true, true, .timestamp_type = TIMESTAMP_LOG_APPEND_TIME };
            room = room && knowledge_add_pattern(&q->known, row);
        } else if (option == 'L') {
            room = room && add_ledger(q, optarg);
        } else if (option == 's') {
            q->stale_intervals = stale_intervals(optarg);
        } else if (option == 'r') {
            q->ledger_retention_ms = retention(optarg);
        } else if (option == 'm') {
            q->retention_ms = retention(optarg);
        } else if (option == 'b') {
            q->retention_bytes = retention(optarg);
        } else if (option == 'h') {
            q->html = optarg;
        } else if (option == 'j') {
            q->json = true;
        } else {
            return option_error(self, option, argv);
        }
    }
    q->paths = argv + optind;
    q->path_count = (size_t)(argc - optind);
    return room ? check_arguments(self, q) : usage_error(self, "too many patterns or ledgers");
}

/* Before hours of work rather than after them. */
static enum exit_code check_outputs(const struct verify_question *q)
{
    signet_error error = q->html ? new_file_check(q->html) : SIGNET_OK;
    if (error) {
        complain_of_file(q->html, error);
    }
    return error ? EXIT_NO_ANSWER : EXIT_GOOD;
}

enum exit_code command_verify(const struct command *self, int argc, char **argv)
{
    struct verify_question *q = calloc(1, sizeof *q);
    struct knowledge k = { 0 };
    if (!q) {
        complain(NULL, "out of memory");
        return EXIT_NO_ANSWER;
    }
    enum exit_code code = read_arguments(self, argc, argv, q);
    code = code ? code : check_outputs(q);
    code = code ? code : knowledge_load(&q->known, &k);
    code = code ? code : verify(q, &k);
    knowledge_free(&k);
    free(q);
    return code;
}
