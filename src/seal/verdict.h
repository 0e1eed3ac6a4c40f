/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verdicts on one batch (spec/sealed-batch.md, "Verdicts").  One list, used
 * wherever a verdict is given, counted or printed, so that an operator meets
 * the same word everywhere.
 */
#ifndef SIGNET_SEAL_VERDICT_H
#define SIGNET_SEAL_VERDICT_H

#define VERDICTS(X)                                                                                  \
    X(AUTHENTIC, "authentic", "sealed by a trusted writer and unchanged, in its place")              \
    X(CLEAR, "clear", "not sealed, and allowed to be: it stands before the cut-over")                \
    X(CONTROL, "control", "a transaction marker, written by the broker")                             \
    X(UNSEALED, "unsealed", "not sealed, on a topic that must be")                                   \
    X(MALFORMED, "malformed", "breaks the format of a batch or of an envelope")                      \
    X(UNSUPPORTED, "unsupported", "sealed by a version or suite that this program does not know")    \
    X(UNKNOWN_WRITER, "unknown writer", "signed by a key that the trust file does not have")         \
    X(ALTERED, "altered", "changed after it was sealed")                                             \
    X(WRONG_PLACE, "wrong place", "sealed for another cluster, topic or partition")                  \
    X(NOT_TRUSTED, "writer not trusted", "its writer is not trusted for this topic, time or offset") \
    X(WRONG_OFFSET, "wrong offset", "does not follow the batch before it")                           \
    X(REMOVED, "removed", "a batch that was acknowledged earlier is not where it was")               \
    X(OUT_OF_ORDER, "out of order", "its writer sealed it before one that stands ahead of it")       \
    X(REPLAYED, "replayed", "stands at another offset too")                                          \
    X(OUTCOME_FORGED, "outcome forged", "the list of aborted transactions contradicts the markers")  \
    X(KEY_UNAVAILABLE, "key unavailable", "its data key is not wrapped for any key at hand")         \
    X(UNOPENABLE, "unopenable", "signed as it is, but its data key does not open it: the writer's fault")

enum verdict {
#define X(name, word, meaning) VERDICT_##name,
    VERDICTS(X)
#undef X
        VERDICT_COUNT
};

/* "altered"; never NULL. */
const char *verdict_word(enum verdict verdict);
/* One clause that says what it means; never NULL. */
const char *verdict_meaning(enum verdict verdict);
/* May the records be handed to a consumer? */
static inline int verdict_is_good(enum verdict verdict)
{
    return verdict == VERDICT_AUTHENTIC || verdict == VERDICT_CLEAR || verdict == VERDICT_CONTROL;
}

#endif
