/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kafka/api.h"
#include "kafka/header.h"
#include "kafka/lookup.h"
#include "kafka/refusal.h"
#include "kafka/walk.h"

static struct budget budget = { .limit_bytes = SIZE_MAX };

/* Flattens a frame, checks its size and the walk of its body, and returns the body. */
static struct slice frame_body(struct gather *out, const struct message *message, int16_t version, uint8_t *memory,
                               size_t header_size)
{
    assert_int_equal(out->error, SIGNET_OK);
    gather_flatten(out, memory);
    size_t size = out->size;
    gather_free(out);
    assert_int_equal(load_u32(memory), size - 4);
    uint8_t *body = memory + 4 + header_size;
    size_t body_size = size - 4 - header_size;
    struct walk_hook none = { 0 };
    assert_int_equal(walk_message(message, version, NULL, body, body_size, none, NULL), SIGNET_OK);
    return slice_of(body, body_size);
}

static void names_are_asked_for(void **state)
{
    (void)state;
    const struct slice names[] = { slice_of_text("orders"), slice_of_text("x") };
    struct gather out;
    gather_init(&out, &budget);
    assert_int_equal(lookup_by_names(5, slice_of_text("signet"), names, 2, &out), SIGNET_OK);
    uint8_t memory[256];
    struct slice body = frame_body(&out, message_find(API_METADATA, MESSAGE_REQUEST), LOOKUP_VERSION, memory, 17);
    struct request_header header;
    assert_int_equal(request_header_read(slice_of(memory + 4, 17 + body.size), &header), SIGNET_OK);
    assert_int_equal(header.api_key, API_METADATA);
    assert_int_equal(header.api_version, LOOKUP_VERSION);
    assert_int_equal(header.correlation_id, 5);
    assert_int_equal(header.size, 17);
    static const uint8_t expected[] = "\3"
                                      "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                      "\7orders"
                                      "\0"
                                      "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                      "\2x"
                                      "\0"
                                      "\0\0\0";
    assert_true(slice_equal(body, slice_of(expected, sizeof expected - 1)));
}

static void ids_are_asked_for(void **state)
{
    (void)state;
    static const struct topic_id ids[] = { { "0123456789abcde" }, { "fedcba987654321" } };
    struct gather out;
    gather_init(&out, &budget);
    assert_int_equal(lookup_by_ids(5, slice_of_text(""), ids, 2, &out), SIGNET_OK);
    uint8_t memory[256];
    struct slice body = frame_body(&out, message_find(API_METADATA, MESSAGE_REQUEST), LOOKUP_VERSION, memory, 11);
    static const uint8_t expected[] = "\3"
                                      "0123456789abcde\0"
                                      "\0\0"
                                      "fedcba987654321\0"
                                      "\0\0"
                                      "\0\0\0";
    assert_true(slice_equal(body, slice_of(expected, sizeof expected - 1)));
}

struct heard {
    size_t count;
    struct lookup_answer answers[4];
};

static void hear(void *context, const struct lookup_answer *answer)
{
    struct heard *heard = context;
    assert_in_range(heard->count, 0, 3);
    heard->answers[heard->count++] = *answer;
}

static void answers_are_heard(void **state)
{
    (void)state;
    static uint8_t body[] = "\0\0\0\0"
                            "\1"
                            "\0"
                            "\0\0\0\1"
                            "\3" /* no brokers, no cluster id, two topics */
                            "\0\0"
                            "\7orders"
                            "0123456789abcdef"
                            "\0"
                            "\1"
                            "\0\0\0\0"
                            "\0"
                            "\0\x64"
                            "\0"
                            "fedcba9876543210"
                            "\0"
                            "\1"
                            "\0\0\0\0"
                            "\0"
                            "\0";
    struct heard heard = { 0 };
    struct lookup_hook hook = { hear, &heard };
    assert_int_equal(lookup_read(body, sizeof body - 1, hook), SIGNET_OK);
    assert_int_equal(heard.count, 2);
    assert_int_equal(heard.answers[0].error_code, 0);
    assert_true(slice_equal_text(heard.answers[0].name, "orders"));
    assert_memory_equal(heard.answers[0].id.bytes, "0123456789abcdef", TOPIC_ID_BYTES);
    assert_int_equal(heard.answers[1].error_code, 100);
    assert_true(heard.answers[1].name_null);
    assert_memory_equal(heard.answers[1].id.bytes, "fedcba9876543210", TOPIC_ID_BYTES);
    assert_int_equal(lookup_read(body, sizeof body - 2, hook), SIGNET_ERROR_TRUNCATED);
}

static enum walk_answer find_error(void *context, struct walk_visit *visit)
{
    if (visit->mark == MARK_ERROR_CODE) {
        *(int16_t *)context = visit_i16(visit);
    }
    return WALK_KEEP;
}

typedef signet_error refusal(int16_t version, int32_t correlation_id, int16_t error_code, struct gather *ret_out);

static void check_refusal(refusal *refuse, int16_t key, int16_t version)
{
    struct gather out;
    gather_init(&out, &budget);
    assert_int_equal(refuse(version, 9, 70, &out), SIGNET_OK);
    uint8_t memory[64];
    int header_version = response_header_version(api_find(key), version);
    const struct message *message = message_find(key, MESSAGE_RESPONSE);
    struct slice body = frame_body(&out, message, version, memory, header_version ? 5 : 4);
    assert_int_equal(load_u32(memory + 4), 9);
    int16_t error_code = 0;
    struct walk_hook hook = { find_error, &error_code };
    uint8_t *at = memory + (body.data - memory);
    assert_int_equal(walk_message(message, version, NULL, at, body.size, hook, NULL), SIGNET_OK);
    assert_int_equal(error_code, 70);
}

static void refusals_are_responses(void **state)
{
    (void)state;
    for (int16_t version = 7; version <= 18; version++) {
        check_refusal(refusal_fetch, API_FETCH, version);
    }
    for (int16_t version = 1; version <= 2; version++) {
        check_refusal(refusal_share_fetch, API_SHARE_FETCH, version);
    }
    struct gather out;
    gather_init(&out, &budget);
    assert_int_equal(refusal_fetch(6, 9, 70, &out), SIGNET_ERROR_UNSUPPORTED);
    assert_int_equal(refusal_fetch(19, 9, 70, &out), SIGNET_ERROR_UNSUPPORTED);
    assert_int_equal(refusal_share_fetch(0, 9, 70, &out), SIGNET_ERROR_UNSUPPORTED);
    assert_int_equal(out.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_asked_for),
        cmocka_unit_test(ids_are_asked_for),
        cmocka_unit_test(answers_are_heard),
        cmocka_unit_test(refusals_are_responses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
