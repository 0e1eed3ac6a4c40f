/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Framing of a segment of anything: whole batches are within the window and
 * one after the other, each step gets on, and looking for a batch spends no
 * more than it was given and finds only what is one.
 *
 * An input is a byte that says how much of the file the window has, and the
 * file; the same bytes are tried as names and small files.
 */
#include <stdlib.h>

#include "kafka/log_index.h"
#include "kafka/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool fine)
{
    if (!fine) {
        abort();
    }
}

static void check_texts(struct slice text)
{
    struct slice found;
    struct log_folder_name folder = log_folder_name_parse(text);
    struct log_file_name file = log_file_name_parse(text);
    check(folder.topic.size <= text.size && folder.topic.size <= 249);
    check(folder.kind != LOG_FOLDER_PARTITION || (folder.partition >= 0 && folder.topic.size > 0));
    check(file.kind != LOG_FILE_SEGMENT || file.base_offset >= 0);
    struct log_index_name beside = log_index_name_parse(text);
    check((beside.kind == LOG_INDEX_NONE) == (log_index_entry_bytes(beside.kind) == 0));
    check(file.kind != LOG_FILE_INDEX || (beside.kind != LOG_INDEX_NONE && beside.base_offset == file.base_offset));
    if (partition_metadata_read(text, &found) == SIGNET_OK || meta_properties_read(text, &found) == SIGNET_OK) {
        check(found.data >= text.data && found.data + found.size <= text.data + text.size);
    }
}

static void check_found(struct slice window, int64_t low, int64_t high)
{
    size_t given = 4 * window.size, left = given, at = 0;
    if (segment_find(window, 0, low, high, &left, &at)) {
        struct batch batch;
        check(at < window.size);
        check(batch_read(slice_of(window.data + at, window.size - at), &batch) == SIGNET_OK);
        check(batch_crc_matches(&batch) && batch.header.base_offset >= low);
        check(batch_last_offset(&batch.header) <= high);
    }
    check(left <= given);
}

static void check_frame(struct slice window, uint64_t left_bytes)
{
    const struct segment_portion portion = { 3, 4096 };
    struct segment_frame frame;
    segment_frame(window, left_bytes, &portion, &frame);
    check(frame.whole_bytes <= window.size && frame.batches <= portion.batches_max);
    check((frame.whole_bytes > 0) == (frame.batches > 0));
    struct slice rest = slice_of(window.data, frame.whole_bytes);
    for (size_t i = 0; i < frame.batches; i++) {
        struct batch batch;
        check(batch_read(rest, &batch) == SIGNET_OK);
        rest = slice_of(rest.data + batch.bytes.size, rest.size - batch.bytes.size);
    }
    check(rest.size == 0);
    check(frame.rest != SEGMENT_END || frame.whole_bytes == left_bytes);
    check(frame.rest != SEGMENT_MORE || frame.whole_bytes < left_bytes || frame.batches > 0);
    /* A window that has all of the file, and no whole batch at its front, says what is there instead. */
    check(frame.rest != SEGMENT_MORE || frame.batches > 0 || window.size < left_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct slice file = slice_of(data + 1, size - 1);
    size_t window = file.size * data[0] / 255;
    check_texts(file);
    check_frame(file, file.size);
    check_frame(slice_of(file.data, window), file.size);
    check_found(slice_of(file.data, window), 0, 1000);
    return 0;
}
