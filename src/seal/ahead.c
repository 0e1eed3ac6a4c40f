/* SPDX-License-Identifier: Apache-2.0 */
#include "seal/ahead.h"

#include <stdlib.h>

#include "seal/outer.h"

enum { PAGE_DIGESTS = 16 };

/* Digests do not move: the crew writes them. */
struct page {
    struct page *next;
    size_t count;
    struct ahead_digest digests[PAGE_DIGESTS];
};

struct ahead {
    struct crew_job job;
    size_t batch_bytes_min;
    struct page *first, *last;
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

void ahead_free(struct ahead *ahead)
{
    if (!ahead) {
        return;
    }
    crew_drop(&ahead->job);
    for (struct page *page; (page = ahead->first);) {
        ahead->first = page->next;
        free(page);
    }
    free(ahead);
}

static void digest(struct crew_task *task, size_t who)
{
    struct ahead_digest *d = (struct ahead_digest *)task; /* its first member */
    struct slice value;
    struct envelope envelope;
    (void)who;
    d->crc_matches = batch_crc_matches(&d->batch);
    if (d->crc_matches && outer_value_in_place(&d->batch, &value) && envelope_has_magic(value) &&
        envelope_read(value, &envelope) == SIGNET_OK) {
        envelope_seal_id(envelope.header_bytes, envelope.ciphertext, envelope.tag, d->seal_id);
        d->ciphertext = envelope.ciphertext.data;
    }
}

static struct ahead_digest *add_digest(struct ahead *ahead)
{
    struct page *last = ahead->last;
    if (!last || last->count == PAGE_DIGESTS) {
        struct page *page = ahead->page_count < AHEAD_PAGES_MAX ? calloc(1, sizeof *page) : NULL;
        if (!page) {
            return NULL;
        }
        *(last ? &last->next : &ahead->first) = page;
        ahead->last = last = page;
        ahead->page_count++;
    }
    return &last->digests[last->count++];
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
        struct ahead_digest *d = batch.bytes.size < ahead->batch_bytes_min ? NULL : add_digest(ahead);
        if (d) {
            d->batch = batch;
            d->task.run = digest;
            crew_post(&ahead->job, &d->task);
        }
    }
    ahead->seen = at;
}

void ahead_finish(struct ahead *ahead)
{
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
