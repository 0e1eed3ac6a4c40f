/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record that is well-formed: every leaf is written again as the same
 * bytes, every byte is of one part, and the origin follows from what was read.
 * Checking it, and taking the input for a file, ends.
 */
#include <stdlib.h>

#include "seal/ledger_frame.h"
#include "seal/ledger_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void check_leaves(const struct ledger_record *record)
{
    struct reader r = reader_over(record->leaves), raw = r;
    struct ledger_leaf leaf;
    uint32_t count = 0;
    while (ledger_record_next(&r, &leaf)) {
        uint8_t bytes[LEDGER_LEAF_BYTES_MAX];
        struct writer w = writer_over(bytes, sizeof bytes);
        require(ledger_leaf_write(&w, &leaf) == SIGNET_OK);
        require(slice_equal(writer_slice(&w), read_bytes(&raw, read_u16(&raw))));
        count++;
    }
    require(count == record->leaf_count && reader_left(&r) == 0);
}

static void check_origin(const struct ledger_record *record)
{
    uint8_t text[LEDGER_ORIGIN_BYTES_MAX];
    struct writer w = writer_over(text, sizeof text);
    const struct ledger_origin *o = &record->origin;
    if (o->cluster.data[0] == '~') {
        return;
    }
    require(ledger_origin_write(&w, o->cluster, o->writer, o->instance) == SIGNET_OK);
    require(slice_equal(writer_slice(&w), record->note.checkpoint.origin));
}

static void run_record(struct slice bytes)
{
    struct ledger_record record;
    uint8_t before[SHA256_BYTES];
    if (ledger_record_read(bytes, &record)) {
        return;
    }
    require(record.frontier.data == bytes.data + 22);
    require(record.leaves.data == record.frontier.data + record.frontier.size + 4);
    require(record.note.body.data == record.leaves.data + record.leaves.size + 2);
    require(record.note.signatures.data + record.note.signatures.size == bytes.data + bytes.size);
    check_leaves(&record);
    check_origin(&record);
    ledger_record_verify(&record, before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice record;
    struct checkpoint_note note;
    struct reader file = reader_over(slice_of(data, size));
    run_record(slice_of(data, size));
    while (ledger_frame_next(&file, &record) == LEDGER_FRAME_GOOD) {
        uint8_t header[LEDGER_FRAME_HEADER_BYTES];
        ledger_frame_header(record, header);
        require(memcmp(header, record.data - sizeof header, sizeof header) == 0);
        run_record(record);
    }
    if (checkpoint_read(slice_of(data, size), &note) == SIGNET_OK) {
        const uint8_t key[SIGN_PUBLIC_BYTES] = { 1 };
        require(note.signature_count > 0 && note.signatures.data == note.body.data + note.body.size + 1);
        require(checkpoint_verify(&note, key) == SIGNET_ERROR_REFUSED);
    }
    return 0;
}
