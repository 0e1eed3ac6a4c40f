/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/listing.h"

#include "base/limits.h"
#include "kafka/segment.h"
#include "verify/disk.h"

static const struct segment_portion one_batch = { 1, SIZE_MAX };

struct listing {
    int file;
    uint64_t at, size;
    struct budget *budget;
    struct block *block;
    size_t held; /* bytes in the block, those at `at` first */
    listing_hook *hook;
    void *context;
};

static signet_error fill(struct listing *l, size_t wanted)
{
    if (!l->block || l->block->capacity < wanted) {
        block_release(l->block);
        l->block = block_new(l->budget, wanted);
    }
    if (!l->block) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    uint64_t left = l->size - l->at;
    return disk_read(l->file, l->at, l->block->data, left < wanted ? (size_t)left : wanted, &l->held);
}

static void show(struct listing *l, struct listing_item item)
{
    item.position = l->at;
    item.owner = l->block;
    l->hook(l->context, &item);
    l->at += item.size;
}

/* Whole batches of the window; gives what stands behind them. */
static struct segment_frame show_batches(struct listing *l, struct slice *window)
{
    struct segment_frame frame;
    for (;;) {
        struct listing_item item = { .kind = LISTING_BATCH };
        segment_frame(*window, l->size - l->at, &one_batch, &frame);
        if (frame.batches == 0 || batch_read(*window, &item.batch) != SIGNET_OK) {
            return frame;
        }
        item.size = item.batch.bytes.size;
        item.base_offset = item.batch.header.base_offset;
        item.magic = batch_magic(*window);
        show(l, item);
        *window = slice_of(window->data + item.size, window->size - (size_t)item.size);
    }
}

static signet_error zeros_to_the_end(struct listing *l, bool *ret_zeros)
{
    uint64_t begin = l->at;
    bool zeros = true;
    signet_error error = SIGNET_OK;
    while (zeros && !error && l->at < l->size) {
        error = fill(l, SURVEY_WINDOW_BYTES);
        if (!error) {
            zeros = slice_is_zero(slice_of(l->block->data, l->held));
            l->at = l->held > 0 ? l->at + l->held : l->size;
        }
    }
    l->at = begin;
    *ret_zeros = zeros;
    return error;
}

static signet_error show_rest(struct listing *l, const struct segment_frame *frame, struct slice window)
{
    struct listing_item item = {
        .kind = frame->rest == SEGMENT_TORN ? LISTING_TORN : LISTING_BROKEN,
        .size = l->size - l->at,
        .base_offset = frame->next_offset,
        .magic = batch_magic(window),
    };
    signet_error error = SIGNET_OK;
    if (frame->rest == SEGMENT_ZEROS) {
        bool zeros = false;
        error = zeros_to_the_end(l, &zeros);
        item.kind = zeros ? LISTING_ZEROS : LISTING_BROKEN;
    }
    if (!error) {
        show(l, item);
    }
    return error;
}

/* One window; `*wanted` becomes the bytes that the next one needs. */
static signet_error list_window(struct listing *l, size_t *wanted)
{
    signet_error error = fill(l, *wanted);
    if (error) {
        return error;
    }
    bool cut_short = l->held < *wanted && l->held < l->size - l->at;
    struct slice window = slice_of(l->block->data, l->held);
    if (cut_short) {
        l->size = l->at + l->held; /* the file has become shorter since */
    }
    struct segment_frame frame = show_batches(l, &window);
    *wanted = SURVEY_WINDOW_BYTES;
    if (frame.rest == SEGMENT_END) {
        return SIGNET_OK;
    }
    if (frame.rest != SEGMENT_MORE) {
        return show_rest(l, &frame, window);
    }
    if (frame.next_bytes > SURVEY_LARGE_BYTES_MAX) {
        struct listing_item large = { .kind = LISTING_LARGE,
                                      .size = frame.next_bytes,
                                      .base_offset = frame.next_offset,
                                      .magic = batch_magic(window) };
        show(l, large);
    } else if (frame.next_bytes > *wanted) {
        *wanted = frame.next_bytes;
    }
    return SIGNET_OK;
}

signet_error listing_run(struct budget *budget, int file, uint64_t size, listing_hook *hook, void *context)
{
    struct listing l = { .file = file, .size = size, .budget = budget, .hook = hook, .context = context };
    size_t wanted = SURVEY_WINDOW_BYTES;
    signet_error error = SIGNET_OK;
    while (!error && l.at < l.size) {
        error = list_window(&l, &wanted);
    }
    block_release(l.block);
    return error;
}
