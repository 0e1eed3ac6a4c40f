/* SPDX-License-Identifier: Apache-2.0 */
#include "cases.h"

/* A transaction of two batches and its marker, at `offset` to `offset` + 4. */
struct transaction {
    struct made data[2], marker;
};

static struct transaction transaction_at(struct world *w, int64_t offset, int64_t producer_id, bool commit)
{
    struct transaction t;
    for (int i = 0; i < 2; i++) {
        t.data[i] = SEALED_AT(w, offset + 2 * i, .count = 2, .producer_id = producer_id, .transactional = true);
    }
    t.marker = marker_at(w, offset + 4, producer_id, commit);
    return t;
}

static void good(struct vector *v, const struct transaction *t)
{
    fetch_good(v, &t->data[0], VERDICT_AUTHENTIC);
    fetch_good(v, &t->data[1], VERDICT_AUTHENTIC);
    fetch_good(v, &t->marker, VERDICT_CONTROL);
}

static void rest(struct vector *v, const struct transaction *t)
{
    fetch_bytes(v, t->data[1].outer, t->data[1].outer_size);
    fetch_bytes(v, t->marker.outer, t->marker.outer_size);
}

static void honest(struct world *w, const char *root)
{
    struct vector v =
        vector_begin(w, "authentic", "transactions",
                     "read_committed: committed, aborted, begun before the fetch, over several fetches, empty");
    struct transaction committed = transaction_at(w, 0, 9, true), aborted = transaction_at(w, 5, 9, false);
    struct transaction other = transaction_at(w, 10, 8, false), last = transaction_at(w, 16, 9, true);
    struct made empty = marker_at(w, 15, 7, false);
    const struct aborted_transaction list[] = { { 8, 10 }, { 9, 5 } };
    fetch_begin(&v, 0, NULL);
    fetch_committed(&v, list, 2);
    good(&v, &committed);
    good(&v, &aborted);
    good(&v, &other);
    fetch_good(&v, &empty, VERDICT_CONTROL);
    good(&v, &last);
    fetch_begin(&v, 7, "from the middle of an aborted one");
    fetch_committed(&v, list, 2);
    fetch_good(&v, &aborted.data[1], VERDICT_AUTHENTIC);
    fetch_good(&v, &aborted.marker, VERDICT_CONTROL);
    fetch_good(&v, &other.data[0], VERDICT_AUTHENTIC);
    fetch_begin(&v, 12, "going on");
    fetch_committed(&v, list, 1);
    fetch_good(&v, &other.data[1], VERDICT_AUTHENTIC);
    fetch_good(&v, &other.marker, VERDICT_CONTROL);
    fetch_begin(&v, 4, "from a marker on");
    fetch_committed(&v, &list[1], 1);
    fetch_good(&v, &committed.marker, VERDICT_CONTROL);
    good(&v, &aborted);
    vector_end(&v, root);

    v = vector_begin(w, "authentic", "isolation_changes",
                     "what was read uncommitted says nothing about the next transaction");
    committed = transaction_at(w, 0, 9, true);
    aborted = transaction_at(w, 5, 9, false);
    const struct aborted_transaction second = { 9, 5 };
    fetch_begin(&v, 0, "read_committed");
    fetch_committed(&v, NULL, 0);
    fetch_good(&v, &committed.data[0], VERDICT_AUTHENTIC);
    fetch_good(&v, &committed.data[1], VERDICT_AUTHENTIC);
    fetch_begin(&v, 4, "read_uncommitted");
    fetch_good(&v, &committed.marker, VERDICT_CONTROL);
    fetch_begin(&v, 5, "read_committed");
    fetch_committed(&v, &second, 1);
    good(&v, &aborted);
    vector_end(&v, root);
}

static void forged(struct world *w, const char *root)
{
    struct vector v =
        vector_begin(w, "outcome-forged", "entry_removed", "an aborted transaction is passed off as committed");
    struct transaction before = transaction_at(w, 0, 9, true), aborted = transaction_at(w, 5, 9, false);
    struct made other = SEALED_AT(w, 10, 0);
    fetch_begin(&v, 0, NULL);
    fetch_committed(&v, NULL, 0);
    good(&v, &before);
    fetch_bad(&v, &aborted.data[0], VERDICT_OUTCOME_FORGED);
    rest(&v, &aborted);
    fetch_bytes(&v, other.outer, other.outer_size);
    const struct aborted_transaction late = { 9, 7 };
    fetch_begin(&v, 5, "its first offset moved");
    fetch_committed(&v, &late, 1);
    fetch_bad(&v, &aborted.data[0], VERDICT_OUTCOME_FORGED);
    rest(&v, &aborted);
    vector_end(&v, root);

    v = vector_begin(w, "outcome-forged", "entry_added", "a committed transaction is passed off as aborted");
    struct transaction committed = transaction_at(w, 0, 9, true);
    static const int64_t firsts[] = { 0, 2, -1, 4 };
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
        const struct aborted_transaction entry = { 9, firsts[i] };
        fetch_begin(&v, 0, NULL);
        fetch_committed(&v, &entry, 1);
        fetch_bad(&v, &committed.data[0], VERDICT_OUTCOME_FORGED);
        rest(&v, &committed);
    }
    const struct aborted_transaction entry = { 9, 0 };
    fetch_begin(&v, 4,
                "only the marker is fetched: an entry may not be in effect there, for it would hide what follows");
    fetch_committed(&v, &entry, 1);
    fetch_bad(&v, &committed.marker, VERDICT_OUTCOME_FORGED);
    vector_end(&v, root);

    v = vector_begin(w, "outcome-forged", "over_several_fetches",
                     "the list is empty when the batches are read, and the marker aborts them");
    struct transaction split = transaction_at(w, 0, 9, false);
    const struct aborted_transaction true_entry = { 9, 0 };
    fetch_begin(&v, 0, NULL);
    fetch_committed(&v, NULL, 0);
    fetch_good(&v, &split.data[0], VERDICT_AUTHENTIC);
    fetch_good(&v, &split.data[1], VERDICT_AUTHENTIC);
    for (int i = 0; i < 2; i++) {
        fetch_begin(&v, 4, i ? "asking again gives the same answer" : NULL);
        fetch_committed(&v, &true_entry, 1);
        fetch_bad(&v, &split.marker, VERDICT_OUTCOME_FORGED);
    }
    vector_end(&v, root);

    v = vector_begin(w, "outcome-forged", "among_others",
                     "only the one producer's transaction is refused; what stands before it is delivered");
    struct transaction theirs = transaction_at(w, 0, 8, true);
    struct made ours[2], filler[2];
    ours[0] = SEALED_AT(w, 5, .producer_id = 9, .transactional = true, .stream = 1);
    filler[0] = SEALED_AT(w, 6, 0);
    ours[1] = SEALED_AT(w, 7, .producer_id = 9, .base_sequence = 1, .transactional = true, .stream = 1);
    struct made marker = marker_at(w, 8, 9, false);
    fetch_begin(&v, 0, NULL);
    fetch_committed(&v, NULL, 0);
    good(&v, &theirs);
    fetch_bad(&v, &ours[0], VERDICT_OUTCOME_FORGED);
    fetch_bytes(&v, filler[0].outer, filler[0].outer_size);
    fetch_bytes(&v, ours[1].outer, ours[1].outer_size);
    fetch_bytes(&v, marker.outer, marker.outer_size);
    vector_end(&v, root);
}

void cases_outcome(struct world *w, const char *root)
{
    honest(w, root);
    forged(w, root);
}
