/* SPDX-License-Identifier: Apache-2.0 */
/* A writer, a recipient, a trust file's content and a partition, for tests of sealing and opening. */
#ifndef SIGNET_TESTS_SEAL_FIXTURE_H
#define SIGNET_TESTS_SEAL_FIXTURE_H

#include "keys/data_keys.h"
#include "keys/unwrap_cache.h"
#include "seal/open.h"
#include "seal/seal.h"

enum { FIXTURE_FINDINGS_MAX = 64 };

struct seal_fixture {
    struct budget budget;
    uint8_t recipient_secret[BOX_SECRET_BYTES];
    struct recipient recipient;
    struct data_keys *data_keys;
    struct unwrap_cache *unwrap_cache;
    struct signing_key signing_key;
    struct sealer sealer;
    struct trust trust;
    struct trusted_writer writer; /* the one entry of trust */
    char *topics[1];
    struct opener opener;
    struct compression compression;
    struct place place;
    struct slice topic_name;
    int64_t now_ms;
    struct open_finding findings[FIXTURE_FINDINGS_MAX]; /* slices in them may be stale */
    size_t finding_count;
};

void seal_fixture_init(struct seal_fixture *f);
void seal_fixture_free(struct seal_fixture *f);

/* A producer's batch of `count` small records, uncompressed; one reference. */
struct block *fixture_batch(struct seal_fixture *f, int32_t count, int64_t producer_id, int32_t base_sequence,
                            size_t *ret_size);
/* Seals it on `stream` and returns the outer batch at `base_offset`, in a block of its own. */
struct block *fixture_seal(struct seal_fixture *f, struct seal_stream *stream, struct slice plain, int64_t base_offset,
                           const struct predecessor *predecessors, size_t predecessor_count, bool zstd_allowed,
                           struct seal_result *ret_result, size_t *ret_size);
/* Opens a copy of `records` read from `fetch_offset`; what came out, flattened, in a block of its own. */
struct block *fixture_open(struct seal_fixture *f, struct judge_partition *partition, struct slice records,
                           int64_t fetch_offset, struct open_result *ret_result, size_t *ret_size);
/* After bytes were changed as someone with the disk would: the CRC is right again. */
void fixture_fix_crc(uint8_t *batch, size_t size);

#endif
