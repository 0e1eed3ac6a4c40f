/* SPDX-License-Identifier: Apache-2.0 */
#include "seal/follow.h"

#include <stdlib.h>

#include "base/array.h"

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

/* The index of the first batch that does not end before `offset`, by bisection; f->count when all do. */
static uint32_t met_reaching(const struct follow *f, int64_t offset)
{
    uint32_t low = 0, high = f->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (met_at(f, middle)->last_offset < offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool remembers(const struct follow *f, int64_t offset)
{
    return f->count > 0 && offset >= met_at(f, 0)->base_offset && offset <= met_at(f, f->count - 1)->last_offset;
}

/* The batch that begins at `offset`; NULL when none does. */
static struct met *met_find(const struct follow *f, int64_t offset)
{
    uint32_t index = met_reaching(f, offset);
    bool found = index < f->count && met_at(f, index)->base_offset == offset;
    return found ? met_at(f, index) : NULL;
}

/* Whether the batch remembered last ends just before `offset`. */
static bool ends_before(const struct follow *f, int64_t offset)
{
    return f->count > 0 && met_at(f, f->count - 1)->last_offset + 1 == offset;
}

static const struct accepted_exception *accepted(const struct follow_exceptions *exceptions, int64_t first,
                                                 int64_t last)
{
    return exceptions ? trust_find_exception(exceptions->trust, exceptions->place, exceptions->topic_name, first, last)
                      : NULL;
}

/* Offsets that a log can have, and one more can follow. */
static bool stands_in_a_log(const struct follow_batch *batch)
{
    return batch->base_offset >= 0 && batch->last_offset >= batch->base_offset && batch->last_offset < INT64_MAX;
}

static bool continues_doubted(const struct follow_pass *pass, int64_t base)
{
    int64_t length = pass->expected - pass->doubted_base;
    return (base > pass->doubted_base && base < pass->expected) || base == pass->doubted_expected ||
           base - length == pass->doubted_expected;
}

static bool continues(const struct follow *f, const struct follow_pass *pass, const struct follow_batch *batch)
{
    if (pass->subset) {
        return true;
    }
    if (pass->doubted && continues_doubted(pass, batch->base_offset)) {
        return true;
    }
    bool at_boundary = pass->started || ends_before(f, pass->expected) || met_find(f, pass->expected);
    return at_boundary ? batch->base_offset == pass->expected
                       : batch->base_offset <= pass->expected && pass->expected <= batch->last_offset;
}

static enum verdict check_continuity(const struct follow *f, const struct follow_pass *pass,
                                     const struct follow_batch *batch, const struct follow_exceptions *exceptions,
                                     struct follow_finding *ret)
{
    int64_t expected = pass->expected, base = batch->base_offset;
    ret->expected_offset = expected;
    if (!stands_in_a_log(batch)) {
        return VERDICT_WRONG_OFFSET;
    }
    if (continues(f, pass, batch)) {
        return VERDICT_AUTHENTIC;
    }
    ret->exception =
        base < expected ? accepted(exceptions, base, expected - 1) : accepted(exceptions, expected, base - 1);
    return VERDICT_WRONG_OFFSET;
}

static const uint8_t prefix_none[SEAL_PREFIX_BYTES];
static const uint8_t prefix_unknown[SEAL_PREFIX_BYTES] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

static const uint8_t *prefix_of(const struct follow_batch *batch)
{
    return batch->unknown ? prefix_unknown : batch->header ? batch->seal_id : prefix_none;
}

static bool is_unknown(const struct met *met)
{
    return memcmp(met->seal_prefix, prefix_unknown, SEAL_PREFIX_BYTES) == 0;
}

static bool is_same(const struct met *met, const struct follow_batch *batch)
{
    return met->base_offset == batch->base_offset && met->last_offset == batch->last_offset &&
           memcmp(met->seal_prefix, prefix_of(batch), SEAL_PREFIX_BYTES) == 0;
}

/* Reading again what is remembered must give the same batch. */
static enum verdict check_again(const struct follow *f, const struct follow_pass *pass,
                                const struct follow_batch *batch, const struct follow_exceptions *exceptions,
                                struct follow_finding *ret)
{
    ret->missed_offset = batch->base_offset;
    uint32_t index = pass->subset ? f->count : met_reaching(f, batch->base_offset);
    for (; index < f->count && met_at(f, index)->base_offset <= batch->last_offset; index++) {
        if (!is_unknown(met_at(f, index)) && !is_same(met_at(f, index), batch)) {
            ret->exception = accepted(exceptions, batch->base_offset, batch->base_offset);
            return VERDICT_REMOVED;
        }
    }
    return VERDICT_AUTHENTIC;
}

static bool is_nonzero(const uint8_t hash[PRODUCER_HASH_BYTES])
{
    static const uint8_t none[PRODUCER_HASH_BYTES];
    return memcmp(hash, none, sizeof none) != 0;
}

static bool predecessor_stands(const struct follow *f, const struct follow_pass *pass, const struct follow_batch *batch,
                               const struct predecessor *p)
{
    if (p->base_offset >= batch->base_offset) {
        return false; /* acknowledged before this batch was sealed, so it must stand before it */
    }
    if (pass->subset || !remembers(f, p->base_offset)) {
        return true;
    }
    const struct met *met = met_at(f, met_reaching(f, p->base_offset));
    if (is_unknown(met)) {
        return true;
    }
    if (met->base_offset != p->base_offset) {
        return false;
    }
    bool resolved_duplicate = is_nonzero(p->producer) && memcmp(met->producer, p->producer, PRODUCER_HASH_BYTES) == 0;
    return resolved_duplicate || memcmp(met->seal_prefix, p->seal_prefix, SEAL_PREFIX_BYTES) == 0;
}

static enum verdict check_predecessors(const struct follow *f, const struct follow_pass *pass,
                                       const struct follow_batch *batch, const struct follow_exceptions *exceptions,
                                       struct follow_finding *ret)
{
    enum verdict verdict = VERDICT_AUTHENTIC;
    size_t count = batch->header ? batch->header->predecessors.size / PREDECESSOR_BYTES : 0;
    for (size_t i = 0; i < count; i++) {
        struct predecessor p = predecessor_at(batch->header->predecessors, i);
        if (predecessor_stands(f, pass, batch, &p)) {
            continue;
        }
        const struct accepted_exception *exception = accepted(exceptions, p.base_offset, p.base_offset);
        if (!exception || verdict == VERDICT_AUTHENTIC) {
            *ret = (struct follow_finding){ -1, p.base_offset, exception };
            verdict = VERDICT_REMOVED;
        }
        if (!exception) {
            break;
        }
    }
    return verdict;
}

static void stream_name(const struct envelope_header *header, uint8_t ret_name[STREAM_NAME_BYTES])
{
    uint8_t digest[SHA256_BYTES];
    const struct slice pieces[] = {
        slice_of(header->writer, WRITER_KEY_BYTES),
        slice_of(header->stream, STREAM_ID_BYTES),
    };
    sha256_pieces(pieces, 2, digest);
    memcpy(ret_name, digest, STREAM_NAME_BYTES);
}

static struct met_stream *stream_find(const struct follow *f, const uint8_t name[STREAM_NAME_BYTES])
{
    for (uint32_t i = 0; i < f->stream_count; i++) {
        if (memcmp(f->streams[i].name, name, STREAM_NAME_BYTES) == 0) {
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

static bool in_order(const struct met_stream *s, uint64_t sequence, int64_t base_offset)
{
    return sequence > s->sequence    ? base_offset > s->base_offset
           : sequence == s->sequence ? base_offset == s->base_offset
                                     : base_offset < s->base_offset;
}

static enum verdict check_stream(const struct follow *f, const struct follow_pass *pass,
                                 const struct follow_batch *batch, const struct follow_exceptions *exceptions,
                                 struct follow_finding *ret)
{
    (void)pass;
    if (!batch->header) {
        return VERDICT_AUTHENTIC;
    }
    uint8_t name[STREAM_NAME_BYTES];
    stream_name(batch->header, name);
    const struct met_stream *s = stream_find(f, name);
    if (!s || in_order(s, batch->header->sequence, batch->base_offset)) {
        return VERDICT_AUTHENTIC;
    }
    ret->exception = accepted(exceptions, batch->base_offset, batch->last_offset);
    return sequence_was_met(s, batch->header->sequence) ? VERDICT_REPLAYED : VERDICT_OUT_OF_ORDER;
}

typedef enum verdict follow_rule(const struct follow *f, const struct follow_pass *pass,
                                 const struct follow_batch *batch, const struct follow_exceptions *exceptions,
                                 struct follow_finding *ret);

/* Section 8.3, in its order. */
static follow_rule *const rules[] = { check_continuity, check_again, check_predecessors, check_stream };

enum verdict follow_check(const struct follow *f, const struct follow_pass *pass, const struct follow_batch *batch,
                          const struct follow_exceptions *exceptions, struct follow_finding *ret_finding)
{
    enum verdict verdict = VERDICT_AUTHENTIC;
    *ret_finding = (struct follow_finding){ -1, -1, NULL };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        struct follow_finding finding = { -1, -1, NULL };
        enum verdict found = rules[i](f, pass, batch, exceptions, &finding);
        if (found == VERDICT_AUTHENTIC) {
            continue;
        }
        if (verdict == VERDICT_AUTHENTIC || found == VERDICT_REPLAYED || !finding.exception) {
            verdict = found;
            *ret_finding = finding;
        }
        if (!finding.exception) {
            break;
        }
    }
    return verdict;
}

bool follow_goes_on(const struct follow *f, const struct follow_pass *pass, const struct follow_batch *batch,
                    const struct follow_exceptions *exceptions)
{
    struct follow_finding finding = { -1, -1, NULL };
    return check_continuity(f, pass, batch, exceptions, &finding) == VERDICT_AUTHENTIC || finding.exception;
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

static struct met as_met(const struct follow_batch *batch)
{
    struct met met = { .base_offset = batch->base_offset, .last_offset = batch->last_offset };
    memcpy(met.seal_prefix, prefix_of(batch), SEAL_PREFIX_BYTES);
    if (batch->header && !batch->unknown) {
        producer_hash(&batch->header->inner, met.producer);
    }
    return met;
}

/* What is remembered is one run without a hole; what does not go on from it begins another. */
static void ring_accept(struct follow *f, const struct follow_batch *batch)
{
    struct met *met = met_find(f, batch->base_offset);
    if (met && met->last_offset == batch->last_offset) {
        *met = as_met(batch); /* the same, unless it was unknown or has been accepted as it is now */
        return;
    }
    if (!ends_before(f, batch->base_offset) || !ring_has_room(f)) {
        f->count = 0;
    }
    if (ring_has_room(f)) {
        *met_at(f, f->count++) = as_met(batch);
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
    struct met_stream *streams = array_with_room(f->streams, f->stream_count, &f->stream_capacity, sizeof *streams, 2);
    if (!streams) {
        return NULL;
    }
    f->streams = streams;
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
    uint8_t name[STREAM_NAME_BYTES];
    stream_name(batch->header, name);
    uint64_t sequence = batch->header->sequence;
    struct met_stream *s = stream_find(f, name);
    if (s && !in_order(s, sequence, batch->base_offset)) {
        return; /* accepted as it stands, and no measure for others */
    }
    if (!s) {
        s = stream_add(f);
        if (!s) {
            return;
        }
        *s = (struct met_stream){ .sequence = sequence, .base_offset = batch->base_offset };
        memcpy(s->name, name, STREAM_NAME_BYTES);
    } else if (sequence > s->sequence) {
        stream_advance(s, sequence, batch->base_offset);
    } else if (sequence < s->sequence && s->sequence - 1 - sequence < SEQUENCES_REMEMBERED) {
        s->met |= (uint64_t)1 << (s->sequence - 1 - sequence);
    }
    s->used = ++f->clock;
}

void follow_accept(struct follow *f, struct follow_pass *pass, const struct follow_batch *batch)
{
    if (!pass->subset) {
        ring_accept(f, batch);
    }
    if (batch->header && !batch->unknown) {
        stream_accept(f, batch);
    }
    pass->started = true;
    pass->doubted = false;
    pass->expected = batch->last_offset + 1;
}

void follow_pass_by(struct follow *f, struct follow_pass *pass, const struct follow_batch *batch)
{
    if (!stands_in_a_log(batch)) {
        return;
    }
    struct follow_batch passed = *batch;
    int64_t expected = pass->expected;
    passed.unknown = true;
    follow_accept(f, pass, &passed);
    pass->doubted = true;
    pass->doubted_base = batch->base_offset;
    pass->doubted_expected = expected;
}
