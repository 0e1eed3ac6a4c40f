/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trust: what a reader believes before it has seen a single byte of a log.
 * Which cluster this is, who may write which topic and when, from which
 * offset a topic has been sealed, and which known-bad batches an operator has
 * accepted.  It is read from a file (spec/trust-file.md) and never learnt from
 * brokers or from the data.
 *
 * The tables are plain memory, filled once by whoever read the file and
 * read-only from then on, so that threads can share one.
 */
#ifndef SIGNET_SEAL_TRUST_H
#define SIGNET_SEAL_TRUST_H

#include "base/limits.h"
#include "base/slice.h"
#include "crypto/hash.h"
#include "kafka/topic.h"

enum {
    WRITER_KEY_BYTES = 32,
    WRITER_NAME_BYTES_MAX = 64,
};

/* A partition of one incarnation of a topic. */
struct place {
    struct topic_id topic;
    int32_t partition;
};

/*
 * Each row about a place has the topic's name beside its id, and applies to
 * what is read under both: which id a name has is the brokers' word, and what
 * is said of one topic must not be had for another by giving out its id.
 */
struct last_good {
    struct place place;
    char *topic;
    int64_t offset; /* of the last record that is still believed */
};

struct trusted_writer {
    char name[WRITER_NAME_BYTES_MAX + 1];
    uint8_t key[WRITER_KEY_BYTES];
    char **topics; /* patterns: `*` and `?` as in glob(7), nothing else is special */
    size_t topic_count;
    int64_t not_before_ms, not_after_ms; /* Unix time, both inclusive; INT64_MIN and INT64_MAX when open */
    bool revoked;
    struct last_good *last_good; /* when revoked: partitions not listed have nothing good */
    size_t last_good_count;
};

struct cut_over {
    struct place place;
    char *topic;
    int64_t offset; /* the first offset that must be sealed */
};

struct accepted_exception {
    struct place place;
    char *topic;
    int64_t first_offset, last_offset; /* inclusive */
    char *reason;
};

struct trust {
    char cluster_id[CLUSTER_ID_BYTES_MAX + 1];
    struct trusted_writer *writers;
    size_t writer_count;
    struct cut_over *cut_overs;
    size_t cut_over_count;
    struct accepted_exception *exceptions;
    size_t exception_count;
    uint8_t digest[SHA256_BYTES]; /* of the file that it was read from */
};

/* Frees what the tables own, not the struct itself. */
void trust_free(struct trust *trust);

/* NULL when the key is in no entry. */
const struct trusted_writer *trust_find_writer(const struct trust *trust, const uint8_t key[WRITER_KEY_BYTES]);
bool trusted_writer_may_write(const struct trusted_writer *writer, struct slice topic);
bool trusted_writer_valid_at(const struct trusted_writer *writer, int64_t seal_time_ms);
/* False when the writer is revoked and the batch does not end at or before the last good offset there. */
bool trusted_writer_believed_at(const struct trusted_writer *writer, const struct place *place, struct slice topic,
                                int64_t last_offset);

/* 0 when there is none. */
int64_t trust_cut_over(const struct trust *trust, const struct place *place, struct slice topic);
/* The entry that accepts all of [first, last], so that none reaches further than was looked into; NULL when there is none. */
const struct accepted_exception *trust_find_exception(const struct trust *trust, const struct place *place,
                                                      struct slice topic, int64_t first_offset, int64_t last_offset);

/* `*` any run, `?` any one byte; the whole text must match. */
bool pattern_matches(const char *pattern, struct slice text);
/* More specific patterns compare greater: an exact name, then the longest literal prefix, then the most literal bytes. */
int pattern_compare(const char *a, const char *b);
bool place_equal(const struct place *a, const struct place *b);

#endif
