/* SPDX-License-Identifier: Apache-2.0 */
/* signet gateway: runs until it is told to end. */
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/report_print.h"
#include "crypto/secret_memory.h"
#include "gateway/gateway.h"
#include "net/resolution.h"

/* A resolver whose server is silent holds its thread for many seconds, and exit() would wait for that. */
static enum exit_code end(enum exit_code code)
{
    if (resolution_is_asking()) {
        (void)fflush(NULL);
        _exit((int)code);
    }
    return code;
}

static enum exit_code run(const char *path)
{
    struct generation *generation = NULL;
    struct report report = { 0 };
    struct cause cause = { "" };
    if (!secret_memory_forbid_dumps()) {
        complain(NULL, "the system does not let core dumps be forbidden: a crash may leave keys on the disk");
    }
    signet_error error = generation_load(path, wall_clock_ms(), &generation, &report);
    error = report.error ? report.error : error; /* what was found may not have found room */
    report_print(stderr, &report);
    report_free(&report);
    if (error == SIGNET_ERROR_MALFORMED) {
        return EXIT_FINDING;
    }
    if (error) {
        complain(NULL, "%s: %s", path, signet_error_text(error));
        return EXIT_NO_ANSWER;
    }
    error = gateway_run(path, generation, &cause);
    if (error) {
        complain(NULL, "the gateway cannot start: %s", cause.text[0] ? cause.text : signet_error_text(error));
        return end(EXIT_NO_ANSWER);
    }
    return end(EXIT_GOOD);
}

enum exit_code command_gateway(const struct command *self, int argc, char **argv)
{
    if (getopt_long(argc, argv, "", (const struct option[]){ { 0 } }, NULL) != -1) {
        return usage_error(self, NULL);
    }
    if (optind != argc - 1) {
        return usage_error(self, "one configuration file is needed");
    }
    return run(argv[optind]);
}
