/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logs of the ledger, from authentic records that came in any order
 * (spec/ledger.md, section 6, "One log").  Of each record a line of about a
 * hundred bytes goes to a temporary file, and is judged in the log's own
 * order once all have come: memory does not grow with the ledger.
 */
#ifndef SIGNET_VERIFY_LEDGER_LOGS_H
#define SIGNET_VERIFY_LEDGER_LOGS_H

#include "seal/ledger_record.h"
#include "seal/trust.h"
#include "verify/named_logs.h"
#include "verify/spool.h"

struct seen_log {
    char origin[LEDGER_ORIGIN_BYTES_MAX + 1];
    const struct trusted_writer *writer;
    uint8_t instance[LEDGER_INSTANCE_BYTES];
    uint32_t interval_ms; /* as its opening promised */
    /* Once it was judged: */
    bool live;            /* neither closed nor retired */
    int64_t last_ms;      /* in its last record */
    uint64_t forked_from; /* the first record that is not believed; UINT64_MAX: there is none */
};

enum { LEDGER_ENTRY_NO_LOG = LEDGER_LOGS_MAX };

/* What a leaf says of a place, kept to be held against what is stored there. */
struct ledger_entry {
    struct place place;    /* of a deleted topic: partition -1 */
    enum ledger_kind kind; /* a batch, or a deletion */
    uint32_t log;          /* LEDGER_ENTRY_NO_LOG: of a revoked writer */
    uint64_t record;
    const struct trusted_writer *writer;
    int64_t first, last; /* offsets; of deleted records `first` is the low watermark */
    int64_t time_ms;     /* what retention goes by */
    int64_t entered_ms;  /* of its record, as the writer claims */
    uint32_t bytes;
    bool acknowledged_by_all;
    uint8_t seal_id[SEAL_ID_BYTES];
    uint8_t producer[PRODUCER_HASH_BYTES];
    bool met;        /* its place was looked at */
    uint8_t match;   /* how, while its place is looked at */
    uint64_t behind; /* bytes of entries behind it */
};

/* What a leaf calls a topic. */
struct seen_name {
    struct topic_id topic;
    uint32_t log;
    uint64_t record;
    char name[TOPIC_NAME_BYTES_MAX + 1];
};

/* Starts as all zero. */
struct ledger_logs {
    struct seen_log *logs;
    size_t count, capacity;
    struct named_logs named;
    struct spool lines;
    bool keeps_entries;
    struct spool entries, names; /* with keeps_entries */
    uint64_t batches;            /* leaves of that kind */
    int64_t first_ms, last_ms;
};

/* One that is authentic, of that writer.  LIMIT for more logs than there may be, given or named; SYSTEM with errno; OUT_OF_MEMORY. */
signet_error ledger_logs_add(struct ledger_logs *logs, const struct ledger_record *record,
                             const struct trusted_writer *writer, const uint8_t root_before[SHA256_BYTES]);
/* A record of a revoked writer: only its batches are kept, to be believed as far as the trust file says.  Errors as above. */
signet_error ledger_logs_add_revoked(struct ledger_logs *logs, const struct ledger_record *record,
                                     const struct trusted_writer *writer);
/* After the last one.  SYSTEM with errno. */
signet_error ledger_logs_judge(struct ledger_logs *logs, const struct ledger_logs_policy *policy,
                               struct ledger_findings *findings);
void ledger_logs_free(struct ledger_logs *logs);

#endif
