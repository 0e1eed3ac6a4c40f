/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A map of one partition for people: what was found at which offsets, in a
 * bounded number of cells however long the log is.  When the offsets need more
 * cells than there are, two become one.
 *
 * The rule to keep: a cell tells the worst of what is in it, so that nothing
 * bad is lost between good.
 */
#ifndef SIGNET_VERIFY_PARTITION_MAP_H
#define SIGNET_VERIFY_PARTITION_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* State, text, meaning; from the best to the worst. */
#define MAP_STATES(X)                                                                               \
    X(NOTHING, "nothing there", "nothing that was read has these offsets")                          \
    X(GOOD, "good", "sealed by a trusted writer, unchanged and in its place; or a broker's marker") \
    X(CLEAR, "in clear", "not sealed, and allowed to be: from before the topic was sealed")         \
    X(NOT_COVERED, "not covered", "good, but in no ledger that was given")                          \
    X(ACCEPTED, "accepted", "bad, and the trust file accepts it")                                   \
    X(UNKNOWN, "could not tell", "could not be looked at: not known to be good")                    \
    X(UNSEALED, "unsealed", "not sealed, where everything must be")                                 \
    X(BAD, "bad", "altered, removed, moved, repeated, forged, or not what was acknowledged; see its finding")

enum map_state {
#define X(name, text, meaning) MAP_##name,
    MAP_STATES(X)
#undef X
        MAP_STATE_COUNT
};
const char *map_state_text(enum map_state state);
const char *map_state_meaning(enum map_state state);

enum { PARTITION_MAP_CELLS = 256 };

/* Starts as all zero. */
struct partition_map {
    bool any;            /* something was marked: */
    int64_t first, last; /* the offsets that were, from and to */
    unsigned shift;      /* a cell is of 2^shift offsets, from a multiple of that on */
    uint8_t cells[PARTITION_MAP_CELLS];
};

/* Offsets `first` to `last`, where `last` below `first` is `first` alone; offsets below 0 are 0. */
void partition_map_mark(struct partition_map *map, int64_t first, int64_t last, enum map_state state);
/* Cells in use, from that of the first offset on; 0 when nothing was marked. */
size_t partition_map_size(const struct partition_map *map);

/* Cells of one state in a row. */
struct map_run {
    enum map_state state;
    size_t cell, cells;
    int64_t first, last; /* their offsets, inclusive */
};
/* The run that begins at cell `*at`, which moves behind it; false when there is none. */
bool partition_map_next(const struct partition_map *map, size_t *at, struct map_run *ret_run);

#endif
