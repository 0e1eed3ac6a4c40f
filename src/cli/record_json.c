/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/record_json.h"

#include <stdio.h>

#include <jansson.h>

#include "base/escape.h"
#include "base/wipe.h"
#include "crypto/aead.h"
#include "kafka/record.h"

enum { SHOWN_BYTES = 256, ESCAPED_BYTES_MAX = 4 * SHOWN_BYTES + 5, SHOWN_HEADERS = 32, FIRST_BYTES = 1024 * 1024 };

static void put_data(json_t *object, const char *name, const char *size_name, bool null, struct slice data)
{
    char text[ESCAPED_BYTES_MAX];
    if (null) {
        json_object_set_new(object, name, json_null());
        return;
    }
    escape_text(slice_of(data.data, data.size < SHOWN_BYTES ? data.size : SHOWN_BYTES), 0, text, sizeof text);
    json_object_set_new(object, size_name, json_integer((json_int_t)data.size));
    json_object_set_new(object, name, json_string(text));
    wipe(text, sizeof text);
}

static json_t *headers_json(struct slice headers)
{
    json_t *list = json_array();
    struct record_header header;
    while (json_array_size(list) < SHOWN_HEADERS && record_header_next(&headers, &header)) {
        json_t *row = json_object();
        put_data(row, "key", "key-bytes", false, header.key);
        put_data(row, "value", "value-bytes", header.value_null, header.value);
        json_array_append_new(list, row);
    }
    return list;
}

static json_t *record_json(const struct batch_header *h, const struct record *record)
{
    json_t *object = json_object();
    int64_t offset = (int64_t)((uint64_t)h->base_offset + (uint64_t)(int64_t)record->offset_delta);
    int64_t time = h->attributes & BATCH_LOG_APPEND_TIME
                       ? h->max_timestamp
                       : (int64_t)((uint64_t)h->base_timestamp + (uint64_t)record->timestamp_delta);
    json_object_set_new(object, "kind", json_string("record"));
    json_object_set_new(object, "offset", json_integer(offset));
    json_object_set_new(object, "timestamp-ms", json_integer(time));
    put_data(object, "key", "key-bytes", record->key_null, record->key);
    put_data(object, "value", "value-bytes", record->value_null, record->value);
    json_object_set_new(object, "header-count", json_integer(record->header_count));
    if (record->header_count > 0) {
        json_object_set_new(object, "headers", headers_json(record->headers));
    }
    return object;
}

static const char *show_section(const struct batch_header *h, struct slice section, record_hook *hook, void *context)
{
    struct record_reader records;
    struct record record;
    record_begin(&records, section, h->record_count);
    while (record_next(&records, &record)) {
        json_t *object = record_json(h, &record);
        hook(context, object);
        json_decref(object);
    }
    signet_error error = record_end(&records);
    return error ? signet_error_text(error) : NULL;
}

/* Nothing says how much comes out, so that room is made as it turns out to be needed. */
static signet_error decompress(const struct outer_codecs *codecs, enum batch_codec codec, struct slice section,
                               struct block **ret_block, size_t *ret_size)
{
    signet_error error = SIGNET_ERROR_LIMIT;
    for (size_t size = FIRST_BYTES; error == SIGNET_ERROR_LIMIT && size <= DECOMPRESSED_BYTES_MAX; size *= 2) {
        block_release(*ret_block);
        *ret_block = block_new(codecs->budget, size);
        if (!*ret_block) {
            return SIGNET_ERROR_OUT_OF_MEMORY;
        }
        (*ret_block)->secret = true;
        error = records_decompress(codecs->compression, codec, section, (*ret_block)->data, size, ret_size);
    }
    return error;
}

static const char *show_compressed(const struct outer_codecs *codecs, const struct batch_header *h,
                                   struct slice section, record_hook *hook, void *context)
{
    int codec = h->attributes & BATCH_CODEC_MASK;
    if (codec == BATCH_CODEC_NONE) {
        return show_section(h, section, hook, context);
    }
    struct block *block = NULL;
    size_t size = 0;
    signet_error error = decompress(codecs, (enum batch_codec)codec, section, &block, &size);
    const char *why = error ? signet_error_text(error) : show_section(h, slice_of(block->data, size), hook, context);
    block_release(block);
    return why;
}

static const char *show_sealed(const struct outer_codecs *codecs, struct inspect_keys *keys,
                               const struct outer_content *content, const struct batch_header *outer, record_hook *hook,
                               void *context)
{
    struct envelope e;
    const char *why;
    signet_error error = envelope_read(slice_of(content->value, content->value_size), &e);
    if (error) {
        return signet_error_text(error);
    }
    struct aead_key *key = inspect_keys_find(keys, &e, batch_last_offset(outer), &why);
    if (!key) {
        return why;
    }
    struct batch_header h = e.header.inner;
    h.base_offset = outer->base_offset;
    if (outer->attributes & BATCH_LOG_APPEND_TIME) {
        h.attributes |= BATCH_LOG_APPEND_TIME;
        h.max_timestamp = outer->max_timestamp;
    }
    uint8_t *text = content->value + e.header_bytes.size;
    content->owner->secret = true;
    if (aead_open(key, e.header.nonce, e.header_bytes, text, e.ciphertext.size, e.tag) != SIGNET_OK) {
        return "its tag does not verify";
    }
    why = show_compressed(codecs, &h, slice_of(text, e.ciphertext.size), hook, context);
    wipe(text, e.ciphertext.size);
    return why;
}

const char *records_show(const struct outer_codecs *codecs, struct inspect_keys *keys, const struct listing_item *item,
                         record_hook *hook, void *context)
{
    const struct batch *batch = &item->batch;
    struct outer_content content = { 0 };
    if (batch->header.record_count == 0 || batch->header.attributes & BATCH_CONTROL) {
        return NULL;
    }
    bool sealed = outer_read(codecs, item->owner, batch, &content) == SIGNET_OK &&
                  envelope_has_magic(slice_of(content.value, content.value_size));
    const char *why = sealed ? show_sealed(codecs, keys, &content, &batch->header, hook, context)
                             : show_compressed(codecs, &batch->header, batch->records, hook, context);
    outer_content_free(&content);
    return why;
}
