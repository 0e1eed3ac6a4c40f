/* SPDX-License-Identifier: Apache-2.0 */
/* signet verify: are the logs on a broker's disks what was sealed? */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/holding_print.h"
#include "cli/knowledge.h"
#include "cli/ledger_print.h"
#include "cli/report_print.h"
#include "cli/verify_print.h"
#include "gateway/config.h"
#include "keys/trust_file.h"
#include "verify/holding.h"
#include "verify/ledger_source.h"

enum { LEDGER_PATHS_MAX = 1000, STALE_INTERVALS_DEFAULT = 6, STALE_INTERVALS_MAX = 1000 * 1000 };

struct arguments {
    struct knowledge_source known;
    const char *ledgers[LEDGER_PATHS_MAX];
    size_t ledger_count;
    uint32_t stale_intervals;
    int64_t ledger_retention_ms;           /* 0: for ever; -1: not understood */
    int64_t retention_ms, retention_bytes; /* 0: not pinned; -1: not understood */
    bool json;
};

/* What was found, as far as it was asked for. */
struct answers {
    bool has_disks, has_ledgers;
    struct verify_result disks;
    struct ledger_source ledgers;
    struct stored stored;
    struct holding holding; /* with both */
};

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

static enum exit_code code_of(const struct verify_result *result)
{
    bool verified = false;
    for (size_t i = 0; i < result->count; i++) {
        verified = verified || result->surveys[i].scope == SURVEY_SEALED;
    }
    return result->bad ? EXIT_FINDING : result->unknown || !verified ? EXIT_NO_ANSWER : EXIT_GOOD;
}

static signet_error verify_disks(const struct knowledge *k, char **paths, size_t count, struct answers *answers)
{
    struct progress progress = { .shown = false };
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct verify_request request = {
        .trust = &k->trust,
        .policy = &k->policy,
        .append_skew_ms = APPEND_SKEW_MS,
        .stored = answers->has_ledgers ? &answers->stored : NULL,
        .threads = processors > 0 ? (size_t)processors : 1,
        .progress = isatty(STDERR_FILENO) ? show_progress : NULL,
        .progress_context = &progress,
    };
    signet_error error = SIGNET_OK;
    clock_gettime(CLOCK_MONOTONIC, &progress.began);
    for (size_t i = 0; i < count && !error; i++) {
        error = verify_add(&request, paths[i], &answers->disks);
    }
    error = error ? error : verify_run(&request, &answers->disks);
    if (progress.shown) {
        fputs("\r\033[K", stderr);
    }
    return error;
}

static signet_error verify_ledgers(const struct arguments *a, const struct knowledge *k, struct ledger_source *ledgers)
{
    const struct ledger_logs_policy policy = {
        .now_ms = wall_clock_ms(),
        .stale_intervals = a->stale_intervals,
        .retention_ms = a->ledger_retention_ms,
        .cluster_id = slice_of_text(k->trust.cluster_id),
    };
    signet_error error = SIGNET_OK;
    for (size_t i = 0; i < a->ledger_count && !error; i++) {
        error = ledger_source_add(ledgers, a->ledgers[i]);
    }
    return error ? error : ledger_source_judge(ledgers, &policy);
}

static enum exit_code worst(enum exit_code a, enum exit_code b)
{
    if (a == EXIT_FINDING || b == EXIT_FINDING) {
        return EXIT_FINDING;
    }
    return a ? a : b;
}

static enum exit_code code_of_ledgers(const struct ledger_source *ledgers)
{
    const struct ledger_findings *f = &ledgers->findings;
    return f->bad ? EXIT_FINDING : f->unknown || ledgers->logs.lines.count == 0 ? EXIT_NO_ANSWER : EXIT_GOOD;
}

/* One object; NULL when memory is out. */
static json_t *json_of(const struct knowledge *k, const struct answers *found, enum exit_code code)
{
    json_t *answer = found->has_disks ? verify_json(&found->disks, &k->trust) : json_object();
    bool made = answer && json_object_set_new(answer, "intact", json_boolean(code == EXIT_GOOD)) == 0 &&
                json_object_set_new(answer, "bad", json_boolean(code == EXIT_FINDING)) == 0 &&
                json_object_set_new(answer, "ledger", ledger_json(&found->ledgers)) == 0;
    bool held = made && found->has_disks;
    made = held ? json_object_set_new(answer, "entries", holding_json(&found->holding, &found->disks)) == 0 : made;
    if (!made) {
        json_decref(answer);
    }
    return made ? answer : NULL;
}

static enum exit_code tell(const struct arguments *a, const struct knowledge *k, const struct answers *found)
{
    enum exit_code code = worst(found->has_disks ? code_of(&found->disks) : EXIT_GOOD,
                                found->has_ledgers ? code_of_ledgers(&found->ledgers) : EXIT_GOOD);
    code = found->holding.bad ? EXIT_FINDING : code;
    if (a->json) {
        return print_json(found->has_ledgers ? json_of(k, found, code) : verify_json(&found->disks, &k->trust), code);
    }
    if (found->has_disks) {
        verify_print(stdout, &found->disks, &k->trust);
    }
    if (found->has_ledgers) {
        ledger_print(stdout, &found->ledgers);
    }
    if (found->has_disks && found->has_ledgers) {
        holding_print(stdout, &found->holding, &found->disks);
    }
    return code;
}

/* What is stored against what was entered. */
static signet_error hold(const struct arguments *a, const struct knowledge *k, struct answers *found)
{
    const struct holding_request request = {
        .trust = &k->trust,
        .logs = &found->ledgers.logs,
        .stored = &found->stored,
        .surveys = found->disks.surveys,
        .survey_count = found->disks.count,
        .now_ms = wall_clock_ms(),
        .retention_ms = a->retention_ms,
        .retention_bytes = (uint64_t)a->retention_bytes,
    };
    return holding_run(&request, &found->holding);
}

/* Ledgers first: what they say was acknowledged is stored by then. */
static enum exit_code verify(const struct arguments *a, const struct knowledge *k, char **paths, size_t count)
{
    struct answers found = {
        .has_disks = count > 0,
        .has_ledgers = a->ledger_count > 0,
        .ledgers = { .trust = &k->trust, .logs.keeps_entries = count > 0 },
    };
    stored_init(&found.stored);
    signet_error error = verify_ledgers(a, k, &found.ledgers);
    error = error || !found.has_disks ? error : verify_disks(k, paths, count, &found);
    error = error || !found.has_disks || !found.has_ledgers ? error : hold(a, k, &found);
    enum exit_code code = EXIT_NO_ANSWER;
    if (error) {
        complain(NULL, "not verified: %s", signet_error_text(error));
    } else {
        code = tell(a, k, &found);
    }
    holding_free(&found.holding);
    stored_free(&found.stored);
    verify_result_free(&found.disks);
    ledger_source_free(&found.ledgers);
    return code;
}

static bool add_ledger(struct arguments *a, const char *path)
{
    if (a->ledger_count == LEDGER_PATHS_MAX) {
        return false;
    }
    a->ledgers[a->ledger_count++] = path;
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

static enum exit_code check_arguments(const struct command *self, const struct arguments *a, bool paths)
{
    if (a->known.config && a->known.pattern_count > 0) {
        return usage_error(self, "with --config, the configuration says what topics are");
    }
    if (a->stale_intervals == 0) {
        return usage_error(self, "--stale-intervals is a number of intervals, 1 to 1000000");
    }
    if (a->retention_ms < 0 || a->retention_bytes < 0 || a->ledger_retention_ms < 0) {
        return usage_error(self, "--retention-ms, --retention-bytes and --ledger-retention-ms are numbers above zero");
    }
    if (!a->known.config && !a->known.trust) {
        return usage_error(self, "verify needs a configuration or a trust file");
    }
    return paths || a->ledger_count > 0 ? EXIT_GOOD : usage_error(self, "verify needs a folder, a segment or a ledger");
}

static enum exit_code read_arguments(const struct command *self, int argc, char **argv, struct arguments *a)
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
        { "json", no_argument, NULL, 'j' },
        { 0 },
    };
    bool room = true;
    a->stale_intervals = STALE_INTERVALS_DEFAULT;
    for (int option; (option = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        if (option == 'c') {
            a->known.config = optarg;
        } else if (option == 't') {
            a->known.trust = optarg;
        } else if (option == 'a') {
            room = room && knowledge_add_pattern(&a->known, (struct topic_policy){ .pattern = optarg });
        } else if (option == 'l') {
            const struct topic_policy row = { optarg, true, true, .timestamp_type = TIMESTAMP_LOG_APPEND_TIME };
            room = room && knowledge_add_pattern(&a->known, row);
        } else if (option == 'L') {
            room = room && add_ledger(a, optarg);
        } else if (option == 's') {
            a->stale_intervals = stale_intervals(optarg);
        } else if (option == 'r') {
            a->ledger_retention_ms = retention(optarg);
        } else if (option == 'm') {
            a->retention_ms = retention(optarg);
        } else if (option == 'b') {
            a->retention_bytes = retention(optarg);
        } else if (option == 'j') {
            a->json = true;
        } else {
            return option_error(self, option, argv);
        }
    }
    return room ? check_arguments(self, a, optind < argc) : usage_error(self, "too many patterns or ledgers");
}

enum exit_code command_verify(const struct command *self, int argc, char **argv)
{
    struct arguments *a = calloc(1, sizeof *a);
    struct knowledge k = { 0 };
    if (!a) {
        complain(NULL, "out of memory");
        return EXIT_NO_ANSWER;
    }
    enum exit_code code = read_arguments(self, argc, argv, a);
    code = code ? code : knowledge_load(&a->known, &k);
    code = code ? code : verify(a, &k, argv + optind, (size_t)(argc - optind));
    knowledge_free(&k);
    free(a);
    return code;
}
