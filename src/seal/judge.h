/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judging: the batches of one partition, as they stand in a log, get their
 * verdicts (spec/sealed-batch.md, section 8, rules 1 to 13, and exceptions).
 * No data key is needed for it, so that readers and auditors judge alike.
 *
 * The rule to keep: a verdict depends on nothing but the batches, what was
 * known beforehand, and what is remembered of those before them.
 */
#ifndef SIGNET_SEAL_JUDGE_H
#define SIGNET_SEAL_JUDGE_H

#include "seal/ahead.h"
#include "seal/follow.h"
#include "seal/outcome.h"
#include "seal/outer.h"

/* The rules of section 8.1 that judging applies, by their numbers there. */
enum judge_rule {
    RULE_FRAME = 1,
    RULE_CRC = 2,
    RULE_MARKER = 3,
    RULE_RECORDS = 4,
    RULE_CLEAR = 5,
    RULE_VERSION = 6,
    RULE_ENVELOPE = 7,
    RULE_WRITER = 8,
    RULE_SIGNATURE = 9,
    RULE_PLACE = 10,
    RULE_OUTER = 11,
    RULE_TRUST = 12,
    RULE_ORDER = 13,
    RULE_NONE = 16, /* no other has anything against it */
};

/* One batch of a run. */
struct judged {
    struct batch batch;
    enum verdict verdict;
    enum judge_rule rule; /* that made the verdict; judge_revise leaves it */
    bool sealed;          /* there is an envelope, well-formed */
    bool unframed;        /* by rule 1: only its BaseOffset is known, and nothing of where it ends */
    bool settled;         /* the verdict will not change */
    bool vouched;         /* a verified batch names its link */
    bool marker;          /* a control batch, and */
    bool commit;          /* what it says */
    struct outer_content content;
    struct envelope envelope;
    uint8_t seal_id[SEAL_ID_BYTES];
    uint8_t link[SHA256_BYTES];
    const struct trusted_writer *writer;
    struct follow_finding finding;
    const struct accepted_exception *exception; /* by which a bad verdict is accepted */
};

/* Who asks, and so what can be claimed, and where judging ends. */
enum judge_mode {
    JUDGE_READER, /* stops at the first batch that is refused */
    JUDGE_SUBSET, /* a share group: no claim of absence; goes on behind a refused batch */
    JUDGE_SURVEY, /* wants every finding: goes on behind a refused batch, of which only the offsets are remembered */
};

/* Memory that is kept from run to run; starts as all zero. */
struct judge_scratch {
    struct judged *batches;
    size_t capacity;
};
void judge_scratch_free(struct judge_scratch *scratch);

/* What is remembered of a partition from run to run: of responses or of windows.  Starts as all zero. */
struct judge_partition {
    struct follow follow;
    struct outcomes outcomes;
    int64_t next_offset;
    struct follow_pass survey; /* a survey's, which is one pass over all its runs */
};
void judge_partition_free(struct judge_partition *partition);
/* A survey begins, or begins anew, at `offset`: nothing is remembered, and a batch must begin there. */
void judge_survey_begin(struct judge_partition *partition, int64_t offset);
/* What stood up to `offset` has been told of: a survey goes on there. */
void judge_survey_skip(struct judge_partition *partition, int64_t offset);

struct judge_request {
    struct place place;
    struct slice topic_name;
    enum timestamp_type timestamp_type;
    int64_t append_skew_ms;
    int64_t fetch_offset; /* the first one asked for; a survey begins with judge_survey_begin instead */
    enum judge_mode mode;
    bool read_committed;
    struct aborted_transaction *aborted; /* with read_committed; sorted in place */
    size_t aborted_count;
    struct ahead *ahead; /* finished; NULL: nothing was computed ahead */
};

/* One run of batches: their verdicts, until judge_end. */
struct judge_run {
    const struct trust *trust;
    struct outer_codecs codecs;
    struct judge_scratch *scratch;
    const struct judge_request *request;
    struct judge_partition *partition;
    struct judged *batches; /* `count` of them were found, of which the first `judged_count` have their verdict */
    size_t count, judged_count;
    size_t used_bytes; /* from the start of the records to behind the last batch found */
    /* Its own. */
    size_t decompressed_bytes;
    bool cut_over_known; /* looked up when first asked for: the table can be long */
    int64_t cut_over;
    struct follow_pass follow;
    struct outcome_pass outcome;
};

/*
 * Judges `records`, which lie in `owner`, as far as limits allow; the first
 * five members of `run` are set, the others zero.  OUT_OF_MEMORY when it
 * could not be told.  To be followed by judge_end in any case.
 */
signet_error judge_records(struct judge_run *run, struct block *owner, struct slice records);
void judge_end(struct judge_run *run);

/* Its content is delivered, if it can be decrypted: the verdict is good, or bad only for where it stands and accepted. */
bool judged_is_delivered(const struct judged *batch);
/* Nothing of it is delivered, and a reader goes no further. */
bool judge_stops_at(const struct judge_run *run, const struct judged *batch);
/* A verdict that comes after rule 13, in place of one that had been accepted or was good. */
void judge_revise(const struct judge_run *run, struct judged *batch, enum verdict verdict);

#endif
