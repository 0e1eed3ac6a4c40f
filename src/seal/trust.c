/* SPDX-License-Identifier: Apache-2.0 */
#include "seal/trust.h"

#include <stdlib.h>

void trust_free(struct trust *trust)
{
    for (size_t i = 0; i < trust->writer_count; i++) {
        struct trusted_writer *writer = &trust->writers[i];
        for (size_t t = 0; t < writer->topic_count; t++) {
            free(writer->topics[t]);
        }
        for (size_t g = 0; g < writer->last_good_count; g++) {
            free(writer->last_good[g].topic);
        }
        free(writer->topics);
        free(writer->last_good);
    }
    for (size_t i = 0; i < trust->cut_over_count; i++) {
        free(trust->cut_overs[i].topic);
    }
    for (size_t i = 0; i < trust->exception_count; i++) {
        free(trust->exceptions[i].topic);
        free(trust->exceptions[i].reason);
    }
    free(trust->writers);
    free(trust->cut_overs);
    free(trust->exceptions);
    *trust = (struct trust){ 0 };
}

bool place_equal(const struct place *a, const struct place *b)
{
    return a->partition == b->partition && topic_id_equal(&a->topic, &b->topic);
}

/* Greedy with one point to return to, so that time is bounded by pattern times text. */
bool pattern_matches(const char *pattern, struct slice text)
{
    const char *star = NULL;
    size_t at = 0, star_at = 0;
    while (at < text.size) {
        if (*pattern == '*') {
            star = ++pattern;
            star_at = at;
        } else if (*pattern != '\0' && (*pattern == '?' || (uint8_t)*pattern == text.data[at])) {
            pattern++;
            at++;
        } else if (star) {
            pattern = star;
            at = ++star_at;
        } else {
            return false;
        }
    }
    while (*pattern == '*') {
        pattern++;
    }
    return *pattern == '\0';
}

static size_t literal_prefix(const char *pattern)
{
    return strcspn(pattern, "*?");
}

static size_t literal_bytes(const char *pattern)
{
    size_t count = 0;
    for (; *pattern; pattern++) {
        count += *pattern != '*' && *pattern != '?';
    }
    return count;
}

static int compare_sizes(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

int pattern_compare(const char *a, const char *b)
{
    bool a_exact = a[literal_prefix(a)] == '\0', b_exact = b[literal_prefix(b)] == '\0';
    if (a_exact != b_exact) {
        return a_exact ? 1 : -1;
    }
    int by_prefix = compare_sizes(literal_prefix(a), literal_prefix(b));
    return by_prefix ? by_prefix : compare_sizes(literal_bytes(a), literal_bytes(b));
}

const struct trusted_writer *trust_find_writer(const struct trust *trust, const uint8_t key[WRITER_KEY_BYTES])
{
    for (size_t i = 0; i < trust->writer_count; i++) {
        if (memcmp(trust->writers[i].key, key, WRITER_KEY_BYTES) == 0) {
            return &trust->writers[i];
        }
    }
    return NULL;
}

bool trusted_writer_may_write(const struct trusted_writer *writer, struct slice topic)
{
    for (size_t i = 0; i < writer->topic_count; i++) {
        if (pattern_matches(writer->topics[i], topic)) {
            return true;
        }
    }
    return false;
}

bool trusted_writer_valid_at(const struct trusted_writer *writer, int64_t seal_time_ms)
{
    return seal_time_ms >= writer->not_before_ms && seal_time_ms <= writer->not_after_ms;
}

static bool row_applies(const struct place *row_place, const char *row_topic, const struct place *place,
                        struct slice topic)
{
    return place_equal(row_place, place) && slice_equal_text(topic, row_topic);
}

bool trusted_writer_believed_at(const struct trusted_writer *writer, const struct place *place, struct slice topic,
                                int64_t last_offset)
{
    if (!writer->revoked) {
        return true;
    }
    for (size_t i = 0; i < writer->last_good_count; i++) {
        const struct last_good *good = &writer->last_good[i];
        if (row_applies(&good->place, good->topic, place, topic)) {
            return last_offset <= good->offset;
        }
    }
    return false;
}

int64_t trust_cut_over(const struct trust *trust, const struct place *place, struct slice topic)
{
    for (size_t i = 0; i < trust->cut_over_count; i++) {
        const struct cut_over *cut_over = &trust->cut_overs[i];
        if (row_applies(&cut_over->place, cut_over->topic, place, topic)) {
            return cut_over->offset;
        }
    }
    return 0;
}

const struct accepted_exception *trust_find_exception(const struct trust *trust, const struct place *place,
                                                      struct slice topic, int64_t first_offset, int64_t last_offset)
{
    for (size_t i = 0; i < trust->exception_count; i++) {
        const struct accepted_exception *exception = &trust->exceptions[i];
        if (row_applies(&exception->place, exception->topic, place, topic) && first_offset <= last_offset &&
            exception->first_offset <= first_offset && exception->last_offset >= last_offset) {
            return exception;
        }
    }
    return NULL;
}
