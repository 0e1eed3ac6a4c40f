/* SPDX-License-Identifier: Apache-2.0 */
#include "cases.h"

static void wrong_offset(struct world *w, const char *root)
{
    struct vector v =
        vector_begin(w, "wrong-offset", "in_a_response", "a hole, an overlap and a step back between two batches");
    static const int64_t offsets[] = { 6, 4, 0, -1 };
    struct made first = SEALED_AT(w, 0, .count = 5);
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        struct made next = SEALED_AT(w, offsets[i], .count = 5);
        fetch_begin(&v, 0, NULL);
        fetch_good(&v, &first, VERDICT_AUTHENTIC);
        fetch_wrong_offset(&v, &next, 5, false);
    }
    struct made marker = marker_at(w, 7, 9, true);
    fetch_begin(&v, 0, "a marker");
    fetch_good(&v, &first, VERDICT_AUTHENTIC);
    fetch_wrong_offset(&v, &marker, 5, false);
    vector_end(&v, root);

    v = vector_begin(w, "wrong-offset", "first_of_a_response", "the first batch does not hold the fetch offset");
    static const int64_t bases[] = { 11, 100, 5, 0 };
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
        struct made made = SEALED_AT(w, bases[i], .count = 5);
        fetch_begin(&v, 10, NULL);
        fetch_wrong_offset(&v, &made, 10, false);
    }
    vector_end(&v, root);

    v = vector_begin(w, "wrong-offset", "boundary_remembered",
                     "a reader that knows where a batch ends is not content with one that holds the offset");
    struct made read[3];
    fetch_begin(&v, 0, NULL);
    for (int i = 0; i < 3; i++) {
        read[i] = SEALED_AT(w, 5 * i, .count = 5);
        fetch_good(&v, &read[i], VERDICT_AUTHENTIC);
    }
    static const int64_t boundaries[] = { 15, 10, 5 };
    for (size_t i = 0; i < sizeof boundaries / sizeof *boundaries; i++) {
        struct made made = SEALED_AT(w, boundaries[i] - 2, .count = 5);
        fetch_begin(&v, boundaries[i], NULL);
        fetch_wrong_offset(&v, &made, boundaries[i], false);
    }
    struct made before = SEALED_AT(w, -3, .count = 5);
    fetch_begin(&v, 0, "or where it begins");
    fetch_wrong_offset(&v, &before, 0, false);
    vector_end(&v, root);

    v = vector_begin(w, "wrong-offset", "no_offsets", "no log begins below 0 or reaches the last offset that there is");
    struct made below = SEALED_AT(w, -2, .count = 5);
    fetch_begin(&v, 0, NULL);
    fetch_wrong_offset(&v, &below, 0, false);
    struct made last = SEALED_AT(w, INT64_MAX, 0);
    fetch_begin(&v, INT64_MAX, NULL);
    fetch_wrong_offset(&v, &last, INT64_MAX, false);
    vector_end(&v, root);
}

/* Reads five batches of two records, of which the third has been replaced, and then a batch that lists the true third. */
static void replaced(struct vector *v, const struct made *third, const struct made *true_third)
{
    struct world *w = v->world;
    fetch_begin(v, 0, NULL);
    for (int i = 0; i < 5; i++) {
        struct made made = i == 2 ? *third : SEALED_AT(w, 2 * i, .count = 2, .stream = 2);
        fetch_good(v, &made, i == 2 && third->plain == third->outer ? VERDICT_CONTROL : VERDICT_AUTHENTIC);
        if (i == 2 && made.last == 4) { /* a marker takes one offset; something honest the other */
            struct made filler = SEALED_AT(w, 5, .stream = 3);
            fetch_good(v, &filler, VERDICT_AUTHENTIC);
        }
    }
    struct made made = SEALED_AT(w, 10, .predecessors = &true_third->as_predecessor, .predecessor_count = 1);
    fetch_removed(v, &made, true_third->base, false);
}

static void predecessors(struct world *w, const char *root)
{
    struct vector v =
        vector_begin(w, "removed", "replaced", "another authentic batch stands where the acknowledged one stood");
    struct made gone = SEALED_AT(w, 4, .count = 2, .stream = 1), other = SEALED_AT(w, 4, .count = 2, .stream = 1);
    replaced(&v, &other, &gone);
    vector_end(&v, root);

    v = vector_begin(w, "removed", "replaced_by_another_producers", "nor does another producer batch resolve it");
    gone = SEALED_AT(w, 4, .count = 2, .stream = 1, .producer_id = 9, .base_sequence = 40);
    other = SEALED_AT(w, 4, .count = 2, .stream = 1, .producer_id = 9, .base_sequence = 42);
    replaced(&v, &other, &gone);
    vector_end(&v, root);

    v = vector_begin(w, "removed", "replaced_by_a_marker", "a transaction marker stands there");
    gone = SEALED_AT(w, 4, .stream = 1);
    struct made marker = marker_at(w, 4, 9, true);
    replaced(&v, &marker, &gone);
    vector_end(&v, root);

    v = vector_begin(w, "removed", "no_batch_begins_there", "the acknowledged offset is in the middle of a batch");
    gone = SEALED_AT(w, 5, .stream = 1);
    other = SEALED_AT(w, 4, .count = 2, .stream = 1);
    replaced(&v, &other, &gone);
    vector_end(&v, root);

    v = vector_begin(w, "removed", "log_cut_behind",
                     "the batch lists one that stood at its own offset or beyond: the log was cut and written anew");
    static const int64_t offsets[] = { 7, 8, 1000 };
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        gone = SEALED_AT(w, offsets[i], .stream = 1);
        struct made made = SEALED_AT(w, 7, .count = 2, .predecessors = &gone.as_predecessor, .predecessor_count = 1);
        fetch_begin(&v, 7, NULL);
        fetch_removed(&v, &made, offsets[i], false);
        fetch_begin(&v, 0, "to a share group too");
        fetch_share_group(&v);
        fetch_removed(&v, &made, offsets[i], false);
    }
    vector_end(&v, root);

    v = vector_begin(w, "removed", "second_of_the_list", "the first that fails is named");
    struct predecessor listed[3];
    fetch_begin(&v, 0, NULL);
    for (int i = 0; i < 3; i++) {
        struct made made = SEALED_AT(w, i, 0);
        fetch_good(&v, &made, VERDICT_AUTHENTIC);
        listed[i] = made.as_predecessor;
        listed[i].seal_prefix[0] ^= i > 0;
    }
    struct made made = SEALED_AT(w, 3, .predecessors = listed, .predecessor_count = 3);
    fetch_removed(&v, &made, 1, false);
    vector_end(&v, root);
}

static void read_again(struct world *w, const char *root)
{
    struct vector v =
        vector_begin(w, "removed", "rolled_back", "the log was rolled back between two fetches and written anew");
    struct made before[3], after[3];
    fetch_begin(&v, 0, NULL);
    for (int i = 0; i < 3; i++) {
        before[i] = SEALED_AT(w, 3 * i, .count = 3, .stream = 0);
        after[i] = SEALED_AT(w, 3 * i, .count = 3, .stream = 1);
        fetch_good(&v, &before[i], VERDICT_AUTHENTIC);
    }
    fetch_begin(&v, 3, "other batches at the same offsets");
    fetch_removed(&v, &after[1], 3, false);
    fetch_begin(&v, 0, "asking again gives the same answer");
    fetch_good(&v, &before[0], VERDICT_AUTHENTIC);
    fetch_removed(&v, &after[1], 3, false);
    struct made longer = SEALED_AT(w, 6, .count = 4, .stream = 1), shorter = SEALED_AT(w, 6, .count = 2, .stream = 1);
    fetch_begin(&v, 6, "longer than it was");
    fetch_removed(&v, &longer, 6, false);
    fetch_begin(&v, 6, "shorter than it was");
    fetch_removed(&v, &shorter, 6, false);
    struct made middle = SEALED_AT(w, 1, .stream = 1);
    fetch_begin(&v, 1, "a batch begins where none began");
    fetch_removed(&v, &middle, 1, false);
    vector_end(&v, root);

    v = vector_begin(w, "removed", "replaced_by_what_is_not_sealed",
                     "a sealed batch was read; now a marker, or a clear batch, stands there");
    v.cut_over = 10;
    struct made sealed = SEALED_AT(w, 0, 0), marker = marker_at(w, 0, 9, false);
    struct made clear = world_plain(w, &(struct want){ 0 });
    made_place(&clear, 0);
    fetch_begin(&v, 0, NULL);
    fetch_good(&v, &sealed, VERDICT_AUTHENTIC);
    fetch_begin(&v, 0, "a marker");
    fetch_removed(&v, &marker, 0, false);
    fetch_begin(&v, 0, "a clear batch");
    fetch_removed(&v, &clear, 0, false);
    vector_end(&v, root);
}

static void out_of_order(struct world *w, const char *root)
{
    struct vector v = vector_begin(w, "out-of-order", "exchanged", "two batches of a stream have changed places");
    struct made first = SEALED_AT(w, 0, .count = 2), later = world_seal(w, &(struct want){ .count = 2 });
    struct made last = SEALED_AT(w, 2, .count = 2);
    made_place(&later, 4);
    fetch_begin(&v, 0, NULL);
    fetch_good(&v, &first, VERDICT_AUTHENTIC);
    fetch_good(&v, &last, VERDICT_AUTHENTIC);
    fetch_bad(&v, &later, VERDICT_OUT_OF_ORDER);
    fetch_begin(&v, 4, "asking again gives the same answer");
    fetch_bad(&v, &later, VERDICT_OUT_OF_ORDER);
    vector_end(&v, root);

    v = vector_begin(w, "out-of-order", "higher_before_the_highest",
                     "to a reader that seeks back, and to a share group");
    struct made high = SEALED_AT(w, 10, .count = 2), higher = SEALED_AT(w, 5, .count = 2);
    fetch_begin(&v, 10, NULL);
    fetch_good(&v, &high, VERDICT_AUTHENTIC);
    fetch_begin(&v, 5, "seeking back");
    fetch_bad(&v, &higher, VERDICT_OUT_OF_ORDER);
    fetch_begin(&v, 0, "share group");
    fetch_share_group(&v);
    fetch_bad(&v, &higher, VERDICT_OUT_OF_ORDER);
    fetch_good(&v, &high, VERDICT_AUTHENTIC);
    vector_end(&v, root);
}

static void replayed(struct world *w, const char *root)
{
    struct vector v =
        vector_begin(w, "replayed", "stored_twice", "a batch that was stored stands at a later offset again");
    struct made made[4];
    for (int i = 0; i < 4; i++) {
        made[i] = SEALED_AT(w, 2 * i, .count = 2);
    }
    for (int k = 0; k < 4; k++) {
        fetch_begin(&v, 0, NULL);
        for (int i = 0; i < 4; i++) {
            fetch_good(&v, &made[i], VERDICT_AUTHENTIC);
        }
        struct made again = made_copy(w, &made[k]);
        made_place(&again, 8);
        fetch_bad(&v, &again, VERDICT_REPLAYED);
        fetch_begin(&v, 8, "asking again gives the same answer");
        fetch_bad(&v, &again, VERDICT_REPLAYED);
    }
    vector_end(&v, root);

    v = vector_begin(w, "replayed", "met_while_seeking_back",
                     "numbers below the highest are remembered as they are met");
    for (int i = 0; i < 3; i++) {
        made[i] = SEALED_AT(w, 2 * i, .count = 2);
    }
    fetch_begin(&v, 4, NULL);
    fetch_good(&v, &made[2], VERDICT_AUTHENTIC);
    fetch_begin(&v, 0, NULL);
    fetch_good(&v, &made[0], VERDICT_AUTHENTIC);
    struct made again = made_copy(w, &made[0]), not_met = made_copy(w, &made[1]);
    made_place(&again, 10);
    made_place(&not_met, 10);
    fetch_begin(&v, 10, "met at another offset");
    fetch_bad(&v, &again, VERDICT_REPLAYED);
    fetch_begin(&v, 10, "not met");
    fetch_bad(&v, &not_met, VERDICT_OUT_OF_ORDER);
    vector_end(&v, root);

    v = vector_begin(w, "replayed", "far_below",
                     "64 numbers below the highest are remembered, and what is farther counts as met");
    struct made far[2];
    for (int i = 0; i < 2; i++) {
        far[i] = SEALED_AT(w, 100, 0);
    }
    for (int i = 0; i < 63; i++) {
        world_seal(w, &(struct want){ 0 });
    }
    struct made highest = SEALED_AT(w, 99, 0);
    fetch_begin(&v, 99, NULL);
    fetch_good(&v, &highest, VERDICT_AUTHENTIC);
    fetch_bad(&v, &far[0], VERDICT_REPLAYED);
    fetch_begin(&v, 99, NULL);
    fetch_good(&v, &highest, VERDICT_AUTHENTIC);
    fetch_bad(&v, &far[1], VERDICT_OUT_OF_ORDER);
    vector_end(&v, root);

    v = vector_begin(w, "replayed", "share_group", "goes on behind it");
    for (int i = 0; i < 3; i++) {
        made[i] = SEALED_AT(w, 10 * i, .count = 2);
    }
    again = made_copy(w, &made[0]);
    made_place(&again, 15);
    fetch_begin(&v, 0, NULL);
    fetch_share_group(&v);
    fetch_good(&v, &made[0], VERDICT_AUTHENTIC);
    fetch_good(&v, &made[1], VERDICT_AUTHENTIC);
    fetch_bad(&v, &again, VERDICT_REPLAYED);
    fetch_good(&v, &made[2], VERDICT_AUTHENTIC);
    vector_end(&v, root);
}

void cases_order(struct world *w, const char *root)
{
    wrong_offset(w, root);
    predecessors(w, root);
    read_again(w, root);
    out_of_order(w, root);
    replayed(w, root);
}
