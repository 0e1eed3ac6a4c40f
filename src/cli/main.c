/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "crypto/random.h"

static const struct command commands[] = {
    {
        .name = "check",
        .synopsis = "CONFIG [--json]",
        .summary = "say what is wrong with a gateway's configuration, keys and trust file",
        .run = command_check,
    },
    {
        .name = "gateway",
        .synopsis = "CONFIG",
        .summary = "stand between Kafka's clients and brokers: seal what is produced, open what is consumed",
        .run = command_gateway,
    },
    {
        .name = "inspect",
        .synopsis = "[--offset N[-M]] [--records [--keys FILE --trust FILE]] [--json] SEGMENT|INDEX|DIR...\n"
                    "--why OFFSET [--trust FILE] [--config CONFIG | --log-append-time PATTERN]... [--json] SEGMENT|DIR",
        .summary = "show what a broker has stored, batch by batch and field by field",
        .run = command_inspect,
    },
    {
        .name = "keys",
        .synopsis = "writer|recipient|witness NAME [--out FOLDER | --file FILE] [--passphrase | --passphrase-file "
                    "FILE] [--json]\n"
                    "show FILE [--json]\n"
                    "public FILE [--passphrase-file FILE] [--json]\n"
                    "passphrase FILE [--passphrase-file OLD] [--new-passphrase-file NEW | --remove]",
        .summary = "make identity keys and look after them",
        .run = command_keys,
    },
    {
        .name = "verify",
        .synopsis =
            "--config CONFIG [--trust FILE] [--json] [--html FILE] DIR|SEGMENT...\n"
            "--trust FILE [--allow-clear PATTERN] [--log-append-time PATTERN] [--json] [--html FILE] DIR|SEGMENT...\n"
            "--config CONFIG | --trust FILE --ledger PATH [--stale-intervals N] [--ledger-retention-ms N]\n"
            "[--retention-ms N] [--retention-bytes N] [--json] [--html FILE] [DIR|SEGMENT...]",
        .summary = "prove a broker's log directories and ledgers intact, or name what is not",
        .run = command_verify,
    },
    {
        .name = "version",
        .synopsis = "[--json]",
        .summary = "show the versions of Signet and of the libraries it runs with",
        .run = command_version,
    },
    {
        .name = "witness",
        .synopsis = "CONFIG",
        .summary = "cosign the checkpoints of ledgers, and refuse those that contradict what came before",
        .run = command_witness,
    },
};

static const size_t command_count = sizeof commands / sizeof *commands;

static void list_commands(FILE *out)
{
    fputs("usage: signet COMMAND [ARGUMENT ...]\n\n", out);
    for (size_t i = 0; i < command_count; i++) {
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
    }
    fputs("\n`signet COMMAND --help` says more about one.\n", out);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < command_count; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static bool asks_for_help(int argc, char **argv)
{
    return argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        list_commands(stderr);
        return EXIT_USAGE;
    }
    if (asks_for_help(argc, argv) || strcmp(argv[1], "help") == 0) {
        list_commands(stdout);
        return EXIT_GOOD;
    }
    const struct command *command = find_command(strcmp(argv[1], "--version") == 0 ? "version" : argv[1]);
    if (!command) {
        complain("`signet --help` lists the commands", "there is no command `%s`", argv[1]);
        return EXIT_USAGE;
    }
    if (asks_for_help(argc - 1, argv + 1)) {
        show_usage(command, stdout);
        return EXIT_GOOD;
    }
    if (crypto_start()) {
        complain(NULL, "the crypto libraries cannot be started");
        return EXIT_NO_ANSWER;
    }
    opterr = 0; /* its words are not ours */
    enum exit_code code = command->run(command, argc - 1, argv + 1);
    if (fflush(stdout) != 0) {
        complain(NULL, "the answer could not be written");
        return EXIT_NO_ANSWER;
    }
    return (int)code;
}
