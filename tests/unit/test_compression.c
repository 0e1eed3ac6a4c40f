/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "kafka/compression.h"

enum {
    INPUT_BYTES = 200 * 1000,
    BOMB_BYTES = 16 * 1024 * 1024,
};

static const char *const names[BATCH_CODEC_COUNT] = { "none", "gzip", "snappy", "lz4", "zstd" };

static uint8_t *allocate(size_t size)
{
    uint8_t *memory = malloc(size > 0 ? size : 1);
    assert_non_null(memory);
    return memory;
}

/* Neither noise nor one byte over and over. */
static void fill(uint8_t *memory, size_t size)
{
    uint32_t state = 1;
    for (size_t i = 0; i < size; i++) {
        state = state * 1103515245 + 12345;
        memory[i] = (uint8_t)("abcdefgh"[(state >> 16) & 7]);
    }
}

/* Decompresses from and into memory of exactly these sizes, so that a step past either is caught. */
static signet_error decompress(struct compression *c, enum batch_codec codec, struct slice input, size_t size,
                               struct slice expected)
{
    uint8_t *in = allocate(input.size), *out = allocate(size);
    memcpy(in, input.data, input.size);
    size_t used = SIZE_MAX;
    signet_error error = records_decompress(c, codec, slice_of(in, input.size), out, size, &used);
    if (error) {
        assert_true(used == SIZE_MAX);
    } else {
        assert_true(slice_equal(slice_of(out, used), expected));
    }
    free(in);
    free(out);
    return error;
}

static void round_trip(struct compression *c, enum batch_codec codec, struct slice input)
{
    size_t size = records_compressed_max(codec, input.size);
    uint8_t *memory = allocate(size);
    size_t used = 0;
    assert_int_equal(records_compress(c, codec, input, memory, size, &used), SIGNET_OK);
    struct slice compressed = slice_of(memory, used);
    assert_int_equal(decompress(c, codec, compressed, input.size, input), SIGNET_OK);
    assert_int_equal(decompress(c, codec, compressed, input.size + 1000, input), SIGNET_OK);
    if (input.size > 0) {
        assert_int_equal(decompress(c, codec, compressed, input.size - 1, input), SIGNET_ERROR_LIMIT);
        assert_int_equal(decompress(c, codec, compressed, 0, input), SIGNET_ERROR_LIMIT);
        assert_int_equal(records_compress(c, codec, input, memory, used - 1, &size), SIGNET_ERROR_NO_SPACE);
    }
    free(memory);
}

static void what_is_compressed_comes_back(void **state)
{
    (void)state;
    static uint8_t input[INPUT_BYTES];
    static const size_t sizes[] = { 0, 1, 100, 65536, INPUT_BYTES };
    fill(input, sizeof input);
    struct compression c;
    compression_init(&c);
    for (enum batch_codec codec = BATCH_CODEC_NONE; codec < BATCH_CODEC_COUNT; codec++) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            print_message("%s, %zu bytes\n", names[codec], sizes[i]);
            round_trip(&c, codec, slice_of(input, sizes[i]));
        }
    }
    compression_free(&c);
}

static void every_prefix_and_a_byte_more_are_refused(void **state)
{
    (void)state;
    uint8_t input[300];
    fill(input, sizeof input);
    struct slice expected = slice_of(input, sizeof input);
    struct compression c;
    compression_init(&c);
    for (enum batch_codec codec = BATCH_CODEC_GZIP; codec < BATCH_CODEC_COUNT; codec++) {
        uint8_t memory[1024] = { 0 };
        size_t used = 0;
        assert_int_equal(records_compress(&c, codec, expected, memory, sizeof memory - 1, &used), SIGNET_OK);
        for (size_t size = 0; size < used; size++) {
            signet_error error = decompress(&c, codec, slice_of(memory, size), 1000, expected);
            assert_int_equal(error, codec == BATCH_CODEC_SNAPPY ? SIGNET_ERROR_MALFORMED : SIGNET_ERROR_TRUNCATED);
        }
        signet_error error = decompress(&c, codec, slice_of(memory, used + 1), 1000, expected);
        assert_int_equal(error, codec == BATCH_CODEC_SNAPPY ? SIGNET_ERROR_MALFORMED : SIGNET_ERROR_TRAILING);
        assert_int_equal(decompress(&c, codec, slice_of(memory, used), 1000, expected), SIGNET_OK);
    }
    compression_free(&c);
}

static void a_bomb_stops_at_the_limit(void **state)
{
    (void)state;
    uint8_t *zeros = calloc(1, BOMB_BYTES);
    assert_non_null(zeros);
    struct compression c;
    compression_init(&c);
    for (enum batch_codec codec = BATCH_CODEC_GZIP; codec < BATCH_CODEC_COUNT; codec++) {
        size_t size = records_compressed_max(codec, BOMB_BYTES), used = 0;
        uint8_t *bomb = allocate(size);
        assert_int_equal(records_compress(&c, codec, slice_of(zeros, BOMB_BYTES), bomb, size, &used), SIGNET_OK);
        struct slice none = { 0 };
        assert_int_equal(decompress(&c, codec, slice_of(bomb, used), 10000, none), SIGNET_ERROR_LIMIT);
        free(bomb);
    }
    compression_free(&c);
    free(zeros);
}

struct bytes_case {
    const char *label;
    enum batch_codec codec;
    signet_error error;
    size_t size;
    const char *bytes;
    const char *text;
};

/* clang-format off */
#define BYTES(text) sizeof(text) - 1, text
#define XERIAL "\x82SNAPPY\0\0\0\0\1\0\0\0\1"

static const struct bytes_case bytes_cases[] = {
    { "gzip", BATCH_CODEC_GZIP, SIGNET_OK, BYTES("\x1f\x8b\x08\0\0\0\0\0\0\xff\x4b\x4c\x4a\x4e\x49\x05\0\x65\xd8\x87\x85\x05\0\0\0") , "abcde" },
    { "gzip, wrong checksum", BATCH_CODEC_GZIP, SIGNET_ERROR_MALFORMED, BYTES("\x1f\x8b\x08\0\0\0\0\0\0\xff\x4b\x4c\x4a\x4e\x49\x05\0\x64\xd8\x87\x85\x05\0\0\0") , "" },
    { "zlib is not gzip", BATCH_CODEC_GZIP, SIGNET_ERROR_MALFORMED, BYTES("\x78\x9c\x4b\x4c\x4a\x4e\x49\x05\0\x05\xc8\x01\xf0"), "" },
    { "plain snappy", BATCH_CODEC_SNAPPY, SIGNET_OK, BYTES("\5\x10" "abcde"), "abcde" },
    { "framed snappy, one block", BATCH_CODEC_SNAPPY, SIGNET_OK, BYTES(XERIAL "\0\0\0\7\5\x10" "abcde"), "abcde" },
    { "framed snappy, two blocks", BATCH_CODEC_SNAPPY, SIGNET_OK, BYTES(XERIAL "\0\0\0\4\2\x04" "ab" "\0\0\0\5\3\x08" "cde"), "abcde" },
    { "framed snappy, no block", BATCH_CODEC_SNAPPY, SIGNET_OK, BYTES(XERIAL), "" },
    { "framed snappy, short block", BATCH_CODEC_SNAPPY, SIGNET_ERROR_TRUNCATED, BYTES(XERIAL "\0\0\0\x08\5\x10" "abcde"), "" },
    { "framed snappy, endless block", BATCH_CODEC_SNAPPY, SIGNET_ERROR_TRUNCATED, BYTES(XERIAL "\xff\xff\xff\xff\5\x10" "abcde"), "" },
    { "framed snappy, bad block", BATCH_CODEC_SNAPPY, SIGNET_ERROR_MALFORMED, BYTES(XERIAL "\0\0\0\2\5\x10"), "" },
    { "framed snappy, short length", BATCH_CODEC_SNAPPY, SIGNET_ERROR_TRUNCATED, BYTES(XERIAL "\0\0"), "" },
    { "framed snappy, short versions", BATCH_CODEC_SNAPPY, SIGNET_ERROR_TRUNCATED, BYTES("\x82SNAPPY\0\0\0\0\1"), "" },
    { "snappy that promises 4 GiB", BATCH_CODEC_SNAPPY, SIGNET_ERROR_LIMIT, BYTES("\xff\xff\xff\xff\x0f\x10" "abcde"), "" },
    { "lz4, blocks on their own, no content size", BATCH_CODEC_LZ4, SIGNET_OK, BYTES("\x04\x22\x4d\x18\x60\x40\x82\x05\0\0\x80" "abcde" "\0\0\0\0"), "abcde" },
    { "lz4, linked blocks, no content size", BATCH_CODEC_LZ4, SIGNET_OK, BYTES("\x04\x22\x4d\x18\x40\x40\xc0\x05\0\0\x80" "abcde" "\0\0\0\0"), "abcde" },
    { "lz4, wrong header checksum", BATCH_CODEC_LZ4, SIGNET_ERROR_MALFORMED, BYTES("\x04\x22\x4d\x18\x40\x40\xc1\x05\0\0\x80" "abcde" "\0\0\0\0"), "" },
    { "zstd, raw block", BATCH_CODEC_ZSTD, SIGNET_OK, BYTES("\x28\xb5\x2f\xfd\x20\x05\x29\0\0" "abcde"), "abcde" },
    { "zstd, two frames", BATCH_CODEC_ZSTD, SIGNET_ERROR_TRAILING, BYTES("\x28\xb5\x2f\xfd\x20\x05\x29\0\0" "abcde" "\x28\xb5\x2f\xfd\x20\x05\x29\0\0" "abcde"), "" },
    { "zstd, reserved block type", BATCH_CODEC_ZSTD, SIGNET_ERROR_MALFORMED, BYTES("\x28\xb5\x2f\xfd\x20\x05\x2f\0\0" "abcde"), "" },
    { "not zstd", BATCH_CODEC_ZSTD, SIGNET_ERROR_MALFORMED, BYTES("plain text, none of zstd's"), "" },
    { "a codec that Kafka does not have", BATCH_CODEC_COUNT, SIGNET_ERROR_UNSUPPORTED, BYTES("abcde"), "" },
};
/* clang-format on */

static void fixed_bytes_are_what_they_are(void **state)
{
    (void)state;
    struct compression c;
    compression_init(&c);
    for (size_t i = 0; i < sizeof bytes_cases / sizeof *bytes_cases; i++) {
        const struct bytes_case *b = &bytes_cases[i];
        signet_error error = decompress(&c, b->codec, slice_of(b->bytes, b->size), 100, slice_of_text(b->text));
        if (error != b->error) {
            print_error("%s: %s\n", b->label, signet_error_text(error));
        }
        assert_int_equal(error, b->error);
    }
    compression_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_compressed_comes_back),
        cmocka_unit_test(every_prefix_and_a_byte_more_are_refused),
        cmocka_unit_test(a_bomb_stops_at_the_limit),
        cmocka_unit_test(fixed_bytes_are_what_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
