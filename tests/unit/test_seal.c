/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing and opening again, and every byte of a sealed batch changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "seal_fixture.h"
#include "vector_world.h"

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
        struct judge_partition partition = { 0 };
        struct open_result result;
        struct block *opened =
            fixture_open(&f, &partition, slice_of(sealed->data, sealed_size), 77, &result, &opened_size);
        assert_string_equal(verdict_word(result.refused), "authentic");
        assert_int_equal(opened_size, plain_size);
        store_u64(plain->data, 77);
        assert_memory_equal(opened->data, plain->data, plain_size);
        judge_partition_free(&partition);
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
            struct judge_partition partition = { 0 };
            struct open_result result;
            struct block *opened =
                fixture_open(&f, &partition, slice_of(sealed->data, sealed_size), 10, &result, &opened_size);
            /* Bytes of a zstd frame can say the same thing in two ways: then the same records come out. */
            bool same = opened_size == plain_size && memcmp(opened->data + 8, plain->data + 8, plain_size - 8) == 0;
            if (!same && (opened_size != 0 || (!reframed && verdict_is_good(result.refused)))) {
                fail_msg("byte %zu bit %d changed: %s", at, bit, verdict_word(result.refused));
            }
            judge_partition_free(&partition);
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
    struct judge_partition partition = { 0 };
    block_release(fixture_open(&f, &partition, slice_of(log, log_size), 0, &result, &opened_size));
    assert_string_equal(verdict_word(result.refused), "authentic");
    assert_int_equal(result.delivered, 16);
    judge_partition_free(&partition);

    /* A signature in the middle is vouched for by a link that covers it: changed, it is found. */
    size_t size = starts[8] - starts[7];
    log[starts[7] + size - 20] ^= 1;
    fixture_fix_crc(log + starts[7], size);
    block_release(fixture_open(&f, &partition, slice_of(log, log_size), 0, &result, &opened_size));
    assert_string_equal(verdict_word(result.refused), "altered");
    assert_int_equal(result.delivered, 7);
    assert_int_equal(f.findings[0].base_offset, 14);
    judge_partition_free(&partition);
    seal_fixture_free(&f);
}

/* Fields of the header (spec/sealed-batch.md, section 5.1) and what stands behind it, as far as two batches have them at the same place. */
struct part {
    const char *label;
    size_t at, size;
};

enum {
    HEADER_BYTES = 342, /* cluster id of 22 bytes, topic name of 6, one recipient */
    TEXT_BYTES = 14,    /* one record */
};

static const struct part parts[] = {
    { "magic, version, suite and size", 0, 8 },
    { "topic id", 8, 16 },
    { "partition", 24, 4 },
    { "writer", 28, 32 },
    { "stream id", 60, 16 },
    { "sequence", 76, 8 },
    { "previous link", 84, 32 },
    { "sequence and previous link", 76, 40 },
    { "stream id, sequence and previous link", 60, 56 },
    { "seal time", 116, 8 },
    { "nonce", 124, 24 },
    { "key commitment", 148, 32 },
    { "inner batch", 180, 40 },
    { "inner BaseTimestamp", 186, 8 },
    { "inner MaxTimestamp", 194, 8 },
    { "inner ProducerId", 202, 8 },
    { "inner BaseSequence", 212, 4 },
    { "recipients", 254, 88 },
    { "header", 0, HEADER_BYTES },
    { "ciphertext", HEADER_BYTES, TEXT_BYTES },
    { "ciphertext and tag", HEADER_BYTES, TEXT_BYTES + 16 },
    { "tag", HEADER_BYTES + TEXT_BYTES, 16 },
    { "signature", HEADER_BYTES + TEXT_BYTES + 16, 64 },
    { "tag and signature", HEADER_BYTES + TEXT_BYTES, 80 },
};

/* The second of two batches that were sealed alike, with one part of the first in it. */
static struct made with_part_of(struct world *w, const struct made *from, const struct made *into,
                                const struct part *part)
{
    size_t size;
    struct made changed = made_copy(w, into);
    const uint8_t *source = made_envelope(from, &size);
    assert_int_equal(made_header(from).size, HEADER_BYTES);
    assert_int_equal(size, HEADER_BYTES + TEXT_BYTES + ENVELOPE_TRAILER_BYTES);
    memcpy(made_envelope(&changed, &size) + part->at, source + part->at, part->size);
    made_fix_crc(&changed);
    return changed;
}

static void open_as(struct seal_fixture *f, const struct world *w, const struct made *made,
                    struct open_result *ret_result, size_t *ret_size)
{
    struct judge_partition partition = { 0 };
    f->place = w->place;
    block_release(
        fixture_open(f, &partition, slice_of(made->outer, made->outer_size), made->base, ret_result, ret_size));
    judge_partition_free(&partition);
}

/* A world's writer is the one that the fixture trusts. */
static void trust_world(struct seal_fixture *f, const struct world *w)
{
    memcpy(f->writer.key, w->writers[0], WRITER_KEY_BYTES);
    struct recipient_key key = { .secret = w->recipient_secrets[0] };
    memcpy(key.public_key, w->recipients[0], BOX_PUBLIC_BYTES);
    unwrap_cache_free(f->unwrap_cache);
    f->unwrap_cache = unwrap_cache_new(&key, 1);
}

/* Between two batches of one stream, of two streams, and of two data keys. */
static void no_part_can_be_moved_from_one_batch_to_another(void **state)
{
    (void)state;
    struct seal_fixture f;
    struct world w, other;
    seal_fixture_init(&f);
    world_init(&w);
    world_init(&other);
    trust_world(&f, &w);
    other.place.partition = w.place.partition + 1;
    struct want want = { .producer_id = 7 };
    struct made into = world_seal(&w, &want);
    want = (struct want){
        .producer_id = 8, .base_sequence = 1, .base_timestamp = w.now_ms + 1, .seal_time_ms = w.now_ms + 1
    };
    struct made from[] = { world_seal(&w, &want), { 0 }, world_seal(&other, &want) };
    want.stream = 1;
    from[1] = world_seal(&w, &want);
    made_place(&into, 10);
    struct open_result result;
    size_t size;
    open_as(&f, &w, &into, &result, &size);
    assert_string_equal(verdict_word(result.refused), "authentic");
    for (size_t k = 0; k < 3; k++) {
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
            struct made changed = with_part_of(&w, &from[k], &into, &parts[i]);
            if (memcmp(changed.outer, into.outer, into.outer_size) == 0) {
                continue; /* they have it in common */
            }
            open_as(&f, &w, &changed, &result, &size);
            if (verdict_is_good(result.refused) || size != 0) {
                fail_msg("%s", parts[i].label);
            }
        }
    }
    world_free(&w);
    world_free(&other);
    seal_fixture_free(&f);
}

static void no_envelope_too_short_is_delivered(void **state)
{
    (void)state;
    struct seal_fixture f;
    struct world w;
    seal_fixture_init(&f);
    world_init(&w);
    trust_world(&f, &w);
    struct made made = world_seal(&w, &(struct want){ .count = 3 });
    made_place(&made, 10);
    size_t whole, size;
    const uint8_t *envelope = made_envelope(&made, &whole);
    for (size_t cut = 0; cut <= whole; cut++) {
        struct made changed = made_copy(&w, &made);
        made_set_envelope(&w, &changed, slice_of(envelope, cut));
        struct open_result result;
        open_as(&f, &w, &changed, &result, &size);
        enum verdict expected = cut < 4                                                      ? VERDICT_UNSEALED
                                : cut < made_header(&made).size + ENVELOPE_TRAILER_BYTES + 1 ? VERDICT_MALFORMED
                                : cut < whole                                                ? VERDICT_ALTERED
                                                                                             : VERDICT_AUTHENTIC;
        assert_string_equal(verdict_word(result.refused), verdict_word(expected));
        assert_int_equal(size != 0, cut == whole);
    }
    world_free(&w);
    seal_fixture_free(&f);
}

struct refused_case {
    const char *label;
    size_t at; /* of the batch, before its CRC is made right again */
    uint32_t value;
    size_t size;
    signet_error error;
};

/* Section 2. */
static const struct refused_case refused_cases[] = {
    { "BaseOffset", 0, 1, 8, SIGNET_ERROR_MALFORMED },
    { "BatchLength too small", 8, 10, 4, SIGNET_ERROR_MALFORMED },
    { "magic 1", 16, 1, 1, SIGNET_ERROR_UNSUPPORTED },
    { "codec 5", 22, 5, 1, SIGNET_ERROR_MALFORMED },
    { "timestamp type", 22, 8, 1, SIGNET_ERROR_MALFORMED },
    { "control bit", 22, 0x30, 1, SIGNET_ERROR_MALFORMED },
    { "delete horizon", 22, 0x40, 1, SIGNET_ERROR_MALFORMED },
    { "bit 7", 22, 0x80, 1, SIGNET_ERROR_MALFORMED },
    { "bit 8", 21, 1, 1, SIGNET_ERROR_MALFORMED },
    { "LastOffsetDelta", 23, 3, 4, SIGNET_ERROR_MALFORMED },
    { "RecordCount", 57, 2, 4, SIGNET_ERROR_MALFORMED },
    { "transactional", 22, 0x10, 1, SIGNET_OK },
    { "zstd", 22, 4, 1, SIGNET_OK },
};

static void what_may_not_be_sealed(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct made made = world_plain(&w, &(struct want){ .count = 3 });
    struct batch batch;
    for (size_t i = 0; i < sizeof refused_cases / sizeof *refused_cases; i++) {
        const struct refused_case *c = &refused_cases[i];
        struct made changed = made_copy(&w, &made);
        for (size_t k = 0; k < c->size; k++) {
            changed.outer[c->at + k] = (uint8_t)((uint64_t)c->value >> (8 * (c->size - 1 - k)));
        }
        made_fix_crc(&changed);
        print_message("%s\n", c->label);
        assert_int_equal(seal_check(slice_of(changed.outer, changed.outer_size), &batch), c->error);
    }
    made.outer[made.outer_size - 1] ^= 1;
    assert_int_equal(seal_check(slice_of(made.outer, made.outer_size), &batch), SIGNET_ERROR_CHECKSUM);
    made.outer[made.outer_size - 1] ^= 1;
    for (size_t cut = 0; cut < made.outer_size; cut++) {
        assert_int_equal(seal_check(slice_of(made.outer, cut), &batch), SIGNET_ERROR_TRUNCATED);
    }
    struct made empty = made_copy(&w, &made);
    made_set_records(&w, &empty, slice_of("", 0));
    assert_int_equal(seal_check(slice_of(empty.outer, empty.outer_size), &batch), SIGNET_ERROR_MALFORMED);
    uint8_t *two = world_memory(&w, 2 * made.outer_size);
    memcpy(two, made.outer, made.outer_size);
    memcpy(two + made.outer_size, made.outer, made.outer_size);
    assert_int_equal(seal_check(slice_of(two, 2 * made.outer_size), &batch), SIGNET_ERROR_MALFORMED);
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_sealed_opens_to_the_same_bytes),
        cmocka_unit_test(every_byte_counts),
        cmocka_unit_test(one_signature_vouches_for_a_run),
        cmocka_unit_test(no_part_can_be_moved_from_one_batch_to_another),
        cmocka_unit_test(no_envelope_too_short_is_delivered),
        cmocka_unit_test(what_may_not_be_sealed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
