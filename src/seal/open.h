/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening: the records of one partition, as a broker returned them, become the
 * producers' batches again, as far as they are good (spec/sealed-batch.md,
 * section 8).  Records are decrypted where they lie and the producer's header
 * is put before them, so nothing is copied.
 *
 * The rule to keep: nothing is appended to the output that has not been given
 * a good verdict, and what stands before the first bad batch is delivered.
 */
#ifndef SIGNET_SEAL_OPEN_H
#define SIGNET_SEAL_OPEN_H

#include "base/gather.h"
#include "seal/judge.h"

/* A bad batch, or one that has been accepted as an exception. */
struct open_finding {
    enum verdict verdict;
    struct place place;
    struct slice topic_name;
    int64_t base_offset, last_offset;
    int64_t expected_offset;              /* wrong offset: what should have come; else -1 */
    int64_t missed_offset;                /* removed: the predecessor's; else -1 */
    const struct envelope_header *header; /* what the envelope claims; NULL when there is none */
    const char *writer_name;              /* from the trust file; NULL when not there */
    const char *accepted_reason;          /* NULL unless an exception covers it */
};

/* Where data keys come from (keys/unwrap_cache.h, or a key service). */
struct open_keys {
    /* The key of an envelope whose signature and trust have been checked; NULL when there is none. */
    struct aead_key *(*find)(void *context, const struct envelope *envelope);
    void *context;
};

/* What a thread needs to decrypt. */
struct open_thread {
    struct aead_context *context;
};

/* What stays the same from response to response; one thread at a time. */
struct opener {
    const struct trust *trust;
    struct outer_codecs codecs;
    struct open_keys keys;
    void (*report)(void *context, const struct open_finding *finding);
    void *report_context;
    struct crew *crew; /* may be NULL */
    /* Scratch. */
    struct judge_scratch judging;
    struct opening *openings;
    size_t opening_capacity;
    struct open_thread *threads; /* for the owner and each of the crew */
};
/* Frees the scratch. */
void opener_free(struct opener *opener);

struct open_request {
    struct place place;
    struct slice topic_name;
    enum timestamp_type timestamp_type;
    int64_t append_skew_ms;
    int64_t fetch_offset;
    bool share_group;
    bool read_committed;
    struct aborted_transaction *aborted; /* with read_committed; sorted in place */
    size_t aborted_count;
    struct ahead *ahead; /* finished; NULL: the response is small, and opened by this thread alone */
};

struct offset_range {
    int64_t first, last;
};

struct open_result {
    enum verdict refused;        /* of the first bad batch; VERDICT_AUTHENTIC when there was none */
    size_t delivered;            /* batches appended */
    struct offset_range *ranges; /* share group: what was appended, in order; to be freed by the caller */
    size_t range_count;
};

/*
 * Opens `records`, which lie in `owner`, and appends what is good to `ret_out`:
 * all before the first bad batch, or for a share group all good ones.
 * OUT_OF_MEMORY or CRYPTO when it could not be told; then nothing is appended.
 */
signet_error open_records(struct opener *opener, const struct open_request *request, struct judge_partition *partition,
                          struct block *owner, struct slice records, struct gather *ret_out,
                          struct open_result *ret_result);

#endif
