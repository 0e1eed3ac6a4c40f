/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kafka/api.h"
#include "kafka/header.h"

struct request_case {
    const char *label;
    size_t size;
    const char *frame; /* header only */
    int16_t api_key, api_version;
    bool client_id_null;
    const char *client_id;
    size_t tags_size;
};

/* clang-format off */
#define FRAME(text) sizeof(text) - 1, text

static const struct request_case request_cases[] = {
    { "old header", FRAME("\0\3\0\1\0\0\0\7\0\2me"), API_METADATA, 1, false, "me", 0 },
    { "no client id", FRAME("\0\3\0\1\0\0\0\7\xff\xff"), API_METADATA, 1, true, "", 0 },
    { "empty client id", FRAME("\0\3\0\1\0\0\0\7\0\0"), API_METADATA, 1, false, "", 0 },
    { "flexible, no tags", FRAME("\0\3\0\x09\0\0\0\7\0\2me\0"), API_METADATA, 9, false, "me", 1 },
    { "flexible, two tags", FRAME("\0\3\0\x09\0\0\0\7\0\2me\2\1\0\5\3abc"), API_METADATA, 9, false, "me", 8 },
    { "never flexible", FRAME("\0\x11\0\1\0\0\0\7\0\2me"), API_SASL_HANDSHAKE, 1, false, "me", 0 },
    { "version from the future", FRAME("\0\x12\0\x63\0\0\0\7\0\2me\0"), API_VERSIONS, 99, false, "me", 1 },
};
/* clang-format on */

static void check_request(const struct request_case *c)
{
    struct request_header header;
    struct slice frame = slice_of(c->frame, c->size);
    assert_int_equal(request_header_read(frame, &header), SIGNET_OK);
    assert_int_equal(header.api_key, c->api_key);
    assert_int_equal(header.api_version, c->api_version);
    assert_int_equal(header.correlation_id, 7);
    assert_int_equal(load_u32(frame.data + REQUEST_CORRELATION_AT), 7);
    assert_int_equal(header.client_id_null, c->client_id_null);
    assert_true(slice_equal_text(header.client_id, c->client_id));
    assert_int_equal(header.tags.size, c->tags_size);
    assert_int_equal(header.size, c->size);

    uint8_t memory[64];
    struct writer w = writer_over(memory, sizeof memory);
    request_header_write(&w, &header);
    assert_true(slice_equal(writer_slice(&w), frame));
}

static void request_headers_are_read_and_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof request_cases / sizeof *request_cases; i++) {
        print_message("%s\n", request_cases[i].label);
        check_request(&request_cases[i]);
    }
}

static void every_prefix_of_a_request_header_is_truncated(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof request_cases / sizeof *request_cases; i++) {
        for (size_t size = 0; size < request_cases[i].size; size++) {
            struct request_header header = { .size = 99 };
            struct slice frame = slice_of(request_cases[i].frame, size);
            assert_int_equal(request_header_read(frame, &header), SIGNET_ERROR_TRUNCATED);
            assert_int_equal(header.size, 99);
        }
    }
}

static void what_stands_behind_the_header_is_the_body(void **state)
{
    (void)state;
    static const uint8_t frame[] = "\0\3\0\x09\0\0\0\7\0\2me\0body";
    struct request_header header;
    assert_int_equal(request_header_read(slice_of(frame, sizeof frame - 1), &header), SIGNET_OK);
    assert_true(slice_equal_text(slice_of(frame + header.size, sizeof frame - 1 - header.size), "body"));
}

static void bad_request_headers_are_refused(void **state)
{
    (void)state;
    struct request_header header;
    static const uint8_t unknown_key[] = "\x7f\xff\0\0\0\0\0\1\0\0";
    assert_int_equal(request_header_read(slice_of(unknown_key, 10), &header), SIGNET_ERROR_UNSUPPORTED);
    static const uint8_t negative_key[] = "\xff\xff\0\0\0\0\0\1\0\0";
    assert_int_equal(request_header_read(slice_of(negative_key, 10), &header), SIGNET_ERROR_UNSUPPORTED);
    static const uint8_t negative_length[] = "\0\3\0\1\0\0\0\7\xff\xfe";
    assert_int_equal(request_header_read(slice_of(negative_length, 10), &header), SIGNET_ERROR_MALFORMED);
}

static void response_headers_are_read_and_written(void **state)
{
    (void)state;
    static const uint8_t frame[] = { 0, 0, 0, 9, 1, 5, 1, 'x', 'b' };
    struct response_header header;
    assert_int_equal(response_header_read(slice_of(frame, sizeof frame), 0, &header), SIGNET_OK);
    assert_int_equal(header.correlation_id, 9);
    assert_int_equal(header.size, 4);
    assert_int_equal(response_header_read(slice_of(frame, sizeof frame), 1, &header), SIGNET_OK);
    assert_int_equal(header.size, 8);
    assert_int_equal(header.tags.size, 4);
    for (size_t size = 0; size < 8; size++) {
        assert_int_equal(response_header_read(slice_of(frame, size), 1, &header), SIGNET_ERROR_TRUNCATED);
    }
    for (int version = 0; version <= 1; version++) {
        uint8_t memory[8];
        struct writer w = writer_over(memory, sizeof memory);
        response_header_write(&w, version, 9);
        assert_true(slice_equal(writer_slice(&w), slice_of("\0\0\0\x09\0", version ? 5 : 4)));
    }
}

struct version_case {
    int16_t key, version;
    int request_header, response_header;
    bool served;
};

static const struct version_case version_cases[] = {
    { API_PRODUCE, 0, 1, 0, false },    { API_PRODUCE, 2, 1, 0, false },       { API_PRODUCE, 3, 1, 0, true },
    { API_PRODUCE, 8, 1, 0, true },     { API_PRODUCE, 9, 2, 1, true },        { API_PRODUCE, 13, 2, 1, true },
    { API_PRODUCE, 14, 2, 1, false },   { API_FETCH, 3, 1, 0, false },         { API_FETCH, 4, 1, 0, true },
    { API_FETCH, 12, 2, 1, true },      { API_VERSIONS, 0, 1, 0, true },       { API_VERSIONS, 3, 2, 0, true },
    { API_VERSIONS, 99, 2, 0, false },  { API_SASL_HANDSHAKE, 1, 1, 0, true }, { API_SHARE_FETCH, 0, 2, 1, false },
    { API_SHARE_FETCH, 1, 2, 1, true }, { 58 /* Envelope */, 0, 2, 1, false },
};

static void versions_decide_headers_and_service(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof version_cases / sizeof *version_cases; i++) {
        const struct version_case *c = &version_cases[i];
        const struct api *api = api_find(c->key);
        assert_int_equal(request_header_version(api, c->version), c->request_header);
        assert_int_equal(response_header_version(api, c->version), c->response_header);
        assert_int_equal(api_serves(api, c->version), c->served);
    }
    assert_null(api_find(95));
    assert_null(api_find(-1));
    assert_false(api_serves(NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_headers_are_read_and_written),
        cmocka_unit_test(every_prefix_of_a_request_header_is_truncated),
        cmocka_unit_test(what_stands_behind_the_header_is_the_body),
        cmocka_unit_test(bad_request_headers_are_refused),
        cmocka_unit_test(response_headers_are_read_and_written),
        cmocka_unit_test(versions_decide_headers_and_service),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
