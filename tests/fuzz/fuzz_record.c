/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte is the count, the rest a section of records.  Records that are
 * accepted lie one after the other, fill the section, and have as many headers
 * as they say.
 */
#include <stdlib.h>

#include "kafka/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static bool within(struct slice inner, struct slice outer)
{
    return inner.size == 0 || (inner.data >= outer.data && inner.data + inner.size <= outer.data + outer.size);
}

static void check_record(const struct record *record, const uint8_t *at)
{
    require(record->bytes.data == at);
    require(within(record->key, record->bytes) && within(record->value, record->bytes));
    struct slice headers = record->headers;
    struct record_header header;
    uint32_t count = 0;
    while (record_header_next(&headers, &header)) {
        require(within(header.key, record->bytes) && within(header.value, record->bytes));
        count++;
    }
    require(count == record->header_count && headers.size == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    struct record_reader records;
    struct record record;
    record_begin(&records, slice_of(data + 1, size - 1), (int8_t)data[0]);
    size_t used = 0;
    int count = 0;
    while (record_next(&records, &record)) {
        check_record(&record, data + 1 + used);
        used += record.bytes.size;
        count++;
    }
    require(record_end(&records) || (used == size - 1 && count == data[0]));
    return 0;
}
