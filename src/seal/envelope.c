/* SPDX-License-Identifier: Apache-2.0 */
#include "seal/envelope.h"

#include "base/wipe.h"

static const uint8_t magic[ENVELOPE_MAGIC_BYTES] = { 'S', 'G', 'N', 'B' };

/* Domain strings keep their final NUL: the specification's 00 separator. */
static const char domain_batch[] = "signet/sealed-batch/v1";
static const char domain_link[] = "signet/link/v1";
static const char domain_recipient[] = "signet/recipient/v1";
static const char domain_commitment[] = "signet/key-commitment/v1";
static const char domain_producer[] = "signet/producer/v1";

bool envelope_has_magic(struct slice bytes)
{
    return bytes.size >= sizeof magic && memcmp(bytes.data, magic, sizeof magic) == 0;
}

static struct slice read_text(struct reader *r, size_t min, size_t max)
{
    size_t size = read_u8(r);
    if (size < min || size > max) {
        reader_fail(r, SIGNET_ERROR_MALFORMED);
    }
    return read_bytes(r, size);
}

static struct slice read_entries(struct reader *r, size_t min, size_t max, size_t entry_bytes)
{
    size_t count = read_u8(r);
    if (count < min || count > max) {
        reader_fail(r, SIGNET_ERROR_MALFORMED);
    }
    return read_bytes(r, count * entry_bytes);
}

static void read_fixed(struct reader *r, struct envelope_header *h)
{
    read_array(r, h->place.topic.bytes, TOPIC_ID_BYTES);
    h->place.partition = read_i32(r);
    read_array(r, h->writer, sizeof h->writer);
    read_array(r, h->stream, sizeof h->stream);
    h->sequence = read_u64(r);
    read_array(r, h->previous, sizeof h->previous);
    h->seal_time_ms = read_i64(r);
    read_array(r, h->nonce, sizeof h->nonce);
    read_array(r, h->commitment, sizeof h->commitment);
    batch_read_fields(r, &h->inner);
}

static void read_variable(struct reader *r, struct envelope_header *h)
{
    h->cluster_id = read_text(r, 1, CLUSTER_ID_BYTES_MAX);
    h->topic_name = read_text(r, 1, TOPIC_NAME_BYTES_MAX);
    h->principal = read_text(r, 0, PRINCIPAL_BYTES_MAX);
    h->predecessors = read_entries(r, 0, PREDECESSORS_MAX, PREDECESSOR_BYTES);
    if (read_u8(r) != KEY_SCHEME_RECIPIENTS) {
        reader_fail(r, SIGNET_ERROR_MALFORMED);
    }
    h->recipients = read_entries(r, 1, RECIPIENTS_MAX, RECIPIENT_ENTRY_BYTES);
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
    uint8_t any = 0;
    for (size_t i = 0; i < size; i++) {
        any |= bytes[i];
    }
    return any == 0;
}

/* What section 2 lets a sealer seal, and what section 5.1 says of single fields. */
static bool header_is_lawful(const struct envelope_header *h)
{
    const struct batch_header *inner = &h->inner;
    bool codec_known = (inner->attributes & BATCH_CODEC_MASK) < BATCH_CODEC_COUNT;
    bool bits_lawful = (inner->attributes & ~(BATCH_CODEC_MASK | BATCH_TRANSACTIONAL)) == 0;
    bool counts_agree = inner->record_count > 0 && inner->record_count <= BATCH_RECORDS_MAX &&
                        inner->last_offset_delta == inner->record_count - 1;
    bool first_has_none = h->sequence != 0 || is_zero(h->previous, sizeof h->previous);
    return codec_known && bits_lawful && counts_agree && first_has_none && h->place.partition >= 0 &&
           !is_zero(h->place.topic.bytes, TOPIC_ID_BYTES);
}

static signet_error read_prefix(struct reader *r, size_t *ret_header_size)
{
    struct slice start = read_bytes(r, sizeof magic);
    uint8_t version = read_u8(r), suite = read_u8(r);
    *ret_header_size = read_u16(r);
    if (r->error || !envelope_has_magic(start)) {
        return SIGNET_ERROR_MALFORMED;
    }
    return version == ENVELOPE_VERSION && suite == ENVELOPE_SUITE ? SIGNET_OK : SIGNET_ERROR_UNSUPPORTED;
}

signet_error envelope_read(struct slice bytes, struct envelope *ret_envelope)
{
    struct envelope e = { 0 };
    size_t header_size = 0;
    struct reader r = reader_over(bytes);
    signet_error error = read_prefix(&r, &header_size);
    if (error) {
        return error;
    }
    if (bytes.size < header_size + 1 + ENVELOPE_TRAILER_BYTES) {
        return SIGNET_ERROR_MALFORMED;
    }
    r.end = bytes.data + header_size;
    if (r.end < r.at) {
        return SIGNET_ERROR_MALFORMED;
    }
    read_fixed(&r, &e.header);
    read_variable(&r, &e.header);
    if (r.error || reader_left(&r) != 0 || !header_is_lawful(&e.header)) {
        return SIGNET_ERROR_MALFORMED;
    }
    e.header_bytes = slice_of(bytes.data, header_size);
    e.ciphertext = slice_of(bytes.data + header_size, bytes.size - header_size - ENVELOPE_TRAILER_BYTES);
    e.tag = e.ciphertext.data + e.ciphertext.size;
    e.signature = e.tag + AEAD_TAG_BYTES;
    *ret_envelope = e;
    return SIGNET_OK;
}

static void write_fixed(struct writer *w, const struct envelope_header *h)
{
    write_bytes(w, slice_of(h->place.topic.bytes, TOPIC_ID_BYTES));
    write_i32(w, h->place.partition);
    write_bytes(w, slice_of(h->writer, sizeof h->writer));
    write_bytes(w, slice_of(h->stream, sizeof h->stream));
    write_u64(w, h->sequence);
    write_bytes(w, slice_of(h->previous, sizeof h->previous));
    write_i64(w, h->seal_time_ms);
    write_bytes(w, slice_of(h->nonce, sizeof h->nonce));
    write_bytes(w, slice_of(h->commitment, sizeof h->commitment));
    batch_write_fields(w, &h->inner);
}

static void write_counted(struct writer *w, struct slice bytes, size_t unit)
{
    write_u8(w, (uint8_t)(bytes.size / unit));
    write_bytes(w, bytes);
}

static bool between(size_t min, size_t size, size_t max)
{
    return min <= size && size <= max;
}

/* Nothing is written that no reader would take: what it holds would be lost. */
static bool parts_fit(const struct envelope_header *h)
{
    return between(1, h->cluster_id.size, CLUSTER_ID_BYTES_MAX) &&
           between(1, h->topic_name.size, TOPIC_NAME_BYTES_MAX) && between(0, h->principal.size, PRINCIPAL_BYTES_MAX) &&
           between(0, h->predecessors.size, PREDECESSORS_MAX * PREDECESSOR_BYTES) &&
           between(RECIPIENT_ENTRY_BYTES, h->recipients.size, RECIPIENTS_MAX * RECIPIENT_ENTRY_BYTES);
}

signet_error envelope_write_header(const struct envelope_header *h, struct writer *w)
{
    if (!parts_fit(h)) {
        return SIGNET_ERROR_LIMIT;
    }
    if (!header_is_lawful(h)) {
        return SIGNET_ERROR_MALFORMED;
    }
    size_t start = writer_used(w);
    write_bytes(w, slice_of(magic, sizeof magic));
    write_u8(w, ENVELOPE_VERSION);
    write_u8(w, ENVELOPE_SUITE);
    uint8_t *size = write_room(w, 2);
    write_fixed(w, h);
    write_counted(w, h->cluster_id, 1);
    write_counted(w, h->topic_name, 1);
    write_counted(w, h->principal, 1);
    write_counted(w, h->predecessors, PREDECESSOR_BYTES);
    write_u8(w, KEY_SCHEME_RECIPIENTS);
    write_counted(w, h->recipients, RECIPIENT_ENTRY_BYTES);
    if (!w->error) {
        store_u16(size, (uint16_t)(writer_used(w) - start));
    }
    return w->error;
}

struct predecessor predecessor_at(struct slice predecessors, size_t index)
{
    struct predecessor p;
    const uint8_t *at = predecessors.data + index * PREDECESSOR_BYTES;
    p.base_offset = (int64_t)load_u64(at);
    memcpy(p.seal_prefix, at + 8, SEAL_PREFIX_BYTES);
    memcpy(p.producer, at + 16, PRODUCER_HASH_BYTES);
    return p;
}

void predecessor_write(const struct predecessor *p, uint8_t ret_bytes[PREDECESSOR_BYTES])
{
    store_u64(ret_bytes, (uint64_t)p->base_offset);
    memcpy(ret_bytes + 8, p->seal_prefix, SEAL_PREFIX_BYTES);
    memcpy(ret_bytes + 16, p->producer, PRODUCER_HASH_BYTES);
}

void envelope_seal_id(struct slice header, struct slice ciphertext, const uint8_t tag[AEAD_TAG_BYTES],
                      uint8_t ret_id[SEAL_ID_BYTES])
{
    const struct slice pieces[] = { header, ciphertext, slice_of(tag, AEAD_TAG_BYTES) };
    sha256_pieces(pieces, 3, ret_id);
}

struct slice envelope_identified(const struct envelope *envelope)
{
    const uint8_t *start = envelope->header_bytes.data;
    return slice_of(start, (size_t)(envelope->tag + AEAD_TAG_BYTES - start));
}

static void signed_message(const uint8_t *seal_id, uint8_t ret[sizeof domain_batch + SEAL_ID_BYTES])
{
    memcpy(ret, domain_batch, sizeof domain_batch);
    memcpy(ret + sizeof domain_batch, seal_id, SEAL_ID_BYTES);
}

void envelope_sign(const struct signing_key *key, const uint8_t seal_id[SEAL_ID_BYTES], uint8_t ret_sig[SIGN_BYTES])
{
    uint8_t message[sizeof domain_batch + SEAL_ID_BYTES];
    signed_message(seal_id, message);
    sign_message(key, slice_of(message, sizeof message), ret_sig);
}

bool envelope_verify(const uint8_t writer[WRITER_KEY_BYTES], const uint8_t seal_id[SEAL_ID_BYTES],
                     const uint8_t signature[SIGN_BYTES])
{
    uint8_t message[sizeof domain_batch + SEAL_ID_BYTES];
    signed_message(seal_id, message);
    return sign_verify(writer, slice_of(message, sizeof message), signature);
}

void envelope_link(const uint8_t seal_id[SEAL_ID_BYTES], const uint8_t signature[SIGN_BYTES],
                   uint8_t ret_link[SHA256_BYTES])
{
    const struct slice pieces[] = {
        slice_of(domain_link, sizeof domain_link),
        slice_of(seal_id, SEAL_ID_BYTES),
        slice_of(signature, SIGN_BYTES),
    };
    sha256_pieces(pieces, 3, ret_link);
}

static void short_hash(const struct slice *pieces, size_t count, uint8_t *ret, size_t size)
{
    uint8_t digest[SHA256_BYTES];
    sha256_pieces(pieces, count, digest);
    memcpy(ret, digest, size);
    wipe(digest, sizeof digest);
}

void recipient_id(const uint8_t public_key[BOX_PUBLIC_BYTES], uint8_t ret_id[RECIPIENT_ID_BYTES])
{
    const struct slice pieces[] = {
        slice_of(domain_recipient, sizeof domain_recipient),
        slice_of(public_key, BOX_PUBLIC_BYTES),
    };
    short_hash(pieces, 2, ret_id, RECIPIENT_ID_BYTES);
}

void key_commitment(const struct topic_id *topic, const uint8_t key[AEAD_KEY_BYTES], uint8_t ret[COMMITMENT_BYTES])
{
    const struct slice pieces[] = {
        slice_of(domain_commitment, sizeof domain_commitment),
        slice_of(topic->bytes, TOPIC_ID_BYTES),
        slice_of(key, AEAD_KEY_BYTES),
    };
    sha256_pieces(pieces, 3, ret);
}

void producer_hash(const struct batch_header *header, uint8_t ret_hash[PRODUCER_HASH_BYTES])
{
    memset(ret_hash, 0, PRODUCER_HASH_BYTES);
    if (header->producer_id < 0) {
        return;
    }
    uint8_t fields[8 + 2 + 4];
    store_u64(fields, (uint64_t)header->producer_id);
    store_u16(fields + 8, (uint16_t)header->producer_epoch);
    store_u32(fields + 10, (uint32_t)header->base_sequence);
    const struct slice pieces[] = {
        slice_of(domain_producer, sizeof domain_producer),
        slice_of(fields, sizeof fields),
    };
    short_hash(pieces, 2, ret_hash, PRODUCER_HASH_BYTES);
}
