/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of a batch of magic 2, uncompressed, one after the other
 * (DefaultRecord.java).  Lengths must add up exactly, at every level: a record
 * is what its length says, and a section is as many records as the header says
 * with nothing behind them.
 */
#ifndef SIGNET_KAFKA_RECORD_H
#define SIGNET_KAFKA_RECORD_H

#include "base/cursor.h"

struct record {
    struct slice bytes; /* all of it, its length included */
    int8_t attributes;
    int64_t timestamp_delta;
    int32_t offset_delta;
    bool key_null, value_null;
    struct slice key, value;
    uint32_t header_count;
    struct slice headers; /* for record_header_next; checked already */
};

struct record_header {
    struct slice key;
    bool value_null;
    struct slice value;
};

struct record_reader {
    struct reader r; /* r.error is set when record_next returns false early */
    uint32_t left;
};

/* `count` as in the batch header; a negative one is MALFORMED. */
void record_begin(struct record_reader *records, struct slice section, int32_t count);
/* False at the end or at an error. */
bool record_next(struct record_reader *records, struct record *ret_record);
/* After record_next has returned false: what stopped it, or TRAILING when bytes are left over. */
signet_error record_end(const struct record_reader *records);

/* Takes the next header off `headers`, which begins as a record's; false when there is none. */
bool record_header_next(struct slice *headers, struct record_header *ret_header);

#endif
