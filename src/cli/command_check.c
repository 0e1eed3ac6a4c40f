/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <time.h>

#include <jansson.h>

#include "cli/command.h"
#include "cli/report_print.h"
#include "gateway/material.h"

/* Loads all that a gateway would load at its start, and keeps nothing. */
static signet_error load_all(const char *path, struct report *report)
{
    struct config *config = NULL;
    struct material *material = NULL;
    signet_error error = config_read(path, &config, report);
    if (!error) {
        error = material_load(config, (int64_t)time(NULL) * 1000, &material, report);
    }
    material_free(material);
    config_free(config);
    error = report->error ? report->error : error; /* what was found may not have found room */
    return error == SIGNET_ERROR_MALFORMED ? SIGNET_OK : error;
}

static enum exit_code print_as_json(const char *path, const struct report *report, enum exit_code code)
{
    json_int_t errors = (json_int_t)report->error_count;
    json_t *answer = json_pack("{s:s, s:b, s:I, s:o}", "file", path, "good", errors == 0, "errors", errors, "findings",
                               report_json(report));
    return print_json(answer, code);
}

static void print_for_people(const char *path, const struct report *report)
{
    size_t warnings = 0;
    for (size_t i = 0; i < report->count; i++) {
        warnings += report->findings[i].severity == SEVERITY_WARNING;
    }
    report_print(stdout, report);
    if (report->count == 0) {
        printf("%s: good\n", path);
        return;
    }
    printf("%s: %zu error%s, %zu warning%s\n", path, report->error_count, report->error_count == 1 ? "" : "s", warnings,
           warnings == 1 ? "" : "s");
}

enum exit_code command_check(const struct command *self, int argc, char **argv)
{
    static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { 0 } };
    bool json = false;
    for (int option; (option = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        if (option != 'j') {
            return option_error(self, option, argv);
        }
        json = true;
    }
    if (optind + 1 != argc) {
        return usage_error(self, "check needs one configuration file");
    }
    struct report report = { 0 };
    const char *path = argv[optind];
    signet_error error = load_all(path, &report);
    if (error) {
        complain(NULL, "%s: %s", path, signet_error_text(error));
        report_free(&report);
        return EXIT_NO_ANSWER;
    }
    enum exit_code code = report.error_count ? EXIT_FINDING : EXIT_GOOD;
    if (json) {
        code = print_as_json(path, &report, code);
    } else {
        print_for_people(path, &report);
    }
    report_free(&report);
    return code;
}
