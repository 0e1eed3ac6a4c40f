/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/stored.h"

#include <stdlib.h>
#include <string.h>

void stored_init(struct stored *s)
{
    *s = (struct stored){ 0 };
    pthread_mutex_init(&s->lock, NULL);
}

static void keep(struct stored *s, const struct stored_batch *batch)
{
    struct stored_seal seal = { .survey = batch->survey, .first = batch->first, .last = batch->last };
    memcpy(seal.seal_id, batch->seal_id, sizeof seal.seal_id);
    pthread_mutex_lock(&s->lock);
    signet_error error = spool_add(&s->batches, batch, sizeof *batch);
    error = error || !batch->sealed ? error : spool_add(&s->seals, &seal, sizeof seal);
    s->error = s->error ? s->error : error;
    pthread_mutex_unlock(&s->lock);
}

void stored_add(struct stored *s, uint32_t survey, const struct trust *trust, const struct judged *judged)
{
    const struct batch_header *header = &judged->batch.header;
    struct stored_batch batch = {
        .first = header->base_offset,
        .last = judged->unframed ? header->base_offset : batch_last_offset(header),
        .survey = survey,
        .sealed = judged->sealed,
        .authentic = judged->verdict == VERDICT_AUTHENTIC,
        .bad = !verdict_is_good(judged->verdict),
    };
    if (judged->sealed) {
        memcpy(batch.seal_id, judged->seal_id, sizeof batch.seal_id);
        producer_hash(&judged->envelope.header.inner, batch.producer);
        batch.seal_time_ms = judged->envelope.header.seal_time_ms;
        batch.writer = judged->writer ? (uint32_t)(judged->writer - trust->writers) : 0;
    }
    keep(s, &batch);
}

void stored_add_damage(struct stored *s, uint32_t survey, int64_t first, int64_t last)
{
    const struct stored_batch damage = { .first = first, .last = last, .survey = survey, .bad = true };
    keep(s, &damage);
}

static int compare(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int by_offset(const void *a, const void *b)
{
    const struct stored_batch *x = a, *y = b;
    int order = compare(x->survey, y->survey);
    order = order ? order : compare(x->first, y->first);
    order = order ? order : compare(x->last, y->last);
    return order ? order : memcmp(x->seal_id, y->seal_id, sizeof x->seal_id);
}

int stored_seal_compare(const void *a, const void *b)
{
    const struct stored_seal *x = a, *y = b;
    int order = memcmp(x->seal_id, y->seal_id, sizeof x->seal_id);
    order = order ? order : compare(x->survey, y->survey);
    return order ? order : compare(x->first, y->first);
}

signet_error stored_sort(struct stored *s)
{
    signet_error error = s->error;
    error = error ? error : spool_map(&s->batches, sizeof(struct stored_batch));
    error = error ? error : spool_map(&s->seals, sizeof(struct stored_seal));
    if (error) {
        return error;
    }
    if (s->batches.items) {
        qsort(s->batches.items, s->batches.count, sizeof(struct stored_batch), by_offset);
    }
    if (s->seals.items) {
        qsort(s->seals.items, s->seals.count, sizeof(struct stored_seal), stored_seal_compare);
    }
    return SIGNET_OK;
}

void stored_free(struct stored *s)
{
    spool_free(&s->batches);
    spool_free(&s->seals);
    pthread_mutex_destroy(&s->lock);
}
