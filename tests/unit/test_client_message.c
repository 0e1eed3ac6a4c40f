/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/client_message.h"
#include "kafka/api.h"
#include "kafka/batch.h"
#include "kafka/header.h"
#include "kafka/record.h"
#include "kafka/walk.h"

enum { REQUEST_BYTES = 1024 };

static const struct client_record record = {
    .topic = { (const uint8_t *)"ledger", 6 },
    .key = { (const uint8_t *)"origin", 6 },
    .value = { (const uint8_t *)"what was acknowledged", 21 },
    .partition = 3,
    .time_ms = 1700000000000,
    .wait_ms = 5000,
};

/* Header and size are as they should be, and the body is one message by its table. */
static void check_frame(struct writer *w, int16_t api, int16_t version, struct walk_hook hook)
{
    struct request_header header;
    assert_int_equal(w->error, SIGNET_OK);
    size_t size = writer_used(w) - 4;
    assert_int_equal(load_u32(w->start), size);
    assert_int_equal(request_header_read(slice_of(w->start + 4, size), &header), SIGNET_OK);
    assert_int_equal(header.api_key, api);
    assert_int_equal(header.api_version, version);
    assert_int_equal(header.correlation_id, 7);
    assert_int_equal(walk_message(message_find(api, MESSAGE_REQUEST), version, NULL, w->start + 4 + header.size,
                                  size - header.size, hook, NULL),
                     SIGNET_OK);
}

static void metadata_is_asked_for(void **state)
{
    (void)state;
    uint8_t memory[REQUEST_BYTES];
    struct writer w = writer_over(memory, sizeof memory);
    client_metadata_write(&w, 7, record.topic);
    check_frame(&w, API_METADATA, CLIENT_METADATA_VERSION, (struct walk_hook){ NULL, NULL });
}

static enum walk_answer take_records(void *context, struct walk_visit *visit)
{
    if (visit->mark == MARK_RECORDS) {
        *(struct slice *)context = visit_slice(visit);
    }
    return WALK_KEEP;
}

static void a_record_is_one_batch(void **state)
{
    (void)state;
    uint8_t memory[REQUEST_BYTES];
    struct writer w = writer_over(memory, sizeof memory);
    struct slice records = { NULL, 0 };
    client_produce_write(&w, 7, &record);
    check_frame(&w, API_PRODUCE, CLIENT_PRODUCE_VERSION, (struct walk_hook){ take_records, &records });
    struct batch batch;
    assert_int_equal(batch_read(records, &batch), SIGNET_OK);
    assert_int_equal(batch.bytes.size, records.size);
    assert_true(batch_crc_matches(&batch));
    assert_int_equal(batch.header.max_timestamp, record.time_ms);
    assert_int_equal(batch.header.last_offset_delta, 0);
    struct record_reader reader;
    struct record read;
    record_begin(&reader, batch.records, batch.header.record_count);
    assert_true(record_next(&reader, &read));
    assert_true(slice_equal(read.key, record.key));
    assert_true(slice_equal(read.value, record.value));
    assert_false(record_next(&reader, &read));
    assert_int_equal(record_end(&reader), SIGNET_OK);
}

static void the_extra_room_is_enough_and_less_is_refused(void **state)
{
    (void)state;
    uint8_t memory[4096], topic[249] = "t";
    struct client_record long_topic = record;
    long_topic.topic = slice_of(topic, sizeof topic);
    size_t needed = 0;
    for (size_t size = sizeof memory; size > 0; size--) {
        struct writer w = writer_over(memory, size - 1);
        client_produce_write(&w, 7, &long_topic);
        assert_true(w.error == SIGNET_OK || w.error == SIGNET_ERROR_NO_SPACE);
        if (!w.error) {
            needed = writer_used(&w);
        }
        assert_int_equal(w.error == SIGNET_OK, size - 1 >= needed && needed > 0);
    }
    assert_true(needed <= long_topic.key.size + long_topic.value.size + CLIENT_PRODUCE_EXTRA_BYTES);
}

/* Answers. */

static const uint8_t metadata[] = "\0\0\0\0" /* throttle */
                                  "\3"       /* brokers */
                                  "\0\0\0\1"
                                  "\2a"
                                  "\0\0\x23\x84"
                                  "\0\0" /* 1 at a:9092 */
                                  "\0\0\0\2"
                                  "\2b"
                                  "\0\0\x23\x85"
                                  "\0\0" /* 2 at b:9093 */
                                  "\0"
                                  "\0\0\0\1" /* no cluster id, controller */
                                  "\2"
                                  "\0\0"
                                  "\7ledger" /* topic */
                                  "0123456789abcdef"
                                  "\0" /* its id, not internal */
                                  "\3" /* partitions */
                                  "\0\0"
                                  "\0\0\0\0"
                                  "\0\0\0\1"
                                  "\0\0\0\0"
                                  "\1\1\1\0"
                                  "\0\0"
                                  "\0\0\0\1"
                                  "\0\0\0\2"
                                  "\0\0\0\0"
                                  "\1\1\1\0"
                                  "\x80\0\0\0"
                                  "\0"
                                  "\0";

static const uint8_t produced[] = "\2"
                                  "\7ledger"
                                  "\2"
                                  "\0\0\0\3"
                                  "\0\x1d"
                                  "\0\0\0\0\0\0\0\1"
                                  "\xff\xff\xff\xff\xff\xff\xff\xff"
                                  "\0\0\0\0\0\0\0\0"
                                  "\1"
                                  "\0"
                                  "\0"
                                  "\0"
                                  "\0\0\0\0"
                                  "\0";

/* In memory of just that size, so that a sanitizer sees who reads on. */
static uint8_t *copy_of(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    return copy;
}

static void the_leader_is_found(void **state)
{
    (void)state;
    uint8_t *body = copy_of(metadata, sizeof metadata - 1);
    struct client_topic topic;
    struct address address;
    char text[ADDRESS_TEXT_BYTES];
    assert_int_equal(client_metadata_read(body, sizeof metadata - 1, record.topic, 1, &topic), SIGNET_OK);
    assert_int_equal(topic.error_code, 0);
    assert_int_equal(topic.partitions, 2);
    assert_int_equal(topic.leader, 2);
    assert_int_equal(client_broker_read(body, sizeof metadata - 1, topic.leader, &address), SIGNET_OK);
    address_text(&address, text);
    assert_string_equal(text, "b:9093");
    assert_int_equal(client_metadata_read(body, sizeof metadata - 1, record.topic, 2, &topic), SIGNET_OK);
    assert_int_equal(topic.leader, -1);
    free(body);
}

static void answers_about_others_are_none(void **state)
{
    (void)state;
    uint8_t *body = copy_of(metadata, sizeof metadata - 1);
    struct client_topic topic;
    struct address address;
    int16_t error_code;
    assert_int_equal(client_metadata_read(body, sizeof metadata - 1, record.key, 1, &topic), SIGNET_ERROR_PROTOCOL);
    assert_int_equal(client_broker_read(body, sizeof metadata - 1, 9, &address), SIGNET_ERROR_PROTOCOL);
    free(body);
    body = copy_of(produced, sizeof produced - 1);
    assert_int_equal(client_produce_read(body, sizeof produced - 1, 4, &error_code), SIGNET_ERROR_PROTOCOL);
    free(body);
}

static void a_refusal_is_heard(void **state)
{
    (void)state;
    uint8_t *body = copy_of(produced, sizeof produced - 1);
    int16_t error_code = 0;
    assert_int_equal(client_produce_read(body, sizeof produced - 1, 3, &error_code), SIGNET_OK);
    assert_int_equal(error_code, KAFKA_TOPIC_AUTHORIZATION_FAILED);
    free(body);
}

static void ports_that_are_none_are_refused(void **state)
{
    (void)state;
    uint8_t *body = copy_of(metadata, sizeof metadata - 1);
    struct address address;
    store_u32(body + 11, 65536);
    assert_int_equal(client_broker_read(body, sizeof metadata - 1, 1, &address), SIGNET_ERROR_PROTOCOL);
    store_u32(body + 11, 0);
    assert_int_equal(client_broker_read(body, sizeof metadata - 1, 1, &address), SIGNET_ERROR_PROTOCOL);
    free(body);
}

static void answers_cut_short_are_refused(void **state)
{
    (void)state;
    struct client_topic topic;
    struct address address;
    int16_t error_code;
    for (size_t size = 0; size < sizeof metadata - 1; size++) {
        uint8_t *body = copy_of(metadata, size);
        assert_int_not_equal(client_metadata_read(body, size, record.topic, 1, &topic), SIGNET_OK);
        assert_int_not_equal(client_broker_read(body, size, 2, &address), SIGNET_OK);
        free(body);
    }
    for (size_t size = 0; size < sizeof produced - 1; size++) {
        uint8_t *body = copy_of(produced, size);
        assert_int_not_equal(client_produce_read(body, size, 3, &error_code), SIGNET_OK);
        free(body);
    }
}

static void another_request_s_answer_is_refused(void **state)
{
    (void)state;
    static const uint8_t frame[] = "\0\0\0\7\0";
    uint8_t memory[REQUEST_BYTES];
    size_t at = 0;
    for (int32_t id = 7; id <= 8; id++) {
        struct writer w = writer_over(memory, sizeof memory);
        client_metadata_write(&w, id, record.topic);
        assert_int_equal(client_response_body(writer_slice(&w), slice_of(frame, 5), &at),
                         id == 7 ? SIGNET_OK : SIGNET_ERROR_PROTOCOL);
        assert_int_equal(at, 5);
        for (size_t size = 0; size < 5; size++) {
            assert_int_not_equal(client_response_body(writer_slice(&w), slice_of(frame, size), &at), SIGNET_OK);
        }
    }
}

/* Logging in. */

static enum walk_answer take_token(void *context, struct walk_visit *visit)
{
    if (visit->mark == MARK_MECHANISM || visit->mark == MARK_AUTH_BYTES) {
        *(struct slice *)context = visit_slice(visit);
    }
    return WALK_KEEP;
}

static void a_login_is_asked_for(void **state)
{
    (void)state;
    uint8_t memory[REQUEST_BYTES];
    struct slice said = { NULL, 0 };
    size_t at = 0;
    struct writer w = writer_over(memory, sizeof memory);
    client_handshake_write(&w, 7, "PLAIN");
    check_frame(&w, API_SASL_HANDSHAKE, CLIENT_HANDSHAKE_VERSION, (struct walk_hook){ take_token, &said });
    assert_true(slice_equal_text(said, "PLAIN"));
    /* Its answer's header has no tags. */
    assert_int_equal(client_response_body(writer_slice(&w), slice_of("\0\0\0\7", 4), &at), SIGNET_OK);
    assert_int_equal(at, 4);
    w = writer_over(memory, sizeof memory);
    client_authenticate_write(&w, 7, slice_of_text("token"));
    check_frame(&w, API_SASL_AUTHENTICATE, CLIENT_AUTHENTICATE_VERSION, (struct walk_hook){ take_token, &said });
    assert_true(slice_equal_text(said, "token"));
}

static const uint8_t shaken[] = "\0\x21"         /* UNSUPPORTED_SASL_MECHANISM */
                                "\0\0\0\1\0\1P"; /* what it offers */
static const uint8_t authenticated[] = "\0\0"
                                       "\0" /* no message */
                                       "\6token"
                                       "\0\0\0\0\0\0\x05\xdc"
                                       "\0";

static void answers_to_a_login_are_read(void **state)
{
    (void)state;
    int16_t error_code = KAFKA_NONE;
    struct client_authenticated got;
    uint8_t *body = copy_of(shaken, sizeof shaken - 1);
    assert_int_equal(client_handshake_read(body, sizeof shaken - 1, &error_code), SIGNET_OK);
    assert_int_equal(error_code, KAFKA_UNSUPPORTED_SASL_MECHANISM);
    free(body);
    body = copy_of(authenticated, sizeof authenticated - 1);
    assert_int_equal(client_authenticate_read(body, sizeof authenticated - 1, &got), SIGNET_OK);
    assert_int_equal(got.error_code, KAFKA_NONE);
    assert_true(slice_equal_text(got.token, "token"));
    assert_int_equal(got.lifetime_ms, 1500);
    free(body);
    for (size_t size = 0; size < sizeof shaken - 1; size++) {
        body = copy_of(shaken, size);
        assert_int_not_equal(client_handshake_read(body, size, &error_code), SIGNET_OK);
        free(body);
    }
    for (size_t size = 0; size < sizeof authenticated - 1; size++) {
        body = copy_of(authenticated, size);
        assert_int_not_equal(client_authenticate_read(body, size, &got), SIGNET_OK);
        free(body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metadata_is_asked_for),
        cmocka_unit_test(a_record_is_one_batch),
        cmocka_unit_test(the_extra_room_is_enough_and_less_is_refused),
        cmocka_unit_test(the_leader_is_found),
        cmocka_unit_test(answers_about_others_are_none),
        cmocka_unit_test(a_refusal_is_heard),
        cmocka_unit_test(ports_that_are_none_are_refused),
        cmocka_unit_test(answers_cut_short_are_refused),
        cmocka_unit_test(another_request_s_answer_is_refused),
        cmocka_unit_test(a_login_is_asked_for),
        cmocka_unit_test(answers_to_a_login_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
