/* SPDX-License-Identifier: Apache-2.0 */
/* Every vector of spec/vectors, opened. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glob.h>

#include "vector_runner.h"

/* The findings are the batches that are not good, in order. */
static void check_findings(const struct vector_runner *r, const json_t *batches)
{
    size_t i, at = 0;
    json_t *batch;
    const char *first_refused = "authentic";
    json_array_foreach(batches, i, batch)
    {
        const char *verdict = vector_text(batch, "verdict");
        bool good =
            strcmp(verdict, "authentic") == 0 || strcmp(verdict, "clear") == 0 || strcmp(verdict, "control") == 0;
        if (good) {
            continue;
        }
        if (at == r->finding_count) {
            fail_msg("%s was not found", verdict);
        }
        const struct open_finding *finding = &r->findings[at++];
        bool accepted = json_is_true(json_object_get(batch, "accepted"));
        assert_string_equal(verdict_word(finding->verdict), verdict);
        assert_int_equal(finding->base_offset, vector_number(batch, "base", -2));
        assert_int_equal(finding->last_offset, vector_number(batch, "last", -2));
        assert_int_equal(finding->expected_offset, vector_number(batch, "expected", -1));
        assert_int_equal(finding->missed_offset, vector_number(batch, "missed", -1));
        assert_int_equal(finding->accepted_reason != NULL, accepted);
        first_refused = !accepted && strcmp(first_refused, "authentic") == 0 ? verdict : first_refused;
    }
    if (at != r->finding_count) {
        fail_msg("%s was found too", verdict_word(r->findings[at].verdict));
    }
    assert_string_equal(verdict_word(r->result.refused), first_refused);
}

/* What came out is what is said of each batch, one after the other. */
static void check_opened(struct vector_runner *r, const json_t *batches)
{
    struct slice opened = slice_of(r->opened->data, r->opened_size);
    size_t i, count = 0;
    json_t *batch;
    json_array_foreach(batches, i, batch)
    {
        const char *text = json_string_value(json_object_get(batch, "opened"));
        const char *hash = json_string_value(json_object_get(batch, "opened_sha256"));
        struct batch got;
        if (!text && !hash) {
            continue;
        }
        count++;
        assert_int_equal(batch_read(opened, &got), SIGNET_OK);
        opened = slice_of(opened.data + got.bytes.size, opened.size - got.bytes.size);
        if (text) {
            size_t size;
            struct block *expected = vector_base64(r, text, &size);
            assert_true(slice_equal(got.bytes, slice_of(expected->data, size)));
            block_release(expected);
        } else {
            uint8_t expected[SHA256_BYTES], digest[SHA256_BYTES];
            vector_hex(hash, expected, sizeof expected);
            sha256(got.bytes, digest);
            assert_memory_equal(digest, expected, sizeof digest);
        }
    }
    assert_int_equal(opened.size, 0);
    assert_int_equal(r->result.delivered, count);
}

/* A share group acknowledges what was delivered and nothing else. */
static void check_ranges(const json_t *fetch, const struct open_result *result)
{
    size_t i, range = 0;
    json_t *batch;
    bool shared = json_is_true(json_object_get(fetch, "share_group"));
    json_array_foreach(json_object_get(fetch, "batches"), i, batch)
    {
        if (!shared || !(json_object_get(batch, "opened") || json_object_get(batch, "opened_sha256"))) {
            continue;
        }
        int64_t base = vector_number(batch, "base", -2), last = vector_number(batch, "last", -2);
        while (range < result->range_count && result->ranges[range].last < base) {
            range++;
        }
        assert_true(range < result->range_count);
        assert_true(result->ranges[range].first <= base && last <= result->ranges[range].last);
    }
    assert_true(shared || result->range_count == 0);
}

static void run_file(const char *path, bool looks_ahead, struct crew *crew)
{
    json_error_t error;
    json_t *vector = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!vector) {
        fail_msg("%s: %s", path, error.text);
    }
    struct vector_runner r;
    vector_runner_init(&r, vector);
    r.looks_ahead = looks_ahead;
    r.opener.crew = crew;
    size_t i;
    json_t *fetch;
    json_array_foreach(json_object_get(vector, "fetches"), i, fetch)
    {
        const char *label = json_string_value(json_object_get(fetch, "label"));
        print_message("%s [%zu] %s\n", path + sizeof SPEC_VECTORS, i, label ? label : "");
        vector_runner_fetch(&r, fetch);
        check_findings(&r, json_object_get(fetch, "batches"));
        check_opened(&r, json_object_get(fetch, "batches"));
        check_ranges(fetch, &r.result);
    }
    vector_runner_free(&r);
    json_decref(vector);
}

static void run_all(bool looks_ahead, struct crew *crew)
{
    glob_t paths;
    assert_int_equal(glob(SPEC_VECTORS "/*/*.json", 0, NULL, &paths), 0);
    for (size_t i = 0; i < paths.gl_pathc; i++) {
        run_file(paths.gl_pathv[i], looks_ahead, crew);
    }
    assert_true(paths.gl_pathc > 100);
    globfree(&paths);
}

static void every_vector_gives_its_verdict(void **state)
{
    (void)state;
    run_all(false, NULL);
}

static void looking_ahead_changes_no_verdict(void **state)
{
    (void)state;
    run_all(true, NULL);
}

static void nor_does_a_crew(void **state)
{
    (void)state;
    struct crew *crew = crew_new(3);
    assert_non_null(crew);
    run_all(true, crew);
    crew_free(crew);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector_gives_its_verdict),
        cmocka_unit_test(looking_ahead_changes_no_verdict),
        cmocka_unit_test(nor_does_a_crew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
