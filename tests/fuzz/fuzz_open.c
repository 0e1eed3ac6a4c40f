/* SPDX-License-Identifier: Apache-2.0 */
/*
 * open_records on anything delivers nothing but what is known to have been
 * sealed, and markers as they are; asked again it says the same (unless it
 * went on behind a bad batch); all memory comes back.
 *
 * An input is a byte of flags, a fetch offset, and the records.  With a flag
 * the CRCs are made right first, as whoever has the disk would.
 */
#include <stdlib.h>

#include "keys/unwrap_cache.h"
#include "open_log.h"
#include "seal/open.h"

enum {
    FLAG_FIX_CRC = 1,
    FLAG_SHARE_GROUP = 2,
    FLAG_READ_COMMITTED = 4,
    FLAG_LISTED = 8,
    FLAG_EXCEPTIONS = 16,
    FLAG_LOG_APPEND_TIME = 32,
    FRONT_BYTES = 2,
    SAME_FROM = 16, /* BaseOffset and PartitionLeaderEpoch are the broker's */
};

static struct open_log known;
static struct trusted_writer writers[2];
static struct accepted_exception exception;
static struct trust trust;
static struct opener opener;
static struct unwrap_cache *cache;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool fine)
{
    if (!fine) {
        abort();
    }
}

static struct aead_key *find_key(void *context, const struct envelope *envelope)
{
    return unwrap_cache_find(context, envelope);
}

static void no_report(void *context, const struct open_finding *finding)
{
    (void)context;
    check(!verdict_is_good(finding->verdict));
}

static void start(void)
{
    static char pattern[] = "orders", *patterns[] = { pattern };
    open_log_init(&known);
    for (size_t i = 0; i < 2; i++) {
        writers[i] = (struct trusted_writer){
            .topics = patterns, .topic_count = 1, .not_before_ms = INT64_MIN, .not_after_ms = INT64_MAX
        };
        memcpy(writers[i].key, known.world.writers[i], WRITER_KEY_BYTES);
    }
    static char reason[] = "accepted";
    exception = (struct accepted_exception){ known.world.place, pattern, 2, 109, reason };
    trust = (struct trust){ .writers = writers, .writer_count = 2, .exceptions = &exception };
    memcpy(trust.cluster_id, known.world.cluster_id, strlen(known.world.cluster_id));
    struct recipient_key key = { .secret = known.world.recipient_secrets[0] };
    memcpy(key.public_key, known.world.recipients[0], BOX_PUBLIC_BYTES);
    cache = unwrap_cache_new(&key, 1);
    opener = (struct opener){
        .trust = &trust,
        .codecs = { known.world.zstd, &known.world.compression, &known.world.budget },
        .keys = { find_key, cache },
        .report = no_report,
    };
}

static void fix_crcs(uint8_t *bytes, size_t size)
{
    struct slice rest = slice_of(bytes, size);
    struct batch batch;
    while (batch_read(rest, &batch) == SIGNET_OK) {
        struct slice covered = slice_of(rest.data + BATCH_CRC_START, batch.bytes.size - BATCH_CRC_START);
        batch_patch_crc(bytes + (rest.data - bytes), crc32c(covered));
        rest = slice_of(rest.data + batch.bytes.size, rest.size - batch.bytes.size);
    }
}

static bool is_known(const struct batch *batch, bool append_time)
{
    for (size_t i = 0; i < OPEN_LOG_BATCHES; i++) {
        struct made made = made_copy(&known.world, &known.made[i]);
        if (append_time) {
            made_append_time(&made, batch->header.max_timestamp);
        }
        if (batch->bytes.size == made.plain_size &&
            memcmp(batch->bytes.data + SAME_FROM, made.plain + SAME_FROM, made.plain_size - SAME_FROM) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_replacement(const struct batch *batch)
{
    const struct batch_header *h = &batch->header;
    return batch->records.size == 0 && h->record_count == 0 && h->attributes == 0 && h->base_offset >= 2 &&
           batch_last_offset(h) <= 109;
}

static void check_delivered(const struct gather *out, uint8_t flags)
{
    struct block *block = block_new(&known.world.budget, out->size);
    gather_flatten(out, block->data);
    struct slice rest = slice_of(block->data, out->size);
    while (rest.size > 0) {
        struct batch batch;
        check(batch_read(rest, &batch) == SIGNET_OK && batch_crc_matches(&batch));
        bool marker = batch.header.attributes & BATCH_CONTROL;
        bool replaced = (flags & FLAG_EXCEPTIONS) && is_replacement(&batch);
        size_t kept = known.world.kept_count;
        check(marker || replaced || is_known(&batch, flags & FLAG_LOG_APPEND_TIME));
        while (known.world.kept_count > kept) {
            free(known.world.kept[--known.world.kept_count]);
        }
        rest = slice_of(rest.data + batch.bytes.size, rest.size - batch.bytes.size);
    }
    block_release(block);
}

static struct open_result open_once(struct judge_partition *partition, uint8_t flags, int64_t offset,
                                    struct slice input)
{
    struct aborted_transaction aborted[] = { { 8, 110 }, { 7, 0 } };
    const struct open_request request = {
        .place = known.world.place,
        .topic_name = slice_of_text(known.world.topic),
        .timestamp_type = flags & FLAG_LOG_APPEND_TIME ? TIMESTAMP_LOG_APPEND_TIME : TIMESTAMP_CREATE_TIME,
        .append_skew_ms = 600000,
        .fetch_offset = offset,
        .share_group = flags & FLAG_SHARE_GROUP,
        .read_committed = flags & FLAG_READ_COMMITTED,
        .aborted = aborted,
        .aborted_count = flags & FLAG_LISTED ? 2 : 0,
    };
    struct block *block = block_new(&known.world.budget, input.size);
    if (input.size) {
        memcpy(block->data, input.data, input.size);
    }
    if (flags & FLAG_FIX_CRC) {
        fix_crcs(block->data, input.size);
    }
    trust.exception_count = flags & FLAG_EXCEPTIONS ? 1 : 0;
    struct open_result result;
    struct gather out;
    gather_init(&out, &known.world.budget);
    check(open_records(&opener, &request, partition, block, slice_of(block->data, input.size), &out, &result) ==
          SIGNET_OK);
    check_delivered(&out, flags);
    check(result.delivered > 0 || out.size == 0);
    free(result.ranges);
    gather_free(&out);
    block_release(block);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!cache) {
        start();
    }
    if (size < FRONT_BYTES) {
        return 0;
    }
    struct judge_partition partition = { 0 };
    size_t before = known.world.budget.used_bytes;
    struct slice input = slice_of(data + FRONT_BYTES, size - FRONT_BYTES);
    struct open_result first = open_once(&partition, data[0], data[1], input);
    struct open_result second = open_once(&partition, data[0], data[1], input);
    bool same = first.refused == second.refused && first.delivered == second.delivered;
    /* What is read behind a batch that is refused or accepted as it is can put that one in another light. */
    check(same || (data[0] & (FLAG_EXCEPTIONS | FLAG_SHARE_GROUP)));
    judge_partition_free(&partition);
    check(known.world.budget.used_bytes == before);
    return 0;
}
