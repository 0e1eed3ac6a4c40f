/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing: a producer's record batch becomes a sealed one (spec/sealed-batch.md,
 * sections 2 to 7).  The records are encrypted where they lie; what goes before
 * and behind them is written to scratch, so nothing is copied.
 *
 * The rule to keep: a stream moves on only when a batch has been sealed whole.
 */
#ifndef SIGNET_SEAL_SEAL_H
#define SIGNET_SEAL_SEAL_H

#include "base/gather.h"
#include "kafka/zstd_frame.h"
#include "seal/envelope.h"

/* One writer process, one connection, one partition; never resumed. */
struct seal_stream {
    uint8_t id[STREAM_ID_BYTES];
    uint64_t next_sequence;
    uint8_t link[SHA256_BYTES];
};

/* Fresh randomness, sequence 0. */
void seal_stream_init(struct seal_stream *stream);

/* A data key as a sealer uses it; owned by whoever rotates it. */
struct seal_key {
    struct aead_key *aead;
    uint8_t commitment[COMMITMENT_BYTES];
    uint8_t *recipients; /* RECIPIENT_ENTRY_BYTES each */
    size_t recipients_size;
};

/* What stays the same from batch to batch. */
struct sealer {
    const struct signing_key *signing_key; /* borrowed: it lies in secret memory, and is copied nowhere */
    uint8_t writer[WRITER_KEY_BYTES];
    struct slice cluster_id;
    struct zstd_frame *zstd;
};

/* What one batch needs besides. */
struct seal_request {
    struct place place;
    struct slice topic_name;
    struct slice principal; /* empty unless policy states it */
    const struct predecessor *predecessors;
    size_t predecessor_count; /* at most PREDECESSORS_MAX */
    int64_t now_ms;
    bool zstd_allowed; /* the client's Produce version knows codec 4 (7 and above) */
    const struct seal_key *key;
    struct seal_stream *stream;
};

struct seal_result {
    uint8_t seal_id[SEAL_ID_BYTES];
    uint8_t producer[PRODUCER_HASH_BYTES];
    struct batch_header inner;
};

/*
 * Reads and checks the one batch that a Produce request may carry for a
 * partition: MALFORMED, CHECKSUM, UNSUPPORTED (magic), LIMIT (records).
 */
signet_error seal_check(struct slice records, struct batch *ret_batch);

/*
 * Seals `batch`, which lies in `owner` and has passed seal_check, and appends
 * the outer batch to `ret_out`.  On failure the records may have been
 * encrypted in part and must not be sent.
 */
signet_error seal_batch(const struct sealer *sealer, const struct seal_request *request, struct block *owner,
                        const struct batch *batch, struct gather *ret_out, struct seal_result *ret_result);

#endif
