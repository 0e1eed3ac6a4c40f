/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/refusal_log.h"

#include "crypto/encoding.h"
#include "gateway/log.h"
#include "kafka/api.h"

/* The name in the trust file, or the key that the envelope claims. */
static struct slice writer_of(const struct open_finding *finding, char ret_hex[2 * WRITER_KEY_BYTES + 1])
{
    if (finding->writer_name) {
        return slice_of_text(finding->writer_name);
    }
    if (!finding->header) {
        return slice_of(NULL, 0);
    }
    hex_encode(slice_of(finding->header->writer, WRITER_KEY_BYTES), ret_hex);
    return slice_of_text(ret_hex);
}

void refusal_log_batch(struct log_limit *limit, const struct open_finding *finding, const struct refused_client *client,
                       int64_t now_ms)
{
    char hex[2 * WRITER_KEY_BYTES + 1], id[32];
    base64_encode(slice_of(finding->place.topic.bytes, TOPIC_ID_BYTES), BASE64_URL_UNPADDED, id);
    struct slice reason = finding->accepted_reason ? slice_of_text(finding->accepted_reason) : slice_of(NULL, 0);
    const struct log_field fields[] = {
        LOG_TEXT_FIELD("verdict", slice_of_text(verdict_word(finding->verdict))),
        LOG_TEXT_FIELD("topic", finding->topic_name),
        LOG_TEXT_FIELD("topic-id", slice_of_text(id)),
        LOG_NUMBER_FIELD("partition", finding->place.partition),
        LOG_NUMBER_FIELD("offset", finding->base_offset),
        LOG_NUMBER_FIELD("last-offset", finding->last_offset),
        LOG_NUMBER_FIELD("expected-offset", finding->expected_offset),
        LOG_NUMBER_FIELD("missed-offset", finding->missed_offset),
        LOG_TEXT_FIELD("writer", writer_of(finding, hex)),
        LOG_TEXT_FIELD("principal", client->principal),
        LOG_TEXT_FIELD("client", client->address),
        LOG_TEXT_FIELD("meaning", slice_of_text(verdict_meaning(finding->verdict))),
        LOG_TEXT_FIELD("accepted", reason),
        { 0 },
    };
    const struct log_line line = {
        .level = finding->accepted_reason ? LOG_WARNING : LOG_ERROR,
        .event = finding->accepted_reason ? "batch-accepted" : "batch-refused",
        .fields = fields,
        .alike = 10, /* all but where the client is: it connects anew, and asks again */
    };
    log_limit_tell(limit, &line, now_ms);
}

void refusal_log_request(struct log_limit *limit, const struct request_refusal *refusal,
                         const struct refused_client *client, int64_t now_ms)
{
    struct slice hint = refusal->hint ? slice_of_text(refusal->hint) : slice_of(NULL, 0);
    const struct log_field fields[] = {
        LOG_TEXT_FIELD("topic", refusal->topic_name),
        LOG_NUMBER_FIELD("error-code", refusal->error_code),
        LOG_TEXT_FIELD("why", slice_of_text(refusal->why)),
        LOG_TEXT_FIELD("principal", client->principal),
        LOG_NUMBER_FIELD("partition", refusal->partition),
        LOG_NUMBER_FIELD("partitions", refusal->partitions),
        LOG_TEXT_FIELD("hint", hint),
        LOG_TEXT_FIELD("client", client->address),
        { 0 },
    };
    const struct log_line line = {
        .level = LOG_WARNING,
        .event = refusal->api_key == API_PRODUCE ? "produce-refused" : "fetch-refused",
        .fields = fields,
        .alike = 4, /* one request can name thousands of partitions */
    };
    log_limit_tell(limit, &line, now_ms);
}
