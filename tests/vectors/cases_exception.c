/* SPDX-License-Identifier: Apache-2.0 */
/* Accepted exceptions (section 8.4), in a folder of their own: expected is a bad verdict, accepted. */
#include "cases.h"

static const char folder[] = "exceptions";

static struct vector begin(struct world *w, const char *name, const char *comment, int64_t first, int64_t last)
{
    struct vector v = vector_begin(w, folder, name, comment);
    v.exceptions[0][0] = first;
    v.exceptions[0][1] = last;
    v.exception_count = 1;
    return v;
}

/* Three batches of five records; the second is for the caller to change. */
struct three {
    struct made made[3];
};

static struct three three_batches(struct world *w)
{
    struct three t;
    for (int i = 0; i < 3; i++) {
        t.made[i] = SEALED_AT(w, 5 * i, .count = 5);
    }
    return t;
}

static void spoil(struct made *made)
{
    size_t size;
    made_envelope(made, &size)[size - 1] ^= 1;
    made_fix_crc(made);
}

static void replaced(struct world *w, const char *root)
{
    struct vector v = begin(w, "altered", "replaced by an empty batch, and the log goes on", 5, 9);
    struct three t = three_batches(w);
    spoil(&t.made[1]);
    for (int i = 0; i < 2; i++) {
        fetch_begin(&v, 0, i ? "again" : NULL);
        fetch_good(&v, &t.made[0], VERDICT_AUTHENTIC);
        fetch_accepted(&v, &t.made[1], VERDICT_ALTERED);
        fetch_good(&v, &t.made[2], VERDICT_AUTHENTIC);
    }
    vector_end(&v, root);

    v = begin(w, "repaired", "the true batch is back where one was replaced: nothing had been claimed of that place", 5,
              9);
    t = three_batches(w);
    struct made spoilt = made_copy(w, &t.made[1]);
    spoil(&spoilt);
    struct made names_it =
        SEALED_AT(w, 15, .stream = 1, .predecessors = &t.made[1].as_predecessor, .predecessor_count = 1);
    fetch_begin(&v, 0, NULL);
    fetch_good(&v, &t.made[0], VERDICT_AUTHENTIC);
    fetch_accepted(&v, &spoilt, VERDICT_ALTERED);
    fetch_good(&v, &t.made[2], VERDICT_AUTHENTIC);
    fetch_good(&v, &names_it, VERDICT_AUTHENTIC);
    fetch_begin(&v, 5, NULL);
    fetch_good(&v, &t.made[1], VERDICT_AUTHENTIC);
    fetch_good(&v, &t.made[2], VERDICT_AUTHENTIC);
    vector_end(&v, root);

    v = begin(w, "other_verdicts", "each replaced", 0, 99);
    struct made unsealed = world_plain(w, &(struct want){ .count = 2 });
    made_place(&unsealed, 0);
    struct made unknown = SEALED_AT(w, 2, .writer = 2), elsewhere = SEALED_AT(w, 3, .count = 2, .topic = "orders-eu");
    struct made malformed = SEALED_AT(w, 5, .count = 3);
    store_u32(malformed.outer + 57, 0);
    made_fix_crc(&malformed);
    uint8_t entry[RECIPIENT_ENTRY_BYTES];
    memcpy(entry, w->entries, sizeof entry);
    memcpy(w->entries, w->entries + RECIPIENT_ENTRY_BYTES, sizeof entry);
    struct made unavailable = SEALED_AT(w, 8, .count = 2);
    memcpy(w->entries, entry, sizeof entry);
    struct made good = SEALED_AT(w, 10, 0);
    fetch_begin(&v, 0, NULL);
    fetch_accepted(&v, &unsealed, VERDICT_UNSEALED);
    fetch_accepted(&v, &unknown, VERDICT_UNKNOWN_WRITER);
    fetch_accepted(&v, &elsewhere, VERDICT_WRONG_PLACE);
    fetch_accepted(&v, &malformed, VERDICT_MALFORMED);
    fetch_accepted(&v, &unavailable, VERDICT_KEY_UNAVAILABLE);
    fetch_good(&v, &good, VERDICT_AUTHENTIC);
    vector_end(&v, root);

    v = begin(w, "not_to_be_framed", "of a batch of magic 1 only the base offset is known: it is replaced as that one",
              0, 1);
    struct made old = world_plain(w, &(struct want){ 0 });
    made_place(&old, 0);
    old.outer[BATCH_MAGIC_AT] = 1;
    store_u32(old.outer + 12, 0); /* a CRC in that format; no leader epoch is read */
    good = SEALED_AT(w, 1, 0);
    fetch_begin(&v, 0, NULL);
    fetch_accepted(&v, &old, VERDICT_UNSEALED);
    fetch_bytes(&v, good.outer, good.outer_size);
    fetch_begin(&v, 1, NULL);
    fetch_good(&v, &good, VERDICT_AUTHENTIC);
    vector_end(&v, root);

    v = begin(w, "share_group", "nothing takes the place of what is replaced", 5, 9);
    t = three_batches(w);
    spoil(&t.made[1]);
    fetch_begin(&v, 0, NULL);
    fetch_share_group(&v);
    fetch_good(&v, &t.made[0], VERDICT_AUTHENTIC);
    fetch_bad(&v, &t.made[1], VERDICT_ALTERED);
    json_object_set_new(json_array_get(v.batches, 1), "accepted", json_true());
    fetch_good(&v, &t.made[2], VERDICT_AUTHENTIC);
    vector_end(&v, root);
}

static void no_further(struct world *w, const char *root)
{
    struct vector v = begin(w, "not_covered", "an entry must have all of the batch: this one has a part", 5, 8);
    struct three t = three_batches(w);
    spoil(&t.made[1]);
    fetch_begin(&v, 5, NULL);
    fetch_bad(&v, &t.made[1], VERDICT_ALTERED);
    vector_end(&v, root);

    v = begin(w, "stretched", "the accepted batch's LastOffsetDelta is raised to skip what follows", 5, 9);
    t = three_batches(w);
    store_u32(t.made[1].outer + 23, 1000);
    made_fix_crc(&t.made[1]);
    t.made[1].last = 1005;
    fetch_begin(&v, 0, NULL);
    fetch_good(&v, &t.made[0], VERDICT_AUTHENTIC);
    fetch_bad(&v, &t.made[1], VERDICT_ALTERED);
    vector_end(&v, root);

    v = begin(w, "hole_before", "what stood before the accepted batch is gone: that has not been accepted", 5, 9);
    t = three_batches(w);
    struct made first = SEALED_AT(w, 0, .count = 3, .stream = 1);
    spoil(&t.made[1]);
    fetch_begin(&v, 0, NULL);
    fetch_good(&v, &first, VERDICT_AUTHENTIC);
    fetch_bad(&v, &t.made[1], VERDICT_ALTERED);
    vector_end(&v, root);

    v = begin(w, "of_another_name", "the offsets were accepted for another topic, whose id brokers lend", 5, 9);
    v.rows_topic = "orders-eu";
    t = three_batches(w);
    fetch_begin(&v, 0, "a hole");
    fetch_good(&v, &t.made[0], VERDICT_AUTHENTIC);
    fetch_wrong_offset(&v, &t.made[2], 5, false);
    spoil(&t.made[1]);
    fetch_begin(&v, 5, "altered");
    fetch_bad(&v, &t.made[1], VERDICT_ALTERED);
    vector_end(&v, root);
}

static void delivered(struct world *w, const char *root)
{
    struct vector v = begin(w, "hole", "the missing offsets are accepted; what follows is delivered", 5, 9);
    struct three t = three_batches(w);
    fetch_begin(&v, 0, NULL);
    fetch_good(&v, &t.made[0], VERDICT_AUTHENTIC);
    fetch_wrong_offset(&v, &t.made[2], 5, true);
    fetch_begin(&v, 5, "the same as the first of a response");
    fetch_wrong_offset(&v, &t.made[2], 5, true);
    vector_end(&v, root);

    v = begin(w, "larger_hole", "more is missing than was accepted", 5, 8);
    t = three_batches(w);
    fetch_begin(&v, 0, NULL);
    fetch_good(&v, &t.made[0], VERDICT_AUTHENTIC);
    fetch_wrong_offset(&v, &t.made[2], 5, false);
    vector_end(&v, root);

    v = begin(w, "marker_behind_a_hole", "a marker is delivered too: consumers need it to end an abort", 1, 1);
    struct made data = SEALED_AT(w, 0, .producer_id = 9, .transactional = true), marker = marker_at(w, 2, 9, true);
    fetch_begin(&v, 0, NULL);
    fetch_good(&v, &data, VERDICT_AUTHENTIC);
    fetch_wrong_offset(&v, &marker, 1, true);
    vector_end(&v, root);

    v = begin(w, "removed", "the predecessor's offset is accepted, whoever lists it", 0, 0);
    struct made gone = SEALED_AT(w, 0, .stream = 1), other = SEALED_AT(w, 0, .stream = 1);
    fetch_begin(&v, 0, NULL);
    fetch_good(&v, &other, VERDICT_AUTHENTIC);
    for (int i = 1; i < 3; i++) {
        struct made made = SEALED_AT(w, i, .predecessors = &gone.as_predecessor, .predecessor_count = 1);
        fetch_removed(&v, &made, 0, true);
    }
    vector_end(&v, root);

    v = begin(w, "out_of_order", "delivered, and no measure for the rest of its stream", 2, 2);
    struct made first = SEALED_AT(w, 0, 0), later = world_seal(w, &(struct want){ 0 }), ahead = SEALED_AT(w, 1, 0);
    made_place(&later, 2);
    struct made last = SEALED_AT(w, 3, 0);
    fetch_begin(&v, 0, NULL);
    fetch_good(&v, &first, VERDICT_AUTHENTIC);
    fetch_good(&v, &ahead, VERDICT_AUTHENTIC);
    fetch_accepted(&v, &later, VERDICT_OUT_OF_ORDER);
    fetch_good(&v, &last, VERDICT_AUTHENTIC);
    fetch_begin(&v, 2, "below the highest by now, which it does not contradict");
    fetch_good(&v, &later, VERDICT_AUTHENTIC);
    vector_end(&v, root);

    v = begin(w, "out_of_order_is_not_met", "what was accepted so does not count as met, nor as the highest", 5, 6);
    struct made high = SEALED_AT(w, 10, .count = 2), higher = SEALED_AT(w, 5, .count = 2);
    fetch_begin(&v, 10, NULL);
    fetch_good(&v, &high, VERDICT_AUTHENTIC);
    fetch_begin(&v, 5, "seeking back");
    fetch_accepted(&v, &higher, VERDICT_OUT_OF_ORDER);
    fetch_begin(&v, 10, "and forth");
    fetch_good(&v, &high, VERDICT_AUTHENTIC);
    vector_end(&v, root);

    v = begin(w, "out_of_order_elsewhere", "accepted at one offset, it is out of order at another still", 2, 2);
    first = SEALED_AT(w, 0, 0);
    later = world_seal(w, &(struct want){ 0 });
    ahead = SEALED_AT(w, 1, 0);
    made_place(&later, 2);
    struct made again = made_copy(w, &later);
    made_place(&again, 3);
    fetch_begin(&v, 0, NULL);
    fetch_good(&v, &first, VERDICT_AUTHENTIC);
    fetch_good(&v, &ahead, VERDICT_AUTHENTIC);
    fetch_accepted(&v, &later, VERDICT_OUT_OF_ORDER);
    fetch_bad(&v, &again, VERDICT_OUT_OF_ORDER);
    vector_end(&v, root);
}

static void replays(struct world *w, const char *root)
{
    struct vector v = begin(w, "replayed", "replaced, for its content has been delivered once", 10, 14);
    struct three t = three_batches(w);
    struct made again = made_copy(w, &t.made[0]);
    made_place(&again, 10);
    fetch_begin(&v, 0, NULL);
    fetch_good(&v, &t.made[0], VERDICT_AUTHENTIC);
    fetch_good(&v, &t.made[1], VERDICT_AUTHENTIC);
    fetch_accepted(&v, &again, VERDICT_REPLAYED);
    vector_end(&v, root);

    v = begin(w, "replayed_behind_a_hole", "an accepted hole does not let a replay pass", 10, 12);
    t = three_batches(w);
    again = made_copy(w, &t.made[0]);
    made_place(&again, 13);
    fetch_begin(&v, 0, NULL);
    fetch_good(&v, &t.made[0], VERDICT_AUTHENTIC);
    fetch_good(&v, &t.made[1], VERDICT_AUTHENTIC);
    fetch_bad(&v, &again, VERDICT_REPLAYED);
    vector_end(&v, root);

    v = begin(w, "replayed_behind_a_hole_and_accepted", "... and replaced if it is accepted as well", 10, 17);
    t = three_batches(w);
    again = made_copy(w, &t.made[0]);
    made_place(&again, 13);
    fetch_begin(&v, 0, NULL);
    fetch_good(&v, &t.made[0], VERDICT_AUTHENTIC);
    fetch_good(&v, &t.made[1], VERDICT_AUTHENTIC);
    fetch_accepted(&v, &again, VERDICT_REPLAYED);
    vector_end(&v, root);
}

static void outcome(struct world *w, const char *root)
{
    struct vector v =
        begin(w, "outcome_forged", "all that stands of the transaction in the response is replaced", 0, 2);
    struct made data[2], next = SEALED_AT(w, 3, .stream = 1);
    for (int i = 0; i < 2; i++) {
        data[i] = SEALED_AT(w, i, .producer_id = 9, .base_sequence = i, .transactional = true);
    }
    struct made marker = marker_at(w, 2, 9, false);
    fetch_begin(&v, 0, NULL);
    fetch_committed(&v, NULL, 0);
    fetch_accepted(&v, &data[0], VERDICT_OUTCOME_FORGED);
    fetch_accepted(&v, &data[1], VERDICT_OUTCOME_FORGED);
    fetch_accepted(&v, &marker, VERDICT_OUTCOME_FORGED);
    fetch_good(&v, &next, VERDICT_AUTHENTIC);
    struct made second = SEALED_AT(w, 4, .producer_id = 9, .base_sequence = 2, .transactional = true);
    struct made second_marker = marker_at(w, 5, 9, false);
    const struct aborted_transaction entry = { 9, 4 };
    fetch_begin(&v, 4, "the producer's next transaction is not held to the one before");
    fetch_committed(&v, &entry, 1);
    fetch_good(&v, &second, VERDICT_AUTHENTIC);
    fetch_good(&v, &second_marker, VERDICT_CONTROL);
    vector_end(&v, root);
}

void cases_exception(struct world *w, const char *root)
{
    replaced(w, root);
    no_further(w, root);
    delivered(w, root);
    replays(w, root);
    outcome(w, root);
}
