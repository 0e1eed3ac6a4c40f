/* SPDX-License-Identifier: Apache-2.0 */
/* What the names and small files of a log directory say, and where batches begin and end in a segment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kafka/segment.h"

enum { BATCH_BYTES = BATCH_HEADER_BYTES + 10, BATCHES = 4, LOG_BYTES = BATCHES * BATCH_BYTES };

static const struct segment_portion all = { 1000, 1 << 20 };

static void put_batch(uint8_t *at, int64_t base_offset)
{
    const struct batch_header h = { .base_offset = base_offset, .last_offset_delta = 2, .record_count = 3 };
    memset(at, 0x55, BATCH_BYTES);
    batch_write_header(&h, BATCH_BYTES - BATCH_HEADER_BYTES, at);
    struct slice covered = slice_of(at + BATCH_CRC_START, BATCH_BYTES - BATCH_CRC_START);
    batch_patch_crc(at, crc32c(covered));
}

static void make_log(uint8_t log[LOG_BYTES])
{
    for (int i = 0; i < BATCHES; i++) {
        put_batch(log + (size_t)i * BATCH_BYTES, (int64_t)i * 3);
    }
}

static struct segment_frame frame_of(struct slice window, uint64_t left)
{
    struct segment_frame frame;
    segment_frame(window, left, &all, &frame);
    return frame;
}

static void names_of_files_say_what_they_are(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum log_file_kind kind;
        int64_t base;
    } cases[] = {
        { "00000000000000000042.log", LOG_FILE_SEGMENT, 42 },
        { "09223372036854775807.log", LOG_FILE_SEGMENT, INT64_MAX },
        { "09223372036854775808.log", LOG_FILE_OTHER, -1 },
        { "00000000000000000042.index", LOG_FILE_INDEX, 42 },
        { "00000000000000000042.timeindex", LOG_FILE_INDEX, 42 },
        { "00000000000000000042.txnindex", LOG_FILE_INDEX, 42 },
        { "00000000000000000042.snapshot", LOG_FILE_SNAPSHOT, 42 },
        { "00000000000000000042.log.deleted", LOG_FILE_PASSING, 42 },
        { "00000000000000000042.log.swap", LOG_FILE_PASSING, 42 },
        { "00000000000000000042.log.cleaned", LOG_FILE_PASSING, 42 },
        { "0000000000000000042.log", LOG_FILE_OTHER, -1 },
        { "-0000000000000000042.log", LOG_FILE_OTHER, -1 },
        { "00000000000000000042", LOG_FILE_OTHER, -1 },
        { "partition.metadata", LOG_FILE_METADATA, -1 },
        { "leader-epoch-checkpoint", LOG_FILE_EPOCHS, -1 },
        { "", LOG_FILE_OTHER, -1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct log_file_name found = log_file_name_parse(slice_of_text(cases[i].name));
        assert_int_equal(found.kind, cases[i].kind);
        assert_int_equal(found.base_offset, cases[i].base);
    }
}

static void names_of_folders_say_what_they_are(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum log_folder_kind kind;
        const char *topic;
        int32_t partition;
    } cases[] = {
        { "orders-3", LOG_FOLDER_PARTITION, "orders", 3 },
        { "orders-eu-1-0", LOG_FOLDER_PARTITION, "orders-eu-1", 0 },
        { "orders--1", LOG_FOLDER_PARTITION, "orders-", 1 },
        { "a.b_c-2147483647", LOG_FOLDER_PARTITION, "a.b_c", INT32_MAX },
        { "orders-2147483648", LOG_FOLDER_OTHER, "", -1 },
        { "orders-", LOG_FOLDER_OTHER, "", -1 },
        { "-3", LOG_FOLDER_OTHER, "", -1 },
        { "..-3", LOG_FOLDER_OTHER, "", -1 },
        { "or\033[2Jders-3", LOG_FOLDER_OTHER, "", -1 },
        { "orders", LOG_FOLDER_OTHER, "", -1 },
        { "orders-3.0123456789abcdef0123456789abcdef-delete", LOG_FOLDER_DELETED, "orders", 3 },
        { "orders-3.0123456789abcdef0123456789abcdef-future", LOG_FOLDER_FUTURE, "orders", 3 },
        { "or.ders-3.0123456789abcdef0123456789abcdef-stray", LOG_FOLDER_STRAY, "or.ders", 3 },
        { "orders-delete", LOG_FOLDER_OTHER, "", -1 },
        { "lost+found", LOG_FOLDER_KNOWN, "", -1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct log_folder_name found = log_folder_name_parse(slice_of_text(cases[i].name));
        assert_int_equal(found.kind, cases[i].kind);
        assert_true(slice_equal_text(found.topic, cases[i].topic));
        assert_int_equal(found.partition, cases[i].partition);
    }
}

static void small_files_are_read(void **state)
{
    (void)state;
    struct slice found;
    assert_int_equal(partition_metadata_read(slice_of_text("version: 0\ntopic_id: AAA\n"), &found), SIGNET_OK);
    assert_true(slice_equal_text(found, "AAA"));
    assert_int_equal(partition_metadata_read(slice_of_text("version: 0\ntopic_id: AAA"), &found), SIGNET_OK);
    assert_int_equal(partition_metadata_read(slice_of_text("version: 1\ntopic_id: AAA\n"), &found),
                     SIGNET_ERROR_UNSUPPORTED);
    assert_int_equal(partition_metadata_read(slice_of_text("topic_id: AAA\n"), &found), SIGNET_ERROR_MALFORMED);
    assert_int_equal(partition_metadata_read(slice_of_text(""), &found), SIGNET_ERROR_MALFORMED);
    assert_int_equal(meta_properties_read(slice_of_text("#\n#x\r\nnode.id=1\r\ncluster.id=abc\r\n"), &found),
                     SIGNET_OK);
    assert_true(slice_equal_text(found, "abc"));
    assert_int_equal(meta_properties_read(slice_of_text("node.id=1\n"), &found), SIGNET_ERROR_MALFORMED);
}

/* Every beginning of a log: as all there is, and as what a window holds of it. */
static void whole_batches_are_told_from_the_rest(void **state)
{
    (void)state;
    uint8_t log[LOG_BYTES];
    make_log(log);
    for (size_t size = 0; size <= LOG_BYTES; size++) {
        size_t whole = size / BATCH_BYTES * BATCH_BYTES;
        struct segment_frame frame = frame_of(slice_of(log, size), size);
        assert_int_equal(frame.whole_bytes, whole);
        assert_int_equal(frame.batches, whole / BATCH_BYTES);
        bool first_bytes_only = size > whole && size - whole <= 7 && whole == 0; /* of offset 0: zeros */
        assert_int_equal(frame.rest, size == whole ? SEGMENT_END : first_bytes_only ? SEGMENT_ZEROS : frame.rest);
        assert_true(frame.rest != SEGMENT_MORE && frame.rest != SEGMENT_BROKEN);
        frame = frame_of(slice_of(log, size), LOG_BYTES);
        assert_int_equal(frame.whole_bytes, whole);
        assert_int_equal(frame.rest, size == LOG_BYTES ? SEGMENT_END : SEGMENT_MORE);
    }
}

static void what_is_no_batch_is_told(void **state)
{
    (void)state;
    uint8_t log[LOG_BYTES + 100] = { 0 };
    make_log(log);
    assert_int_equal(frame_of(slice_of(log, sizeof log), sizeof log).rest, SEGMENT_ZEROS);
    log[LOG_BYTES + 99] = 1;
    assert_int_equal(frame_of(slice_of(log, sizeof log), sizeof log).rest, SEGMENT_BROKEN);
    log[BATCH_BYTES + BATCH_MAGIC_AT] = 1;
    struct segment_frame frame = frame_of(slice_of(log, LOG_BYTES), LOG_BYTES);
    assert_int_equal(frame.rest, SEGMENT_BROKEN);
    assert_int_equal(frame.whole_bytes, BATCH_BYTES);
    assert_int_equal(frame.next_offset, 3);
    make_log(log);
    store_u32(log + BATCH_BYTES + 8, UINT32_C(0x7fffffff));
    frame = frame_of(slice_of(log, LOG_BYTES), LOG_BYTES);
    assert_int_equal(frame.rest, SEGMENT_TORN);
    store_u32(log + BATCH_BYTES + 8, UINT32_C(0xffffffff));
    assert_int_equal(frame_of(slice_of(log, LOG_BYTES), LOG_BYTES).rest, SEGMENT_BROKEN);
}

static void portions_are_bounded(void **state)
{
    (void)state;
    uint8_t log[LOG_BYTES];
    struct segment_frame frame;
    make_log(log);
    segment_frame(slice_of(log, LOG_BYTES), LOG_BYTES, &(struct segment_portion){ 2, 1 << 20 }, &frame);
    assert_int_equal(frame.batches, 2);
    assert_int_equal(frame.rest, SEGMENT_MORE);
    segment_frame(slice_of(log, LOG_BYTES), LOG_BYTES, &(struct segment_portion){ 1000, 1 }, &frame);
    assert_int_equal(frame.batches, 1); /* large ones are taken alone */
}

static void the_next_batch_is_found_behind_damage(void **state)
{
    (void)state;
    uint8_t log[LOG_BYTES];
    size_t at, crc_bytes = LOG_BYTES;
    make_log(log);
    struct slice window = slice_of(log, LOG_BYTES);
    assert_true(segment_find(window, 1, 0, 100, &crc_bytes, &at));
    assert_int_equal(at, BATCH_BYTES);
    assert_true(segment_find(window, 1, 7, 100, &crc_bytes, &at)); /* offsets that have been passed are no batch */
    assert_int_equal(at, 3 * BATCH_BYTES);
    assert_false(segment_find(window, 1, 0, 4, &crc_bytes, &at));
    crc_bytes = BATCH_BYTES - 1;
    assert_false(segment_find(window, 1, 0, 100, &crc_bytes, &at));
    crc_bytes = LOG_BYTES;
    log[BATCH_BYTES + 70] ^= 1;
    assert_true(segment_find(window, 1, 0, 100, &crc_bytes, &at)); /* nor is what has a wrong CRC */
    assert_int_equal(at, 2 * BATCH_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_files_say_what_they_are),
        cmocka_unit_test(names_of_folders_say_what_they_are),
        cmocka_unit_test(small_files_are_read),
        cmocka_unit_test(whole_batches_are_told_from_the_rest),
        cmocka_unit_test(what_is_no_batch_is_told),
        cmocka_unit_test(portions_are_bounded),
        cmocka_unit_test(the_next_batch_is_found_behind_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
