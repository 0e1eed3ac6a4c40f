/* SPDX-License-Identifier: Apache-2.0 */
#include "seal/ledger_record.h"

enum {
    MAGIC_BYTES = 4,
    PREFIX_BYTES = MAGIC_BYTES + 2,
    /* An interval with every reason. */
    LAST_LEAF_BYTES_MAX = 1 + 8 + 8 + 1 + 9 * LEDGER_LOSS_COUNT,
    NOTE_BYTES_MAX = 2 * LEDGER_ORIGIN_BYTES_MAX + 19 + 44 + 92 + 10,
    /* What is kept free for the end of a record. */
    END_BYTES_MAX = 2 + LAST_LEAF_BYTES_MAX + 2 + NOTE_BYTES_MAX,
};

static const uint8_t magic[MAGIC_BYTES] = { 'S', 'G', 'N', 'L' };

static struct slice read_counted(struct reader *r)
{
    return read_bytes(r, read_u16(r));
}

/* There are PREFIX_BYTES of it. */
static signet_error read_prefix(struct reader *r)
{
    struct slice start = read_bytes(r, sizeof magic);
    uint8_t version = read_u8(r), suite = read_u8(r);
    if (memcmp(start.data, magic, sizeof magic) != 0) {
        return SIGNET_ERROR_MALFORMED;
    }
    return version == LEDGER_RECORD_VERSION && suite == LEDGER_RECORD_SUITE ? SIGNET_OK : SIGNET_ERROR_UNSUPPORTED;
}

bool ledger_record_next(struct reader *leaves, struct ledger_leaf *ret_leaf)
{
    return reader_left(leaves) > 0 && ledger_leaf_read(read_counted(leaves), ret_leaf) == SIGNET_OK;
}

/* Each kind where it may be, and the last one's number. */
static signet_error read_leaves(struct reader *r, struct ledger_record *record, struct slice *ret_cluster_id)
{
    const uint8_t *start = r->at;
    for (uint32_t i = 0; i < record->leaf_count; i++) {
        struct ledger_leaf leaf;
        if (ledger_leaf_read(read_counted(r), &leaf)) {
            return SIGNET_ERROR_MALFORMED;
        }
        bool is_first = record->first == 0 && i == 0, is_last = i + 1 == record->leaf_count;
        if ((leaf.kind == LEDGER_OPENING) != is_first || ledger_kind_is_last(leaf.kind) != is_last) {
            return SIGNET_ERROR_MALFORMED;
        }
        if (is_first) {
            *ret_cluster_id = leaf.opening.cluster_id;
        }
        if (is_last) {
            record->last = leaf.interval;
            record->closes = leaf.kind == LEDGER_CLOSING;
        }
    }
    record->leaves = slice_of(start, (size_t)(r->at - start));
    return SIGNET_OK;
}

static bool numbers_agree(const struct ledger_record *record)
{
    bool both_first = (record->number == 0) == (record->first == 0);
    return both_first && record->number <= record->first && record->number == record->last.record &&
           record->note.checkpoint.size == record->first + record->leaf_count;
}

signet_error ledger_record_read(struct slice bytes, struct ledger_record *ret_record)
{
    struct ledger_record record = { 0 };
    struct slice cluster_id = { 0 };
    if (bytes.size < PREFIX_BYTES) {
        return SIGNET_ERROR_MALFORMED;
    }
    struct reader r = reader_over(bytes);
    signet_error error = read_prefix(&r);
    if (error) {
        return error;
    }
    record.number = read_u64(&r);
    record.first = read_u64(&r);
    record.frontier = read_bytes(&r, merkle_frontier_bytes(record.first));
    record.leaf_count = read_u32(&r);
    if (r.error || bytes.size > LEDGER_RECORD_BYTES_MAX || record.first > MERKLE_SIZE_MAX || record.leaf_count == 0 ||
        read_leaves(&r, &record, &cluster_id)) {
        return SIGNET_ERROR_MALFORMED;
    }
    struct slice note = read_counted(&r);
    if (r.error || note.size == 0 || reader_left(&r) > 0 || checkpoint_read(note, &record.note) ||
        record.note.signature_count != 1 || ledger_origin_read(record.note.checkpoint.origin, &record.origin) ||
        !numbers_agree(&record) || !checkpoint_is_own(&record.note, record.origin.writer)) {
        return SIGNET_ERROR_MALFORMED;
    }
    if (record.first == 0 && !ledger_origin_is_of(&record.origin, cluster_id)) {
        return SIGNET_ERROR_MALFORMED;
    }
    *ret_record = record;
    return SIGNET_OK;
}

signet_error ledger_record_verify(const struct ledger_record *record, uint8_t ret_root_before[SHA256_BYTES])
{
    struct merkle_frontier frontier;
    uint8_t hash[SHA256_BYTES], before[SHA256_BYTES], root[SHA256_BYTES];
    signet_error error = checkpoint_verify(&record->note, record->origin.writer);
    if (error) {
        return error;
    }
    struct reader r = reader_over(record->frontier);
    error = merkle_frontier_read(&r, record->first, &frontier);
    if (error) {
        return error;
    }
    merkle_root(&frontier, before);
    struct reader leaves = reader_over(record->leaves);
    while (reader_left(&leaves) > 0) {
        merkle_leaf_hash(read_counted(&leaves), hash);
        error = merkle_append(&frontier, hash);
        if (error) {
            return error;
        }
    }
    merkle_root(&frontier, root);
    if (memcmp(root, record->note.checkpoint.root, sizeof root) != 0) {
        return SIGNET_ERROR_REFUSED;
    }
    memcpy(ret_root_before, before, sizeof before);
    return SIGNET_OK;
}

signet_error ledger_log_init(struct ledger_log *log, struct slice cluster_id,
                             const uint8_t instance[LEDGER_INSTANCE_BYTES], const struct signing_key *key)
{
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    memset(log, 0, sizeof *log);
    log->key = key;
    signing_key_public(key, public_key);
    struct writer w = writer_over(log->origin, sizeof log->origin);
    signet_error error = ledger_origin_write(&w, cluster_id, public_key, instance);
    log->origin_size = writer_used(&w);
    return error;
}

signet_error ledger_log_begin(struct ledger_log *log, void *memory, size_t size)
{
    struct writer w = writer_over(memory, size < LEDGER_RECORD_BYTES_MAX ? size : LEDGER_RECORD_BYTES_MAX);
    write_bytes(&w, slice_of(magic, sizeof magic));
    write_u8(&w, LEDGER_RECORD_VERSION);
    write_u8(&w, LEDGER_RECORD_SUITE);
    write_u64(&w, log->number);
    write_u64(&w, log->frontier.size);
    merkle_frontier_write(&w, &log->frontier);
    log->count_at = writer_used(&w);
    write_u32(&w, 0);
    if (w.error || (size_t)(w.end - w.at) < END_BYTES_MAX) {
        return SIGNET_ERROR_NO_SPACE;
    }
    w.end -= END_BYTES_MAX;
    log->w = w;
    log->leaf_count = 0;
    return SIGNET_OK;
}

static signet_error add(struct ledger_log *log, const struct ledger_leaf *leaf)
{
    struct writer w = log->w;
    uint8_t hash[SHA256_BYTES];
    uint8_t *size = write_room(&w, 2), *start = w.at;
    signet_error error = w.error ? w.error : ledger_leaf_write(&w, leaf);
    if (error) {
        return error;
    }
    struct slice bytes = slice_of(start, (size_t)(w.at - start));
    store_u16(size, (uint16_t)bytes.size);
    merkle_leaf_hash(bytes, hash);
    error = merkle_append(&log->frontier, hash);
    if (!error) {
        log->w = w;
        log->leaf_count++;
    }
    return error;
}

signet_error ledger_log_add(struct ledger_log *log, const struct ledger_leaf *leaf)
{
    bool is_first = log->frontier.size == 0;
    if (ledger_kind_is_last(leaf->kind) || (leaf->kind == LEDGER_OPENING) != is_first) {
        return SIGNET_ERROR_MALFORMED;
    }
    return add(log, leaf);
}

static signet_error add_checkpoint(struct ledger_log *log)
{
    struct checkpoint checkpoint = {
        .origin = slice_of(log->origin, log->origin_size),
        .size = log->frontier.size,
    };
    merkle_root(&log->frontier, checkpoint.root);
    uint8_t *size = write_room(&log->w, 2), *start = log->w.at;
    signet_error error = log->w.error ? log->w.error : checkpoint_write(&log->w, &checkpoint, log->key);
    if (!error) {
        store_u16(size, (uint16_t)(log->w.at - start));
    }
    return error;
}

signet_error ledger_log_end(struct ledger_log *log, const struct ledger_leaf *last, struct slice *ret_record)
{
    struct ledger_leaf numbered = *last;
    if (!ledger_kind_is_last(last->kind) || log->frontier.size == 0) {
        return SIGNET_ERROR_MALFORMED;
    }
    numbered.interval.record = log->number;
    log->w.end += END_BYTES_MAX;
    signet_error error = add(log, &numbered);
    if (!error) {
        error = add_checkpoint(log);
    }
    if (error) {
        return error;
    }
    store_u32(log->w.start + log->count_at, log->leaf_count);
    log->number++;
    *ret_record = writer_slice(&log->w);
    return SIGNET_OK;
}
