/* SPDX-License-Identifier: Apache-2.0 */
/* signet witness: runs until it is told to end. */
#include <getopt.h>

#include "cli/command.h"
#include "cli/report_print.h"
#include "crypto/secret_memory.h"
#include "witness/witness_server.h"

static enum exit_code run(const char *path)
{
    struct witness_config *config = NULL;
    struct report report = { 0 };
    struct cause cause = { "" };
    if (!secret_memory_forbid_dumps()) {
        complain(NULL, "the system does not let core dumps be forbidden: a crash may leave keys on the disk");
    }
    signet_error error = witness_config_load(path, &config, &report);
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
    error = witness_run(config, &cause);
    witness_config_free(config);
    if (error) {
        complain(NULL, "the witness cannot start: %s", cause.text[0] ? cause.text : signet_error_text(error));
    }
    return error ? EXIT_NO_ANSWER : EXIT_GOOD;
}

enum exit_code command_witness(const struct command *self, int argc, char **argv)
{
    if (getopt_long(argc, argv, "", (const struct option[]){ { 0 } }, NULL) != -1) {
        return usage_error(self, NULL);
    }
    return optind == argc - 1 ? run(argv[optind]) : usage_error(self, "one configuration file is needed");
}
