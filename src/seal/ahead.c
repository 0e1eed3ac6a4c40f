/* SPDX-License-Identifier: Apache-2.0 */
#include "seal/ahead.h"

#include <stdlib.h>

#include "seal/outer.h"

/* One piece of work: so many digests, or so many bytes, whichever is reached first. */
enum {
    PAGE_DIGESTS = SHA256_TOGETHER,
    PAGE_BYTES = 1024 * 1024,
};

/* Pages do not move: the crew writes their digests once they have been posted, and no digest is added any more then. */
struct page {
    struct crew_task task;
    struct page *next;
    size_t count, bytes;
    struct ahead_digest digests[PAGE_DIGESTS];
};

struct ahead {
    struct crew_job job;
    size_t batch_bytes_min;
    struct page *first, *last;
    struct page *filling;     /* the last, when it has not been posted */
    const uint8_t *seen;      /* where the first batch begins that has not been looked at */
    const struct page *found; /* where the last one that was asked for stands, and */
    size_t found_index;
    size_t page_count;
};

struct ahead *ahead_new(struct crew *crew, size_t batch_bytes_min)
{
    struct ahead *ahead = calloc(1, sizeof *ahead);
    if (ahead) {
        ahead->job.crew = crew;
        ahead->batch_bytes_min = batch_bytes_min;
    }
    return ahead;
}

static void free_pages(struct page *first)
{
    for (struct page *page; (page = first);) {
        first = page->next;
        free(page);
    }
}

void ahead_free(struct ahead *ahead)
{
    if (!ahead) {
        return;
    }
    crew_drop(&ahead->job);
    free_pages(ahead->first);
    free(ahead);
}

void ahead_clear(struct ahead *ahead)
{
    if (ahead->first) {
        free_pages(ahead->first->next);
        ahead->first->next = NULL;
        ahead->first->count = ahead->first->bytes = 0;
        ahead->page_count = 1;
    }
    ahead->last = ahead->filling = ahead->first;
    ahead->seen = NULL;
    ahead->found = NULL;
}

/* Whether the batch is a sealed one in place, and then what its seal id is taken over. */
static bool hashed_part(struct ahead_digest *d, struct slice *ret_part)
{
    struct slice value;
    struct envelope envelope;
    d->crc_matches = batch_crc_matches(&d->batch);
    if (!d->crc_matches || !outer_value_in_place(&d->batch, &value) || !envelope_has_magic(value) ||
        envelope_read(value, &envelope) != SIGNET_OK) {
        return false;
    }
    d->ciphertext = envelope.ciphertext.data;
    *ret_part = envelope_identified(&envelope);
    return true;
}

static void digest_page(struct crew_task *task, size_t who)
{
    struct page *page = (struct page *)task; /* its first member */
    struct slice parts[PAGE_DIGESTS];
    uint8_t *seal_ids[PAGE_DIGESTS];
    size_t count = 0;
    (void)who;
    for (size_t i = 0; i < page->count; i++) {
        if (hashed_part(&page->digests[i], &parts[count])) {
            seal_ids[count++] = page->digests[i].seal_id;
        }
    }
    sha256_each(parts, count, seal_ids);
}

static void post_filling(struct ahead *ahead)
{
    if (ahead->filling && ahead->filling->count > 0) {
        ahead->filling->task.run = digest_page;
        crew_post(&ahead->job, &ahead->filling->task);
    }
    ahead->filling = NULL;
}

static struct page *add_page(struct ahead *ahead)
{
    struct page *page = ahead->page_count < AHEAD_PAGES_MAX ? calloc(1, sizeof *page) : NULL;
    if (page) {
        *(ahead->last ? &ahead->last->next : &ahead->first) = page;
        ahead->last = page;
        ahead->page_count++;
    }
    return page;
}

static void add_batch(struct ahead *ahead, const struct batch *batch)
{
    struct page *page = ahead->filling;
    page = ahead->filling = page ? page : add_page(ahead);
    if (page) {
        page->digests[page->count++] = (struct ahead_digest){ .batch = *batch };
        page->bytes += batch->bytes.size;
        if (page->count == PAGE_DIGESTS || page->bytes >= PAGE_BYTES) {
            post_filling(ahead);
        }
    }
}

void ahead_see(struct ahead *ahead, struct slice records)
{
    const uint8_t *at = records.data, *end = at + records.size;
    if (ahead->seen && ahead->seen > at) {
        at = ahead->seen;
    }
    struct batch batch;
    while (at < end && batch_read(slice_of(at, (size_t)(end - at)), &batch) == SIGNET_OK) {
        at += batch.bytes.size;
        if (batch.bytes.size >= ahead->batch_bytes_min) {
            add_batch(ahead, &batch);
        }
    }
    ahead->seen = at;
}

void ahead_finish(struct ahead *ahead)
{
    post_filling(ahead);
    crew_finish(&ahead->job);
    ahead->found = ahead->first;
    ahead->found_index = 0;
}

const struct ahead_digest *ahead_find(struct ahead *ahead, const uint8_t *batch)
{
    while (ahead->found) {
        for (size_t i = ahead->found_index; i < ahead->found->count; i++) {
            const struct ahead_digest *d = &ahead->found->digests[i];
            if (d->batch.bytes.data >= batch) {
                ahead->found_index = i;
                return d->batch.bytes.data == batch ? d : NULL;
            }
        }
        ahead->found = ahead->found->next;
        ahead->found_index = 0;
    }
    return NULL;
}
