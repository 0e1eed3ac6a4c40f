/* SPDX-License-Identifier: Apache-2.0 */
#include "cases.h"

static const char folder[] = "altered";

/* One byte of the header each, the CRC recomputed.  What is no longer lawful or no longer trusted is told as that. */
static const struct {
    const char *label;
    size_t at;
    enum verdict verdict;
} header_fields[] = {
    { "magic", 3, VERDICT_UNSEALED },
    { "version", 4, VERDICT_UNSUPPORTED },
    { "suite", 5, VERDICT_UNSUPPORTED },
    { "header size", 7, VERDICT_MALFORMED },
    { "topic id", 23, VERDICT_ALTERED },
    { "partition", 27, VERDICT_ALTERED },
    { "writer", 59, VERDICT_UNKNOWN_WRITER },
    { "stream id", 75, VERDICT_ALTERED },
    { "sequence", 82, VERDICT_ALTERED },
    { "previous link", 115, VERDICT_ALTERED },
    { "seal time", 123, VERDICT_ALTERED },
    { "nonce", 147, VERDICT_ALTERED },
    { "key commitment", 179, VERDICT_ALTERED },
    { "inner attributes", 181, VERDICT_ALTERED },
    { "inner LastOffsetDelta", 185, VERDICT_MALFORMED },
    { "inner BaseTimestamp", 193, VERDICT_ALTERED },
    { "inner MaxTimestamp", 201, VERDICT_ALTERED },
    { "inner ProducerId", 209, VERDICT_ALTERED },
    { "inner ProducerEpoch", 211, VERDICT_ALTERED },
    { "inner BaseSequence", 215, VERDICT_ALTERED },
    { "inner RecordCount", 219, VERDICT_MALFORMED },
    { "cluster id", 221, VERDICT_ALTERED },
    { "topic name", 244, VERDICT_ALTERED },
    { "principal", 251, VERDICT_ALTERED },
    { "predecessor's offset", 266, VERDICT_ALTERED },
    { "predecessor's seal id", 274, VERDICT_ALTERED },
    { "predecessor's producer hash", 282, VERDICT_ALTERED },
    { "key scheme", 283, VERDICT_MALFORMED },
    { "number of recipients", 284, VERDICT_MALFORMED },
    { "recipient id", 292, VERDICT_ALTERED },
    { "wrapped key", 372, VERDICT_ALTERED },
};

static struct made with_all_fields(struct world *w)
{
    static const struct predecessor predecessor = { .base_offset = 7 };
    world_seal(w, &(struct want){ 0 });
    return SEALED_AT(w, 20, .count = 3, .producer_id = 9, .base_sequence = 8, .principal = "User:al",
                     .predecessors = &predecessor, .predecessor_count = 1);
}

static void header(struct world *w, const char *root)
{
    struct vector v = vector_begin(w, folder, "header_fields", "each field of the header with one bit changed");
    struct made made = with_all_fields(w);
    fetch_begin(&v, 20, "unchanged");
    fetch_good(&v, &made, VERDICT_AUTHENTIC);
    for (size_t i = 0; i < sizeof header_fields / sizeof *header_fields; i++) {
        struct made changed = made_copy(w, &made);
        size_t size;
        made_envelope(&changed, &size)[header_fields[i].at] ^= 1;
        made_fix_crc(&changed);
        fetch_begin(&v, 20, header_fields[i].label);
        fetch_bad(&v, &changed, header_fields[i].verdict);
    }
    vector_end(&v, root);
}

/* S + L is the same signature to a verifier that does not look. */
static void add_group_order(uint8_t s[32])
{
    static const uint8_t order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6,
                                       0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    [31] = 0x10 };
    unsigned carry = 0;
    for (size_t i = 0; i < 32; i++) {
        carry += (unsigned)s[i] + order[i];
        s[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

static void behind_the_header(struct world *w, const char *root)
{
    struct vector v = vector_begin(w, folder, "ciphertext_and_signature", "what stands behind the header");
    struct made made = with_all_fields(w);
    size_t size, header_size = made_header(&made).size;
    made_envelope(&made, &size);
    const struct {
        const char *label;
        size_t at;
    } changes[] = {
        { "the first byte of the ciphertext", header_size },
        { "the last byte of the ciphertext", size - ENVELOPE_TRAILER_BYTES - 1 },
        { "the tag", size - SIGN_BYTES - 1 },
        { "the signature's R", size - SIGN_BYTES },
        { "the signature's S", size - SIGN_BYTES + 32 },
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct made changed = made_copy(w, &made);
        made_envelope(&changed, &size)[changes[i].at] ^= 1;
        made_fix_crc(&changed);
        fetch_begin(&v, 20, changes[i].label);
        fetch_bad(&v, &changed, VERDICT_ALTERED);
    }
    struct made changed = made_copy(w, &made);
    add_group_order(made_envelope(&changed, &size) + size - 32);
    made_fix_crc(&changed);
    fetch_begin(&v, 20, "S that is not canonical");
    fetch_bad(&v, &changed, VERDICT_ALTERED);
    changed = made_copy(w, &made);
    uint8_t *signature = made_envelope(&changed, &size) + size - SIGN_BYTES;
    memset(signature, 0, SIGN_BYTES);
    made_fix_crc(&changed);
    fetch_begin(&v, 20, "a signature of zeros");
    fetch_bad(&v, &changed, VERDICT_ALTERED);
    made_set_envelope(w, &changed, slice_of(made_envelope(&made, &size), size - 1));
    fetch_begin(&v, 20, "cut by a byte");
    fetch_bad(&v, &changed, VERDICT_ALTERED);
    changed = made_copy(w, &made);
    changed.outer[17] ^= 1;
    fetch_begin(&v, 20, "the CRC");
    fetch_bad(&v, &changed, VERDICT_ALTERED);
    vector_end(&v, root);
}

static const struct {
    const char *label;
    size_t at;
    uint8_t change;
} outer_fields[] = {
    { "transactional bit", 22, 0x10 },
    { "timestamp type", 22, 0x08 },
    { "delete horizon bit", 22, 0x40 },
    { "bit 7", 22, 0x80 },
    { "bit 8", 21, 0x01 },
    { "bit 15", 21, 0x80 },
    { "BaseTimestamp", 34, 1 },
    { "MaxTimestamp", 42, 1 },
    { "ProducerId", 50, 1 },
    { "ProducerEpoch", 52, 1 },
    { "BaseSequence", 56, 1 },
};

static void outer(struct world *w, const char *root)
{
    struct vector v =
        vector_begin(w, folder, "outer_fields", "each field of the outer batch, on a topic with CreateTime");
    struct made made = with_all_fields(w);
    for (size_t i = 0; i < sizeof outer_fields / sizeof *outer_fields; i++) {
        struct made changed = made_copy(w, &made);
        changed.outer[outer_fields[i].at] ^= outer_fields[i].change;
        made_fix_crc(&changed);
        fetch_begin(&v, 20, outer_fields[i].label);
        fetch_bad(&v, &changed, VERDICT_ALTERED);
    }
    static const int32_t counts[] = { 2, 4 };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct made changed = made_copy(w, &made);
        store_u32(changed.outer + 57, (uint32_t)counts[i]);
        made_fix_crc(&changed);
        fetch_begin(&v, 20, "RecordCount");
        fetch_bad(&v, &changed, VERDICT_ALTERED);
        store_u32(changed.outer + 23, (uint32_t)counts[i] - 1);
        made_fix_crc(&changed);
        changed.last = changed.base + counts[i] - 1;
        fetch_begin(&v, 20, "RecordCount and LastOffsetDelta");
        fetch_bad(&v, &changed, VERDICT_ALTERED);
    }
    vector_end(&v, root);
}

static void log_append_time(struct world *w, const char *root)
{
    struct vector v = vector_begin(w, folder, "log_append_time", "on a topic with LogAppendTime");
    v.log_append_time = true;
    struct made made = SEALED_AT(w, 0, .count = 3);
    fetch_begin(&v, 0, "the broker did not set its time");
    fetch_bad(&v, &made, VERDICT_ALTERED);
    static const int64_t times_ms[] = { -600001, 600001, INT64_MIN, INT64_MAX };
    for (size_t i = 0; i < sizeof times_ms / sizeof *times_ms; i++) {
        struct made changed = made_copy(w, &made);
        bool relative = times_ms[i] > INT64_MIN && times_ms[i] < INT64_MAX;
        made_append_time(&changed, relative ? w->now_ms + times_ms[i] : times_ms[i]);
        fetch_begin(&v, 0, "more than ten minutes from the seal time");
        fetch_bad(&v, &changed, VERDICT_ALTERED);
    }
    vector_end(&v, root);
}

/* Record 0 as the sealer wrote it, then stubs as given. */
static void with_stubs(struct vector *v, const char *label, const struct made *made, const char *stubs, size_t size)
{
    struct world *w = v->world;
    struct made changed = made_copy(w, made);
    size_t front = made->outer_size - BATCH_HEADER_BYTES - 2 * 7; /* two stubs of seven bytes */
    uint8_t *records = world_memory(w, front + size);
    memcpy(records, made->outer + BATCH_HEADER_BYTES, front);
    memcpy(records + front, stubs, size);
    made_set_records(w, &changed, slice_of(records, front + size));
    fetch_begin(v, 20, label);
    fetch_bad(v, &changed, VERDICT_ALTERED);
}

static void stubs(struct world *w, const char *root)
{
    struct vector v = vector_begin(w, folder, "stubs", "the records behind the envelope's");
    struct made made = with_all_fields(w); /* MaxTimestamp - BaseTimestamp is 2: 04 as a varint */
    static const struct {
        const char *label, *stubs;
        size_t size;
    } cases[] = {
        { "removed", "\x0c\0\4\2\1\0\0", 7 },
        { "all removed", "", 0 },
        { "added", "\x0c\0\4\2\1\0\0\x0c\0\4\4\1\0\0\x0c\0\4\6\1\0\0", 21 },
        { "exchanged", "\x0c\0\4\4\1\0\0\x0c\0\4\2\1\0\0", 14 },
        { "twice the same", "\x0c\0\4\2\1\0\0\x0c\0\4\2\1\0\0", 14 },
        { "a null value", "\x0c\0\4\2\1\1\0\x0c\0\4\4\1\0\0", 14 },
        { "a value", "\x0c\0\4\2\1\0\0\x0e\0\4\4\1\2v\0", 15 },
        { "a key", "\x0e\0\4\2\2k\0\0\x0c\0\4\4\1\0\0", 15 },
        { "an empty key", "\x0c\0\4\2\0\0\0\x0c\0\4\4\1\0\0", 14 },
        { "a header", "\x10\0\4\2\1\0\2\2h\0\x0c\0\4\4\1\0\0", 17 },
        { "record attributes", "\x0c\1\4\2\1\0\0\x0c\0\4\4\1\0\0", 14 },
        { "another timestamp", "\x0c\0\2\2\1\0\0\x0c\0\4\4\1\0\0", 14 },
        { "a varint longer than it need be", "\x0e\0\4\x82\0\1\0\0\x0c\0\4\4\1\0\0", 15 },
        { "no record at all", "\x0c\0\4\2\1\0\0\xff\xff\xff", 10 },
        { "bytes behind the last", "\x0c\0\4\2\1\0\0\x0c\0\4\4\1\0\0\0", 15 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        with_stubs(&v, cases[i].label, &made, cases[i].stubs, cases[i].size);
    }
    vector_end(&v, root);
}

/* Record 0 with another front; its value is the envelope all the same. */
static void record_zero(struct world *w, const char *root)
{
    struct vector v = vector_begin(w, folder, "record_0", "what stands around the envelope in its record");
    struct made made = SEALED_AT(w, 20, .count = 1);
    size_t size;
    const uint8_t *envelope = made_envelope(&made, &size);
    static const struct {
        const char *label, *front, *tail; /* front: from attributes to key */
        size_t front_size, tail_size;
    } cases[] = {
        { "attributes", "\1\0\0\1", "\0", 4, 1 },
        { "timestamp", "\0\2\0\1", "\0", 4, 1 },
        { "offset delta", "\0\0\2\1", "\0", 4, 1 },
        { "an empty key", "\0\0\0\0", "\0", 4, 1 },
        { "a key", "\0\0\0\2k", "\0", 5, 1 },
        { "a header", "\0\0\0\1", "\2\2h\1", 4, 4 },
        { "a varint longer than it need be", "\0\x80\0\0\1", "\0", 5, 1 },
        { "a number of headers longer than it need be", "\0\0\0\1", "\x80\0", 4, 2 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct writer out = writer_over(world_memory(w, size + 64), size + 64);
        write_varint(&out, (int32_t)(cases[i].front_size + varint_size((int32_t)size) + size + cases[i].tail_size));
        write_bytes(&out, slice_of(cases[i].front, cases[i].front_size));
        write_varint(&out, (int32_t)size);
        write_bytes(&out, slice_of(envelope, size));
        write_bytes(&out, slice_of(cases[i].tail, cases[i].tail_size));
        struct made changed = made_copy(w, &made);
        made_set_records(w, &changed, writer_slice(&out));
        fetch_begin(&v, 20, cases[i].label);
        fetch_bad(&v, &changed, VERDICT_ALTERED);
    }
    vector_end(&v, root);
}

static void link_of(const struct made *made, uint8_t ret_link[SHA256_BYTES])
{
    size_t size;
    uint8_t seal_id[SEAL_ID_BYTES];
    const uint8_t *envelope = made_envelope(made, &size), *trailer = envelope + size - ENVELOPE_TRAILER_BYTES;
    struct slice header = made_header(made);
    envelope_seal_id(header, slice_of(envelope + header.size, size - header.size - ENVELOPE_TRAILER_BYTES), trailer,
                     seal_id);
    envelope_link(seal_id, trailer + AEAD_TAG_BYTES, ret_link);
}

/* A batch with a bad signature, and one behind it that names its link all the same. */
static void vouched_for(struct vector *v, const char *label, int stream, uint64_t sequence)
{
    struct world *w = v->world;
    size_t size;
    seal_stream_init(&w->streams[0]);
    struct made forged = SEALED_AT(w, 0, 0);
    made_envelope(&forged, &size)[size - 1] ^= 1;
    made_fix_crc(&forged);
    link_of(&forged, w->streams[stream].link);
    w->streams[stream].next_sequence = sequence;
    struct made next = SEALED_AT(w, 1, .stream = stream);
    fetch_begin(v, 0, label);
    fetch_bad(v, &forged, VERDICT_ALTERED);
    fetch_bytes(v, next.outer, next.outer_size);
}

static void chains(struct world *w, const char *root)
{
    struct vector v = vector_begin(w, folder, "in_a_run", "one batch of a run changed: the link does not vouch for it");
    struct made made[5];
    for (int i = 0; i < 5; i++) {
        made[i] = SEALED_AT(w, i, 0);
    }
    static const size_t back[] = { 1, 33, 65, 81 }; /* from the envelope's end: S, R, tag, ciphertext */
    for (size_t k = 0; k < sizeof back / sizeof *back; k++) {
        fetch_begin(&v, 0, NULL);
        fetch_good(&v, &made[0], VERDICT_AUTHENTIC);
        fetch_good(&v, &made[1], VERDICT_AUTHENTIC);
        struct made changed = made_copy(w, &made[2]);
        size_t size;
        uint8_t *envelope = made_envelope(&changed, &size);
        envelope[size - back[k]] ^= 1;
        made_fix_crc(&changed);
        fetch_bad(&v, &changed, VERDICT_ALTERED);
        fetch_bytes(&v, made[3].outer, made[3].outer_size);
        fetch_bytes(&v, made[4].outer, made[4].outer_size);
    }
    vector_end(&v, root);

    v = vector_begin(
        w, folder, "vouched_for_by_another",
        "a trusted writer names the link of a batch that bears another trusted writer's name but not his signature");
    v.writers[1] = (struct vector_writer){ .index = 1, .topic = "*" };
    v.writer_count = 2;
    struct made forged = SEALED_AT(w, 0, .writer = 1);
    size_t size;
    memcpy(made_envelope(&forged, &size) + 28, w->writers[0], WRITER_KEY_BYTES);
    made_resign(w, &forged, 1);
    link_of(&forged, w->streams[0].link);
    struct made next = SEALED_AT(w, 1, .writer = 1);
    fetch_begin(&v, 0, NULL);
    fetch_bad(&v, &forged, VERDICT_ALTERED);
    fetch_bytes(&v, next.outer, next.outer_size);
    vector_end(&v, root);
}

static void strangers(struct world *w, const char *root)
{
    struct vector v = vector_begin(w, folder, "vouched_for_by_no_neighbour",
                                   "only the next of the same stream vouches, whatever link another names");
    vouched_for(&v, "of another stream", 1, 1);
    vouched_for(&v, "not the next", 0, 2);
    vector_end(&v, root);
}

void cases_altered(struct world *w, const char *root)
{
    header(w, root);
    behind_the_header(w, root);
    outer(w, root);
    log_append_time(w, root);
    stubs(w, root);
    record_zero(w, root);
    chains(w, root);
    strangers(w, root);
}
