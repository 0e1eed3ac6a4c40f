/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/batch_json.h"

#include <stdlib.h>

#include <jansson.h>

#include "cli/json_put.h"
#include "kafka/record.h"

static const char *const codec_words[] = {
    [BATCH_CODEC_NONE] = "none", [BATCH_CODEC_GZIP] = "gzip", [BATCH_CODEC_SNAPPY] = "snappy",
    [BATCH_CODEC_LZ4] = "lz4",   [BATCH_CODEC_ZSTD] = "zstd",
};

static void put_fields(json_t *object, const struct batch_header *h)
{
    int codec = h->attributes & BATCH_CODEC_MASK;
    put_number(object, "attributes", (uint16_t)h->attributes);
    put_word(object, "codec", codec < BATCH_CODEC_COUNT ? codec_words[codec] : "unknown");
    put_word(object, "timestamp-type", h->attributes & BATCH_LOG_APPEND_TIME ? "LogAppendTime" : "CreateTime");
    put_bool(object, "transactional", (h->attributes & BATCH_TRANSACTIONAL) != 0);
    put_bool(object, "control", (h->attributes & BATCH_CONTROL) != 0);
    put_bool(object, "delete-horizon", (h->attributes & BATCH_DELETE_HORIZON) != 0);
    put_number(object, "last-offset-delta", h->last_offset_delta);
    put_number(object, "base-timestamp-ms", h->base_timestamp);
    put_number(object, "max-timestamp-ms", h->max_timestamp);
    put_number(object, "producer-id", h->producer_id);
    put_number(object, "producer-epoch", h->producer_epoch);
    put_number(object, "base-sequence", h->base_sequence);
    put_number(object, "record-count", h->record_count);
}

/* EndTransactionMarker of Kafka: version and type in the key; version and the coordinator's epoch in the value. */
static json_t *marker_json(const struct batch *batch)
{
    enum { KEY_BYTES_MIN = 4, VALUE_BYTES_MIN = 6 };
    struct record_reader records;
    struct record record;
    json_t *object = json_object();
    record_begin(&records, batch->records, 1);
    if (!record_next(&records, &record) || record.key.size < KEY_BYTES_MIN) {
        put_word(object, "error", "no marker can be read");
        return object;
    }
    uint16_t type = load_u16(record.key.data + 2);
    put_word(object, "kind", type == 0 ? "abort" : type == 1 ? "commit" : "unknown");
    put_number(object, "type", (int16_t)type);
    put_number(object, "version", (int16_t)load_u16(record.key.data));
    if (record.value.size >= VALUE_BYTES_MIN) {
        put_number(object, "coordinator-epoch", (int32_t)load_u32(record.value.data + 2));
    }
    return object;
}

static json_t *predecessors_json(struct slice predecessors)
{
    json_t *list = json_array();
    for (size_t i = 0; i < predecessors.size / PREDECESSOR_BYTES; i++) {
        struct predecessor p = predecessor_at(predecessors, i);
        json_t *row = json_object();
        put_number(row, "base-offset", p.base_offset);
        put_hex(row, "seal-prefix", p.seal_prefix, sizeof p.seal_prefix);
        put_hex(row, "producer-hash", p.producer, sizeof p.producer);
        json_array_append_new(list, row);
    }
    return list;
}

static json_t *recipients_json(struct slice recipients)
{
    json_t *list = json_array();
    for (size_t at = 0; at + RECIPIENT_ENTRY_BYTES <= recipients.size; at += RECIPIENT_ENTRY_BYTES) {
        json_t *row = json_object();
        put_hex(row, "recipient-id", recipients.data + at, RECIPIENT_ID_BYTES);
        put_hex(row, "wrapped-key", recipients.data + at + RECIPIENT_ID_BYTES, BOX_WRAPPED_BYTES);
        json_array_append_new(list, row);
    }
    return list;
}

static void put_sequence(json_t *object, uint64_t sequence)
{
    char text[24];
    if (sequence <= INT64_MAX) {
        put_number(object, "sequence", (int64_t)sequence);
    } else {
        snprintf(text, sizeof text, "%llu", (unsigned long long)sequence);
        put_word(object, "sequence", text);
    }
}

static void put_header(json_t *object, const struct envelope_header *h)
{
    put_topic_id(object, "topic-id", &h->place.topic);
    put_number(object, "partition", h->place.partition);
    put_hex(object, "writer", h->writer, sizeof h->writer);
    put_hex(object, "stream-id", h->stream, sizeof h->stream);
    put_sequence(object, h->sequence);
    put_hex(object, "previous-link", h->previous, sizeof h->previous);
    put_number(object, "seal-time-ms", h->seal_time_ms);
    put_hex(object, "nonce", h->nonce, sizeof h->nonce);
    put_hex(object, "key-commitment", h->commitment, sizeof h->commitment);
    json_t *inner = json_object();
    put_fields(inner, &h->inner);
    json_object_set_new(object, "inner", inner);
    put_escaped(object, "cluster-id", h->cluster_id);
    put_escaped(object, "topic-name", h->topic_name);
    put_escaped(object, "principal", h->principal);
    json_object_set_new(object, "predecessors", predecessors_json(h->predecessors));
    put_word(object, "key-scheme", "recipients");
    json_object_set_new(object, "recipients", recipients_json(h->recipients));
}

static json_t *seal_json(struct slice bytes)
{
    struct envelope e;
    json_t *object = json_object();
    signet_error error = envelope_read(bytes, &e);
    put_number(object, "envelope-bytes", (int64_t)bytes.size);
    if (bytes.size > ENVELOPE_MAGIC_BYTES + 1) {
        put_number(object, "version", bytes.data[ENVELOPE_MAGIC_BYTES]);
        put_number(object, "suite", bytes.data[ENVELOPE_MAGIC_BYTES + 1]);
    }
    if (error) {
        put_word(object, "error", signet_error_text(error));
        return object;
    }
    uint8_t id[SEAL_ID_BYTES], link[SHA256_BYTES];
    envelope_seal_id(e.header_bytes, e.ciphertext, e.tag, id);
    envelope_link(id, e.signature, link);
    put_number(object, "header-size", (int64_t)e.header_bytes.size);
    put_header(object, &e.header);
    put_number(object, "ciphertext-bytes", (int64_t)e.ciphertext.size);
    put_hex(object, "tag", e.tag, AEAD_TAG_BYTES);
    put_hex(object, "signature", e.signature, SIGN_BYTES);
    put_hex(object, "seal-id", id, sizeof id);
    put_hex(object, "link", link, sizeof link);
    put_bool(object, "signature-right", envelope_verify(e.header.writer, id, e.signature));
    return object;
}

/* LIMIT: more comes out than a sealed batch can have in it, so that it is none. */
static void put_content(json_t *object, const struct outer_codecs *codecs, const struct listing_item *item)
{
    struct outer_content content = { 0 };
    signet_error error = outer_read(codecs, item->owner, &item->batch, &content);
    struct slice value = slice_of(content.value, content.value_size);
    bool sealed = !error && envelope_has_magic(value);
    put_bool(object, "sealed", sealed);
    if (sealed) {
        json_object_set_new(object, "seal", seal_json(value));
    } else if (error && error != SIGNET_ERROR_LIMIT) {
        put_word(object, "records-error", signet_error_text(error));
    }
    outer_content_free(&content);
}

static void put_batch(json_t *object, const struct outer_codecs *codecs, const struct listing_item *item)
{
    const struct batch_header *h = &item->batch.header;
    put_number(object, "last-offset", batch_last_offset(h));
    put_number(object, "leader-epoch", h->leader_epoch);
    put_number(object, "crc", h->crc);
    put_bool(object, "crc-right", batch_crc_matches(&item->batch));
    put_fields(object, h);
    if (h->attributes & BATCH_CONTROL) {
        json_object_set_new(object, "marker", marker_json(&item->batch));
    } else if (h->record_count != 0) { /* compaction leaves empty ones */
        put_content(object, codecs, item);
    }
}

struct json_t *batch_json(const struct outer_codecs *codecs, const struct listing_item *item)
{
    static const char *const kinds[] = { "batch", "too large to be looked into", "torn tail", "preallocated zeros",
                                         "no batch of magic 2" };
    json_t *object = json_object();
    put_number(object, "position", (int64_t)item->position);
    put_number(object, "size", (int64_t)item->size);
    put_word(object, "kind", kinds[item->kind]);
    if (item->kind != LISTING_ZEROS) {
        put_number(object, "base-offset", item->base_offset);
        put_number(object, "magic", item->magic);
    }
    if (item->kind == LISTING_BATCH) {
        put_batch(object, codecs, item);
    }
    return object;
}
