/* SPDX-License-Identifier: Apache-2.0 */
#include "vector_world.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/random.h"
#include "kafka/record.h"
#include "seal/stub.h"

/* In the place of libsodium's generator: a stream that begins with the seed. */
static uint8_t random_seed[randombytes_SEEDBYTES];
static uint32_t random_calls;

static const char *random_name(void)
{
    return "vectors";
}

static void random_bytes(void *memory, size_t size)
{
    uint8_t seed[randombytes_SEEDBYTES];
    memcpy(seed, random_seed, sizeof seed);
    store_u32(seed, load_u32(seed) ^ random_calls++);
    randombytes_buf_deterministic(memory, size, seed);
}

static uint32_t random_number(void)
{
    uint32_t number;
    random_bytes(&number, sizeof number);
    return number;
}

static randombytes_implementation from_the_seed = {
    .implementation_name = random_name,
    .random = random_number,
    .buf = random_bytes,
};

void world_seed(const char *text, const char *more)
{
    const struct slice pieces[] = { slice_of_text(text), slice_of_text("/"), slice_of_text(more) };
    sha256_pieces(pieces, 3, random_seed);
    random_calls = 0;
    randombytes_set_implementation(&from_the_seed);
}

static void check(bool fine, const char *what)
{
    if (!fine) {
        fprintf(stderr, "generate: %s\n", what);
        abort();
    }
}

void *world_memory(struct world *w, size_t size)
{
    void *memory = calloc(1, size ? size : 1);
    void **kept = realloc(w->kept, (w->kept_count + 1) * sizeof *kept);
    check(memory && kept, "out of memory");
    w->kept = kept;
    w->kept[w->kept_count++] = memory;
    return memory;
}

static void wrap_data_key(struct world *w)
{
    random_fill(w->data_key, sizeof w->data_key);
    for (size_t i = 0; i < WORLD_RECIPIENTS; i++) {
        uint8_t *entry = w->entries + i * RECIPIENT_ENTRY_BYTES;
        random_fill(w->recipient_secrets[i], BOX_SECRET_BYTES);
        box_public_from_secret(w->recipient_secrets[i], w->recipients[i]);
        recipient_id(w->recipients[i], entry);
        check(!box_wrap(w->recipients[i], w->data_key, entry + RECIPIENT_ID_BYTES), "wrapping");
    }
    w->seal_key = (struct seal_key){
        .aead = aead_key_new(w->data_key),
        .recipients = w->entries,
        .recipients_size = RECIPIENT_ENTRY_BYTES,
    };
    key_commitment(&w->place.topic, w->data_key, w->seal_key.commitment);
}

void world_init(struct world *w)
{
    *w = (struct world){
        .budget = { .limit_bytes = 1 << 30 },
        .cluster_id = "MkU3OEVBNTcwNTJENDM2Qk",
        .topic = "orders",
        .place.partition = 3,
        .now_ms = 1764000000000,
    };
    check(!crypto_start(), "libsodium");
    compression_init(&w->compression);
    w->zstd = zstd_frame_new();
    for (size_t i = 0; i < WORLD_WRITERS; i++) {
        uint8_t seed[SIGN_SEED_BYTES];
        random_fill(seed, sizeof seed);
        signing_key_from_seed(&w->signing_keys[i], seed);
        signing_key_public(&w->signing_keys[i], w->writers[i]);
    }
    random_fill(w->place.topic.bytes, TOPIC_ID_BYTES);
    wrap_data_key(w);
    for (size_t i = 0; i < WORLD_STREAMS; i++) {
        seal_stream_init(&w->streams[i]);
    }
}

void world_free(struct world *w)
{
    for (size_t i = 0; i < w->kept_count; i++) {
        free(w->kept[i]);
    }
    free(w->kept);
    aead_key_free(w->seal_key.aead);
    zstd_frame_free(w->zstd);
    compression_free(&w->compression);
}

static void write_record(struct writer *out, int64_t timestamp_delta, int32_t index, struct slice value)
{
    size_t body =
        1 + varlong_size(timestamp_delta) + varint_size(index) + 1 + varint_size((int32_t)value.size) + value.size + 1;
    write_varint(out, (int32_t)body);
    write_u8(out, 0);
    write_varlong(out, timestamp_delta);
    write_varint(out, index);
    write_varint(out, -1);
    write_varint(out, (int32_t)value.size);
    write_bytes(out, value);
    write_varint(out, 0);
}

/* The producer's records section, before compression. */
static struct slice write_records(struct world *w, const struct want *want, int32_t count, int64_t span)
{
    size_t room = (size_t)count * 64 + want->noise_bytes;
    struct writer out = writer_over(world_memory(w, room), room);
    uint8_t *noise = world_memory(w, want->noise_bytes);
    random_fill(noise, want->noise_bytes);
    for (int32_t i = 0; i < count; i++) {
        char text[32];
        int size = snprintf(text, sizeof text, "order %d", (int)i);
        bool noisy = i == 0 && want->noise_bytes > 0;
        write_record(&out, i == count - 1 ? span : i, i,
                     noisy ? slice_of(noise, want->noise_bytes) : slice_of(text, (size_t)size));
    }
    check(!out.error, "records");
    return writer_slice(&out);
}

static struct slice compress(struct world *w, enum batch_codec codec, struct slice plain)
{
    size_t room = records_compressed_max(codec, plain.size), size = 0;
    uint8_t *memory = world_memory(w, room);
    check(!records_compress(&w->compression, codec, plain, memory, room, &size), "compression");
    return slice_of(memory, size);
}

static void set_batch(struct world *w, struct made *made, const struct batch_header *header, struct slice records)
{
    made->outer_size = BATCH_HEADER_BYTES + records.size;
    made->outer = world_memory(w, made->outer_size);
    batch_write_header(header, records.size, made->outer);
    if (records.size) {
        memcpy(made->outer + BATCH_HEADER_BYTES, records.data, records.size);
    }
    made_fix_crc(made);
}

struct made world_plain(struct world *w, const struct want *want)
{
    int32_t count = want->count ? want->count : 1;
    int64_t span = want->timestamp_span ? want->timestamp_span : count - 1;
    int64_t base_timestamp = want->base_timestamp ? want->base_timestamp : w->now_ms;
    struct batch_header h = {
        .leader_epoch = -1,
        .attributes = (int16_t)(want->codec | (want->transactional ? BATCH_TRANSACTIONAL : 0)),
        .last_offset_delta = count - 1,
        .base_timestamp = base_timestamp,
        .max_timestamp = (int64_t)((uint64_t)base_timestamp + (uint64_t)span),
        .producer_id = want->producer_id ? want->producer_id : -1,
        .producer_epoch = want->producer_id ? 2 : -1,
        .base_sequence = want->producer_id ? want->base_sequence : -1,
        .record_count = count,
    };
    struct made made = { .count = count, .last = count - 1 };
    set_batch(w, &made, &h, compress(w, want->codec, write_records(w, want, count, span)));
    made.plain = made.outer;
    made.plain_size = made.outer_size;
    return made;
}

struct made world_seal(struct world *w, const struct want *want)
{
    struct made made = world_plain(w, want);
    struct block *owner = block_new(&w->budget, made.plain_size);
    check(owner, "out of memory");
    memcpy(owner->data, made.plain, made.plain_size);
    struct batch batch;
    check(!seal_check(slice_of(owner->data, made.plain_size), &batch), "seal_check");
    struct sealer sealer = {
        .signing_key = &w->signing_keys[want->writer],
        .cluster_id = slice_of_text(want->cluster_id ? want->cluster_id : w->cluster_id),
        .zstd = w->zstd,
    };
    memcpy(sealer.writer, w->writers[want->writer], SIGN_PUBLIC_BYTES);
    const struct seal_request request = {
        .place = want->place ? *want->place : w->place,
        .topic_name = slice_of_text(want->topic ? want->topic : w->topic),
        .principal = slice_of_text(want->principal ? want->principal : ""),
        .predecessors = want->predecessors,
        .predecessor_count = want->predecessor_count,
        .now_ms = want->seal_time_ms ? want->seal_time_ms : w->now_ms,
        .zstd_allowed = want->zstd_outer,
        .key = &w->seal_key,
        .stream = &w->streams[want->stream],
    };
    struct gather out;
    gather_init(&out, &w->budget);
    struct seal_result result;
    check(!seal_batch(&sealer, &request, owner, &batch, &out, &result), "seal_batch");
    made.outer_size = out.size;
    made.outer = world_memory(w, out.size);
    gather_flatten(&out, made.outer);
    gather_free(&out);
    block_release(owner);
    memcpy(made.as_predecessor.seal_prefix, result.seal_id, SEAL_PREFIX_BYTES);
    memcpy(made.as_predecessor.producer, result.producer, PRODUCER_HASH_BYTES);
    return made;
}

struct made world_marker(struct world *w, int64_t producer_id, bool commit)
{
    static const uint8_t abort_key[] = { 0, 0, 0, 0 }, commit_key[] = { 0, 0, 0, 1 };
    static const uint8_t value[] = { 0, 0, 0, 0, 0, 7 }; /* version, coordinator epoch */
    uint8_t records[32];
    struct writer out = writer_over(records, sizeof records);
    write_varint(&out, 1 + 1 + 1 + 1 + 4 + 1 + 6 + 1);
    write_u8(&out, 0);
    write_varlong(&out, 0);
    write_varint(&out, 0);
    write_varint(&out, 4);
    write_bytes(&out, slice_of(commit ? commit_key : abort_key, 4));
    write_varint(&out, 6);
    write_bytes(&out, slice_of(value, sizeof value));
    write_varint(&out, 0);
    const struct batch_header h = {
        .leader_epoch = -1,
        .attributes = BATCH_TRANSACTIONAL | BATCH_CONTROL,
        .base_timestamp = w->now_ms,
        .max_timestamp = w->now_ms,
        .producer_id = producer_id,
        .producer_epoch = 2,
        .base_sequence = -1,
        .record_count = 1,
    };
    struct made made = { .count = 1 };
    set_batch(w, &made, &h, writer_slice(&out));
    made.plain = made.outer;
    made.plain_size = made.outer_size;
    return made;
}

static uint8_t *copy_bytes(struct world *w, const uint8_t *bytes, size_t size)
{
    return memcpy(world_memory(w, size), bytes, size);
}

struct made made_copy(struct world *w, const struct made *made)
{
    struct made copy = *made;
    copy.plain = copy_bytes(w, made->plain, made->plain_size);
    copy.outer = made->outer == made->plain ? copy.plain : copy_bytes(w, made->outer, made->outer_size);
    return copy;
}

static void place_bytes(uint8_t *batch, int64_t base_offset)
{
    store_u64(batch, (uint64_t)base_offset);
    store_u32(batch + 12, 5);
}

void made_place(struct made *made, int64_t base_offset)
{
    place_bytes(made->plain, base_offset);
    place_bytes(made->outer, base_offset);
    made->base = base_offset;
    made->last = base_offset + (made->count - 1);
    made->as_predecessor.base_offset = base_offset;
}

static void fix_crc(uint8_t *batch, size_t size)
{
    struct slice covered = slice_of(batch + BATCH_CRC_START, size - BATCH_CRC_START);
    batch_patch_crc(batch, crc32c(covered));
}

void made_fix_crc(struct made *made)
{
    fix_crc(made->outer, made->outer_size);
}

static struct batch read_outer(const struct made *made)
{
    struct batch batch;
    check(!batch_read(slice_of(made->outer, made->outer_size), &batch), "batch_read");
    return batch;
}

/* The records of the outer batch, decompressed, the first of them, and what stands behind it. */
static struct record first_record(struct slice records, struct slice *ret_rest)
{
    struct record_reader reader;
    struct record record;
    record_begin(&reader, records, 1);
    check(record_next(&reader, &record), "record 0");
    *ret_rest = slice_of(reader.r.at, reader_left(&reader.r));
    return record;
}

uint8_t *made_envelope(const struct made *made, size_t *ret_size)
{
    struct batch batch = read_outer(made);
    check((batch.header.attributes & BATCH_CODEC_MASK) == 0, "not to be compressed");
    struct slice rest;
    struct record record = first_record(batch.records, &rest);
    *ret_size = record.value.size;
    return made->outer + (record.value.data - made->outer);
}

void made_set_records(struct world *w, struct made *made, struct slice records)
{
    struct batch_header h = read_outer(made).header;
    set_batch(w, made, &h, records);
}

void made_set_envelope(struct world *w, struct made *made, struct slice envelope)
{
    struct batch batch = read_outer(made);
    struct slice rest;
    struct record record = first_record(batch.records, &rest);
    size_t room = batch.records.size + envelope.size + 64;
    struct writer out = writer_over(world_memory(w, room), room);
    write_record(&out, record.timestamp_delta, 0, envelope);
    write_bytes(&out, rest);
    check(!out.error, "envelope");
    made_set_records(w, made, writer_slice(&out));
}

struct slice made_header(const struct made *made)
{
    size_t size;
    const uint8_t *envelope = made_envelope(made, &size);
    return slice_of(envelope, load_u16(envelope + 6));
}

static void sign(struct world *w, int writer, struct slice header, struct slice text, uint8_t *trailer)
{
    uint8_t seal_id[SEAL_ID_BYTES];
    envelope_seal_id(header, text, trailer, seal_id);
    envelope_sign(&w->signing_keys[writer], seal_id, trailer + AEAD_TAG_BYTES);
}

void made_reseal(struct world *w, struct made *made, int writer, struct slice header)
{
    struct slice records = slice_of(made->plain + BATCH_HEADER_BYTES, made->plain_size - BATCH_HEADER_BYTES);
    size_t size = header.size + records.size + ENVELOPE_TRAILER_BYTES;
    uint8_t *envelope = world_memory(w, size), *text = envelope + header.size, *tag = text + records.size;
    memcpy(envelope, header.data, header.size);
    memcpy(text, records.data, records.size);
    check(!aead_seal(w->seal_key.aead, envelope + HEADER_NONCE_AT, header, text, records.size, tag), "aead_seal");
    sign(w, writer, header, slice_of(text, records.size), tag);
    made_set_envelope(w, made, slice_of(envelope, size));
}

void made_resign(struct world *w, struct made *made, int writer)
{
    size_t size;
    uint8_t *envelope = made_envelope(made, &size);
    struct slice header = made_header(made);
    uint8_t *tag = envelope + size - ENVELOPE_TRAILER_BYTES;
    sign(w, writer, header, slice_of(header.data + header.size, (size_t)(tag - envelope) - header.size), tag);
    made_fix_crc(made);
}

static struct slice decompress(struct world *w, const struct batch *batch)
{
    size_t room = batch->records.size * 20 + (size_t)batch->header.record_count * STUB_BYTES_MAX, size = 0;
    uint8_t *memory = world_memory(w, room);
    enum batch_codec codec = (enum batch_codec)(batch->header.attributes & BATCH_CODEC_MASK);
    check(!records_decompress(&w->compression, codec, batch->records, memory, room, &size), "decompression");
    return slice_of(memory, size);
}

static struct slice compress_xerial(struct world *w, struct slice plain)
{
    static const uint8_t magic[] = { 0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1 };
    enum { BLOCK_BYTES = 400 };
    size_t room = sizeof magic + 2 * plain.size + 4096;
    struct writer out = writer_over(world_memory(w, room), room);
    write_bytes(&out, slice_of(magic, sizeof magic));
    for (size_t at = 0; at < plain.size; at += BLOCK_BYTES) {
        size_t size = plain.size - at < BLOCK_BYTES ? plain.size - at : BLOCK_BYTES;
        struct slice block = compress(w, BATCH_CODEC_SNAPPY, slice_of(plain.data + at, size));
        write_u32(&out, (uint32_t)block.size);
        write_bytes(&out, block);
    }
    check(!out.error, "xerial");
    return writer_slice(&out);
}

void made_recompress(struct world *w, struct made *made, enum batch_codec codec, enum framing framing)
{
    struct batch batch = read_outer(made);
    struct batch_header h = batch.header;
    struct slice rest;
    struct record record = first_record(decompress(w, &batch), &rest);
    size_t room = record.value.size + 64 + stubs_size(h.record_count, 0);
    struct writer out = writer_over(world_memory(w, room), room);
    write_record(&out, 0, 0, record.value);
    stubs_write(h.record_count, 0, write_room(&out, stubs_size(h.record_count, 0)));
    check(!out.error, "records");
    h.base_timestamp = (int64_t)((uint64_t)h.base_timestamp + (uint64_t)record.timestamp_delta);
    h.attributes = (int16_t)((h.attributes & ~BATCH_CODEC_MASK) | (int)codec);
    set_batch(w, made, &h,
              framing == FRAMING_XERIAL ? compress_xerial(w, writer_slice(&out))
                                        : compress(w, codec, writer_slice(&out)));
}

void made_compress(struct world *w, struct made *made, enum batch_codec codec)
{
    struct batch batch = read_outer(made);
    batch.header.attributes = (int16_t)((batch.header.attributes & ~BATCH_CODEC_MASK) | (int)codec);
    set_batch(w, made, &batch.header, compress(w, codec, batch.records));
}

static void append_time(uint8_t *batch, size_t size, int64_t time_ms)
{
    batch[22] |= BATCH_LOG_APPEND_TIME;
    store_u64(batch + 35, (uint64_t)time_ms); /* MaxTimestamp */
    fix_crc(batch, size);
}

void made_append_time(struct made *made, int64_t time_ms)
{
    append_time(made->plain, made->plain_size, time_ms);
    append_time(made->outer, made->outer_size, time_ms);
}
