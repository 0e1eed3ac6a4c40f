/* SPDX-License-Identifier: Apache-2.0 */
/* Words about one log and about several (spec/ledger.md, section 6). */
#include "reading.h"

enum { RECORDS = 6, LAST = RECORDS - 1 };

static struct account honest, early, branch, closed, next;

/* The usual reading: writer 0 is trusted, and the time is that of the last record. */
static struct reading *begin(struct readings *all, const char *label, int64_t now_ms)
{
    static struct reading r;
    reading_begin(&r, all, label, now_ms);
    reading_trust(&r, 0);
    return &r;
}

static void make_logs(void)
{
    account_begin(&honest, 0, 1);
    account_go_on(&honest, 0, 3);
    early = branch = honest;
    account_go_on(&honest, 3, 3);
    for (int i = 3; i < RECORDS; i++) {
        account_record(&branch, at(i) + 1);
    }
    account_begin(&closed, 0, 2);
    account_go_on(&closed, 0, LAST);
    account_close(&closed, at(LAST));
}

static void order(const char *root)
{
    struct readings all;
    readings_begin(&all, "one log, of which some records are there in some order");
    struct reading *r = begin(&all, "from its opening on", at(LAST));
    reading_account(r, &honest, 0, LAST);
    reading_end(r);
    r = begin(&all, "in any order, some of them again, in two files", at(LAST));
    reading_account(r, &honest, 3, LAST);
    reading_account(r, &honest, 0, 1);
    reading_next_file(r);
    reading_account(r, &honest, 0, 3);
    reading_end(r);
    r = begin(&all, "the first are absent", at(LAST));
    reading_account(r, &honest, 2, LAST);
    reading_told(r, "ledger head gone", &honest, 0, 1);
    reading_end(r);
    r = begin(&all, "the first are absent, and were to be there still", at(LAST));
    reading_set(r, "ledger_retention", 3 * INTERVAL_MS);
    reading_account(r, &honest, 2, LAST);
    reading_told(r, "ledger head gone", &honest, 0, 1);
    reading_end(r);
    r = begin(&all, "the first are absent, and need not be there any more", at(LAST) + 1);
    reading_set(r, "ledger_retention", 3 * INTERVAL_MS);
    reading_account(r, &honest, 2, LAST);
    reading_told(r, "ledger head expired", &honest, 0, 1);
    reading_end(r);
    r = begin(&all, "some in the middle are absent, and the first", at(LAST));
    reading_account(r, &honest, 1, 1);
    reading_account(r, &honest, 4, LAST);
    reading_told(r, "ledger head gone", &honest, 0, 0);
    reading_told(r, "ledger gap", &honest, 2, 3);
    reading_end(r);
    r = begin(&all, "the last is absent, which a closed log needs", at(LAST) + 6 * INTERVAL_MS);
    reading_account(r, &closed, 0, LAST - 1);
    reading_told(r, "stale ledger", &closed, LAST - 1, LAST - 1);
    reading_end(r);
    readings_end(&all, root, "one_log");
}

static void forks(const char *root)
{
    struct readings all;
    struct account odd;
    readings_begin(&all, "logs that contradict themselves");
    struct reading *r = begin(&all, "two of one number", at(LAST));
    reading_account(r, &honest, 0, LAST);
    reading_account(r, &branch, 3, 3);
    reading_told(r, "forked ledger", &honest, 3, LAST);
    reading_end(r);
    r = begin(&all, "one behind another than is there", at(LAST));
    reading_account(r, &honest, 0, 3);
    reading_account(r, &branch, 4, 4);
    reading_told(r, "forked ledger", &honest, 4, 4);
    reading_end(r);
    account_begin(&odd, 0, 4);
    for (int i = 0; i < 3; i++) {
        account_retire(&odd, &honest, LAST, at(0)); /* leaves, so that a number may be as high */
    }
    account_go_on(&odd, 0, 2);
    odd.log.number += 2;
    account_go_on(&odd, 4, 1);
    r = begin(&all, "numbers between two, and no leaves for them", at(LAST));
    reading_account(r, &honest, 0, LAST);
    reading_account(r, &odd, 0, 2);
    reading_told(r, "forked ledger", &odd, 4, 4);
    reading_end(r);
    odd = closed;
    account_record(&odd, at(RECORDS));
    r = begin(&all, "one behind the closing", at(RECORDS));
    reading_account(r, &odd, 0, RECORDS);
    reading_told(r, "forked ledger", &odd, RECORDS, RECORDS);
    reading_end(r);
    r = begin(&all, "the same, long ago: what is in doubt is not stale", at(1000));
    reading_account(r, &odd, 0, RECORDS);
    reading_told(r, "forked ledger", &odd, RECORDS, RECORDS);
    reading_end(r);
    readings_end(&all, root, "forked");
}

static void ages(const char *root)
{
    struct readings all;
    struct account slow;
    const int64_t due = at(LAST) + 6 * INTERVAL_MS;
    readings_begin(&all, "logs that were neither closed nor retired");
    struct reading *r = begin(&all, "as old as it may be", due);
    reading_account(r, &honest, 0, LAST);
    reading_end(r);
    r = begin(&all, "older", due + 1);
    reading_account(r, &honest, 0, LAST);
    reading_told(r, "stale ledger", &honest, LAST, LAST);
    reading_end(r);
    r = begin(&all, "older, and closed", due + 1);
    reading_account(r, &closed, 0, LAST);
    reading_end(r);
    static struct reading ended;
    reading_begin(&ended, &all, "its writer's validity has ended", due + 1);
    json_object_set_new(reading_trust(&ended, 0), "not_after", json_integer(due));
    reading_account(&ended, &honest, 0, LAST);
    reading_end(&ended);
    account_begin(&slow, 0, 3);
    slow.opening.opening.interval_ms = 3600 * 1000;
    account_go_on(&slow, 0, RECORDS);
    r = begin(&all, "an hour is promised", due + 1);
    reading_account(r, &slow, 0, LAST);
    reading_end(r);
    r = begin(&all, "an hour is promised, in a record that is not there", due + 1);
    reading_account(r, &slow, 1, LAST);
    reading_told(r, "ledger head gone", &slow, 0, 0);
    reading_told(r, "stale ledger", &slow, LAST, LAST);
    reading_end(r);
    readings_end(&all, root, "stale");
}

static void make_next(int writer, const struct account *before, size_t record, uint64_t more)
{
    account_begin(&next, writer, 9);
    account_after(&next, before, record, more);
}

/* `honest` and the log after it, which retires it at that record; long after. */
static struct reading *retired(struct readings *all, const char *label, size_t record, bool other_root, uint64_t more)
{
    make_next(0, &honest, 0, 0);
    account_retire(&next, &honest, record, at(20));
    next.leaves[0].retirement.root[0] ^= other_root;
    next.leaves[0].retirement.size += more;
    account_close(&next, at(20));
    struct reading *r = begin(all, label, at(1000));
    reading_account(r, &honest, 0, LAST);
    reading_account(r, &next, 0, 0);
    return r;
}

static void retirements(const char *root)
{
    struct readings all;
    readings_begin(&all, "logs that another one retires");
    reading_end(retired(&all, "where it ends", LAST, false, 0));
    struct reading *r = retired(&all, "with another root", LAST, true, 0);
    reading_told(r, "forked ledger", &honest, LAST, LAST);
    reading_end(r);
    r = retired(&all, "too early", LAST - 1, false, 0);
    reading_told(r, "retired alive", &honest, LAST, LAST);
    reading_told(r, "stale ledger", &honest, LAST, LAST);
    reading_end(r);
    r = retired(&all, "with a leaf more than is there", LAST, false, 1);
    reading_told(r, "ledger gap", &honest, -1, -1);
    reading_end(r);
    static struct reading stranger;
    account_begin(&next, 1, 9);
    account_retire(&next, &honest, LAST, at(20));
    account_close(&next, at(20));
    struct account own = honest; /* the log that the retirement is about */
    account_begin(&own, 1, 1);
    reading_begin(&stranger, &all, "by another writer, who can retire but its own", at(1000));
    reading_trust(&stranger, 0);
    reading_trust(&stranger, 1);
    reading_account(&stranger, &honest, 0, LAST);
    reading_account(&stranger, &next, 0, 0);
    reading_told(&stranger, "stale ledger", &honest, LAST, LAST);
    reading_told(&stranger, "ledger gap", &own, -1, -1);
    reading_end(&stranger);
    readings_end(&all, root, "retired");
}

static void absent(const char *root)
{
    struct readings all;
    readings_begin(&all, "logs that others name as the one before them");
    make_next(1, &closed, LAST, 0);
    account_close(&next, at(20));
    static struct reading rotated;
    reading_begin(&rotated, &all, "of another writer, and there", at(1000));
    reading_trust(&rotated, 0);
    reading_trust(&rotated, 1);
    reading_account(&rotated, &closed, 0, LAST);
    reading_account(&rotated, &next, 0, 0);
    reading_end(&rotated);
    reading_begin(&rotated, &all, "its end is absent", at(1000));
    reading_trust(&rotated, 0);
    reading_trust(&rotated, 1);
    reading_account(&rotated, &closed, 0, LAST - 1);
    reading_account(&rotated, &next, 0, 0);
    reading_told(&rotated, "ledger gap", &closed, -1, -1);
    reading_told(&rotated, "stale ledger", &closed, LAST - 1, LAST - 1);
    reading_end(&rotated);
    reading_begin(&rotated, &all, "not there", at(1000));
    reading_trust(&rotated, 1);
    reading_account(&rotated, &next, 0, 0);
    reading_told(&rotated, "ledger gap", &closed, -1, -1);
    reading_end(&rotated);
    reading_begin(&rotated, &all, "not there, and was to be", at(1000));
    reading_set(&rotated, "ledger_retention", at(1000) - at(20));
    reading_trust(&rotated, 1);
    reading_account(&rotated, &next, 0, 0);
    reading_told(&rotated, "ledger gap", &closed, -1, -1);
    reading_end(&rotated);
    reading_begin(&rotated, &all, "not there, and need not be", at(1000) + 1);
    reading_set(&rotated, "ledger_retention", at(1000) - at(20));
    reading_trust(&rotated, 1);
    reading_account(&rotated, &next, 0, 0);
    reading_told(&rotated, "ledger head expired", &closed, -1, -1);
    reading_end(&rotated);
    reading_begin(&rotated, &all, "of a writer who was revoked, and there", at(1000));
    json_object_set_new(reading_trust(&rotated, 0), "revoked", json_true());
    reading_trust(&rotated, 1);
    reading_record(&rotated, account_get(&closed, 2), "writer not trusted");
    reading_account(&rotated, &next, 0, 0);
    reading_end(&rotated);
    make_next(0, &closed, LAST, 0);
    account_retire(&next, &closed, LAST, at(20));
    account_close(&next, at(20));
    struct reading *r = begin(&all, "named twice, told once", at(1000));
    reading_account(r, &next, 0, 0);
    reading_told(r, "ledger gap", &closed, -1, -1);
    reading_end(r);
    readings_end(&all, root, "absent_logs");
}

static void clocks(const char *root)
{
    enum { TEN_MINUTES = 10 * 60 * 1000 };
    struct readings all;
    struct account odd;
    readings_begin(&all, "times that step back, or are ahead: told, and no findings");
    account_begin(&odd, 0, 4);
    account_go_on(&odd, 3, 2);
    account_go_on(&odd, 2, 2);
    account_close(&odd, at(1));
    struct reading *r = begin(&all, "back, twice", at(5));
    reading_account(r, &odd, 0, 4);
    reading_told(r, "clock stepped back", &odd, 2, 2);
    reading_end(r);
    r = begin(&all, "ten minutes ahead", at(LAST) - TEN_MINUTES);
    reading_account(r, &honest, 0, LAST);
    reading_end(r);
    r = begin(&all, "more", at(LAST) - TEN_MINUTES - 1);
    reading_account(r, &honest, 0, LAST);
    reading_told(r, "clock ahead", &honest, LAST, LAST);
    reading_end(r);
    odd = early;
    account_record(&odd, at(0));
    r = begin(&all, "back, where a fork is: nothing of it is believed", at(LAST));
    reading_account(r, &honest, 0, 3);
    reading_account(r, &odd, 3, 3);
    reading_told(r, "forked ledger", &honest, 3, 3);
    reading_end(r);
    readings_end(&all, root, "clocks");
}

static void words(const char *root)
{
    struct readings all;
    static struct reading r;
    static struct account stranger;
    static uint8_t bytes[ACCOUNT_RECORD_BYTES];
    struct slice bent = slice_of(bytes, honest.records[1].size);
    readings_begin(&all, "rule 7, and records that are nobody's");
    reading_begin(&r, &all, "its writer's validity, both ends included", at(LAST));
    json_t *row = reading_trust(&r, 0);
    json_object_set_new(row, "not_before", json_integer(at(1)));
    json_object_set_new(row, "not_after", json_integer(at(4)));
    reading_record(&r, account_get(&honest, 0), "writer not trusted");
    reading_account(&r, &honest, 1, 4);
    reading_record(&r, account_get(&honest, 5), "writer not trusted");
    reading_told(&r, "ledger head gone", &honest, 0, 0);
    reading_end(&r);
    reading_begin(&r, &all, "its writer was revoked: not stale", at(1000));
    json_object_set_new(reading_trust(&r, 0), "revoked", json_true());
    reading_record(&r, account_get(&honest, 0), "writer not trusted");
    reading_record(&r, account_get(&honest, 5), "writer not trusted");
    reading_end(&r);
    account_begin(&stranger, 2, 8);
    account_go_on(&stranger, 0, 1);
    memcpy(bytes, honest.records[1].bytes, bent.size);
    bytes[bent.size - 1] ^= 1; /* the line end */
    struct reading *usual = begin(&all, "a stranger's record, and one that is none", at(LAST));
    reading_account(usual, &honest, 0, 0);
    reading_record(usual, account_get(&stranger, 0), "unknown writer");
    reading_record(usual, bent, "malformed record");
    reading_account(usual, &honest, 2, LAST);
    reading_told(usual, "ledger gap", &honest, 1, 1);
    reading_end(usual);
    bytes[bent.size - 1] ^= 1;
    bytes[24] ^= 1; /* in the frontier */
    usual = begin(&all, "an altered one where a record should be", at(LAST));
    reading_account(usual, &honest, 0, 0);
    reading_record(usual, bent, "altered record");
    reading_account(usual, &honest, 2, LAST);
    reading_told(usual, "ledger gap", &honest, 1, 1);
    reading_end(usual);
    readings_end(&all, root, "words");
}

void readings_of_logs(const char *root)
{
    make_logs();
    order(root);
    forks(root);
    ages(root);
    retirements(root);
    absent(root);
    clocks(root);
    words(root);
}
