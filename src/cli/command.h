/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line.  One file a subcommand, one row each in main.c's table,
 * and the row is where its usage comes from.  Errors go to standard error as
 * `signet: what is wrong` and then `hint: what to do`; results go to standard
 * output, aligned for people or as JSON for programs.
 */
#ifndef SIGNET_CLI_COMMAND_H
#define SIGNET_CLI_COMMAND_H

#include <stdbool.h>
#include <stdio.h>

struct json_t; /* jansson's */

enum exit_code {
    EXIT_GOOD = 0,
    EXIT_FINDING = 1,   /* the answer is bad news */
    EXIT_USAGE = 2,     /* the question was not understood */
    EXIT_NO_ANSWER = 3, /* the question could not be answered */
};

struct command {
    const char *name;
    const char *synopsis; /* what comes after "signet NAME", one line for each way to use it */
    const char *summary;  /* one clause */
    /* argv[0] is the subcommand's name; options are read with getopt_long. */
    enum exit_code (*run)(const struct command *self, int argc, char **argv);
};

enum exit_code command_check(const struct command *self, int argc, char **argv);
enum exit_code command_gateway(const struct command *self, int argc, char **argv);
enum exit_code command_inspect(const struct command *self, int argc, char **argv);
enum exit_code command_keys(const struct command *self, int argc, char **argv);
enum exit_code command_verify(const struct command *self, int argc, char **argv);
enum exit_code command_version(const struct command *self, int argc, char **argv);
enum exit_code command_witness(const struct command *self, int argc, char **argv);

/* "signet: ..." and, when there is one, "hint: ..." on standard error. */
void complain(const char *hint, const char *format, ...) __attribute__((format(printf, 2, 3)));
void show_usage(const struct command *self, FILE *out);
/* Complains when there is a text, shows the usage on standard error, and gives EXIT_USAGE. */
enum exit_code usage_error(const struct command *self, const char *text);

/* After getopt_long (with ":" for its short options) gave '?' or ':': names the option. */
enum exit_code option_error(const struct command *self, int result, char **argv);

/* For programs: one object, indented, with a line end.  Takes over the reference; NULL (no memory) is EXIT_NO_ANSWER. */
enum exit_code print_json(struct json_t *value, enum exit_code code);

#endif
