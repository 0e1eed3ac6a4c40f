/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "cli/command.h"
#include "cli/prompt.h"
#include "keys/key_file.h"
#include "keys/witness_key_file.h"

struct arguments {
    const char *subject; /* a name, or a file */
    const char *out, *file, *passphrase_file, *new_passphrase_file;
    bool ask, remove, json;
};

static enum exit_code exit_code_of(signet_error error)
{
    switch (error) {
    case SIGNET_OK:
        return EXIT_GOOD;
    case SIGNET_ERROR_SYSTEM:
    case SIGNET_ERROR_OUT_OF_MEMORY:
    case SIGNET_ERROR_PASSPHRASE:
    case SIGNET_ERROR_CRYPTO:
        return EXIT_NO_ANSWER;
    default:
        return EXIT_FINDING;
    }
}

static enum exit_code complain_file(const char *path, signet_error error, const struct key_problem *problem)
{
    const char *why = error == SIGNET_ERROR_SYSTEM ? strerror(errno) : problem->text;
    if (problem->line) {
        complain(problem->hint, "%s, line %u: %s", path, problem->line, why);
    } else {
        complain(problem->hint, "%s: %s", path, why);
    }
    return exit_code_of(error);
}

static signet_error complain_passphrase(const char *from, signet_error error)
{
    const char *why = error == SIGNET_ERROR_SYSTEM ? strerror(errno) : signet_error_text(error);
    const char *hint = "a passphrase file has one line, and only its owner has access to it (chmod 600)";
    complain(from ? hint : "--passphrase-file FILE takes it from a file", "%s: %s", from ? from : "no passphrase", why);
    return error;
}

/* From a file or from the terminal. */
static signet_error new_passphrase(const char *file, struct file_text *ret_passphrase)
{
    signet_error error =
        file ? passphrase_file_read(file, ret_passphrase) : prompt_new_passphrase("New passphrase", ret_passphrase);
    if (!file && error == SIGNET_ERROR_PASSPHRASE) {
        complain(NULL, "nothing was typed, or not the same twice");
        return error;
    }
    return error ? complain_passphrase(file, error) : SIGNET_OK;
}

/* A locked key asks for its passphrase when no file was given. */
static enum exit_code read_secret(const struct arguments *arguments, struct secret_key **ret_key)
{
    struct file_text passphrase = { 0 };
    struct key_problem problem = { 0 };
    const char *file = arguments->passphrase_file;
    signet_error error = file ? passphrase_file_read(file, &passphrase) : SIGNET_OK;
    if (error) {
        return exit_code_of(complain_passphrase(file, error));
    }
    error = key_file_read_secret(arguments->subject, file_text_slice(&passphrase), ret_key, &problem);
    if (error == SIGNET_ERROR_PASSPHRASE && !file && !prompt_passphrase("Passphrase", &passphrase)) {
        error = key_file_read_secret(arguments->subject, file_text_slice(&passphrase), ret_key, &problem);
    }
    int saved = errno;
    file_text_free(&passphrase);
    errno = saved;
    return error ? complain_file(arguments->subject, error, &problem) : EXIT_GOOD;
}

/* "FOLDER/NAME.key", or as given; and the same with .pub. */
static bool make_paths(const struct arguments *arguments, char secret[PATH_MAX], char public[PATH_MAX])
{
    const char *folder = arguments->out ? arguments->out : "", *slash = arguments->out ? "/" : "";
    int size = arguments->file ? snprintf(secret, PATH_MAX, "%s", arguments->file)
                               : snprintf(secret, PATH_MAX, "%s%s%s.key", folder, slash, arguments->subject);
    if (size < 0 || size >= PATH_MAX - 4) {
        return false;
    }
    size_t stem = (size_t)size;
    if (stem > 4 && strcmp(secret + stem - 4, ".key") == 0) {
        stem -= 4;
    }
    snprintf(public, PATH_MAX, "%.*s.pub", (int)stem, secret);
    return true;
}

static signet_error complain_write(const char *path, signet_error error)
{
    bool exists = error == SIGNET_ERROR_SYSTEM && errno == EEXIST;
    const char *why = error == SIGNET_ERROR_SYSTEM ? strerror(errno) : signet_error_text(error);
    complain(exists ? "keys are never written over: choose another name, or --out FOLDER" : NULL, "%s: %s", path, why);
    return error;
}

/* Both files or neither. */
static signet_error write_pair(const struct secret_key *key, struct slice passphrase, const char *secret_path,
                               const char *public_path)
{
    signet_error error = key_file_write_secret(secret_path, key, passphrase);
    if (error) {
        return complain_write(secret_path, error);
    }
    error = key_file_write_public(public_path, &key->public_half);
    if (error) {
        complain_write(public_path, error);
        unlink(secret_path);
    }
    return error;
}

static void public_line(const struct public_key *key, char line[KEY_LINE_BYTES_MAX])
{
    public_key_format(key, line);
    line[strcspn(line, "\n")] = '\0';
}

static enum exit_code print_pair(const struct arguments *arguments, const struct public_key *key, bool locked,
                                 const char *secret_path, const char *public_path)
{
    char line[KEY_LINE_BYTES_MAX];
    public_line(key, line);
    if (arguments->json) {
        return print_json(json_pack("{s:s, s:s, s:s, s:b, s:s, s:s}", "role", key_role_word(key->role), "name",
                                    key->name, "secret-file", secret_path, "locked", locked, "public-file", public_path,
                                    "public-key", line),
                          EXIT_GOOD);
    }
    printf("secret  %s%s\n", secret_path,
           locked ? " (locked with the passphrase)" : " (not locked: keep it on this machine)");
    printf("public  %s\n        %s\n", public_path, line);
    return EXIT_GOOD;
}

static enum exit_code make_key(const struct arguments *arguments, enum key_role role)
{
    char secret_path[PATH_MAX], public_path[PATH_MAX];
    struct file_text passphrase = { 0 };
    struct secret_key *key = NULL;
    bool locked = arguments->ask || arguments->passphrase_file;
    if (!key_name_valid(slice_of_text(arguments->subject))) {
        complain("1 to 64 of A-Z a-z 0-9 . _ @ -", "`%s` cannot be the name of a key", arguments->subject);
        return EXIT_USAGE;
    }
    if (!make_paths(arguments, secret_path, public_path)) {
        complain(NULL, "the path is too long");
        return EXIT_USAGE;
    }
    signet_error error = locked ? new_passphrase(arguments->passphrase_file, &passphrase) : SIGNET_OK;
    if (!error) {
        error = secret_key_generate(role, arguments->subject, &key);
    }
    if (!error) {
        error = write_pair(key, file_text_slice(&passphrase), secret_path, public_path);
    }
    enum exit_code code = exit_code_of(error);
    if (!error) {
        code = print_pair(arguments, &key->public_half, locked, secret_path, public_path);
    }
    file_text_free(&passphrase);
    secret_key_free(key);
    return code;
}

static enum exit_code make_writer(const struct arguments *arguments)
{
    return make_key(arguments, KEY_WRITER);
}

static enum exit_code make_recipient(const struct arguments *arguments)
{
    return make_key(arguments, KEY_RECIPIENT);
}

static enum exit_code make_witness(const struct arguments *arguments)
{
    return make_key(arguments, KEY_WITNESS);
}

static const char *form_word(enum key_form form)
{
    static const char *const words[] = { "public", "secret", "secret, locked with a passphrase" };
    return words[form];
}

static enum exit_code print_text(const struct arguments *arguments, const struct key_text *key, const char *line)
{
    if (arguments->json) {
        return print_json(json_pack("{s:s, s:s, s:b, s:b, s:s?}", "role", key_role_word(key->role), "name", key->name,
                                    "secret", key->form != KEY_PUBLIC, "locked", key->form == KEY_SECRET_LOCKED,
                                    "public-key", line),
                          EXIT_GOOD);
    }
    printf("role  %s\nform  %s\nname  %s\n", key_role_word(key->role), form_word(key->form), key->name);
    if (line) {
        printf("key   %s\n", line);
    }
    return EXIT_GOOD;
}

static enum exit_code print_witness(const struct arguments *arguments, const struct witness_key *key)
{
    char line[WITNESS_KEY_TEXT_BYTES];
    witness_key_format(key, line);
    line[strcspn(line, "\n")] = '\0';
    if (arguments->json) {
        return print_json(json_pack("{s:s, s:s, s:b, s:b, s:s}", "role", key_role_word(KEY_WITNESS), "name", key->name,
                                    "secret", false, "locked", false, "public-key", line),
                          EXIT_GOOD);
    }
    printf("role  %s\nform  %s\nname  %s\nkey   %s\n", key_role_word(KEY_WITNESS), form_word(KEY_PUBLIC), key->name,
           line);
    return EXIT_GOOD;
}

static enum exit_code show(const struct arguments *arguments)
{
    struct witness_key witness;
    if (!witness_key_read(arguments->subject, &witness, NULL)) {
        return print_witness(arguments, &witness);
    }
    struct key_text key;
    struct key_problem problem = { 0 };
    struct public_key public_key;
    char line[KEY_LINE_BYTES_MAX];
    signet_error error = key_file_inspect(arguments->subject, &key, &problem);
    bool is_public = !error && key.form == KEY_PUBLIC;
    if (is_public) {
        error = key_file_read_public(arguments->subject, &public_key, &problem);
    }
    if (error) {
        return complain_file(arguments->subject, error, &problem);
    }
    if (is_public) {
        public_line(&public_key, line);
    }
    return print_text(arguments, &key, is_public ? line : NULL);
}

static enum exit_code show_public(const struct arguments *arguments)
{
    struct secret_key *key = NULL;
    char line[KEY_LINE_BYTES_MAX];
    enum exit_code code = read_secret(arguments, &key);
    if (code) {
        return code;
    }
    public_line(&key->public_half, line);
    if (arguments->json) {
        code = print_json(json_pack("{s:s, s:s, s:s}", "role", key_role_word(key->public_half.role), "name",
                                    key->public_half.name, "public-key", line),
                          EXIT_GOOD);
    } else {
        puts(line);
    }
    secret_key_free(key);
    return code;
}

static enum exit_code change_passphrase(const struct arguments *arguments)
{
    struct file_text passphrase = { 0 };
    struct secret_key *key = NULL;
    enum exit_code code = read_secret(arguments, &key);
    if (code) {
        return code;
    }
    signet_error error = arguments->remove ? SIGNET_OK : new_passphrase(arguments->new_passphrase_file, &passphrase);
    if (!error) {
        error = key_file_replace_secret(arguments->subject, key, file_text_slice(&passphrase));
        if (error) {
            bool stale = error == SIGNET_ERROR_SYSTEM && errno == EEXIST;
            complain(stale ? "an interrupted run left it: remove it" : NULL, "%s.new: %s", arguments->subject,
                     error == SIGNET_ERROR_SYSTEM ? strerror(errno) : signet_error_text(error));
        }
    }
    if (!error) {
        printf("%s: %s\n", arguments->subject,
               arguments->remove ? "no longer locked" : "locked with the new passphrase");
    }
    file_text_free(&passphrase);
    secret_key_free(key);
    return exit_code_of(error);
}

struct verb {
    const char *name, *subject;
    const char *options; /* the letters of those it takes */
    enum exit_code (*run)(const struct arguments *arguments);
};

static const struct verb verbs[] = {
    { "writer", "a name", "ofapj", make_writer },   { "recipient", "a name", "ofapj", make_recipient },
    { "witness", "a name", "ofapj", make_witness }, { "show", "a file", "j", show },
    { "public", "a file", "pj", show_public },      { "passphrase", "a file", "pnr", change_passphrase },
};

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; name && i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(verbs[i].name, name) == 0) {
            return &verbs[i];
        }
    }
    return NULL;
}

static const struct option options[] = {
    { "out", required_argument, NULL, 'o' },
    { "file", required_argument, NULL, 'f' },
    { "passphrase", no_argument, NULL, 'a' },
    { "passphrase-file", required_argument, NULL, 'p' },
    { "new-passphrase-file", required_argument, NULL, 'n' },
    { "remove", no_argument, NULL, 'r' },
    { "json", no_argument, NULL, 'j' },
    { 0 },
};

static void take_option(int option, struct arguments *arguments)
{
    switch (option) {
    case 'o':
        arguments->out = optarg;
        break;
    case 'f':
        arguments->file = optarg;
        break;
    case 'a':
        arguments->ask = true;
        break;
    case 'p':
        arguments->passphrase_file = optarg;
        break;
    case 'n':
        arguments->new_passphrase_file = optarg;
        break;
    case 'r':
        arguments->remove = true;
        break;
    default:
        arguments->json = true;
    }
}

static const char *contradiction(const struct arguments *arguments)
{
    if (arguments->out && arguments->file) {
        return "--out and --file say two things about one place";
    }
    if (arguments->ask && arguments->passphrase_file) {
        return "--passphrase asks, --passphrase-file does not: give one";
    }
    if (arguments->remove && arguments->new_passphrase_file) {
        return "--remove leaves no room for a new passphrase";
    }
    return NULL;
}

enum exit_code command_keys(const struct command *self, int argc, char **argv)
{
    struct arguments arguments = { 0 };
    char seen[32] = "";
    for (int option; (option = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        if (option == '?' || option == ':') {
            return option_error(self, option, argv);
        }
        take_option(option, &arguments);
        size_t count = strlen(seen);
        if (count + 1 < sizeof seen) {
            seen[count] = (char)option;
        }
    }
    const struct verb *verb = find_verb(optind < argc ? argv[optind] : NULL);
    if (!verb) {
        return usage_error(self, optind < argc ? "keys does not do that" : "keys needs to know what to do");
    }
    if (optind + 2 != argc) {
        complain(NULL, "keys %s needs %s", verb->name, verb->subject);
        return usage_error(self, NULL);
    }
    if (strspn(seen, verb->options) != strlen(seen)) {
        complain(NULL, "keys %s does not take all of these options", verb->name);
        return usage_error(self, NULL);
    }
    arguments.subject = argv[optind + 1];
    const char *wrong = contradiction(&arguments);
    return wrong ? usage_error(self, wrong) : verb->run(&arguments);
}
