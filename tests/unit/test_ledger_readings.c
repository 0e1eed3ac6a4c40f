/* SPDX-License-Identifier: Apache-2.0 */
/* Every reading of spec/vectors/ledger/readings: words of records, about logs, of entries and of what is stored. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <glob.h>
#include <jansson.h>
#include <stdlib.h>

#include "crypto/encoding.h"
#include "scratch_folder.h"
#include "verify/holding.h"
#include "verify/ledger_source.h"

enum { WRITERS_MAX = 4, PARTITIONS_MAX = 4, FILE_BYTES_MAX = 512 * 1024, VECTORS_MIN = 8 };

struct scene {
    const json_t *reading;
    struct trusted_writer writers[WRITERS_MAX];
    struct last_good good[WRITERS_MAX];
    char pattern[WRITERS_MAX][TOPIC_NAME_BYTES_MAX + 1];
    char *patterns[WRITERS_MAX];
    struct trust trust;
    struct ledger_source source;
    struct topic_policy policies[PARTITIONS_MAX];
    struct survey surveys[PARTITIONS_MAX];
    size_t survey_count;
    struct stored stored;
    struct holding holding;
};

static int64_t number(const json_t *from, const char *key, int64_t otherwise)
{
    const json_t *value = json_object_get(from, key);
    return value ? json_integer_value(value) : otherwise;
}

static const char *text(const json_t *from, const char *key)
{
    const char *value = json_string_value(json_object_get(from, key));
    assert_non_null(value);
    return value;
}

static void bytes(const json_t *from, const char *key, uint8_t *ret_bytes, size_t size)
{
    assert_int_equal(hex_decode(slice_of_text(text(from, key)), ret_bytes, size), SIGNET_OK);
}

static struct place place_of(const json_t *from)
{
    struct place place = { .partition = (int32_t)number(from, "partition", -1) };
    bytes(from, "topic_id", place.topic.bytes, sizeof place.topic.bytes);
    return place;
}

static void set_trust(struct scene *s, const char *cluster_id)
{
    static char topic[] = "orders";
    size_t i;
    json_t *row;
    snprintf(s->trust.cluster_id, sizeof s->trust.cluster_id, "%s", cluster_id);
    json_array_foreach(json_object_get(s->reading, "writers"), i, row)
    {
        const json_t *good = json_array_get(json_object_get(row, "last_good"), 0);
        struct trusted_writer *writer = &s->writers[i];
        assert_true(i < WRITERS_MAX && json_array_size(json_object_get(row, "last_good")) <= 1);
        bytes(row, "public_key", writer->key, sizeof writer->key);
        writer->not_before_ms = number(row, "not_before", INT64_MIN);
        writer->not_after_ms = number(row, "not_after", INT64_MAX);
        assert_int_equal(json_array_size(json_object_get(row, "topics")), 1);
        snprintf(s->pattern[i], sizeof s->pattern[i], "%s",
                 json_string_value(json_array_get(json_object_get(row, "topics"), 0)));
        s->patterns[i] = s->pattern[i];
        writer->topics = &s->patterns[i];
        writer->topic_count = 1;
        writer->revoked = json_is_true(json_object_get(row, "revoked"));
        if (good) {
            assert_string_equal(text(good, "topic"), topic);
            s->good[i] = (struct last_good){ place_of(good), topic, number(good, "offset", -1) };
            writer->last_good = &s->good[i];
            writer->last_good_count = 1;
        }
        s->trust.writer_count++;
    }
    s->trust.writers = s->writers;
}

static void add_ledgers(struct scene *s, const char *folder)
{
    static uint8_t memory[FILE_BYTES_MAX];
    size_t i, size;
    json_t *one;
    json_array_foreach(json_object_get(s->reading, "ledgers"), i, one)
    {
        const char *path = scratch_path(folder, "x.ledger");
        assert_int_equal(
            base64_decode(slice_of_text(json_string_value(one)), BASE64_STANDARD, memory, sizeof memory, &size),
            SIGNET_OK);
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(memory, 1, size, file), size);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(ledger_source_add(&s->source, path), SIGNET_OK);
    }
}

/* How many of a list's items have that word. */
static uint64_t count_word(const json_t *list, const char *word)
{
    uint64_t count = 0;
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one)
    {
        const json_t *said = json_is_object(one) ? json_object_get(one, "word") : one;
        count += said && strcmp(json_string_value(said), word) == 0;
    }
    return count;
}

static void check_records(const struct scene *s)
{
    const json_t *words = json_object_get(s->reading, "words");
    uint64_t refused = 0;
    for (size_t i = 0; i < s->source.findings.count; i++) {
        const struct ledger_finding *f = &s->source.findings.items[i];
        if (f->path) {
            assert_true(count_word(words, ledger_word_of(f->word)->text) >= f->count);
            refused += f->count;
        }
    }
    assert_int_equal(s->source.logs.lines.count, count_word(words, "authentic"));
    assert_int_equal(s->source.logs.lines.count + refused, json_array_size(words));
}

static bool is_told(const struct scene *s, const json_t *expected)
{
    for (size_t i = 0; i < s->source.findings.count; i++) {
        const struct ledger_finding *f = &s->source.findings.items[i];
        int64_t first = number(expected, "first", -1);
        bool same = !f->path && strcmp(ledger_word_of(f->word)->text, text(expected, "word")) == 0 &&
                    strcmp(f->origin, text(expected, "log")) == 0 && f->has_records == (first >= 0);
        if (same && (first < 0 || (f->first_record == (uint64_t)first &&
                                   f->last_record == (uint64_t)number(expected, "last", -1)))) {
            return true;
        }
    }
    return false;
}

static void check_logs(const struct scene *s)
{
    const json_t *told = json_object_get(s->reading, "told");
    size_t i, about_logs = 0;
    json_t *expected;
    for (size_t k = 0; k < s->source.findings.count; k++) {
        about_logs += !s->source.findings.items[k].path;
    }
    json_array_foreach(told, i, expected)
    {
        if (!is_told(s, expected)) {
            fail_msg("not told: %s", text(expected, "word"));
        }
    }
    assert_int_equal(about_logs, json_array_size(told));
}

static void add_batch(struct scene *s, uint32_t survey, const json_t *from)
{
    const char *verdict = text(from, "verdict");
    struct stored_batch batch = {
        .first = number(from, "base", -1),
        .last = number(from, "last", -1),
        .seal_time_ms = number(from, "seal_time", 0),
        .survey = survey,
        .sealed = json_object_get(from, "seal_id") != NULL,
        .authentic = strcmp(verdict, "authentic") == 0,
        .bad = strcmp(verdict, "authentic") != 0 && strcmp(verdict, "clear") != 0,
    };
    if (batch.sealed) {
        uint8_t writer[WRITER_KEY_BYTES];
        bytes(from, "writer", writer, sizeof writer);
        bytes(from, "seal_id", batch.seal_id, sizeof batch.seal_id);
        bytes(from, "producer_hash", batch.producer, sizeof batch.producer);
        batch.writer = (uint32_t)(trust_find_writer(&s->trust, writer) - s->trust.writers);
        struct stored_seal seal = { .survey = survey, .first = batch.first, .last = batch.last };
        memcpy(seal.seal_id, batch.seal_id, sizeof seal.seal_id);
        assert_int_equal(spool_add(&s->stored.seals, &seal, sizeof seal), SIGNET_OK);
    }
    assert_int_equal(spool_add(&s->stored.batches, &batch, sizeof batch), SIGNET_OK);
}

static void add_partitions(struct scene *s)
{
    size_t i, k;
    json_t *partition, *batch;
    json_array_foreach(json_object_get(s->reading, "partitions"), i, partition)
    {
        struct survey *survey = &s->surveys[s->survey_count++];
        assert_true(s->survey_count <= PARTITIONS_MAX);
        s->policies[i].retention_ms = number(partition, "retention_ms", 0);
        s->policies[i].retention_bytes = (uint64_t)number(partition, "retention_bytes", 0);
        *survey = (struct survey){
            .number = (uint32_t)i,
            .place = place_of(partition),
            .policy = &s->policies[i],
            .only_segment = -1,
            .first_offset = number(partition, "start", -1),
            .next_offset = number(partition, "end", -1),
        };
        snprintf(survey->topic, sizeof survey->topic, "%s", text(partition, "topic"));
        json_array_foreach(json_object_get(partition, "batches"), k, batch)
        {
            add_batch(s, survey->number, batch);
        }
    }
}

/* What is expected of that word in a finding's place and offsets: entries, or what is stored. */
static uint64_t count_expected(const struct scene *s, const struct holding_finding *f)
{
    const struct survey *survey = &s->surveys[f->survey];
    const char *word = holding_word_of(f->word)->text;
    uint64_t count = 0;
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(s->reading, "entries"), i, one)
    {
        struct place place = place_of(one);
        bool within = number(one, "base", -1) >= f->first && number(one, "last", -1) <= f->last;
        bool alike = json_is_true(json_object_get(one, "acks_1_permits_it")) == f->acks_one;
        count += within && alike && place_equal(&place, &survey->place) && strcmp(text(one, "word"), word) == 0;
        const json_t *moved = json_object_get(one, "moved_to");
        if (moved && f->word == HOLDING_MOVED) {
            assert_int_equal(s->surveys[f->moved_survey].place.partition, json_integer_value(json_array_get(moved, 0)));
            assert_int_equal(f->moved_offset, json_integer_value(json_array_get(moved, 1)));
        }
    }
    const json_t *partition = json_array_get(json_object_get(s->reading, "partitions"), f->survey);
    json_array_foreach(json_object_get(partition, "batches"), i, one)
    {
        const json_t *said = json_object_get(one, "word");
        bool within = number(one, "base", -1) >= f->first && number(one, "last", -1) <= f->last;
        count += within && said && strcmp(json_string_value(said), word) == 0;
    }
    return count;
}

static void check_places(const struct scene *s)
{
    uint64_t stored[HOLDING_WORD_COUNT] = { 0 }, told[HOLDING_WORD_COUNT] = { 0 };
    size_t i;
    json_t *partition;
    json_array_foreach(json_object_get(s->reading, "partitions"), i, partition)
    {
        for (int w = 0; w < HOLDING_WORD_COUNT; w++) {
            /* A bad verdict is told by the survey, and altered there is another thing than of an entry. */
            bool own = w == HOLDING_EXTRA || w == HOLDING_NOT_YET || w == HOLDING_NOT_COVERED;
            const char *word = holding_word_of((enum holding_word)w)->text;
            stored[w] += own ? count_word(json_object_get(partition, "batches"), word) : 0;
        }
    }
    for (size_t k = 0; k < s->holding.count; k++) {
        const struct holding_finding *f = &s->holding.findings[k];
        told[f->word] += f->count;
        if (f->word != HOLDING_ALTERED) {
            assert_int_equal(count_expected(s, f), f->count);
        }
    }
    for (int w = 0; w < HOLDING_WORD_COUNT; w++) {
        const struct flaw_word *word = holding_word_of((enum holding_word)w);
        uint64_t expected = stored[w] + count_word(json_object_get(s->reading, "entries"), word->text);
        if (s->holding.words[w] != expected) {
            fail_msg("%s: %d times, not %d", word->text, (int)s->holding.words[w], (int)expected);
        }
        bool is_told = word->kind == FLAW_BAD || w == HOLDING_NOT_COVERED;
        assert_int_equal(told[w], is_told ? expected : 0);
    }
}

static void run(const json_t *reading, const char *cluster_id, const char *folder)
{
    static struct scene s;
    s = (struct scene){ .reading = reading };
    print_message("  %s\n", text(reading, "label"));
    set_trust(&s, cluster_id);
    stored_init(&s.stored);
    s.source.trust = &s.trust;
    s.source.logs.keeps_entries = true;
    add_ledgers(&s, folder);
    const struct ledger_logs_policy policy = {
        .now_ms = number(reading, "now", -1),
        .stale_intervals = (uint32_t)number(reading, "stale_intervals", 0),
        .retention_ms = number(reading, "ledger_retention", 0),
        .cluster_id = slice_of_text(s.trust.cluster_id),
    };
    assert_int_equal(ledger_source_judge(&s.source, &policy), SIGNET_OK);
    check_records(&s);
    check_logs(&s);
    add_partitions(&s);
    const struct holding_request request = {
        .trust = &s.trust,
        .logs = &s.source.logs,
        .stored = &s.stored,
        .surveys = s.surveys,
        .survey_count = s.survey_count,
        .now_ms = policy.now_ms,
    };
    assert_int_equal(holding_run(&request, &s.holding), SIGNET_OK);
    check_places(&s);
    holding_free(&s.holding);
    stored_free(&s.stored);
    ledger_source_free(&s.source);
}

static void test_readings(void **state)
{
    glob_t paths;
    assert_int_equal(glob(SPEC_VECTORS "/ledger/readings/*.json", 0, NULL, &paths), 0);
    assert_true(paths.gl_pathc >= VECTORS_MIN);
    for (size_t i = 0; i < paths.gl_pathc; i++) {
        json_t *vector = json_load_file(paths.gl_pathv[i], JSON_REJECT_DUPLICATES, NULL), *reading;
        size_t k;
        assert_non_null(vector);
        print_message("%s\n", paths.gl_pathv[i] + sizeof SPEC_VECTORS);
        json_array_foreach(json_object_get(vector, "readings"), k, reading)
        {
            run(reading, text(vector, "cluster_id"), *state);
        }
        json_decref(vector);
    }
    globfree(&paths);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_readings, scratch_folder_setup, scratch_folder_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
