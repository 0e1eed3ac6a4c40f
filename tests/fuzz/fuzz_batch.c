/* SPDX-License-Identifier: Apache-2.0 */
/* What batch_read accepts is written by batch_write_header as the same bytes, batch by batch to the end. */
#include <stdlib.h>

#include "kafka/batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool fine)
{
    if (!fine) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_of(data, size);
    struct batch batch;
    signet_error error;
    while ((error = batch_read(rest, &batch)) == SIGNET_OK) {
        uint8_t header[BATCH_HEADER_BYTES];
        check(batch.bytes.data == rest.data && batch.bytes.size == BATCH_HEADER_BYTES + batch.records.size);
        check(batch.bytes.size <= rest.size && batch_magic(rest) == 2);
        batch_write_header(&batch.header, batch.records.size, header);
        check(memcmp(header, batch.bytes.data, sizeof header) == 0);
        uint32_t crc = crc32c_finish(
            crc32c_add(crc32c_start(), slice_of(rest.data + BATCH_CRC_START, batch.bytes.size - BATCH_CRC_START)));
        batch_patch_crc(header, crc);
        check(batch_crc_matches(&batch) == (memcmp(header, batch.bytes.data, sizeof header) == 0));
        rest = slice_of(rest.data + batch.bytes.size, rest.size - batch.bytes.size);
    }
    check(error != SIGNET_ERROR_UNSUPPORTED || batch_magic(rest) != 2);
    return 0;
}
