/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "cases.h"

static void outer_header(struct world *w, const char *root)
{
    struct vector v = vector_begin(w, "malformed", "outer_header", "what is no batch");
    struct made made = SEALED_AT(w, 0, .count = 3);
    static const struct {
        const char *label;
        size_t at;
        uint32_t value;
    } changes[] = {
        { "BatchLength 48", 8, 48 },          { "BatchLength -1", 8, UINT32_MAX },        { "RecordCount 0", 57, 0 },
        { "RecordCount -1", 57, UINT32_MAX }, { "RecordCount 10,000,001", 57, 10000001 },
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct made changed = made_copy(w, &made);
        store_u32(changed.outer + changes[i].at, changes[i].value);
        made_fix_crc(&changed);
        changed.last = changes[i].at == 8 ? changed.base : changed.last;
        fetch_begin(&v, 0, changes[i].label);
        fetch_bad(&v, &changed, VERDICT_MALFORMED);
    }
    for (int codec = 5; codec < 8; codec++) {
        struct made changed = made_copy(w, &made);
        changed.outer[22] = (uint8_t)codec;
        made_fix_crc(&changed);
        fetch_begin(&v, 0, "a codec that there is not");
        fetch_bad(&v, &changed, VERDICT_MALFORMED);
    }
    struct made changed = made_copy(w, &made);
    changed.outer[BATCH_MAGIC_AT] = 3;
    changed.last = changed.base;
    fetch_begin(&v, 0, "magic 3");
    fetch_bad(&v, &changed, VERDICT_MALFORMED);
    vector_end(&v, root);
}

static void outer_records(struct world *w, const char *root)
{
    struct vector v =
        vector_begin(w, "malformed", "outer_records", "records that do not decompress, or are no records");
    static const enum batch_codec codecs[] = { BATCH_CODEC_GZIP, BATCH_CODEC_SNAPPY, BATCH_CODEC_LZ4,
                                               BATCH_CODEC_ZSTD };
    for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++) {
        struct made made = SEALED_AT(w, 0, .count = 3);
        made.outer[22] = (uint8_t)codecs[i];
        made_fix_crc(&made);
        fetch_begin(&v, 0, "a codec that was not used");
        fetch_bad(&v, &made, VERDICT_MALFORMED);
        made = SEALED_AT(w, 0, .count = 3);
        made_recompress(w, &made, codecs[i], FRAMING_USUAL);
        struct slice records = slice_of(made.outer + BATCH_HEADER_BYTES, made.outer_size - BATCH_HEADER_BYTES - 1);
        made_set_records(w, &made, records);
        fetch_begin(&v, 0, "compressed records cut by a byte");
        fetch_bad(&v, &made, VERDICT_MALFORMED);
    }
    static const struct {
        const char *label, *bytes;
        size_t size;
    } records[] = {
        { "none", "", 0 },
        { "a length beyond the section", "\x7e\0\0\0\1\1\0", 7 },
        { "a negative length", "\1\0\0\0\1\1\0", 7 },
        { "a length below what the parts need", "\x0a\0\0\0\1\1\0", 7 },
        { "a byte more than the parts need", "\x0e\0\0\0\1\1\0\0", 8 },
        { "a value longer than the record", "\x0e\0\0\0\1\x10\0\0", 8 },
        { "a value of length -2", "\x0c\0\0\0\1\3\0", 7 },
        { "a negative number of headers", "\x0c\0\0\0\1\1\1", 7 },
        { "a header without a key", "\x10\0\0\0\1\1\2\1\1", 9 },
        { "a varint of six bytes", "\x8c\x80\x80\x80\x80\0\0\0\0\1\1\0", 12 },
    };
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        struct made made = SEALED_AT(w, 0, 0);
        made_set_records(w, &made, slice_of(records[i].bytes, records[i].size));
        fetch_begin(&v, 0, records[i].label);
        fetch_bad(&v, &made, VERDICT_MALFORMED);
    }
    vector_end(&v, root);
}

static void markers(struct world *w, const char *root)
{
    struct vector v = vector_begin(w, "malformed", "markers", "control batches that no coordinator writes");
    static const struct {
        const char *label;
        size_t at;
        uint8_t value;
    } changes[] = {
        { "not transactional", 22, 0x20 },     { "compressed", 22, 0x31 },        { "two records", 60, 2 },
        { "LastOffsetDelta 1", 26, 1 },        { "ProducerId -1", 43, 0xff },     { "key version -1", 66, 0xff },
        { "a type that there is not", 69, 2 }, { "a key of three bytes", 65, 6 }, { "a negative type", 68, 0xff },
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct made made = marker_at(w, 0, 9, true);
        made.outer[changes[i].at] = changes[i].value;
        made.last = changes[i].at == 26 ? 1 : made.last;
        made_fix_crc(&made);
        fetch_begin(&v, 0, changes[i].label);
        fetch_bad(&v, &made, VERDICT_MALFORMED);
    }
    struct made made = marker_at(w, 0, 9, true);
    size_t size = made.outer_size - BATCH_HEADER_BYTES;
    uint8_t *twice = world_memory(w, 2 * size);
    memcpy(twice, made.outer + BATCH_HEADER_BYTES, size);
    memcpy(twice + size, made.outer + BATCH_HEADER_BYTES, size);
    made_set_records(w, &made, slice_of(twice, 2 * size));
    fetch_begin(&v, 0, "bytes behind the record");
    fetch_bad(&v, &made, VERDICT_MALFORMED);
    vector_end(&v, root);
}

/* The variable part of a header, taken apart; a count may say something else than there is. */
struct parts {
    size_t cluster_size, topic_size;
    int predecessors, recipients, scheme;
};

static const struct parts usual = { 22, 6, 0, 1, 1 };

static struct slice header_of(struct world *w, const struct made *made, const struct parts *parts)
{
    enum { ROOM = 65535 };
    struct writer out = writer_over(world_memory(w, ROOM), ROOM);
    write_bytes(&out, slice_of(made_header(made).data, ENVELOPE_FIXED_BYTES));
    char *text = world_memory(w, 256);
    memset(text, 'x', 256);
    write_u8(&out, (uint8_t)parts->cluster_size);
    write_bytes(&out, slice_of(parts->cluster_size == usual.cluster_size ? w->cluster_id : text, parts->cluster_size));
    write_u8(&out, (uint8_t)parts->topic_size);
    write_bytes(&out, slice_of(parts->topic_size == usual.topic_size ? w->topic : text, parts->topic_size));
    write_u8(&out, 0);
    write_u8(&out, (uint8_t)parts->predecessors);
    write_room(&out, (size_t)parts->predecessors * PREDECESSOR_BYTES);
    write_u8(&out, (uint8_t)parts->scheme);
    write_u8(&out, (uint8_t)parts->recipients);
    for (int i = 0; i < parts->recipients; i++) {
        write_bytes(&out, slice_of(w->entries, RECIPIENT_ENTRY_BYTES));
    }
    store_u16(out.start + 6, (uint16_t)writer_used(&out));
    return writer_slice(&out);
}

static void bad_parts(struct vector *v)
{
    static const struct {
        const char *label;
        struct parts parts;
    } cases[] = {
        { "no cluster id", { 0, 6, 0, 1, 1 } },     { "a cluster id of 65 bytes", { 65, 6, 0, 1, 1 } },
        { "no topic name", { 22, 0, 0, 1, 1 } },    { "a topic name of 250 bytes", { 22, 250, 0, 1, 1 } },
        { "33 predecessors", { 22, 6, 33, 1, 1 } }, { "no recipients", { 22, 6, 0, 0, 1 } },
        { "65 recipients", { 22, 6, 0, 65, 1 } },   { "key scheme 2", { 22, 6, 0, 1, 2 } },
    };
    struct world *w = v->world;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct made made = SEALED_AT(w, 0, 0);
        made_reseal(w, &made, 0, header_of(w, &made, &cases[i].parts));
        fetch_begin(v, 0, cases[i].label);
        fetch_bad(v, &made, VERDICT_MALFORMED);
    }
}

static void bad_fields(struct vector *v)
{
    static const struct {
        const char *label;
        size_t at;
        uint8_t value;
    } changes[] = {
        { "a negative partition", 24, 0x80 },
        { "a first batch with a previous link", 115, 1 },
        { "inner control bit", 181, 0x20 },
        { "inner timestamp type", 181, 0x08 },
        { "inner delete horizon", 181, 0x40 },
        { "an inner attribute of the upper byte", 180, 0x01 },
        { "inner codec 5", 181, 0x05 },
        { "inner LastOffsetDelta that is not RecordCount - 1", 185, 1 },
        { "inner RecordCount that is not LastOffsetDelta + 1", 219, 2 },
    };
    struct world *w = v->world;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        seal_stream_init(&w->streams[0]);
        struct made made = SEALED_AT(w, 0, 0);
        struct slice header = header_of(w, &made, &usual);
        ((uint8_t *)(uintptr_t)header.data)[changes[i].at] = changes[i].value;
        made_reseal(w, &made, 0, header);
        fetch_begin(v, 0, changes[i].label);
        fetch_bad(v, &made, VERDICT_MALFORMED);
    }
    struct made made = SEALED_AT(w, 0, 0);
    struct slice header = header_of(w, &made, &usual);
    memset((uint8_t *)(uintptr_t)header.data + 8, 0, TOPIC_ID_BYTES);
    made_reseal(w, &made, 0, header);
    fetch_begin(v, 0, "topic id zero");
    fetch_bad(v, &made, VERDICT_MALFORMED);
    static const int32_t counts[] = { 0, 10000001, -1 };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        header = header_of(w, &made, &usual);
        store_u32((uint8_t *)(uintptr_t)header.data + 182, (uint32_t)counts[i] - 1);
        store_u32((uint8_t *)(uintptr_t)header.data + 216, (uint32_t)counts[i]);
        made_reseal(w, &made, 0, header);
        fetch_begin(v, 0, "inner RecordCount 0, above the limit, negative");
        fetch_bad(v, &made, VERDICT_MALFORMED);
    }
}

static void bad_sizes(struct vector *v)
{
    struct world *w = v->world;
    struct made made = SEALED_AT(w, 0, 0);
    struct slice header = header_of(w, &made, &usual);
    static const int sizes[] = { -1, 1 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint8_t *other = world_memory(w, header.size + 1);
        memcpy(other, header.data, header.size);
        size_t size = (size_t)((int)header.size + sizes[i]);
        store_u16(other + 6, (uint16_t)size);
        made_reseal(w, &made, 0, slice_of(other, size));
        fetch_begin(v, 0, "a header that is a byte shorter or longer than its parts");
        fetch_bad(v, &made, VERDICT_MALFORMED);
    }
    size_t whole;
    made = SEALED_AT(w, 0, 0);
    uint8_t *envelope = made_envelope(&made, &whole);
    const size_t cuts[] = { 4, 7, 8, 220, header.size, header.size + ENVELOPE_TRAILER_BYTES };
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        struct made cut = made_copy(w, &made);
        made_set_envelope(w, &cut, slice_of(envelope, cuts[i]));
        fetch_begin(v, 0, "an envelope that ends early; the last has no ciphertext");
        fetch_bad(v, &cut, VERDICT_MALFORMED);
    }
}

static void unsupported(struct world *w, const char *root)
{
    struct vector v = vector_begin(w, "unsupported", "versions_and_suites", "pairs that version 1 does not know");
    static const uint8_t pairs[][2] = { { 2, 1 }, { 0, 1 }, { 1, 2 }, { 1, 0 }, { 255, 255 } };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        size_t size;
        struct made made = SEALED_AT(w, 0, 0);
        uint8_t *envelope = made_envelope(&made, &size);
        memcpy(envelope + 4, pairs[i], 2);
        made_resign(w, &made, 0);
        fetch_begin(&v, 0, NULL);
        fetch_bad(&v, &made, VERDICT_UNSUPPORTED);
        made_set_envelope(w, &made, slice_of(envelope, 8));
        fetch_begin(&v, 0, "eight bytes of an envelope are enough to tell");
        fetch_bad(&v, &made, VERDICT_UNSUPPORTED);
    }
    vector_end(&v, root);
}

static void unknown_writer(struct world *w, const char *root)
{
    struct vector v = vector_begin(w, "unknown-writer", "not_in_the_trust_file", "signed by another key");
    struct made made = SEALED_AT(w, 0, .writer = 1);
    fetch_begin(&v, 0, NULL);
    fetch_bad(&v, &made, VERDICT_UNKNOWN_WRITER);
    made = SEALED_AT(w, 0, 0);
    size_t size;
    made_envelope(&made, &size)[28] ^= 1;
    made_fix_crc(&made);
    fetch_begin(&v, 0, "a trusted writer's key with one bit changed");
    fetch_bad(&v, &made, VERDICT_UNKNOWN_WRITER);
    vector_end(&v, root);

    v = vector_begin(w, "unknown-writer", "vouched_for",
                     "a trusted writer's batch names the link of one that no trusted writer signed");
    fetch_begin(&v, 0, NULL);
    made = SEALED_AT(w, 0, .writer = 1);
    struct made next = SEALED_AT(w, 1, .writer = 0);
    fetch_bad(&v, &made, VERDICT_UNKNOWN_WRITER);
    fetch_bytes(&v, next.outer, next.outer_size);
    vector_end(&v, root);
}

void cases_malformed(struct world *w, const char *root)
{
    outer_header(w, root);
    outer_records(w, root);
    markers(w, root);
    struct vector v = vector_begin(
        w, "malformed", "envelope",
        "well signed and encrypted, but against the envelope's rules; a reader must not trust its writers with these");
    bad_parts(&v);
    bad_fields(&v);
    bad_sizes(&v);
    vector_end(&v, root);
    unsupported(w, root);
    unknown_writer(w, root);
}
