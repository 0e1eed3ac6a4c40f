/* SPDX-License-Identifier: Apache-2.0 */
/* The envelope's layout: where each field stands, what is too short, too long or against the rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "seal/envelope.h"

static uint8_t predecessors[(PREDECESSORS_MAX + 1) * PREDECESSOR_BYTES];
static uint8_t recipients[(RECIPIENTS_MAX + 1) * RECIPIENT_ENTRY_BYTES];

static struct envelope_header header(void)
{
    struct envelope_header h = {
        .place = { { { 1 } }, 2 },
        .sequence = 3,
        .seal_time_ms = 4,
        .inner = { .attributes = BATCH_TRANSACTIONAL | BATCH_CODEC_ZSTD,
                   .last_offset_delta = 5,
                   .base_timestamp = 6,
                   .max_timestamp = 7,
                   .producer_id = 8,
                   .producer_epoch = 9,
                   .base_sequence = 10,
                   .record_count = 6 },
        .cluster_id = slice_of_text("cluster"),
        .topic_name = slice_of_text("topic"),
        .principal = slice_of_text("User:alice"),
        .predecessors = slice_of(predecessors, 2 * PREDECESSOR_BYTES),
        .recipients = slice_of(recipients, RECIPIENT_ENTRY_BYTES),
    };
    return h;
}

enum { ENVELOPE_ROOM = ENVELOPE_HEADER_BYTES_MAX + 1 + ENVELOPE_TRAILER_BYTES };

/* The header, a ciphertext of one byte, and a tag and a signature of zeros. */
static size_t write_envelope(const struct envelope_header *h, uint8_t ret[ENVELOPE_ROOM])
{
    struct writer w = writer_over(ret, ENVELOPE_HEADER_BYTES_MAX);
    assert_int_equal(envelope_write_header(h, &w), SIGNET_OK);
    size_t size = writer_used(&w);
    memset(ret + size, 0, 1 + ENVELOPE_TRAILER_BYTES);
    return size + 1 + ENVELOPE_TRAILER_BYTES;
}

/* A change to one field of the header, and where it must show. */

static void change_topic_id(struct envelope_header *h)
{
    memset(&h->place.topic, 0xff, sizeof h->place.topic);
}
static void change_partition(struct envelope_header *h)
{
    h->place.partition = 0x7fffff80;
}
static void change_writer(struct envelope_header *h)
{
    memset(h->writer, 0xff, sizeof h->writer);
}
static void change_stream(struct envelope_header *h)
{
    memset(h->stream, 0xff, sizeof h->stream);
}
static void change_sequence(struct envelope_header *h)
{
    h->sequence = UINT64_MAX;
}
static void change_previous(struct envelope_header *h)
{
    memset(h->previous, 0xff, sizeof h->previous);
}
static void change_seal_time(struct envelope_header *h)
{
    h->seal_time_ms = -5;
}
static void change_nonce(struct envelope_header *h)
{
    memset(h->nonce, 0xff, sizeof h->nonce);
}
static void change_commitment(struct envelope_header *h)
{
    memset(h->commitment, 0xff, sizeof h->commitment);
}
static void change_attributes(struct envelope_header *h)
{
    h->inner.attributes = 0;
}
static void change_counts(struct envelope_header *h)
{
    h->inner.last_offset_delta = 99;
    h->inner.record_count = 100;
}
static void change_base_timestamp(struct envelope_header *h)
{
    h->inner.base_timestamp = -7;
}
static void change_max_timestamp(struct envelope_header *h)
{
    h->inner.max_timestamp = -8;
}
static void change_producer_id(struct envelope_header *h)
{
    h->inner.producer_id = -9;
}
static void change_producer_epoch(struct envelope_header *h)
{
    h->inner.producer_epoch = -10;
}
static void change_base_sequence(struct envelope_header *h)
{
    h->inner.base_sequence = -11;
}
static void change_cluster(struct envelope_header *h)
{
    h->cluster_id = slice_of_text("another");
}
static void change_topic_name(struct envelope_header *h)
{
    h->topic_name = slice_of_text("other");
}
static void change_principal(struct envelope_header *h)
{
    h->principal = slice_of_text("User:bobby");
}

struct field_case {
    const char *label;
    void (*change)(struct envelope_header *h);
    size_t at, size;   /* the field, by section 5.1 */
    size_t at2, size2; /* and one that must change with it */
};

static const struct field_case field_cases[] = {
    { "topic id", change_topic_id, 8, 16, 0, 0 },
    { "partition", change_partition, 24, 4, 0, 0 },
    { "writer", change_writer, 28, 32, 0, 0 },
    { "stream id", change_stream, 60, 16, 0, 0 },
    { "sequence", change_sequence, 76, 8, 0, 0 },
    { "previous link", change_previous, 84, 32, 0, 0 },
    { "seal time", change_seal_time, 116, 8, 0, 0 },
    { "nonce", change_nonce, 124, 24, 0, 0 },
    { "key commitment", change_commitment, 148, 32, 0, 0 },
    { "inner Attributes", change_attributes, 180, 2, 0, 0 },
    { "inner LastOffsetDelta and RecordCount", change_counts, 182, 4, 216, 4 },
    { "inner BaseTimestamp", change_base_timestamp, 186, 8, 0, 0 },
    { "inner MaxTimestamp", change_max_timestamp, 194, 8, 0, 0 },
    { "inner ProducerId", change_producer_id, 202, 8, 0, 0 },
    { "inner ProducerEpoch", change_producer_epoch, 210, 2, 0, 0 },
    { "inner BaseSequence", change_base_sequence, 212, 4, 0, 0 },
    { "cluster id", change_cluster, 221, 7, 0, 0 },
    { "topic name", change_topic_name, 229, 5, 0, 0 },
    { "principal", change_principal, 235, 10, 0, 0 },
};

static void each_field_stands_where_the_specification_says(void **state)
{
    (void)state;
    uint8_t before[ENVELOPE_ROOM], after[ENVELOPE_ROOM];
    struct envelope_header h = header();
    size_t size = write_envelope(&h, before);
    for (size_t i = 0; i < sizeof field_cases / sizeof *field_cases; i++) {
        const struct field_case *c = &field_cases[i];
        h = header();
        c->change(&h);
        assert_int_equal(write_envelope(&h, after), size);
        bool within = false;
        for (size_t at = 0; at < size; at++) {
            bool of_field = (at >= c->at && at < c->at + c->size) || (at >= c->at2 && at < c->at2 + c->size2);
            within |= before[at] != after[at];
            if (before[at] != after[at] && !of_field) {
                fail_msg("%s: byte %zu", c->label, at);
            }
        }
        assert_true(within);
    }
}

struct count_case {
    size_t cluster, topic, principal, predecessors, recipients;
    signet_error error;
};

static const struct count_case count_cases[] = {
    { 1, 1, 0, 0, 1, SIGNET_OK },
    { 64, 249, 255, 32, 64, SIGNET_OK },
    { 0, 1, 0, 0, 1, SIGNET_ERROR_LIMIT },
    { 65, 1, 0, 0, 1, SIGNET_ERROR_LIMIT },
    { 1, 0, 0, 0, 1, SIGNET_ERROR_LIMIT },
    { 1, 250, 0, 0, 1, SIGNET_ERROR_LIMIT },
    { 1, 1, 256, 0, 1, SIGNET_ERROR_LIMIT },
    { 1, 1, 0, 33, 1, SIGNET_ERROR_LIMIT },
    { 1, 1, 0, 0, 0, SIGNET_ERROR_LIMIT },
    { 1, 1, 0, 0, 65, SIGNET_ERROR_LIMIT },
};

static bool same_header(const struct envelope_header *a, const struct envelope_header *b)
{
    return place_equal(&a->place, &b->place) && memcmp(a->writer, b->writer, sizeof a->writer) == 0 &&
           memcmp(a->stream, b->stream, sizeof a->stream) == 0 && a->sequence == b->sequence &&
           memcmp(a->previous, b->previous, sizeof a->previous) == 0 && a->seal_time_ms == b->seal_time_ms &&
           memcmp(a->nonce, b->nonce, sizeof a->nonce) == 0 &&
           memcmp(a->commitment, b->commitment, sizeof a->commitment) == 0 &&
           a->inner.attributes == b->inner.attributes && a->inner.record_count == b->inner.record_count &&
           a->inner.last_offset_delta == b->inner.last_offset_delta &&
           a->inner.base_timestamp == b->inner.base_timestamp && a->inner.max_timestamp == b->inner.max_timestamp &&
           a->inner.producer_id == b->inner.producer_id && a->inner.producer_epoch == b->inner.producer_epoch &&
           a->inner.base_sequence == b->inner.base_sequence && slice_equal(a->cluster_id, b->cluster_id) &&
           slice_equal(a->topic_name, b->topic_name) && slice_equal(a->principal, b->principal) &&
           slice_equal(a->predecessors, b->predecessors) && slice_equal(a->recipients, b->recipients);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    static uint8_t text[256];
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < sizeof count_cases / sizeof *count_cases; i++) {
        const struct count_case *c = &count_cases[i];
        struct envelope_header h = header();
        h.cluster_id = slice_of(text, c->cluster);
        h.topic_name = slice_of(text, c->topic);
        h.principal = slice_of(text, c->principal);
        h.predecessors = slice_of(predecessors, c->predecessors * PREDECESSOR_BYTES);
        h.recipients = slice_of(recipients, c->recipients * RECIPIENT_ENTRY_BYTES);
        uint8_t bytes[ENVELOPE_ROOM];
        struct writer w = writer_over(bytes, sizeof bytes);
        if (c->error) {
            assert_int_equal(envelope_write_header(&h, &w), c->error);
            continue;
        }
        struct envelope envelope;
        size_t size = write_envelope(&h, bytes);
        assert_int_equal(envelope_read(slice_of(bytes, size), &envelope), SIGNET_OK);
        assert_true(same_header(&envelope.header, &h));
        assert_int_equal(envelope.ciphertext.size, 1);
        assert_ptr_equal(envelope.signature, bytes + size - SIGN_BYTES);
    }
}

/* Too short is malformed, wherever it ends; the reader does not look beyond (the memory is exactly that long). */
static void every_prefix_is_malformed(void **state)
{
    (void)state;
    uint8_t bytes[ENVELOPE_ROOM];
    struct envelope_header h = header();
    size_t size = write_envelope(&h, bytes);
    for (size_t cut = 0; cut <= size; cut++) {
        struct envelope envelope;
        uint8_t *copy = malloc(cut ? cut : 1);
        memcpy(copy, bytes, cut);
        assert_int_equal(envelope_read(slice_of(copy, cut), &envelope),
                         cut < size ? SIGNET_ERROR_MALFORMED : SIGNET_OK);
        assert_int_equal(envelope_has_magic(slice_of(copy, cut)), cut >= ENVELOPE_MAGIC_BYTES);
        free(copy);
    }
}

/* A header that ends elsewhere than its parts do. */
static void every_other_header_size_is_malformed(void **state)
{
    (void)state;
    uint8_t bytes[ENVELOPE_ROOM + 300];
    struct envelope_header h = header();
    size_t size = write_envelope(&h, bytes), header_size = load_u16(bytes + 6);
    memset(bytes + size, 0, 300);
    for (size_t claimed = 0; claimed <= header_size + 300; claimed++) {
        struct envelope envelope;
        store_u16(bytes + 6, (uint16_t)claimed);
        assert_int_equal(envelope_read(slice_of(bytes, size + 300), &envelope),
                         claimed == header_size ? SIGNET_OK : SIGNET_ERROR_MALFORMED);
    }
    store_u16(bytes + 6, UINT16_MAX);
    struct envelope envelope;
    assert_int_equal(envelope_read(slice_of(bytes, size), &envelope), SIGNET_ERROR_MALFORMED);
}

static void every_room_too_small_is_refused(void **state)
{
    (void)state;
    struct envelope_header h = header();
    uint8_t bytes[ENVELOPE_ROOM];
    size_t size = write_envelope(&h, bytes) - 1 - ENVELOPE_TRAILER_BYTES;
    for (size_t room = 0; room < size; room++) {
        uint8_t *memory = malloc(room ? room : 1);
        struct writer w = writer_over(memory, room);
        assert_int_equal(envelope_write_header(&h, &w), SIGNET_ERROR_NO_SPACE);
        free(memory);
    }
}

/* No sealer may write what no reader would take: it would be lost. */
static void unlawful_headers_are_not_written(void **state)
{
    (void)state;
    struct envelope_header unlawful[8];
    for (size_t i = 0; i < 8; i++) {
        unlawful[i] = header();
    }
    memset(&unlawful[0].place.topic, 0, TOPIC_ID_BYTES);
    unlawful[1].place.partition = -1;
    unlawful[2].inner.attributes |= BATCH_CONTROL;
    unlawful[3].inner.attributes |= BATCH_LOG_APPEND_TIME;
    unlawful[4].inner.attributes = 5;
    unlawful[5].inner.record_count = 7;
    unlawful[6].inner.record_count = unlawful[6].inner.last_offset_delta = 0;
    unlawful[7].sequence = 0;
    unlawful[7].previous[31] = 1;
    for (size_t i = 0; i < 8; i++) {
        uint8_t bytes[ENVELOPE_ROOM];
        struct writer w = writer_over(bytes, sizeof bytes);
        assert_int_equal(envelope_write_header(&unlawful[i], &w), SIGNET_ERROR_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_field_stands_where_the_specification_says),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(every_prefix_is_malformed),
        cmocka_unit_test(every_other_header_size_is_malformed),
        cmocka_unit_test(every_room_too_small_is_refused),
        cmocka_unit_test(unlawful_headers_are_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
