/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing and opening again, and every byte of a sealed batch changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "seal_fixture.h"

struct round_trip_case {
    const char *label;
    int32_t count;
    int64_t producer_id;
    bool zstd_allowed;
};

static const struct round_trip_case round_trips[] = {
    { "one record", 1, -1, true },
    { "two records, idempotent", 2, 4000, true },
    { "stubs in a compressed block", 300, 4000, true },
    { "stubs in the clear", 300, 4000, false },
    { "offset deltas of three bytes", 10000, 7, true },
    { "several raw blocks", 20000, 7, true },
};

static void what_was_sealed_opens_to_the_same_bytes(void **state)
{
    (void)state;
    struct seal_fixture f;
    seal_fixture_init(&f);
    for (size_t i = 0; i < sizeof round_trips / sizeof *round_trips; i++) {
        const struct round_trip_case *c = &round_trips[i];
        struct seal_stream stream;
        seal_stream_init(&stream);
        size_t plain_size, sealed_size, opened_size;
        struct block *plain = fixture_batch(&f, c->count, c->producer_id, 5, &plain_size);
        struct seal_result sealed_as;
        struct block *sealed = fixture_seal(&f, &stream, slice_of(plain->data, plain_size), 77, NULL, 0,
                                            c->zstd_allowed, &sealed_as, &sealed_size);
        struct open_partition partition = { 0 };
        struct open_result result;
        struct block *opened =
            fixture_open(&f, &partition, slice_of(sealed->data, sealed_size), 77, &result, &opened_size);
        assert_string_equal(verdict_word(result.refused), "authentic");
        assert_int_equal(opened_size, plain_size);
        store_u64(plain->data, 77);
        assert_memory_equal(opened->data, plain->data, plain_size);
        open_partition_free(&partition);
        block_release(plain);
        block_release(sealed);
        block_release(opened);
    }
    seal_fixture_free(&f);
}

/* With the CRC recomputed, no single byte behind the offset can change unnoticed, save the leader epoch, which brokers own. */
static void every_byte_counts(void **state)
{
    (void)state;
    struct seal_fixture f;
    seal_fixture_init(&f);
    struct seal_stream stream;
    seal_stream_init(&stream);
    size_t plain_size, sealed_size, opened_size;
    struct block *plain = fixture_batch(&f, 40, 9, 0, &plain_size);
    struct seal_result sealed_as;
    struct block *sealed =
        fixture_seal(&f, &stream, slice_of(plain->data, plain_size), 10, NULL, 0, true, &sealed_as, &sealed_size);
    for (size_t at = 0; at < sealed_size; at++) {
        if (at >= 12 && at < 16) {
            continue;
        }
        for (int bit = 0; bit < 8; bit += 3) {
            sealed->data[at] ^= (uint8_t)(1 << bit);
            int64_t base_offset = (int64_t)load_u64(sealed->data);
            bool still_covers = base_offset <= 10 && base_offset + 39 >= 10;
            if (at < 8 && still_covers) { /* the first batch a reader sees has nothing before it to tell */
                sealed->data[at] ^= (uint8_t)(1 << bit);
                continue;
            }
            bool reframed = at >= 8 && at < 12;
            if (at >= BATCH_CRC_START) {
                fixture_fix_crc(sealed->data, sealed_size);
            }
            struct open_partition partition = { 0 };
            struct open_result result;
            struct block *opened =
                fixture_open(&f, &partition, slice_of(sealed->data, sealed_size), 10, &result, &opened_size);
            /* Bytes of a zstd frame can say the same thing in two ways: then the same records come out. */
            bool same = opened_size == plain_size && memcmp(opened->data + 8, plain->data + 8, plain_size - 8) == 0;
            if (!same && (opened_size != 0 || (!reframed && verdict_is_good(result.refused)))) {
                fail_msg("byte %zu bit %d changed: %s", at, bit, verdict_word(result.refused));
            }
            open_partition_free(&partition);
            block_release(opened);
            sealed->data[at] ^= (uint8_t)(1 << bit);
        }
    }
    block_release(plain);
    block_release(sealed);
    seal_fixture_free(&f);
}

static void one_signature_vouches_for_a_run(void **state)
{
    (void)state;
    struct seal_fixture f;
    seal_fixture_init(&f);
    struct seal_stream stream;
    seal_stream_init(&stream);
    uint8_t log[16 * 4096];
    size_t log_size = 0, opened_size, starts[16];
    for (int i = 0; i < 16; i++) {
        size_t plain_size, sealed_size;
        struct block *plain = fixture_batch(&f, 2, 9, i * 2, &plain_size);
        struct seal_result sealed_as;
        struct block *sealed = fixture_seal(&f, &stream, slice_of(plain->data, plain_size), i * 2, NULL, 0, true,
                                            &sealed_as, &sealed_size);
        starts[i] = log_size;
        memcpy(log + log_size, sealed->data, sealed_size);
        log_size += sealed_size;
        block_release(plain);
        block_release(sealed);
    }
    struct open_result result;
    struct open_partition partition = { 0 };
    block_release(fixture_open(&f, &partition, slice_of(log, log_size), 0, &result, &opened_size));
    assert_string_equal(verdict_word(result.refused), "authentic");
    assert_int_equal(result.delivered, 16);
    open_partition_free(&partition);

    /* A signature in the middle is vouched for by a link that covers it: changed, it is found. */
    size_t size = starts[8] - starts[7];
    log[starts[7] + size - 20] ^= 1;
    fixture_fix_crc(log + starts[7], size);
    block_release(fixture_open(&f, &partition, slice_of(log, log_size), 0, &result, &opened_size));
    assert_string_equal(verdict_word(result.refused), "altered");
    assert_int_equal(result.delivered, 7);
    assert_int_equal(f.findings[0].base_offset, 14);
    open_partition_free(&partition);
    seal_fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_sealed_opens_to_the_same_bytes),
        cmocka_unit_test(every_byte_counts),
        cmocka_unit_test(one_signature_vouches_for_a_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
