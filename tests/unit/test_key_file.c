/* SPDX-License-Identifier: Apache-2.0 */
/* Key files against the vectors of spec/key-files.md, and what happens to them on a disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "crypto/random.h"
#include "keys/key_file.h"
#include "keys/secret_file.h"
#include "scratch_folder.h"

static const char vector_passphrase[] = "correct horse";

typedef void (*vector_check)(const char *name, struct slice text);

static void each_vector(const char *group, int count_min, vector_check check)
{
    char folder[512], path[1024];
    snprintf(folder, sizeof folder, SPEC_VECTORS "/key-files/%s", group);
    DIR *entries = opendir(folder);
    assert_non_null(entries);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(entries));) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        struct file_text text;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        assert_int_equal(file_text_read(path, 1024 * 1024, &text), SIGNET_OK);
        check(entry->d_name, file_text_slice(&text));
        file_text_free(&text);
        count++;
    }
    closedir(entries);
    assert_true(count >= count_min);
}

static signet_error parse(struct slice text, struct key_text *key)
{
    struct key_problem problem = { 0 };
    signet_error error = key_text_parse(text, key, &problem);
    assert_true(!error == !problem.text); /* whoever is refused is told why */
    return error;
}

static void check_accepted(const char *name, struct slice text)
{
    struct key_text key;
    char line[KEY_LINE_BYTES_MAX];
    print_message("  %s\n", name);
    assert_int_equal(parse(text, &key), SIGNET_OK);
    key_text_format(&key, line);
    size_t size = strlen(line) - (text.data[text.size - 1] != '\n');
    assert_true(text.size >= size);
    assert_memory_equal(text.data + text.size - size, line, size);
    if (key.form == KEY_PUBLIC) {
        struct public_key public_key;
        assert_int_equal(public_key_from_text(&key, &public_key), SIGNET_OK);
        return;
    }
    struct secret_key *secret = NULL;
    assert_int_equal(secret_key_from_text(&key, slice_of_text(vector_passphrase), &secret), SIGNET_OK);
    secret_key_free(secret);
}

static void accepted_vectors_are_written_back(void **state)
{
    (void)state;
    each_vector("accepted", 9, check_accepted);
}

static signet_error wanted;

static void check_refused(const char *name, struct slice text)
{
    struct key_text key;
    signet_error error = parse(text, &key);
    if (error != wanted) {
        fail_msg("%s: %s", name, signet_error_text(error));
    }
}

static void bad_texts_are_refused(void **state)
{
    (void)state;
    wanted = SIGNET_ERROR_MALFORMED;
    each_vector("malformed", 19, check_refused);
    wanted = SIGNET_ERROR_UNSUPPORTED;
    each_vector("unsupported", 2, check_refused);
    wanted = SIGNET_ERROR_CHECKSUM;
    each_vector("checksum", 3, check_refused);
    wanted = SIGNET_ERROR_TRAILING;
    each_vector("trailing", 3, check_refused);
    wanted = SIGNET_ERROR_LIMIT;
    each_vector("limit", 1, check_refused);
}

static void check_unusable(const char *name, struct slice text)
{
    struct key_text key;
    struct public_key public_key;
    print_message("  %s\n", name);
    assert_int_equal(parse(text, &key), SIGNET_OK);
    assert_int_equal(public_key_from_text(&key, &public_key), SIGNET_ERROR_MALFORMED);
}

static void weak_points_are_refused(void **state)
{
    (void)state;
    each_vector("unusable", 3, check_unusable);
}

static void check_locked(const char *name, struct slice text)
{
    struct key_text key;
    struct secret_key *secret = NULL;
    print_message("  %s\n", name);
    assert_int_equal(parse(text, &key), SIGNET_OK);
    assert_int_equal(secret_key_from_text(&key, slice_of_text(vector_passphrase), &secret), wanted);
    assert_null(secret);
}

static void bad_locks_are_refused(void **state)
{
    (void)state;
    wanted = SIGNET_ERROR_PASSPHRASE;
    each_vector("locked-passphrase", 3, check_locked);
    wanted = SIGNET_ERROR_LIMIT;
    each_vector("locked-limit", 4, check_locked);
}

/* The secrets of the vectors give the public keys of the vectors: both halves were made by the other implementation. */
static void public_halves_agree(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        { "writer.key", "writer.pub" },
        { "writer_locked.key", "writer.pub" },
        { "recipient.key", "recipient.pub" },
        { "recipient_locked.key", "recipient.pub" },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char path[512], line[KEY_LINE_BYTES_MAX];
        struct file_text secret_text, public_text;
        struct key_text key;
        struct secret_key *secret = NULL;
        snprintf(path, sizeof path, SPEC_VECTORS "/key-files/accepted/%s", pairs[i][0]);
        assert_int_equal(file_text_read(path, KEY_FILE_BYTES_MAX, &secret_text), SIGNET_OK);
        snprintf(path, sizeof path, SPEC_VECTORS "/key-files/accepted/%s", pairs[i][1]);
        assert_int_equal(file_text_read(path, KEY_FILE_BYTES_MAX, &public_text), SIGNET_OK);
        assert_int_equal(parse(file_text_slice(&secret_text), &key), SIGNET_OK);
        assert_int_equal(secret_key_from_text(&key, slice_of_text(vector_passphrase), &secret), SIGNET_OK);
        public_key_format(&secret->public_half, line);
        assert_string_equal(line, public_text.data);
        secret_key_free(secret);
        file_text_free(&secret_text);
        file_text_free(&public_text);
    }
}

/* Every single character of a line matters: changed to another of its alphabet, the key is refused or, in its name, another name. */
static void every_changed_character_shows(void **state)
{
    (void)state;
    struct secret_key *secret = NULL;
    char line[KEY_LINE_BYTES_MAX], changed[KEY_LINE_BYTES_MAX];
    assert_int_equal(secret_key_generate(KEY_RECIPIENT, "r", &secret), SIGNET_OK);
    public_key_format(&secret->public_half, line);
    secret_key_free(secret);
    for (size_t i = 0; i + 1 < strlen(line); i++) {
        struct key_text key;
        memcpy(changed, line, sizeof changed);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        signet_error error = parse(slice_of_text(changed), &key);
        bool in_name = i + 2 == strlen(line);
        assert_true(in_name ? !error && key.name[0] == 'A' : error);
    }
    for (size_t size = 0; size + 1 < strlen(line); size++) {
        struct key_text key;
        assert_int_not_equal(parse(slice_of(line, size), &key), SIGNET_OK);
    }
}

static void a_locked_secret_survives_and_each_changed_byte_shows(void **state)
{
    (void)state;
    const struct passphrase_cost cheap = { .passes = 1, .memory_kib = PASSPHRASE_KIB_MIN };
    struct slice passphrase = slice_of_text("a"), associated = slice_of_text("kind name"),
                 secret = slice_of_text("secret");
    uint8_t locked[6 + LOCK_OVERHEAD_BYTES], opened[6];
    assert_int_equal(passphrase_lock(passphrase, cheap, associated, secret, locked), SIGNET_OK);
    assert_int_equal(passphrase_unlock(passphrase, associated, slice_of(locked, sizeof locked), opened), SIGNET_OK);
    assert_memory_equal(opened, "secret", 6);
    for (size_t i = 0; i < sizeof locked; i++) {
        locked[i] ^= 1;
        assert_int_not_equal(passphrase_unlock(passphrase, associated, slice_of(locked, sizeof locked), opened),
                             SIGNET_OK);
        locked[i] ^= 1;
    }
    for (size_t size = 0; size < sizeof locked; size++) {
        assert_int_not_equal(passphrase_unlock(passphrase, associated, slice_of(locked, size), opened), SIGNET_OK);
    }
    assert_int_equal(passphrase_unlock(slice_of_text("b"), associated, slice_of(locked, sizeof locked), opened),
                     SIGNET_ERROR_PASSPHRASE);
    assert_int_equal(passphrase_unlock(passphrase, slice_of_text("kind nama"), slice_of(locked, sizeof locked), opened),
                     SIGNET_ERROR_PASSPHRASE);
}

static void names_are_checked(void **state)
{
    (void)state;
    struct secret_key *key = NULL;
    static const char *const bad[] = { "",    "a b",
                                       "a/b", "\xc3\xa5",
                                       "a\n", "12345678901234567890123456789012345678901234567890123456789012345" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(secret_key_generate(KEY_WRITER, bad[i], &key), SIGNET_ERROR_MALFORMED);
    }
    assert_null(key);
}

static mode_t mode_of(const char *path)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_mode & 07777;
}

static void files_are_written_once_and_read_again(void **state)
{
    const char *folder = *state;
    struct secret_key *key = NULL, *again = NULL;
    struct public_key public_key;
    struct key_problem problem;
    assert_int_equal(secret_key_generate(KEY_WRITER, "gateway-a", &key), SIGNET_OK);
    const char *secret_path = scratch_path(folder, "a.key"), *public_path = scratch_path(folder, "a.pub");
    assert_int_equal(key_file_write_secret(secret_path, key, (struct slice){ 0 }), SIGNET_OK);
    assert_int_equal(key_file_write_public(public_path, &key->public_half), SIGNET_OK);
    assert_int_equal(mode_of(secret_path), 0600);
    assert_int_equal(key_file_read_secret(secret_path, (struct slice){ 0 }, &again, &problem), SIGNET_OK);
    assert_memory_equal(again, key, sizeof *key);
    assert_int_equal(key_file_read_public(public_path, &public_key, &problem), SIGNET_OK);
    assert_memory_equal(&public_key, &key->public_half, sizeof public_key);
    assert_int_equal(key_file_write_secret(secret_path, key, (struct slice){ 0 }), SIGNET_ERROR_SYSTEM);
    assert_int_equal(errno, EEXIST);
    assert_int_equal(key_file_write_public(public_path, &key->public_half), SIGNET_ERROR_SYSTEM);
    secret_key_free(key);
    secret_key_free(again);
}

static void passphrases_are_set_changed_and_removed(void **state)
{
    const char *path = scratch_path(*state, "a.key");
    struct slice first = slice_of_text("first"), second = slice_of_text("second"), none = { 0 };
    struct secret_key *key = NULL, *again = NULL;
    struct key_text seen;
    assert_int_equal(secret_key_generate(KEY_RECIPIENT, "r", &key), SIGNET_OK);
    assert_int_equal(key_file_write_secret(path, key, first), SIGNET_OK);
    assert_int_equal(key_file_inspect(path, &seen, NULL), SIGNET_OK);
    assert_int_equal(seen.form, KEY_SECRET_LOCKED);
    assert_int_equal(key_file_read_secret(path, none, &again, NULL), SIGNET_ERROR_PASSPHRASE);
    assert_int_equal(key_file_read_secret(path, second, &again, NULL), SIGNET_ERROR_PASSPHRASE);
    assert_int_equal(key_file_replace_secret(path, key, second), SIGNET_OK);
    assert_int_equal(key_file_read_secret(path, first, &again, NULL), SIGNET_ERROR_PASSPHRASE);
    assert_int_equal(key_file_read_secret(path, second, &again, NULL), SIGNET_OK);
    assert_memory_equal(again, key, sizeof *key);
    assert_int_equal(mode_of(path), 0600);
    assert_int_equal(scratch_count(*state), 1);
    secret_key_free(key);
    secret_key_free(again);
}

static void a_secret_that_others_can_read_is_refused(void **state)
{
    struct secret_key *key = NULL, *again = NULL;
    struct key_problem problem = { 0 };
    const char *path = scratch_path(*state, "a.key");
    assert_int_equal(secret_key_generate(KEY_WRITER, "a", &key), SIGNET_OK);
    assert_int_equal(key_file_write_secret(path, key, (struct slice){ 0 }), SIGNET_OK);
    static const mode_t modes[] = { 0640, 0604, 0620, 0602, 0610, 0601 };
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        assert_int_equal(chmod(path, modes[i]), 0);
        assert_int_equal(key_file_read_secret(path, (struct slice){ 0 }, &again, &problem), SIGNET_ERROR_PERMISSION);
        assert_non_null(problem.hint);
    }
    assert_int_equal(chmod(path, 0400), 0);
    assert_int_equal(key_file_read_secret(path, (struct slice){ 0 }, &again, &problem), SIGNET_OK);
    secret_key_free(key);
    secret_key_free(again);
}

static void the_wrong_half_is_named_as_such(void **state)
{
    struct secret_key *key = NULL, *again = NULL;
    struct public_key public_key;
    struct key_problem problem = { 0 };
    const char *secret_path = scratch_path(*state, "a.key"), *public_path = scratch_path(*state, "a.pub");
    assert_int_equal(secret_key_generate(KEY_WRITER, "a", &key), SIGNET_OK);
    assert_int_equal(key_file_write_secret(secret_path, key, (struct slice){ 0 }), SIGNET_OK);
    assert_int_equal(key_file_write_public(public_path, &key->public_half), SIGNET_OK);
    assert_int_equal(key_file_read_secret(public_path, (struct slice){ 0 }, &again, &problem), SIGNET_ERROR_MALFORMED);
    assert_non_null(strstr(problem.text, "public key"));
    assert_int_equal(key_file_read_public(secret_path, &public_key, &problem), SIGNET_ERROR_MALFORMED);
    assert_non_null(strstr(problem.text, "secret key"));
    secret_key_free(key);
}

/* A file-size limit of a few bytes makes the write fail half-way. */
static void nothing_is_left_of_a_failed_write(void **state)
{
    struct secret_key *key = NULL;
    assert_int_equal(secret_key_generate(KEY_WRITER, "a", &key), SIGNET_OK);
    struct rlimit old, small = { .rlim_cur = 10 };
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small.rlim_max = old.rlim_max;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    signet_error error = key_file_write_secret(scratch_path(*state, "a.key"), key, (struct slice){ 0 });
    signet_error replaced = key_file_replace_secret(scratch_path(*state, "b.key"), key, (struct slice){ 0 });
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(error, SIGNET_ERROR_SYSTEM);
    assert_int_equal(replaced, SIGNET_ERROR_SYSTEM);
    assert_int_equal(scratch_count(*state), 0);
    secret_key_free(key);
}

static void passphrase_files(void **state)
{
    static const struct {
        const char *text;
        mode_t mode;
        signet_error error;
    } cases[] = {
        { "word\n", 0600, SIGNET_OK },
        { "word", 0400, SIGNET_OK },
        { "two words \n", 0600, SIGNET_OK },
        { "word\n", 0640, SIGNET_ERROR_PERMISSION },
        { "", 0600, SIGNET_ERROR_MALFORMED },
        { "\n", 0600, SIGNET_ERROR_MALFORMED },
        { "word\nword\n", 0600, SIGNET_ERROR_MALFORMED },
        { "word\n\n", 0600, SIGNET_ERROR_MALFORMED },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file_text text;
        const char *path = scratch_write(*state, "passphrase", cases[i].mode, cases[i].text);
        assert_int_equal(passphrase_file_read(path, &text), cases[i].error);
        if (!cases[i].error) {
            assert_int_equal(strncmp(text.data, cases[i].text, text.size), 0);
            assert_null(strchr(text.data, '\n'));
            file_text_free(&text);
        }
    }
    struct file_text text;
    assert_int_equal(passphrase_file_read(*state, &text), SIGNET_ERROR_SYSTEM);
    assert_int_equal(errno, EISDIR);
    assert_int_equal(passphrase_file_read(scratch_path(*state, "nothing"), &text), SIGNET_ERROR_SYSTEM);
    assert_int_equal(errno, ENOENT);
}

static int start(void **state)
{
    (void)state;
    return (int)crypto_start();
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, scratch_folder_setup, scratch_folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted_vectors_are_written_back),
        cmocka_unit_test(bad_texts_are_refused),
        cmocka_unit_test(weak_points_are_refused),
        cmocka_unit_test(bad_locks_are_refused),
        cmocka_unit_test(public_halves_agree),
        cmocka_unit_test(every_changed_character_shows),
        cmocka_unit_test(a_locked_secret_survives_and_each_changed_byte_shows),
        cmocka_unit_test(names_are_checked),
        IN_FOLDER(files_are_written_once_and_read_again),
        IN_FOLDER(passphrases_are_set_changed_and_removed),
        IN_FOLDER(a_secret_that_others_can_read_is_refused),
        IN_FOLDER(the_wrong_half_is_named_as_such),
        IN_FOLDER(nothing_is_left_of_a_failed_write),
        IN_FOLDER(passphrase_files),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
