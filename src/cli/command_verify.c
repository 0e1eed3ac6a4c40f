/* SPDX-License-Identifier: Apache-2.0 */
/* signet verify: are the logs on a broker's disks what was sealed? */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "cli/command.h"
#include "cli/report_print.h"
#include "cli/verify_print.h"
#include "gateway/config.h"
#include "keys/trust_file.h"

enum { PATTERNS_MAX = 1000 };

struct arguments {
    const char *config, *trust;
    struct topic_policy patterns[PATTERNS_MAX + 1];
    size_t pattern_count;
    bool json;
};

/* What is to be known beforehand. */
struct knowledge {
    struct config *config;
    struct trust trust;
    struct policy policy;
};

static void knowledge_free(struct knowledge *k)
{
    if (k->config) {
        free(k->policy.topics);
    }
    config_free(k->config);
    trust_free(&k->trust);
}

/* Everything must be sealed that the arguments do not say otherwise of. */
static void take_patterns(struct arguments *a, struct knowledge *k)
{
    static char every[] = "*";
    a->patterns[a->pattern_count] = (struct topic_policy){ .pattern = every, .seal = true };
    k->policy = (struct policy){ .topics = a->patterns, .count = a->pattern_count + 1 };
}

static enum exit_code load(struct arguments *a, struct knowledge *k)
{
    struct report report = { 0 };
    const char *path = a->config ? a->config : a->trust;
    signet_error error = SIGNET_OK;
    if (a->config) {
        error = config_read(a->config, &k->config, &report);
        error = error ? error : config_policy(k->config, &k->policy);
    } else {
        take_patterns(a, k);
    }
    const char *trust = a->trust ? a->trust : k->config ? k->config->trust_file : NULL;
    if (!error && !trust) {
        complain("give one with --trust FILE", "%s names no trust file", path);
        report_free(&report);
        return EXIT_NO_ANSWER;
    }
    error = error ? error : trust_file_read(trust, &k->trust, &report);
    report_print(stderr, &report);
    report_free(&report);
    if (error && error != SIGNET_ERROR_MALFORMED) {
        complain(NULL, "%s: %s", path, signet_error_text(error));
    }
    return error ? EXIT_NO_ANSWER : EXIT_GOOD;
}

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

static enum exit_code verify(const struct arguments *a, const struct knowledge *k, char **paths, size_t count)
{
    struct progress progress = { .shown = false };
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct verify_request request = {
        .trust = &k->trust,
        .policy = &k->policy,
        .append_skew_ms = APPEND_SKEW_MS,
        .threads = processors > 0 ? (size_t)processors : 1,
        .progress = isatty(STDERR_FILENO) ? show_progress : NULL,
        .progress_context = &progress,
    };
    struct verify_result result = { 0 };
    signet_error error = SIGNET_OK;
    clock_gettime(CLOCK_MONOTONIC, &progress.began);
    for (size_t i = 0; i < count && !error; i++) {
        error = verify_add(&request, paths[i], &result);
    }
    error = error ? error : verify_run(&request, &result);
    if (progress.shown) {
        fputs("\r\033[K", stderr);
    }
    enum exit_code code = error ? EXIT_NO_ANSWER : code_of(&result);
    if (error) {
        complain(NULL, "not verified: %s", signet_error_text(error));
    } else if (a->json) {
        code = print_json(verify_json(&result, &k->trust), code);
    } else {
        verify_print(stdout, &result, &k->trust);
    }
    verify_result_free(&result);
    return code;
}

static bool add_pattern(struct arguments *a, struct topic_policy row)
{
    if (a->pattern_count == PATTERNS_MAX) {
        return false;
    }
    a->patterns[a->pattern_count++] = row;
    return true;
}

static enum exit_code read_arguments(const struct command *self, int argc, char **argv, struct arguments *a)
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' },
        { "trust", required_argument, NULL, 't' },
        { "allow-clear", required_argument, NULL, 'a' },
        { "log-append-time", required_argument, NULL, 'l' },
        { "json", no_argument, NULL, 'j' },
        { 0 },
    };
    bool room = true;
    for (int option; (option = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        if (option == 'c') {
            a->config = optarg;
        } else if (option == 't') {
            a->trust = optarg;
        } else if (option == 'a') {
            room = room && add_pattern(a, (struct topic_policy){ .pattern = optarg });
        } else if (option == 'l') {
            const enum timestamp_type type = TIMESTAMP_LOG_APPEND_TIME;
            room = room && add_pattern(a, (struct topic_policy){ optarg, true, true, type });
        } else if (option == 'j') {
            a->json = true;
        } else {
            return option_error(self, option, argv);
        }
    }
    if (!room || (a->config && a->pattern_count > 0)) {
        return usage_error(self, room ? "with --config, the configuration says what topics are" : "too many patterns");
    }
    if (!a->config && !a->trust) {
        return usage_error(self, "verify needs a configuration or a trust file");
    }
    return optind < argc ? EXIT_GOOD : usage_error(self, "verify needs a folder or a segment");
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
    code = code ? code : load(a, &k);
    code = code ? code : verify(a, &k, argv + optind, (size_t)(argc - optind));
    knowledge_free(&k);
    free(a);
    return code;
}
