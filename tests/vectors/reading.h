/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One reading in the making (spec/vectors/README.md): logs as writers make
 * them, what of them a reader is given, what it knows, what is stored, and the
 * words that are expected.  A fault in here aborts.
 */
#ifndef SIGNET_TESTS_READING_H
#define SIGNET_TESTS_READING_H

#include "ledger_vector.h"
#include "seal/ledger_record.h"

enum {
    READING_WRITERS = 3,
    ACCOUNT_RECORDS_MAX = 12,
    ACCOUNT_LEAVES_MAX = 12, /* of one record */
    ACCOUNT_RECORD_BYTES = 4096,
    READING_FILE_BYTES = 256 * 1024,
    INTERVAL_MS = 10000,
};

/* The n-th interval; what follows reads its clock there. */
int64_t at(int n);
const uint8_t *writer_public(int writer);

/* One log, record by record.  A copy of it is another branch. */
struct account {
    struct ledger_log log;
    uint8_t instance[LEDGER_INSTANCE_BYTES];
    int writer;
    struct ledger_leaf opening, leaves[ACCOUNT_LEAVES_MAX];
    size_t leaf_count;
    struct {
        uint8_t bytes[ACCOUNT_RECORD_BYTES];
        size_t size;
        uint64_t leaves; /* up to its end */
        uint8_t root[SHA256_BYTES];
    } records[ACCOUNT_RECORDS_MAX];
    size_t count;
};

void account_begin(struct account *a, int writer, uint8_t instance);
/* Its opening names `before` as it was after that record, and so many leaves more. */
void account_after(struct account *a, const struct account *before, size_t record, uint64_t more);
/* For its next record. */
void account_add(struct account *a, const struct ledger_leaf *leaf);
void account_retire(struct account *a, const struct account *other, size_t record, int64_t time_ms);
void account_record(struct account *a, int64_t time_ms);
void account_close(struct account *a, int64_t time_ms);
/* `count` records, one each interval from the `first`-th on. */
void account_go_on(struct account *a, int first, int count);

/* Readings in one file. */
struct readings {
    json_t *list;
    const char *comment;
};
void readings_begin(struct readings *all, const char *comment);
void readings_end(struct readings *all, const char *root, const char *name);

struct reading {
    struct readings *all;
    json_t *json;
    uint8_t file[READING_FILE_BYTES];
    size_t size;
};

/* Trusts nobody yet. */
void reading_begin(struct reading *r, struct readings *all, const char *label, int64_t now_ms);
/* For every topic; its row of the trust file, for what else is put there. */
json_t *reading_trust(struct reading *r, int writer);
void reading_set(struct reading *r, const char *key, int64_t value);
void reading_record(struct reading *r, struct slice record, const char *word);
/* Records of a log from one to another, both included: authentic. */
void reading_account(struct reading *r, const struct account *a, size_t from, size_t to);
struct slice account_get(const struct account *a, size_t record);
/* What comes next is in another file. */
void reading_next_file(struct reading *r);
/* Expected of a log; `first` -1 where no numbers are known. */
void reading_told(struct reading *r, const char *word, const struct account *a, int first, int last);
void reading_end(struct reading *r);

/* The families of readings. */
void readings_of_logs(const char *root);
void readings_of_places(const char *root);

#endif
