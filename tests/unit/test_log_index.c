/* SPDX-License-Identifier: Apache-2.0 */
/* What lies beside a segment: what names mean, and which bytes of an entry are which field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kafka/log_index.h"

static void names_say_what_is_in_a_file(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum log_index_kind kind;
        int64_t base;
    } cases[] = {
        { "00000000000000000042.index", LOG_INDEX_OFFSETS, 42 },
        { "00000000000000000042.timeindex", LOG_INDEX_TIMES, 42 },
        { "00000000000000000042.txnindex", LOG_INDEX_ABORTED, 42 },
        { "00000000000000000042.snapshot", LOG_INDEX_PRODUCERS, 42 },
        { "00000000000000000042.txnindex.deleted", LOG_INDEX_ABORTED, 42 },
        { "00000000000000000042.txnindex.cleaned", LOG_INDEX_ABORTED, 42 },
        { "00000000000000000042.txnindex.swap", LOG_INDEX_ABORTED, 42 },
        { "copy.txnindex", LOG_INDEX_ABORTED, -1 },
        { ".index", LOG_INDEX_OFFSETS, -1 },
        { "09223372036854775808.index", LOG_INDEX_OFFSETS, -1 },
        { "00000000000000000042.log", LOG_INDEX_NONE, -1 },
        { "00000000000000000042.txnindex.bak", LOG_INDEX_NONE, -1 },
        { "index", LOG_INDEX_NONE, -1 },
        { ".deleted", LOG_INDEX_NONE, -1 },
        { "", LOG_INDEX_NONE, -1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct log_index_name found = log_index_name_parse(slice_of_text(cases[i].name));
        assert_int_equal(found.kind, cases[i].kind);
        assert_int_equal(found.base_offset, cases[i].base);
    }
}

/* Every field has another value, so that none passes for its neighbour. */
static void entries_are_read_field_by_field(void **state)
{
    (void)state;
    uint8_t bytes[LOG_INDEX_ENTRY_BYTES_MAX];
    struct writer w = writer_over(bytes, sizeof bytes);
    write_i32(&w, -5);
    write_i32(&w, 77);
    struct offset_entry offset = offset_entry_read(writer_slice(&w));
    assert_true(offset.relative_offset == -5 && offset.position == 77);
    assert_int_equal(writer_used(&w), log_index_entry_bytes(LOG_INDEX_OFFSETS));

    w = writer_over(bytes, sizeof bytes);
    write_i64(&w, -1);
    write_i32(&w, 9);
    struct time_entry when = time_entry_read(writer_slice(&w));
    assert_true(when.timestamp_ms == -1 && when.relative_offset == 9);
    assert_int_equal(writer_used(&w), log_index_entry_bytes(LOG_INDEX_TIMES));

    w = writer_over(bytes, sizeof bytes);
    write_i16(&w, 1);
    write_i64(&w, 2);
    write_i64(&w, 3);
    write_i64(&w, 4);
    write_i64(&w, 5);
    struct aborted_entry a = aborted_entry_read(writer_slice(&w));
    assert_true(a.version == 1 && a.producer_id == 2 && a.first_offset == 3);
    assert_true(a.last_offset == 4 && a.last_stable_offset == 5);
    assert_int_equal(writer_used(&w), log_index_entry_bytes(LOG_INDEX_ABORTED));

    w = writer_over(bytes, sizeof bytes);
    write_i16(&w, 1);
    write_u32(&w, UINT32_MAX);
    write_i32(&w, 3);
    struct producers_header h = producers_header_read(writer_slice(&w));
    assert_true(h.version == 1 && h.crc == UINT32_MAX && h.count == 3);

    w = writer_over(bytes, sizeof bytes);
    write_i64(&w, 1);
    write_i16(&w, 2);
    write_i32(&w, 3);
    write_i64(&w, 4);
    write_i32(&w, 5);
    write_i64(&w, 6);
    write_i32(&w, 7);
    write_i64(&w, 8);
    struct producer_entry p = producer_entry_read(writer_slice(&w));
    assert_true(p.producer_id == 1 && p.producer_epoch == 2 && p.last_sequence == 3 && p.last_offset == 4);
    assert_true(p.offset_delta == 5 && p.timestamp_ms == 6 && p.coordinator_epoch == 7 && p.current_transaction == 8);
    assert_int_equal(writer_used(&w), log_index_entry_bytes(LOG_INDEX_PRODUCERS));
    assert_int_equal(log_index_entry_bytes(LOG_INDEX_NONE), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_say_what_is_in_a_file),
        cmocka_unit_test(entries_are_read_field_by_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
