/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/refusal_log.h"

#include "crypto/encoding.h"
#include "gateway/log.h"
#include "kafka/api.h"

enum { REPEAT_MS = 10 * 1000 };

void refusal_log_flush(struct refusal_log *log)
{
    if (log->repeated == 0) {
        return;
    }
    const struct log_field fields[] = {
        LOG_TEXT_FIELD("verdict", slice_of_text(verdict_word(log->verdict))),
        LOG_NUMBER_FIELD("partition", log->place.partition),
        LOG_NUMBER_FIELD("offset", log->offset),
        LOG_NUMBER_FIELD("times", (int64_t)log->repeated),
        { 0 },
    };
    log_event(LOG_WARNING, "batch-refused-again", fields);
    log->repeated = 0;
}

static bool is_repeated(struct refusal_log *log, const struct open_finding *finding, int64_t now_ms)
{
    bool same = log->told_ms != 0 && log->verdict == finding->verdict && log->offset == finding->base_offset &&
                place_equal(&log->place, &finding->place);
    if (same && now_ms - log->told_ms < REPEAT_MS) {
        log->repeated++;
        return true;
    }
    refusal_log_flush(log);
    log->place = finding->place;
    log->offset = finding->base_offset;
    log->verdict = finding->verdict;
    log->told_ms = now_ms;
    return false;
}

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

void refusal_log_batch(struct refusal_log *log, const struct open_finding *finding, struct slice principal,
                       struct slice client, int64_t now_ms)
{
    char hex[2 * WRITER_KEY_BYTES + 1], id[32];
    if (is_repeated(log, finding, now_ms)) {
        return;
    }
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
        LOG_TEXT_FIELD("principal", principal),
        LOG_TEXT_FIELD("client", client),
        LOG_TEXT_FIELD("meaning", slice_of_text(verdict_meaning(finding->verdict))),
        LOG_TEXT_FIELD("accepted", reason),
        { 0 },
    };
    log_event(finding->accepted_reason ? LOG_WARNING : LOG_ERROR,
              finding->accepted_reason ? "batch-accepted" : "batch-refused", fields);
}

void refusal_log_request(const struct request_refusal *refusal, struct slice principal, struct slice client)
{
    struct slice hint = refusal->hint ? slice_of_text(refusal->hint) : slice_of(NULL, 0);
    const struct log_field fields[] = {
        LOG_TEXT_FIELD("topic", refusal->topic_name),
        LOG_NUMBER_FIELD("partition", refusal->partition),
        LOG_NUMBER_FIELD("error-code", refusal->error_code),
        LOG_TEXT_FIELD("why", slice_of_text(refusal->why)),
        LOG_TEXT_FIELD("hint", hint),
        LOG_TEXT_FIELD("principal", principal),
        LOG_TEXT_FIELD("client", client),
        { 0 },
    };
    log_event(LOG_WARNING, refusal->api_key == API_PRODUCE ? "produce-refused" : "fetch-refused", fields);
}
