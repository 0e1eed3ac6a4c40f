/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "crypto/random.h"
#include "keys/scalar.h"
#include "keys/trust_file.h"
#include "scratch_folder.h"

#define KEY_A "signet-writer-v1 11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURoHoqPN a"
#define KEY_R "signet-recipient-v1 sDAaZ9CxZVKKk1yApN8hp73K9pQ1A+ss4t5JqjmmWhFrL/27 r"
#define ID_1  "AAAAAAAAAAAAAAAAAAAAAQ"
#define ID_2  "_____________________w"

#define HEAD      "version: 1\ncluster-id: c\n"                                             /* lines 1 and 2 */
#define WRITER    "writers:\n  - name: a\n    public-key: " KEY_A "\n    topics: [\"*\"]\n" /* lines 3 to 6 */
#define LAST_GOOD "    revoked:\n      reason: x\n      last-good:\n"                       /* lines 7 to 9 */

static const char whole[] = HEAD "writers:\n"
                                 "  - name: a\n"
                                 "    public-key: " KEY_A "\n"
                                 "    topics: [\"orders\", \"payments-*\"]\n"
                                 "    not-before: 2026-01-01T00:00:00Z     # a comment\n"
                                 "    not-after: 2027-01-01T00:00:00Z\n"
                                 "    revoked:\n"
                                 "      reason: laptop stolen\n"
                                 "      last-good:\n"
                                 "        - { topic: orders, topic-id: " ID_1 ", partition: 0, offset: 1234 }\n"
                                 "        - { topic: payments, topic-id: " ID_1 ", partition: 1, offset: 0 }\n"
                                 "cut-overs:\n"
                                 "  - { topic: orders, topic-id: " ID_1 ", partition: 0, offset: 5000 }\n"
                                 "exceptions:\n"
                                 "  - { topic: returns, topic-id: " ID_2
                                 ", partition: 3, first-offset: 10, last-offset: 12, reason: \"disk fault\" }\n";

static void a_whole_file_is_understood(void **state)
{
    (void)state;
    struct trust trust;
    struct report report = { 0 };
    assert_int_equal(trust_file_parse(slice_of_text(whole), "t.yaml", &trust, &report), SIGNET_OK);
    assert_int_equal(report.count, 0);
    assert_string_equal(trust.cluster_id, "c");
    assert_int_equal(trust.writer_count, 1);
    const struct trusted_writer *writer = &trust.writers[0];
    assert_string_equal(writer->name, "a");
    assert_int_equal(writer->key[0], 0xd7);
    assert_int_equal(writer->topic_count, 2);
    assert_string_equal(writer->topics[1], "payments-*");
    assert_true(writer->not_before_ms == INT64_C(1767225600000));
    assert_true(writer->not_after_ms == INT64_C(1798761600000));
    assert_true(writer->revoked);
    assert_int_equal(writer->last_good_count, 2);
    assert_int_equal(writer->last_good[0].offset, 1234);
    assert_string_equal(writer->last_good[0].topic, "orders");
    assert_int_equal(writer->last_good[1].place.partition, 1);
    assert_int_equal(writer->last_good[1].place.topic.bytes[15], 1);
    assert_int_equal(trust.cut_over_count, 1);
    assert_int_equal(trust.cut_overs[0].offset, 5000);
    assert_string_equal(trust.cut_overs[0].topic, "orders");
    assert_int_equal(trust.exception_count, 1);
    assert_int_equal(trust.exceptions[0].first_offset, 10);
    assert_int_equal(trust.exceptions[0].last_offset, 12);
    assert_int_equal(trust.exceptions[0].place.topic.bytes[0], 0xff);
    assert_string_equal(trust.exceptions[0].topic, "returns");
    assert_string_equal(trust.exceptions[0].reason, "disk fault");
    trust_free(&trust);
}

static void what_is_left_out_is_open(void **state)
{
    (void)state;
    struct trust trust;
    struct report report = { 0 };
    assert_int_equal(trust_file_parse(slice_of_text(HEAD WRITER), "t.yaml", &trust, &report), SIGNET_OK);
    assert_true(trust.writers[0].not_before_ms == INT64_MIN);
    assert_true(trust.writers[0].not_after_ms == INT64_MAX);
    assert_false(trust.writers[0].revoked);
    assert_int_equal(trust.cut_over_count + trust.exception_count, 0);
    trust_free(&trust);
}

static void a_revocation_without_places_believes_nothing(void **state)
{
    (void)state;
    struct trust trust;
    struct report report = { 0 };
    static const char text[] = HEAD WRITER "    revoked: { reason: stolen }\n";
    assert_int_equal(trust_file_parse(slice_of_text(text), "t.yaml", &trust, &report), SIGNET_OK);
    assert_true(trust.writers[0].revoked);
    assert_int_equal(trust.writers[0].last_good_count, 0);
    trust_free(&trust);
}

struct bad_case {
    const char *label, *text;
    unsigned line;
    const char *key_path, *words; /* of the first error */
};

static const struct bad_case bad_cases[] = {
    { "empty", "", 1, NULL, "the file is empty" },
    { "only comments", "# nothing\n", 1, NULL, "the file is empty" },
    { "a list", "- a\n", 1, NULL, "a mapping" },
    { "a word", "a\n", 1, NULL, "a mapping" },
    { "not YAML", "version: [1\n", 2, NULL, "did not find" },
    { "not UTF-8", "version: \xff\n", 1, NULL, "UTF-8" },
    { "a tab", "version: 1\n\tcluster-id: c\n", 2, NULL, "tab" },
    { "two documents", HEAD "---\nversion: 1\n", 3, NULL, "second document" },
    { "an anchor", "version: &a 1\ncluster-id: c\n", 1, NULL, "anchors" },
    { "an alias", "version: 1\ncluster-id: *a\n", 2, NULL, "anchors" },
    { "a tag", "version: !!str 1\n", 1, NULL, "tags" },
    { "a NUL", "version: \"1\\0\"\n", 1, NULL, "NUL" },
    { "a key that is a list", "? [a]\n: 1\n", 1, NULL, "plain word" },
    { "too deep", "a: [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]\n", 1, NULL, "nested too deep" },
    { "no version", "cluster-id: c\n" WRITER, 1, "version", "missing" },
    { "another version", "version: 2\ncluster-id: c\n" WRITER, 1, "version", "version `2` is not known" },
    { "no cluster id", "version: 1\n" WRITER, 1, "cluster-id", "missing" },
    { "a long cluster id",
      "version: 1\ncluster-id: 12345678901234567890123456789012345678901234567890123456789012345\n" WRITER, 2,
      "cluster-id", "at most 64" },
    { "an unknown key", HEAD WRITER "cutovers: []\n", 7, "cutovers", "no such key" },
    { "an unknown key of a writer", HEAD WRITER "    topic: x\n", 7, "writers[0].topic", "no such key" },
    { "an unknown key of a place", HEAD WRITER "cut-overs:\n  - { topic: o,\n      offest: 1 }\n", 9,
      "cut-overs[0].offest", "no such key" },
    { "a key twice", HEAD WRITER "cluster-id: d\n", 7, "cluster-id", "twice" },
    { "a writer's key twice", HEAD WRITER "    name: b\n", 7, "writers[0].name", "twice" },
    { "a word for a list", HEAD "writers: a\n", 3, "writers", "a list" },
    { "a list for a word", HEAD WRITER "    not-before: [1]\n", 7, "writers[0].not-before", "a plain value" },
    { "nothing for a revocation", HEAD WRITER "    revoked:\n", 7, "writers[0].revoked", "a mapping" },
    { "an empty value", HEAD WRITER "    not-after:\n", 7, "writers[0].not-after", "empty" },
    { "no name", HEAD "writers:\n  - public-key: " KEY_A "\n    topics: [a]\n", 4, "writers[0].name", "missing" },
    { "a bad name", HEAD "writers:\n  - name: a b\n    public-key: " KEY_A "\n    topics: [a]\n", 4, "writers[0].name",
      "`a b` is not a name" },
    { "no key", HEAD "writers:\n  - name: a\n    topics: [a]\n", 4, "writers[0].public-key", "missing" },
    { "a mistyped key",
      HEAD "writers:\n  - name: a\n    public-key: signet-writer-v1 11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURoHoqPM "
           "a\n    topics: [a]\n",
      5, "writers[0].public-key", "checksum" },
    { "a recipient's key", HEAD "writers:\n  - name: r\n    public-key: " KEY_R "\n    topics: [a]\n", 5,
      "writers[0].public-key", "recipient" },
    { "a secret key",
      HEAD "writers:\n  - name: a\n    public-key: signet-writer-secret-v1 "
           "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2CZZ+3A a\n    topics: [a]\n",
      5, "writers[0].public-key", "secret key" },
    { "no topics", HEAD "writers:\n  - name: a\n    public-key: " KEY_A "\n", 4, "writers[0].topics", "no topics" },
    { "an empty list of topics", HEAD "writers:\n  - name: a\n    public-key: " KEY_A "\n    topics: []\n", 6,
      "writers[0].topics", "no topics" },
    { "an empty topic", HEAD "writers:\n  - name: a\n    public-key: " KEY_A "\n    topics: [b, \"\"]\n", 6,
      "writers[0].topics[1]", "empty" },
    { "a bad pattern", HEAD "writers:\n  - name: a\n    public-key: " KEY_A "\n    topics: [b, \"a/b\"]\n", 6,
      "writers[0].topics[1]", "`a/b` is not a topic" },
    { "a bad time", HEAD WRITER "    not-before: 2026-02-30T00:00:00Z\n", 7, "writers[0].not-before", "not a time" },
    { "a time with an offset", HEAD WRITER "    not-before: 2026-02-20T00:00:00+01:00\n", 7, "writers[0].not-before",
      "not a time" },
    { "times reversed", HEAD WRITER "    not-before: 2026-02-02T00:00:00Z\n    not-after: 2026-02-01T00:00:00Z\n", 8,
      "writers[0].not-after", "ends before it begins" },
    { "a revocation without reason", HEAD WRITER "    revoked: { last-good: [] }\n", 7, "writers[0].revoked.reason",
      "missing" },
    { "a name twice",
      HEAD WRITER "  - name: a\n    topics: [b]\n    public-key: signet-writer-v1 "
                  "YVhD4REuMexWJW/FWLvE5V5CPTU//JRgU8Xd3qMmWx1Aqkvd a\n",
      7, "writers[1].name", "two writers have this name (also on line 4)" },
    { "a writer's key under two names", HEAD WRITER "  - name: b\n    topics: [b]\n    public-key: " KEY_A "\n", 9,
      "writers[1].public-key", "two writers have this key (also on line 5)" },
    { "a zero topic id",
      HEAD WRITER "cut-overs:\n  - { topic: o, topic-id: AAAAAAAAAAAAAAAAAAAAAA, partition: 0, offset: 0 }\n", 8,
      "cut-overs[0].topic-id", "zero" },
    { "no topic id", HEAD WRITER "cut-overs:\n  - { topic: o, partition: 0, offset: 0 }\n", 8, "cut-overs[0].topic-id",
      "missing" },
    { "no topic", HEAD WRITER "cut-overs:\n  - { topic-id: " ID_1 ", partition: 0, offset: 0 }\n", 8,
      "cut-overs[0].topic", "missing" },
    { "a short topic id", HEAD WRITER "cut-overs:\n  - { topic: o, topic-id: AAAA, partition: 0, offset: 0 }\n", 8,
      "cut-overs[0].topic-id", "`AAAA` is not a topic id" },
    { "a negative offset", HEAD WRITER "cut-overs:\n  - { topic: o, topic-id: " ID_1 ", partition: 0, offset: -1 }\n",
      8, "cut-overs[0].offset", "`-1` is not a whole number" },
    { "an offset with rubbish",
      HEAD WRITER "cut-overs:\n  - { topic: o, topic-id: " ID_1 ", partition: 0, offset: 10x }\n", 8,
      "cut-overs[0].offset", "`10x` is not a whole number" },
    { "an octal offset", HEAD WRITER "cut-overs:\n  - { topic: o, topic-id: " ID_1 ", partition: 0, offset: 010 }\n", 8,
      "cut-overs[0].offset", "`010` is not a whole number" },
    { "a large partition",
      HEAD WRITER "cut-overs:\n  - { topic: o, topic-id: " ID_1 ", partition: 2147483648, offset: 1 }\n", 8,
      "cut-overs[0].partition", "not a whole number" },
    { "no offset", HEAD WRITER "cut-overs:\n  - { topic: o, topic-id: " ID_1 ", partition: 0 }\n", 8,
      "cut-overs[0].offset", "missing" },
    { "a bad topic", HEAD WRITER "cut-overs:\n  - { topic: \"*\", topic-id: " ID_1 ", partition: 0, offset: 1 }\n", 8,
      "cut-overs[0].topic", "cannot be the name" },
    { "two cut-overs",
      HEAD WRITER "cut-overs:\n  - { topic: o, topic-id: " ID_1 ", partition: 0, offset: 1 }\n"
                  "  - { topic: o, topic-id: " ID_1 ", partition: 1, offset: 1 }\n  - { topic: o, topic-id: " ID_1
                  ", partition: 0, offset: 2 }\n",
      10, "cut-overs[2]", "two cut-overs for one partition (also on line 8)" },
    { "two cut-overs under two names",
      HEAD WRITER "cut-overs:\n  - { topic: o, topic-id: " ID_1 ", partition: 0, offset: 1 }\n"
                  "  - { topic: p, topic-id: " ID_1 ", partition: 0, offset: 1 }\n",
      9, "cut-overs[1]", "two cut-overs for one partition (also on line 8)" },
    { "two last good offsets",
      HEAD WRITER LAST_GOOD "        - { topic: o, topic-id: " ID_1 ", partition: 0, offset: 1 }\n"
                            "        - { topic: o, topic-id: " ID_1 ", partition: 0, offset: 1 }\n",
      11, "writers[0].revoked.last-good[1]", "two last good offsets" },
    { "no topic of a last good offset",
      HEAD WRITER LAST_GOOD "        - { topic-id: " ID_1 ", partition: 0, offset: 1 }\n", 10,
      "writers[0].revoked.last-good[0].topic", "missing" },
    { "no topic of an exception",
      HEAD WRITER "exceptions:\n  - { topic-id: " ID_1 ", partition: 0, first-offset: 1, last-offset: 1, reason: x }\n",
      8, "exceptions[0].topic", "missing" },
    { "offsets reversed",
      HEAD WRITER "exceptions:\n  - { topic: o, topic-id: " ID_1
                  ", partition: 0, first-offset: 2, last-offset: 1, reason: x }\n",
      8, "exceptions[0].last-offset", "before the first" },
    { "an exception without reason",
      HEAD WRITER "exceptions:\n  - { topic: o, topic-id: " ID_1 ", partition: 0, first-offset: 2, last-offset: 3 }\n",
      8, "exceptions[0].reason", "missing" },
};

static bool finding_is(const struct bad_case *c, signet_error error, const struct report *report)
{
    const struct finding none = { .text = "" };
    const struct finding *found = &none;
    for (size_t f = report->count; f > 0; f--) {
        found = report->findings[f - 1].severity == SEVERITY_ERROR ? &report->findings[f - 1] : found;
    }
    bool path_same = c->key_path ? found->key_path && strcmp(found->key_path, c->key_path) == 0 : !found->key_path;
    bool same = error == SIGNET_ERROR_MALFORMED && found->file && found->line == c->line && path_same &&
                strstr(found->text, c->words) && strcmp(found->file, "t.yaml") == 0;
    if (!same) {
        print_error("%s: line %u: %s: %s\n", c->label, found->line, found->key_path ? found->key_path : "(none)",
                    found->text);
    }
    return same;
}

static void bad_files_are_refused_with_their_line(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof bad_cases / sizeof *bad_cases; i++) {
        struct trust trust = { .writer_count = 77 };
        struct report report = { 0 };
        signet_error error = trust_file_parse(slice_of_text(bad_cases[i].text), "t.yaml", &trust, &report);
        wrong += !finding_is(&bad_cases[i], error, &report);
        assert_int_equal(trust.writer_count, 77); /* untouched */
        report_free(&report);
    }
    assert_int_equal(wrong, 0);
}

static void all_errors_are_found_at_once(void **state)
{
    (void)state;
    struct trust trust;
    struct report report = { 0 };
    static const char text[] = "version: 3\ncut-overs:\n  - { offset: -1 }\n";
    assert_int_equal(trust_file_parse(slice_of_text(text), "t.yaml", &trust, &report), SIGNET_ERROR_MALFORMED);
    assert_int_equal(report.error_count, 6); /* version, cluster id, topic, topic id, partition, offset */
    report_free(&report);
}

static void slips_are_warned_about(void **state)
{
    (void)state;
    static const char *const texts[] = {
        HEAD "writers: []\n",
        HEAD "writers:\n  - name: b\n    public-key: " KEY_A "\n    topics: [\"*\"]\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct trust trust;
        struct report report = { 0 };
        assert_int_equal(trust_file_parse(slice_of_text(texts[i]), "t.yaml", &trust, &report), SIGNET_OK);
        assert_int_equal(report.count, 1);
        assert_int_equal(report.findings[0].severity, SEVERITY_WARNING);
        report_free(&report);
        trust_free(&trust);
    }
}

/* Whatever is cut off, the file is refused or read; nothing leaks and nothing is touched on failure. */
static void every_prefix_is_survived(void **state)
{
    (void)state;
    for (size_t size = 0; size < sizeof whole; size++) {
        struct trust trust = { 0 };
        struct report report = { 0 };
        signet_error error = trust_file_parse(slice_of(whole, size), "t.yaml", &trust, &report);
        assert_true(error == SIGNET_OK || (error == SIGNET_ERROR_MALFORMED && report.error_count > 0));
        report_free(&report);
        trust_free(&trust);
    }
}

static void files_are_read(void **state)
{
    struct trust trust;
    struct report report = { 0 };
    const char *path = scratch_write(*state, "trust.yaml", 0644, whole);
    assert_int_equal(trust_file_read(path, &trust, &report), SIGNET_OK);
    trust_free(&trust);
    assert_int_equal(trust_file_read(scratch_path(*state, "nothing.yaml"), &trust, &report), SIGNET_ERROR_MALFORMED);
    assert_non_null(strstr(report.findings[0].text, "No such file"));
    report_free(&report);
}

struct scalar_case {
    const char *text;
    bool good;
    int64_t value;
};

static void sizes_and_durations(void **state)
{
    (void)state;
    static const struct scalar_case sizes[] = {
        { "0", true, 0 },
        { "4096", true, 4096 },
        { "1KiB", true, 1024 },
        { "256MiB", true, 256 << 20 },
        { "1TiB", true, INT64_C(1) << 40 },
        { "1kb", false, 0 },
        { "1 KiB", false, 0 },
        { "KiB", false, 0 },
        { "-1", false, 0 },
        { "01", false, 0 },
        { "9223372036854775807", true, INT64_MAX },
        { "9007199254740992KiB", false, 0 },
        { "99999999999999999999", false, 0 },
        { "1.5GiB", false, 0 },
    };
    static const struct scalar_case durations[] = {
        { "0s", true, 0 },       { "500ms", true, 500 },    { "30s", true, 30000 }, { "10m", true, 600000 },
        { "1h", true, 3600000 }, { "7d", true, 604800000 }, { "10", false, 0 },     { "1H", false, 0 },
        { "h", false, 0 },       { "1h30m", false, 0 },
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int64_t value = -7;
        assert_int_equal(scalar_size(sizes[i].text, &value), sizes[i].good);
        assert_true(value == (sizes[i].good ? sizes[i].value : -7));
    }
    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++) {
        int64_t value = -7;
        assert_int_equal(scalar_duration(durations[i].text, &value), durations[i].good);
        assert_true(value == (durations[i].good ? durations[i].value : -7));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_file_is_understood),
        cmocka_unit_test(what_is_left_out_is_open),
        cmocka_unit_test(a_revocation_without_places_believes_nothing),
        cmocka_unit_test(bad_files_are_refused_with_their_line),
        cmocka_unit_test(all_errors_are_found_at_once),
        cmocka_unit_test(slips_are_warned_about),
        cmocka_unit_test(every_prefix_is_survived),
        cmocka_unit_test(sizes_and_durations),
        cmocka_unit_test_setup_teardown(files_are_read, scratch_folder_setup, scratch_folder_teardown),
    };
    return crypto_start() ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
