/* SPDX-License-Identifier: Apache-2.0 */
/* Witnesses: every vector of spec/vectors/witness, and what a store makes of files that are not as it left them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/encoding.h"
#include "scratch_folder.h"
#include "witness/witness.h"

static uint8_t memory[SUBMISSION_BYTES_MAX];

static json_t *vector(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, SPEC_VECTORS "/witness/%s", name);
    json_t *json = json_load_file(path, 0, NULL);
    assert_non_null(json);
    return json;
}

static const char *text_of(const json_t *from, const char *key)
{
    const char *text = json_string_value(json_object_get(from, key));
    assert_non_null(text);
    return text;
}

static struct slice decoded(const json_t *from, const char *key)
{
    size_t size = 0;
    assert_int_equal(base64_decode(slice_of_text(text_of(from, key)), BASE64_STANDARD, memory, sizeof memory, &size),
                     SIGNET_OK);
    return slice_of(memory, size);
}

static void hex(const char *text, uint8_t *ret_bytes, size_t size)
{
    assert_int_equal(hex_decode(slice_of_text(text), ret_bytes, size), SIGNET_OK);
}

static void test_consistency(void **state)
{
    (void)state;
    json_t *json = vector("consistency/proofs.json"), *one, *roots = json_object_get(json, "roots");
    size_t at;
    assert_int_equal(json_array_size(json_object_get(json, "proofs")), 20 * 23 / 2);
    json_array_foreach(json_object_get(json, "proofs"), at, one)
    {
        struct tree_head old = { .size = (uint64_t)json_integer_value(json_object_get(one, "old")) };
        struct tree_head head = { .size = (uint64_t)json_integer_value(json_object_get(one, "size")) };
        struct consistency_proof proof = { .count = json_array_size(json_object_get(one, "proof")) };
        hex(json_string_value(json_array_get(roots, (size_t)old.size)), old.root, sizeof old.root);
        hex(json_string_value(json_array_get(roots, (size_t)head.size)), head.root, sizeof head.root);
        for (size_t i = 0; i < proof.count; i++) {
            hex(json_string_value(json_array_get(json_object_get(one, "proof"), i)), proof.hashes[i], SHA256_BYTES);
        }
        assert_true(consistency_verify(&old, &head, &proof));
        for (uint64_t size = 0; size <= 20; size++) { /* no other two of these trees by the same proof */
            struct tree_head other = { .size = size };
            hex(json_string_value(json_array_get(roots, (size_t)size)), other.root, sizeof other.root);
            bool same = size == head.size || old.size == 0 || (size == old.size && old.size == head.size);
            bool none = proof.count == 0 && (size == old.size || old.size == 0);
            assert_int_equal(consistency_verify(&old, &other, &proof), same || none);
        }
        for (size_t i = 0; i < proof.count; i++) {
            proof.hashes[i][31] ^= 1;
            assert_false(consistency_verify(&old, &head, &proof));
            proof.hashes[i][31] ^= 1;
        }
        old.root[0] ^= 1;
        assert_int_equal(consistency_verify(&old, &head, &proof), old.size == 0);
        old.root[0] ^= 1;
        head.root[0] ^= 1;
        assert_int_equal(consistency_verify(&old, &head, &proof), old.size == 0);
        head.root[0] ^= 1;
        proof.count++;
        assert_false(consistency_verify(&old, &head, &proof));
    }
    json_decref(json);
}

static void test_keys(void **state)
{
    (void)state;
    json_t *json = vector("keys/keys.json"), *one;
    size_t at;
    json_array_foreach(json_object_get(json, "keys"), at, one)
    {
        struct witness_key key;
        char again[WITNESS_KEY_TEXT_BYTES];
        const char *text = text_of(one, "key"), *result = text_of(one, "result");
        signet_error expected = strcmp(result, "good") == 0          ? SIGNET_OK
                                : strcmp(result, "checksum") == 0    ? SIGNET_ERROR_CHECKSUM
                                : strcmp(result, "unsupported") == 0 ? SIGNET_ERROR_UNSUPPORTED
                                                                     : SIGNET_ERROR_MALFORMED;
        print_message("  %s\n", text_of(one, "label"));
        assert_int_equal(witness_key_parse(slice_of_text(text), &key), expected);
        if (!expected) {
            witness_key_format(&key, again);
            assert_int_equal(strlen(again), strlen(text) + 1);
            assert_memory_equal(again, text, strlen(text));
        }
    }
    json_decref(json);
}

static void test_cosigned(void **state)
{
    (void)state;
    json_t *json = vector("cosigned/notes.json"), *one;
    struct witness_key key;
    size_t at;
    assert_int_equal(witness_key_parse(slice_of_text(text_of(json, "key")), &key), SIGNET_OK);
    json_array_foreach(json_object_get(json, "notes"), at, one)
    {
        struct checkpoint_note note;
        int64_t time_s = -2;
        const char *result = text_of(one, "result");
        signet_error expected = strcmp(result, "cosigned") == 0 ? SIGNET_OK
                                : strcmp(result, "none") == 0   ? SIGNET_ERROR_NO_KEY
                                                                : SIGNET_ERROR_REFUSED;
        print_message("  %s\n", text_of(one, "label"));
        assert_int_equal(checkpoint_read(decoded(one, "note"), &note), SIGNET_OK);
        assert_int_equal(cosignature_verify(&note, &key, &time_s), expected);
        assert_int_equal(time_s, expected ? -2 : json_integer_value(json_object_get(one, "time")));
    }
    json_decref(json);
}

/* A witness in a scratch folder, as submissions/steps.json has it. */
struct scene {
    json_t *json;
    struct trusted_writer writers[2];
    struct trust trust;
    struct signing_key secret;
    struct witness_config config;
    struct witness witness;
};

static void open_store(struct scene *s, const char *folder, uint32_t logs, uint32_t logs_per_writer)
{
    struct cause cause = { "" };
    const struct witness_store_limits limits = { logs, logs_per_writer };
    assert_int_equal(witness_store_open(folder, limits, &s->witness.store, &cause), SIGNET_OK);
}

static void begin(struct scene *s, const char *folder)
{
    uint8_t seed[SIGN_SEED_BYTES];
    memset(s, 0, sizeof *s);
    s->json = vector("submissions/steps.json");
    hex(json_string_value(json_array_get(json_object_get(s->json, "writers"), 0)), s->writers[0].key, WRITER_KEY_BYTES);
    hex(json_string_value(json_array_get(json_object_get(s->json, "revoked"), 0)), s->writers[1].key, WRITER_KEY_BYTES);
    for (size_t i = 0; i < 2; i++) {
        s->writers[i].not_before_ms = INT64_MIN;
        s->writers[i].not_after_ms = INT64_MAX;
    }
    s->writers[1].revoked = true;
    s->trust = (struct trust){ .writers = s->writers, .writer_count = 2 };
    snprintf(s->trust.cluster_id, sizeof s->trust.cluster_id, "%s", text_of(s->json, "cluster_id"));
    hex(text_of(s->json, "seed"), seed, sizeof seed);
    signing_key_from_seed(&s->secret, seed);
    s->config = (struct witness_config){ .trusts = &s->trust, .trust_count = 1, .secret = &s->secret };
    assert_int_equal(witness_key_parse(slice_of_text(text_of(s->json, "key")), &s->config.key), SIGNET_OK);
    s->witness.config = &s->config;
    open_store(s, folder, 10, 10);
}

static int64_t now_ms(const struct scene *s)
{
    return 1000 * (int64_t)json_integer_value(json_object_get(s->json, "now"));
}

static void end(struct scene *s)
{
    witness_store_close(s->witness.store);
    json_decref(s->json);
}

static json_t *step_of(const struct scene *s, const char *label)
{
    size_t at;
    json_t *one;
    json_array_foreach(json_object_get(s->json, "steps"), at, one)
    {
        if (strcmp(text_of(one, "label"), label) == 0) {
            return one;
        }
    }
    fail_msg("%s", label);
    return NULL;
}

static void check_step(struct scene *s, const json_t *one)
{
    struct witness_reply reply;
    print_message("  %s\n", text_of(one, "label"));
    witness_judge(&s->witness, decoded(one, "body"), now_ms(s), &reply);
    assert_string_equal(witness_answer_word(reply.answer), text_of(one, "answer"));
    const json_t *size = json_object_get(one, "size");
    if (size) {
        assert_int_equal(reply.known, json_integer_value(size));
    }
    if (reply.answer == WITNESS_COSIGNED) {
        assert_true(slice_equal_text(decoded(one, "cosignature"), reply.cosignature));
    }
}

static enum witness_answer answer_to(struct scene *s, const char *label)
{
    struct witness_reply reply;
    witness_judge(&s->witness, decoded(step_of(s, label), "body"), now_ms(s), &reply);
    return reply.answer;
}

/* Also when the witness ends and begins again between any two. */
static void test_submissions(void **state)
{
    struct scene s;
    size_t at;
    json_t *one;
    begin(&s, *state);
    json_array_foreach(json_object_get(s.json, "steps"), at, one)
    {
        check_step(&s, one);
        if (at % 3 == 0) {
            witness_store_close(s.witness.store);
            open_store(&s, *state, 10, 10);
        }
    }
    assert_int_equal(witness_store_count(s.witness.store), 2);
    assert_int_equal(scratch_count(*state), 3); /* and the fork */
    end(&s);
}

static void test_prefixes(void **state)
{
    struct scene s;
    struct submission submission;
    begin(&s, *state);
    struct slice body = decoded(step_of(&s, "from 9 to 24"), "body");
    assert_int_equal(submission_read(body, &submission), SIGNET_OK);
    for (size_t size = 0; size < body.size; size++) {
        assert_int_not_equal(submission_read(slice_of(body.data, size), &submission), SIGNET_OK);
    }
    end(&s);
}

static void test_limits(void **state)
{
    struct scene s;
    begin(&s, *state);
    witness_store_close(s.witness.store);
    open_store(&s, *state, 10, 1);
    assert_int_equal(answer_to(&s, "the first"), WITNESS_COSIGNED);
    assert_int_equal(answer_to(&s, "another log of the same writer"), WITNESS_FULL);
    assert_int_equal(answer_to(&s, "from 3 to 4"), WITNESS_COSIGNED);
    witness_store_close(s.witness.store);
    open_store(&s, *state, 1, 10);
    assert_int_equal(answer_to(&s, "another log of the same writer"), WITNESS_FULL);
    witness_store_close(s.witness.store);
    open_store(&s, *state, 2, 2);
    assert_int_equal(answer_to(&s, "another log of the same writer"), WITNESS_COSIGNED);
    end(&s);
}

/* The one file of a log, by its name in the spec. */
static const char *file_of(const struct scene *s, const char *folder)
{
    static char name[512];
    snprintf(name, sizeof name, "%s+%s+%030d01.cosigned", s->trust.cluster_id,
             json_string_value(json_array_get(json_object_get(s->json, "writers"), 0)), 0);
    const char *path = scratch_path(folder, name);
    assert_int_equal(access(path, F_OK), 0);
    return name;
}

/* What cannot be believed is never taken for a log that is not known. */
static void test_damage(void **state)
{
    struct scene s;
    char text[CHECKPOINT_NOTE_BYTES_MAX + 2];
    begin(&s, *state);
    assert_int_equal(answer_to(&s, "the first"), WITNESS_COSIGNED);
    const char *name = file_of(&s, *state);
    FILE *file = fopen(scratch_path(*state, name), "r");
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    for (size_t at = 0; at < size; at += 7) {
        char bent[sizeof text], whole = text[at];
        memcpy(bent, text, size + 1);
        bent[at] = (char)(whole ^ 1);
        scratch_write(*state, name, 0644, bent);
        bool of_witness = at > (size_t)(strstr(strstr(text, "\xe2\x80\x94") + 1, "\xe2\x80\x94") - text);
        enum witness_answer answer = answer_to(&s, "the first");
        assert_true(answer == WITNESS_DAMAGED || (of_witness && answer == WITNESS_OTHER_SIZE));
    }
    scratch_write(*state, name, 0644, "");
    assert_int_equal(answer_to(&s, "the first"), WITNESS_DAMAGED);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    scratch_write(*state, name, 0644, text);
    assert_int_equal(answer_to(&s, "the first"), WITNESS_DAMAGED);
    assert_int_equal(atomic_load(&s.witness.answers[WITNESS_COSIGNED]), 1);
    end(&s);
}

/* What a kill left behind is cleared away; what somebody else uses is not begun with. */
static void test_folder(void **state)
{
    struct scene s;
    struct cause cause = { "" };
    struct witness_store *second = NULL;
    const struct witness_store_limits limits = { 10, 10 };
    begin(&s, *state);
    assert_int_equal(answer_to(&s, "the first"), WITNESS_COSIGNED);
    assert_int_equal(witness_store_open(*state, limits, &second, &cause), SIGNET_ERROR_SYSTEM);
    assert_non_null(strstr(cause.text, "another witness"));
    char left[600];
    snprintf(left, sizeof left, "%s.new", file_of(&s, *state));
    scratch_write(*state, left, 0644, "half of");
    assert_int_equal(answer_to(&s, "from 3 to 4"), WITNESS_NOT_STORED);
    witness_store_close(s.witness.store);
    open_store(&s, *state, 10, 10);
    assert_int_equal(answer_to(&s, "from 3 to 4"), WITNESS_COSIGNED);
    assert_int_equal(scratch_count(*state), 1);
    end(&s);
}

/* By the witness's clock, both ends inclusive. */
static void test_validity(void **state)
{
    struct scene s;
    begin(&s, *state);
    s.writers[0].not_after_ms = now_ms(&s) - 1;
    assert_int_equal(answer_to(&s, "the first"), WITNESS_UNKNOWN_LOG);
    s.writers[0].not_after_ms = s.writers[0].not_before_ms = now_ms(&s);
    assert_int_equal(answer_to(&s, "the first"), WITNESS_COSIGNED);
    s.writers[0].not_before_ms++;
    assert_int_equal(answer_to(&s, "from 3 to 4"), WITNESS_UNKNOWN_LOG);
    end(&s);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, scratch_folder_setup, scratch_folder_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_consistency),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_cosigned),
        IN_FOLDER(test_submissions),
        IN_FOLDER(test_prefixes),
        IN_FOLDER(test_limits),
        IN_FOLDER(test_damage),
        IN_FOLDER(test_folder),
        IN_FOLDER(test_validity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
