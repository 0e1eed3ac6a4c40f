/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/why_json.h"

#include <jansson.h>

#include "cli/json_put.h"

/* What each rule compared. */

static void put_frame(json_t *row, const struct judge_run *run, const struct judged *item)
{
    (void)run;
    put_number(row, "magic", batch_magic(item->batch.bytes));
    put_number(row, "size", (int64_t)item->batch.bytes.size);
}

static void put_crc(json_t *row, const struct judge_run *run, const struct judged *item)
{
    (void)run;
    struct slice bytes = item->batch.bytes;
    put_number(row, "crc", item->batch.header.crc);
    put_number(row, "crc-of-the-bytes", crc32c(slice_of(bytes.data + BATCH_CRC_START, bytes.size - BATCH_CRC_START)));
}

static void put_marker(json_t *row, const struct judge_run *run, const struct judged *item)
{
    (void)run;
    put_bool(row, "control", (item->batch.header.attributes & BATCH_CONTROL) != 0);
    put_bool(row, "transactional", (item->batch.header.attributes & BATCH_TRANSACTIONAL) != 0);
    if (item->marker) {
        put_escaped(row, "marker", slice_of_text(item->commit ? "commit" : "abort"));
    }
}

static void put_records(json_t *row, const struct judge_run *run, const struct judged *item)
{
    (void)run;
    put_number(row, "record-count", item->batch.header.record_count);
    put_number(row, "codec", item->batch.header.attributes & BATCH_CODEC_MASK);
}

static void put_clear(json_t *row, const struct judge_run *run, const struct judged *item)
{
    put_bool(row, "envelope", item->rule != RULE_CLEAR);
    put_number(row, "last-offset", batch_last_offset(&item->batch.header));
    put_number(row, "cut-over", trust_cut_over(run->trust, &run->request->place, run->request->topic_name));
}

/* Where a broker has recompressed what has no right envelope, the two are not at hand any more. */
static void put_version(json_t *row, const struct judge_run *run, const struct judged *item)
{
    (void)run;
    struct slice value;
    if (outer_value_in_place(&item->batch, &value) && value.size > ENVELOPE_MAGIC_BYTES + 1) {
        put_number(row, "version", value.data[ENVELOPE_MAGIC_BYTES]);
        put_number(row, "suite", value.data[ENVELOPE_MAGIC_BYTES + 1]);
    }
}

static void put_envelope(json_t *row, const struct judge_run *run, const struct judged *item)
{
    (void)run;
    if (item->sealed) {
        put_number(row, "header-size", (int64_t)item->envelope.header_bytes.size);
        put_number(row, "ciphertext-bytes", (int64_t)item->envelope.ciphertext.size);
    }
}

static void put_writer(json_t *row, const struct judge_run *run, const struct judged *item)
{
    (void)run;
    put_hex(row, "writer", item->envelope.header.writer, WRITER_KEY_BYTES);
    if (item->writer) {
        put_escaped(row, "writer-name", slice_of_text(item->writer->name));
    }
}

static void put_signature(json_t *row, const struct judge_run *run, const struct judged *item)
{
    (void)run;
    put_hex(row, "seal-id", item->seal_id, SEAL_ID_BYTES);
    put_bool(row, "vouched-for-by-a-link", item->vouched);
}

static void put_place(json_t *row, const struct judge_run *run, const struct judged *item)
{
    const struct envelope_header *h = &item->envelope.header;
    put_escaped(row, "cluster-id", h->cluster_id);
    put_escaped(row, "cluster-id-here", slice_of_text(run->trust->cluster_id));
    put_topic_id(row, "topic-id", &h->place.topic);
    put_topic_id(row, "topic-id-here", &run->request->place.topic);
    put_escaped(row, "topic-name", h->topic_name);
    put_escaped(row, "topic-name-here", run->request->topic_name);
    put_number(row, "partition", h->place.partition);
    put_number(row, "partition-here", run->request->place.partition);
}

static void put_outer(json_t *row, const struct judge_run *run, const struct judged *item)
{
    const struct judge_request *request = run->request;
    const struct envelope_header *h = &item->envelope.header;
    const struct batch_header *outer = &item->batch.header, *inner = &h->inner;
    const char *fault =
        outer_fault(&run->codecs, &item->batch, &item->content, h, request->timestamp_type, request->append_skew_ms);
    json_object_set_new(row, "not-as-it-may-be", fault ? json_string(fault) : json_null());
    bool appended = request->timestamp_type == TIMESTAMP_LOG_APPEND_TIME;
    put_escaped(row, "timestamp-type-by-policy", slice_of_text(appended ? "LogAppendTime" : "CreateTime"));
    const struct {
        const char *name, *inner_name;
        int64_t outer, inner;
    } pairs[] = {
        { "attributes", "inner-attributes", (uint16_t)outer->attributes, (uint16_t)inner->attributes },
        { "last-offset-delta", "inner-last-offset-delta", outer->last_offset_delta, inner->last_offset_delta },
        { "base-timestamp-ms", "inner-base-timestamp-ms", outer->base_timestamp, inner->base_timestamp },
        { "max-timestamp-ms", "inner-max-timestamp-ms", outer->max_timestamp, inner->max_timestamp },
        { "producer-id", "inner-producer-id", outer->producer_id, inner->producer_id },
        { "producer-epoch", "inner-producer-epoch", outer->producer_epoch, inner->producer_epoch },
        { "base-sequence", "inner-base-sequence", outer->base_sequence, inner->base_sequence },
        { "record-count", "inner-record-count", outer->record_count, inner->record_count },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        put_number(row, pairs[i].name, pairs[i].outer);
        put_number(row, pairs[i].inner_name, pairs[i].inner);
    }
}

static void put_bound(json_t *row, const char *name, int64_t time_ms)
{
    if (time_ms != INT64_MIN && time_ms != INT64_MAX) {
        put_number(row, name, time_ms);
    }
}

static void put_last_good(json_t *row, const struct judge_run *run, const struct trusted_writer *writer)
{
    for (size_t i = 0; i < writer->last_good_count; i++) {
        const struct last_good *good = &writer->last_good[i];
        if (place_equal(&good->place, &run->request->place) &&
            slice_equal_text(run->request->topic_name, good->topic)) {
            put_number(row, "last-good-offset", good->offset);
        }
    }
}

static void put_trust(json_t *row, const struct judge_run *run, const struct judged *item)
{
    const struct trusted_writer *writer = item->writer;
    put_bool(row, "may-write-topic", trusted_writer_may_write(writer, item->envelope.header.topic_name));
    put_number(row, "seal-time-ms", item->envelope.header.seal_time_ms);
    put_bound(row, "not-before-ms", writer->not_before_ms);
    put_bound(row, "not-after-ms", writer->not_after_ms);
    put_bool(row, "revoked", writer->revoked);
    put_number(row, "last-offset", batch_last_offset(&item->batch.header));
    put_last_good(row, run, writer);
}

static void put_order(json_t *row, const struct judge_run *run, const struct judged *item)
{
    (void)run;
    put_number(row, "base-offset", item->batch.header.base_offset);
    if (item->finding.expected_offset >= 0) {
        put_number(row, "expected-offset", item->finding.expected_offset);
    }
    if (item->finding.missed_offset >= 0) {
        put_number(row, "missed-offset", item->finding.missed_offset);
    }
    if (item->sealed) {
        char sequence[24];
        snprintf(sequence, sizeof sequence, "%llu", (unsigned long long)item->envelope.header.sequence);
        put_hex(row, "stream-id", item->envelope.header.stream, STREAM_ID_BYTES);
        put_escaped(row, "sequence", slice_of_text(sequence));
    }
}

struct rule_row {
    enum judge_rule rule;
    const char *asks;
    void (*put)(json_t *row, const struct judge_run *run, const struct judged *item); /* NULL: nothing was compared */
};

static const struct rule_row rules[] = {
    { RULE_FRAME, "magic is 2, and the length possible", put_frame },
    { RULE_CRC, "the CRC is that of the bytes", put_crc },
    { RULE_MARKER, "a control batch is one transaction marker", put_marker },
    { RULE_RECORDS, "the records are well-formed", put_records },
    { RULE_CLEAR, "there is an envelope, or it stands before the cut-over", put_clear },
    { RULE_VERSION, "version and suite are known", put_version },
    { RULE_ENVELOPE, "the envelope is well-formed", put_envelope },
    { RULE_WRITER, "the trust file has its writer", put_writer },
    { RULE_SIGNATURE, "signed by its writer", put_signature },
    { RULE_PLACE, "sealed for this place", put_place },
    { RULE_OUTER, "only what a broker may change was changed", put_outer },
    { RULE_TRUST, "the writer is trusted for topic, time and offset", put_trust },
    { RULE_ORDER, "it follows what stands before it", put_order },
    { RULE_NONE, "nothing else is against it", NULL },
};

/* A marker has no envelope, and nor has a batch in clear; both have a place in the order. */
static bool was_asked(const struct judged *item, enum judge_rule rule)
{
    enum judge_rule last = item->rule, own = item->marker ? RULE_MARKER : RULE_CLEAR;
    bool in_order = rule == RULE_ORDER && verdict_is_good(item->verdict);
    bool without_envelope = last == RULE_ORDER && !item->sealed;
    return rule == last || in_order || (rule < last && !(without_envelope && rule > own));
}

static json_t *rule_json(const struct rule_row *rule, const struct judge_run *run, const struct judged *item)
{
    bool asked = was_asked(item, rule->rule);
    const char *state = rule->rule == item->rule ? "made the verdict" : asked ? "held" : "not asked";
    json_t *row = json_pack("{s:i, s:s, s:s}", "rule", (int)rule->rule, "state", state, "asks", rule->asks);
    if (row && asked && rule->put) {
        rule->put(row, run, item);
    }
    return row;
}

static json_t *accepted_json(const struct accepted_exception *exception)
{
    json_t *object = json_object();
    put_number(object, "first-offset", exception->first_offset);
    put_number(object, "last-offset", exception->last_offset);
    put_escaped(object, "reason", slice_of_text(exception->reason ? exception->reason : ""));
    return object;
}

struct json_t *why_json(const struct judge_run *run, const struct judged *item)
{
    json_t *list = json_array();
    int64_t base = item->batch.header.base_offset,
            last = item->unframed ? base : batch_last_offset(&item->batch.header);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        json_array_append_new(list, rule_json(&rules[i], run, item));
    }
    json_t *object = json_pack("{s:s, s:I, s:I, s:s, s:i, s:s, s:o}", "kind", "batch", "base-offset", (json_int_t)base,
                               "last-offset", (json_int_t)last, "verdict", verdict_word(item->verdict), "by-rule",
                               (int)item->rule, "meaning", verdict_meaning(item->verdict), "rules", list);
    if (object && item->exception) {
        json_object_set_new(object, "accepted", accepted_json(item->exception));
    }
    return object;
}
