/* SPDX-License-Identifier: Apache-2.0 */
#include "cases.h"

#include "crypto/random.h"

static void wrong_place(struct world *w, const char *root)
{
    struct vector v =
        vector_begin(w, "wrong-place", "moved", "sealed for another place by a writer that is trusted there too");
    v.writers[0].topic = "*";
    struct place other_topic = w->place, other_partition = w->place;
    other_topic.topic.bytes[0] ^= 1;
    other_partition.partition = 4;
    const struct {
        const char *label;
        struct want want;
    } cases[] = {
        { "another cluster", { .cluster_id = "bmV2ZXItc2Vlbi1iZWZvcg" } },
        { "a cluster id that goes on", { .cluster_id = "MkU3OEVBNTcwNTJENDM2Qkk" } },
        { "another topic id: the topic made anew under its name", { .place = &other_topic } },
        { "another topic name", { .topic = "orders-eu" } },
        { "another partition", { .place = &other_partition } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct made made = sealed_at(w, 0, &cases[i].want);
        fetch_begin(&v, 0, cases[i].label);
        fetch_bad(&v, &made, VERDICT_WRONG_PLACE);
    }
    vector_end(&v, root);
}

static void not_trusted(struct world *w, const char *root)
{
    struct vector v = vector_begin(w, "writer-not-trusted", "topic", "its patterns do not match this topic");
    v.writers[0].topic = "order";
    struct made made = SEALED_AT(w, 0, 0);
    fetch_begin(&v, 0, NULL);
    fetch_bad(&v, &made, VERDICT_NOT_TRUSTED);
    vector_end(&v, root);

    v = vector_begin(w, "writer-not-trusted", "time", "sealed a millisecond before and after its validity");
    v.writers[0].not_before_ms = w->now_ms;
    v.writers[0].not_after_ms = w->now_ms + 5000;
    static const int64_t times_ms[] = { -1, 5001 };
    for (size_t i = 0; i < 2; i++) {
        made = SEALED_AT(w, 0, .seal_time_ms = w->now_ms + times_ms[i]);
        fetch_begin(&v, 0, NULL);
        fetch_bad(&v, &made, VERDICT_NOT_TRUSTED);
    }
    vector_end(&v, root);

    v = vector_begin(w, "writer-not-trusted", "revoked", "revoked, and nothing in this place is still good");
    v.writers[0].revoked = true;
    v.writers[0].last_good = -1;
    made = SEALED_AT(w, 0, 0);
    fetch_begin(&v, 0, NULL);
    fetch_bad(&v, &made, VERDICT_NOT_TRUSTED);
    vector_end(&v, root);

    v = vector_begin(w, "writer-not-trusted", "behind_the_last_good_offset",
                     "revoked; a batch must end at or before the last good offset");
    v.writers[0].revoked = true;
    v.writers[0].last_good = 9;
    static const int64_t offsets[] = { 10, 6, 50 };
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        made = SEALED_AT(w, offsets[i], .count = 5);
        fetch_begin(&v, offsets[i], NULL);
        fetch_bad(&v, &made, VERDICT_NOT_TRUSTED);
    }
    vector_end(&v, root);

    v = vector_begin(w, "writer-not-trusted", "last_good_of_another_name",
                     "revoked; the last good offset is another topic's, whose id brokers lend");
    v.writers[0].revoked = true;
    v.writers[0].last_good = 9;
    v.rows_topic = "order";
    made = SEALED_AT(w, 0, .count = 5);
    fetch_begin(&v, 0, NULL);
    fetch_bad(&v, &made, VERDICT_NOT_TRUSTED);
    vector_end(&v, root);
}

static void key_unavailable(struct world *w, const char *root)
{
    struct vector v = vector_begin(w, "key-unavailable", "not_for_us", "wrapped for others only");
    v.recipients[0] = 2;
    struct made made = SEALED_AT(w, 0, 0);
    fetch_begin(&v, 0, NULL);
    fetch_bad(&v, &made, VERDICT_KEY_UNAVAILABLE);
    vector_end(&v, root);

    v = vector_begin(w, "key-unavailable", "no_keys", "a reader without keys, as an auditor is");
    v.recipient_count = 0;
    made = SEALED_AT(w, 0, 0);
    fetch_begin(&v, 0, NULL);
    fetch_bad(&v, &made, VERDICT_KEY_UNAVAILABLE);
    vector_end(&v, root);

    v = vector_begin(w, "key-unavailable", "entries_that_do_not_unwrap",
                     "the reader's id, but damaged, or another key than the commitment's; then the good batch");
    w->entries[RECIPIENT_ID_BYTES + 40] ^= 1;
    made = SEALED_AT(w, 0, 0);
    w->entries[RECIPIENT_ID_BYTES + 40] ^= 1;
    fetch_begin(&v, 0, "damaged");
    fetch_bad(&v, &made, VERDICT_KEY_UNAVAILABLE);
    uint8_t entry[RECIPIENT_ENTRY_BYTES], other[AEAD_KEY_BYTES];
    memcpy(entry, w->entries, sizeof entry);
    random_fill(other, sizeof other);
    if (box_wrap(w->recipients[0], other, w->entries + RECIPIENT_ID_BYTES)) {
        return;
    }
    made = SEALED_AT(w, 1, 0);
    memcpy(w->entries, entry, sizeof entry);
    fetch_begin(&v, 1, "another key");
    fetch_bad(&v, &made, VERDICT_KEY_UNAVAILABLE);
    made = SEALED_AT(w, 2, 0);
    fetch_begin(&v, 2, "the key it should be");
    fetch_good(&v, &made, VERDICT_AUTHENTIC);
    vector_end(&v, root);
}

static void unopenable(struct world *w, const char *root)
{
    struct vector v = vector_begin(w, "unopenable", "writers_fault", "signature good, tag bad");
    static const struct {
        const char *label;
        size_t back;
    } changes[] = { { "the tag", SIGN_BYTES + 1 }, { "the ciphertext", ENVELOPE_TRAILER_BYTES + 1 } };
    for (size_t i = 0; i < 2; i++) {
        size_t size;
        struct made made = SEALED_AT(w, (int64_t)i, 0);
        uint8_t *envelope = made_envelope(&made, &size);
        envelope[size - changes[i].back] ^= 1;
        made_resign(w, &made, 0);
        fetch_begin(&v, made.base, changes[i].label);
        fetch_bad(&v, &made, VERDICT_UNOPENABLE);
    }
    size_t size;
    struct made made = SEALED_AT(w, 2, 0);
    made_envelope(&made, &size)[HEADER_NONCE_AT] ^= 1;
    made_resign(w, &made, 0);
    fetch_begin(&v, 2, "the nonce");
    fetch_bad(&v, &made, VERDICT_UNOPENABLE);
    vector_end(&v, root);
}

void cases_place(struct world *w, const char *root)
{
    wrong_place(w, root);
    not_trusted(w, root);
    key_unavailable(w, root);
    unopenable(w, root);
}
