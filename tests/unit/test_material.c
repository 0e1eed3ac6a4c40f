/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and trust as a configuration names them; certificates are in the test of the command line, which can make some. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/random.h"
#include "crypto/sealed_box.h"
#include "gateway/generation.h"
#include "scratch_folder.h"

static const int64_t JULY_2026_MS = INT64_C(1782864000000);

static const char config_text[] = "cluster: { bootstrap-servers: [\"127.0.0.1:9092\"] }\n"
                                  "listeners:\n"
                                  "  - name: apps\n"
                                  "    address: 127.0.0.1:9192\n"
                                  "    clients-known-by: loopback\n"
                                  "    advertised: { node-port-base: 9200 }\n"
                                  "topics: [{ match: \"orders*\", seal: true }, { match: \"*\", seal: false }]\n"
                                  "trust-file: trust.yaml\n"
                                  "identity:\n"
                                  "  writer-key: a.key\n" /* line 10 */
                                  "recipients:\n"
                                  "  - r.pub\n" /* line 12 */
                                  "recipient-keys:\n"
                                  "  - { file: r.key, passphrase-file: r.pass }\n"; /* line 14 */

static void write_trust(const char *folder, const struct public_key *writer, const char *topics, const char *more)
{
    char line[KEY_LINE_BYTES_MAX], text[1024];
    public_key_format(writer, line);
    snprintf(text, sizeof text,
             "version: 1\ncluster-id: c\nwriters:\n  - name: %s\n    topics: [\"%s\"]\n%s    public-key: %s",
             writer->name, topics, more, line);
    scratch_write(folder, "trust.yaml", 0644, text);
}

static void write_pair(const char *folder, enum key_role role, const char *name, const char *passphrase,
                       struct public_key *ret_key)
{
    struct secret_key *key = NULL;
    char file[128];
    assert_int_equal(secret_key_generate(role, name, &key), SIGNET_OK);
    snprintf(file, sizeof file, "%s.key", name);
    assert_int_equal(key_file_write_secret(scratch_path(folder, file), key, slice_of_text(passphrase)), SIGNET_OK);
    snprintf(file, sizeof file, "%s.pub", name);
    assert_int_equal(key_file_write_public(scratch_path(folder, file), &key->public_half), SIGNET_OK);
    *ret_key = key->public_half;
    secret_key_free(key);
}

static int setup(void **state)
{
    struct public_key writer, recipient;
    if (scratch_folder_setup(state)) {
        return -1;
    }
    write_pair(*state, KEY_WRITER, "a", "", &writer);
    write_pair(*state, KEY_RECIPIENT, "r", "word", &recipient);
    scratch_write(*state, "r.pass", 0600, "word\n");
    write_trust(*state, &writer, "*", "");
    return 0;
}

static signet_error load(const char *folder, struct material **ret_material, struct report *report)
{
    struct config *config = NULL;
    assert_int_equal(config_parse(slice_of_text(config_text), scratch_path(folder, "g.yaml"), &config, report),
                     SIGNET_OK);
    signet_error error = material_load(config, JULY_2026_MS, ret_material, report);
    config_free(config);
    return error;
}

static void everything_is_loaded(void **state)
{
    struct report report = { 0 };
    struct material *material = NULL;
    uint8_t public_half[SIGN_PUBLIC_BYTES], wrapped[BOX_WRAPPED_BYTES], key[BOX_KEY_BYTES] = { 7 },
                                                                        again[BOX_KEY_BYTES];
    assert_int_equal(load(*state, &material, &report), SIGNET_OK);
    assert_int_equal(report.count, 0);
    signing_key_public(material->signing_key, public_half);
    assert_memory_equal(public_half, material->writer.bytes, sizeof public_half);
    assert_non_null(trust_find_writer(&material->trust, public_half));
    const struct secret_key *opener = material->recipient_keys[0];
    assert_int_equal(box_wrap(material->recipients[0].bytes, key, wrapped), SIGNET_OK);
    assert_int_equal(box_unwrap(opener->public_half.bytes, opener->bytes, wrapped, again), SIGNET_OK);
    assert_memory_equal(again, key, sizeof key);
    material_free(material);
}

static void open_secret(const char *folder)
{
    chmod(scratch_path(folder, "a.key"), 0644);
}

static void open_passphrase(const char *folder)
{
    chmod(scratch_path(folder, "r.pass"), 0640);
}

static void wrong_passphrase(const char *folder)
{
    scratch_write(folder, "r.pass", 0600, "other\n");
}

static void two_lines(const char *folder)
{
    scratch_write(folder, "r.pass", 0600, "word\nword\n");
}

static void no_writer_key(const char *folder)
{
    unlink(scratch_path(folder, "a.key"));
}

static void broken_key(const char *folder)
{
    scratch_write(folder, "r.pub", 0644, "# mine\nsignet-recipient-v1 AAAA r\n");
}

static void writer_for_recipient(const char *folder)
{
    rename(scratch_path(folder, "a.pub"), scratch_path(folder, "r.pub"));
}

static void recipient_for_writer(const char *folder)
{
    struct public_key other;
    write_pair(folder, KEY_RECIPIENT, "other", "", &other);
    rename(scratch_path(folder, "other.key"), scratch_path(folder, "a.key"));
}

static void secret_for_recipient(const char *folder)
{
    struct public_key other;
    write_pair(folder, KEY_RECIPIENT, "other", "", &other);
    rename(scratch_path(folder, "other.key"), scratch_path(folder, "r.pub"));
}

static void broken_trust(const char *folder)
{
    scratch_write(folder, "trust.yaml", 0644, "version: 1\ncluster-id: c\nwriters: x\n");
}

static void no_trust(const char *folder)
{
    unlink(scratch_path(folder, "trust.yaml"));
}

static void other_writer(const char *folder)
{
    struct public_key other;
    write_pair(folder, KEY_WRITER, "other", "", &other);
    write_trust(folder, &other, "*", "");
}

static void own_writer(const char *folder, const char *topics, const char *more)
{
    struct public_key key;
    assert_int_equal(key_file_read_public(scratch_path(folder, "a.pub"), &key, NULL), SIGNET_OK);
    write_trust(folder, &key, topics, more);
}

static void narrow_writer(const char *folder)
{
    own_writer(folder, "orders-eu", "");
}

static void question_mark_writer(const char *folder)
{
    own_writer(folder, "orders?", "");
}

static void expired_writer(const char *folder)
{
    own_writer(folder, "*", "    not-after: 2026-06-30T00:00:00Z\n");
}

static void revoked_writer(const char *folder)
{
    own_writer(folder, "*", "    revoked: { reason: x }\n");
}

static void other_recipient(const char *folder)
{
    struct public_key other;
    write_pair(folder, KEY_RECIPIENT, "other", "", &other);
    rename(scratch_path(folder, "other.pub"), scratch_path(folder, "r.pub"));
}

struct change {
    const char *label;
    void (*make)(const char *folder);
    enum severity severity;
    unsigned line;
    const char *key_path, *words;
};

static const struct change changes[] = {
    { "open secret", open_secret, SEVERITY_ERROR, 10, "identity.writer-key", "access to this secret" },
    { "open passphrase", open_passphrase, SEVERITY_ERROR, 14, "recipient-keys[0].passphrase-file",
      "access to this secret" },
    { "wrong passphrase", wrong_passphrase, SEVERITY_ERROR, 14, "recipient-keys[0].file", "passphrase is wrong" },
    { "two lines", two_lines, SEVERITY_ERROR, 14, "recipient-keys[0].passphrase-file", "one line" },
    { "no writer key", no_writer_key, SEVERITY_ERROR, 10, "identity.writer-key", "No such file" },
    { "broken key", broken_key, SEVERITY_ERROR, 12, "recipients[0]", "line 2" },
    { "writer for recipient", writer_for_recipient, SEVERITY_ERROR, 12, "recipients[0]", "key of a writer" },
    { "recipient for writer", recipient_for_writer, SEVERITY_ERROR, 10, "identity.writer-key", "key of a recipient" },
    { "secret for recipient", secret_for_recipient, SEVERITY_ERROR, 12, "recipients[0]", "secret key" },
    { "broken trust", broken_trust, SEVERITY_ERROR, 3, "writers", "a list" },
    { "no trust", no_trust, SEVERITY_ERROR, 8, "trust-file", "No such file" },
    { "other writer", other_writer, SEVERITY_WARNING, 10, "identity.writer-key", "own writer `a`" },
    { "narrow writer", narrow_writer, SEVERITY_WARNING, 10, "identity.writer-key", "`orders*` are sealed" },
    { "question mark", question_mark_writer, SEVERITY_WARNING, 10, "identity.writer-key", "`orders*` are sealed" },
    { "expired writer", expired_writer, SEVERITY_WARNING, 10, "identity.writer-key", "not valid today" },
    { "revoked writer", revoked_writer, SEVERITY_WARNING, 10, "identity.writer-key", "revoked" },
    { "other recipient", other_recipient, SEVERITY_WARNING, 14, "recipient-keys[0]",
      "cannot open what is sealed here" },
};

static bool change_shows(const char *folder, const struct change *c)
{
    struct report report = { 0 };
    struct material *material = NULL;
    c->make(folder);
    signet_error error = load(folder, &material, &report);
    const struct finding none = { .text = "nothing found" }, *found = report.count ? &report.findings[0] : &none;
    bool path_same = c->key_path ? found->key_path && strcmp(found->key_path, c->key_path) == 0 : !found->key_path;
    bool good = error == (c->severity == SEVERITY_ERROR ? SIGNET_ERROR_MALFORMED : SIGNET_OK) && report.count == 1 &&
                found->severity == c->severity && found->line == c->line && path_same && strstr(found->text, c->words);
    if (!good) {
        print_error("%s: line %u: %s: %s\n", c->label, found->line, found->key_path ? found->key_path : "(none)",
                    found->text);
    }
    report_free(&report);
    material_free(material);
    return good;
}

static void each_change_shows_once(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        void *folder = NULL;
        assert_int_equal(setup(&folder), 0);
        wrong += !change_shows(folder, &changes[i]);
        scratch_folder_teardown(&folder);
    }
    assert_int_equal(wrong, 0);
}

static void a_locked_key_needs_its_passphrase(void **state)
{
    struct report report = { 0 };
    struct material *material = NULL;
    struct config *config = NULL;
    char text[sizeof config_text];
    memcpy(text, config_text, sizeof text);
    strcpy(strstr(text, ", passphrase-file"), " }\n");
    assert_int_equal(config_parse(slice_of_text(text), scratch_path(*state, "g.yaml"), &config, &report), SIGNET_OK);
    assert_int_equal(material_load(config, JULY_2026_MS, &material, &report), SIGNET_ERROR_MALFORMED);
    assert_non_null(strstr(report.findings[0].text, "locked with a passphrase"));
    report_free(&report);
    config_free(config);
}

static void a_socket_wants_a_folder_of_its_own(void **state)
{
    static const mode_t modes[] = { 0700, 0755, 0775, 0757, 01777 };
    char text[4096];
    const char *at = strstr(config_text, "127.0.0.1:9192\n    clients-known-by: loopback\n    advertised: { ");
    assert_non_null(at);
    snprintf(text, sizeof text, "%.*sunix:%s\n    clients-known-by: unix-socket\n    advertised: { host: h, %s",
             (int)(at - config_text), config_text, scratch_path(*state, "s"), strstr(at, "node-port-base"));
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        struct report report = { 0 };
        struct config *config = NULL;
        struct material *material = NULL;
        assert_int_equal(chmod(*state, modes[i]), 0);
        assert_int_equal(config_parse(slice_of_text(text), scratch_path(*state, "g.yaml"), &config, &report),
                         SIGNET_OK);
        assert_int_equal(material_load(config, JULY_2026_MS, &material, &report), SIGNET_OK);
        bool open = (modes[i] & 022) != 0;
        assert_int_equal(report.count, open);
        if (open) {
            assert_string_equal(report.findings[0].key_path, "listeners[0].address");
            assert_non_null(strstr(report.findings[0].text, *state));
        }
        material_free(material);
        config_free(config);
        report_free(&report);
    }
}

/* Listeners stay the first configuration's: for them it is kept, and no key with it. */
static void keys_go_before_the_configuration(void **state)
{
    struct report report = { 0 };
    struct generation *generation = NULL;
    const char *path = scratch_write(*state, "g.yaml", 0644, config_text);
    assert_int_equal(generation_load(path, JULY_2026_MS, &generation, &report), SIGNET_OK);
    struct generation *kept = generation_retain_config(generation);
    generation_release(generation_retain(generation));
    assert_non_null(kept->material);
    generation_release(generation);
    assert_null(kept->material);
    assert_string_equal(kept->config->listeners[0].name, "apps");
    generation_release_config(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everything_is_loaded, setup, scratch_folder_teardown),
        cmocka_unit_test(each_change_shows_once),
        cmocka_unit_test_setup_teardown(a_locked_key_needs_its_passphrase, setup, scratch_folder_teardown),
        cmocka_unit_test_setup_teardown(a_socket_wants_a_folder_of_its_own, setup, scratch_folder_teardown),
        cmocka_unit_test_setup_teardown(keys_go_before_the_configuration, setup, scratch_folder_teardown),
    };
    return crypto_start() ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
