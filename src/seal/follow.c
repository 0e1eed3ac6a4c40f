/* SPDX-License-Identifier: Apache-2.0 */
#include "seal/follow.h"

#include <stdlib.h>

enum { SEQUENCES_REMEMBERED = 64 };

void follow_free(struct follow *f)
{
    free(f->ring);
    free(f->streams);
    *f = (struct follow){ 0 };
}

size_t follow_memory(const struct follow *f)
{
    return f->capacity * sizeof *f->ring + f->stream_capacity * sizeof *f->streams;
}

static struct met *met_at(const struct follow *f, uint32_t index)
{
    return &f->ring[(f->first + index) % f->capacity];
}

/* The batch that begins at `offset`, by bisection; NULL when none does. */
static const struct met *met_find(const struct follow *f, int64_t offset)
{
    uint32_t low = 0, high = f->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (met_at(f, middle)->base_offset < offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool found = low < f->count && met_at(f, low)->base_offset == offset;
    return found ? met_at(f, low) : NULL;
}

static bool remembers(const struct follow *f, int64_t offset)
{
    return f->count > 0 && offset >= met_at(f, 0)->base_offset && offset <= met_at(f, f->count - 1)->last_offset;
}

/* Whether the batch remembered last ends just before `offset`. */
static bool ends_before(const struct follow *f, int64_t offset)
{
    return f->count > 0 && met_at(f, f->count - 1)->last_offset + 1 == offset;
}

static bool continues(const struct follow *f, const struct follow_pass *pass, const struct follow_batch *batch)
{
    if (batch->last_offset < batch->base_offset) {
        return false;
    }
    if (pass->subset) {
        return true;
    }
    bool at_boundary = pass->started || ends_before(f, pass->expected);
    return at_boundary ? batch->base_offset == pass->expected
                       : batch->base_offset <= pass->expected && pass->expected <= batch->last_offset;
}

/* Reading again what is remembered must give the same batch. */
static bool same_as_before(const struct follow *f, const struct follow_batch *batch)
{
    if (!remembers(f, batch->base_offset)) {
        return true;
    }
    const struct met *before = met_find(f, batch->base_offset);
    if (!before || before->last_offset != batch->last_offset) {
        return false;
    }
    return !batch->header || memcmp(before->seal_prefix, batch->seal_id, SEAL_PREFIX_BYTES) == 0;
}

static bool is_nonzero(const uint8_t hash[PRODUCER_HASH_BYTES])
{
    static const uint8_t none[PRODUCER_HASH_BYTES];
    return memcmp(hash, none, sizeof none) != 0;
}

static bool predecessor_stands(const struct follow *f, const struct follow_batch *batch, const struct predecessor *p)
{
    if (p->base_offset >= batch->base_offset) {
        return false; /* acknowledged before this batch was sealed, so it must stand before it */
    }
    if (!remembers(f, p->base_offset)) {
        return true;
    }
    const struct met *met = met_find(f, p->base_offset);
    if (!met) {
        return false;
    }
    bool resolved_duplicate = is_nonzero(p->producer) && memcmp(met->producer, p->producer, PRODUCER_HASH_BYTES) == 0;
    return resolved_duplicate || memcmp(met->seal_prefix, p->seal_prefix, SEAL_PREFIX_BYTES) == 0;
}

static bool is_accepted(const struct follow_exceptions *exceptions, int64_t offset)
{
    return exceptions && trust_find_exception(exceptions->trust, exceptions->place, offset, offset);
}

static bool predecessors_stand(const struct follow *f, const struct follow_batch *batch,
                               const struct follow_exceptions *exceptions, int64_t *ret_missed)
{
    size_t count = batch->header->predecessors.size / PREDECESSOR_BYTES;
    for (size_t i = 0; i < count; i++) {
        struct predecessor p = predecessor_at(batch->header->predecessors, i);
        if (!predecessor_stands(f, batch, &p) && !is_accepted(exceptions, p.base_offset)) {
            *ret_missed = p.base_offset;
            return false;
        }
    }
    return true;
}

static struct met_stream *stream_find(const struct follow *f, const uint8_t id[STREAM_ID_BYTES])
{
    for (uint32_t i = 0; i < f->stream_count; i++) {
        if (memcmp(f->streams[i].id, id, STREAM_ID_BYTES) == 0) {
            return &f->streams[i];
        }
    }
    return NULL;
}

static bool sequence_was_met(const struct met_stream *s, uint64_t sequence)
{
    if (sequence >= s->sequence) {
        return sequence == s->sequence;
    }
    uint64_t back = s->sequence - 1 - sequence;
    return back >= SEQUENCES_REMEMBERED || (s->met >> back) & 1;
}

static enum verdict stream_verdict(const struct follow *f, const struct follow_batch *batch)
{
    const struct met_stream *s = stream_find(f, batch->header->stream);
    if (!s) {
        return VERDICT_AUTHENTIC;
    }
    uint64_t sequence = batch->header->sequence;
    bool in_order = sequence > s->sequence    ? batch->base_offset > s->base_offset
                    : sequence == s->sequence ? batch->base_offset == s->base_offset
                                              : batch->base_offset < s->base_offset;
    if (in_order) {
        return VERDICT_AUTHENTIC;
    }
    return sequence_was_met(s, sequence) ? VERDICT_REPLAYED : VERDICT_OUT_OF_ORDER;
}

enum verdict follow_check(const struct follow *f, const struct follow_pass *pass, const struct follow_batch *batch,
                          const struct follow_exceptions *exceptions, struct follow_finding *ret_finding)
{
    *ret_finding = (struct follow_finding){ .expected_offset = -1, .missed_offset = -1 };
    if (!continues(f, pass, batch)) {
        ret_finding->expected_offset = pass->expected;
        return VERDICT_WRONG_OFFSET;
    }
    if (!pass->subset && !same_as_before(f, batch)) {
        ret_finding->missed_offset = batch->base_offset;
        return VERDICT_REMOVED;
    }
    if (!batch->header) {
        return VERDICT_AUTHENTIC;
    }
    if (!predecessors_stand(f, batch, exceptions, &ret_finding->missed_offset)) {
        return VERDICT_REMOVED;
    }
    return stream_verdict(f, batch);
}

static bool ring_has_room(struct follow *f)
{
    if (f->count < f->capacity) {
        return true;
    }
    if (f->capacity == FOLLOW_BATCHES_MAX) {
        f->first = (f->first + 1) % f->capacity;
        f->count--;
        return true;
    }
    uint32_t capacity = f->capacity ? f->capacity * 2 : 8;
    struct met *ring = malloc(capacity * sizeof *ring);
    if (!ring) {
        return false;
    }
    for (uint32_t i = 0; i < f->count; i++) {
        ring[i] = *met_at(f, i);
    }
    free(f->ring);
    f->ring = ring;
    f->first = 0;
    f->capacity = capacity;
    return true;
}

static void ring_append(struct follow *f, const struct follow_batch *batch)
{
    if (!ends_before(f, batch->base_offset)) {
        f->count = 0;
    }
    if (!ring_has_room(f)) {
        f->count = 0;
        return;
    }
    struct met *met = met_at(f, f->count++);
    *met = (struct met){ .base_offset = batch->base_offset, .last_offset = batch->last_offset };
    if (batch->header) {
        memcpy(met->seal_prefix, batch->seal_id, SEAL_PREFIX_BYTES);
        producer_hash(&batch->header->inner, met->producer);
    }
}

static struct met_stream *stream_oldest(const struct follow *f)
{
    struct met_stream *oldest = &f->streams[0];
    for (uint32_t i = 1; i < f->stream_count; i++) {
        if (f->clock - f->streams[i].used > f->clock - oldest->used) {
            oldest = &f->streams[i];
        }
    }
    return oldest;
}

static struct met_stream *stream_add(struct follow *f)
{
    if (f->stream_count == FOLLOW_STREAMS_MAX) {
        return stream_oldest(f);
    }
    if (f->stream_count == f->stream_capacity) {
        uint32_t capacity = f->stream_capacity ? f->stream_capacity * 2 : 2;
        struct met_stream *streams = realloc(f->streams, capacity * sizeof *streams);
        if (!streams) {
            return NULL;
        }
        f->streams = streams;
        f->stream_capacity = capacity;
    }
    return &f->streams[f->stream_count++];
}

static void stream_advance(struct met_stream *s, uint64_t sequence, int64_t base_offset)
{
    uint64_t step = sequence - s->sequence;
    s->met = step > SEQUENCES_REMEMBERED ? 0 : (step == SEQUENCES_REMEMBERED ? 0 : s->met << step);
    if (step <= SEQUENCES_REMEMBERED) {
        s->met |= (uint64_t)1 << (step - 1);
    }
    s->sequence = sequence;
    s->base_offset = base_offset;
}

static void stream_accept(struct follow *f, const struct follow_batch *batch)
{
    struct met_stream *s = stream_find(f, batch->header->stream);
    if (!s) {
        s = stream_add(f);
        if (!s) {
            return;
        }
        *s = (struct met_stream){ .sequence = batch->header->sequence, .base_offset = batch->base_offset };
        memcpy(s->id, batch->header->stream, STREAM_ID_BYTES);
    } else if (batch->header->sequence > s->sequence) {
        stream_advance(s, batch->header->sequence, batch->base_offset);
    }
    s->used = ++f->clock;
}

void follow_accept(struct follow *f, struct follow_pass *pass, const struct follow_batch *batch)
{
    bool again = !pass->subset && remembers(f, batch->base_offset);
    if (!again && !pass->subset) {
        ring_append(f, batch);
    }
    if (batch->header) {
        stream_accept(f, batch);
    }
    pass->started = true;
    pass->expected = batch->last_offset + 1;
}
