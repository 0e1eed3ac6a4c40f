/* SPDX-License-Identifier: Apache-2.0 */
/* Unwrapped keys: found by what they were wrapped as, never by what a writer calls them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/random.h"
#include "keys/unwrap_cache.h"

enum { ENTRIES_MAX = 4 };

/* A reader with two keys, and a data key wrapped for whom a test says. */
struct fixture {
    uint8_t secrets[2][BOX_SECRET_BYTES];
    struct recipient_key keys[2];
    struct unwrap_cache *cache;
    uint8_t entries[ENTRIES_MAX * RECIPIENT_ENTRY_BYTES];
    struct envelope envelope;
};

static void fixture_init(struct fixture *f)
{
    *f = (struct fixture){ 0 };
    for (size_t i = 0; i < 2; i++) {
        random_fill(f->secrets[i], BOX_SECRET_BYTES);
        box_public_from_secret(f->secrets[i], f->keys[i].public_key);
        f->keys[i].secret = f->secrets[i];
    }
    f->cache = unwrap_cache_new(f->keys, 2);
    unwrap_cache_set_time(f->cache, 1000);
    f->envelope.header.place.topic.bytes[0] = 1;
}

static void add_entry(struct fixture *f, const uint8_t *public_key, const uint8_t *data_key)
{
    size_t size = f->envelope.header.recipients.size;
    uint8_t *entry = f->entries + size;
    recipient_id(public_key, entry);
    assert_int_equal(box_wrap(public_key, data_key, entry + RECIPIENT_ID_BYTES), SIGNET_OK);
    f->envelope.header.recipients = slice_of(f->entries, size + RECIPIENT_ENTRY_BYTES);
}

static void commit(struct fixture *f, const uint8_t *data_key)
{
    key_commitment(&f->envelope.header.place.topic, data_key, f->envelope.header.commitment);
}

/* Whether what is found is this key: it opens what that sealed. */
static bool opens(struct aead_key *found, const uint8_t *data_key)
{
    static const uint8_t nonce[AEAD_NONCE_BYTES];
    uint8_t text[] = "text", tag[AEAD_TAG_BYTES];
    struct aead_key *key = aead_key_new(data_key);
    assert_int_equal(aead_seal(key, nonce, slice_of(NULL, 0), text, sizeof text, tag), SIGNET_OK);
    aead_key_free(key);
    return found && aead_open(found, nonce, slice_of(NULL, 0), text, sizeof text, tag) == SIGNET_OK;
}

static void entries_are_tried_until_one_keeps_the_commitment(void **state)
{
    (void)state;
    const uint8_t wanted[BOX_KEY_BYTES] = { 1 }, other[BOX_KEY_BYTES] = { 2 };
    uint8_t stranger_secret[BOX_SECRET_BYTES] = { 3 }, stranger[BOX_PUBLIC_BYTES];
    box_public_from_secret(stranger_secret, stranger);
    struct fixture f;
    fixture_init(&f);
    commit(&f, wanted);
    add_entry(&f, stranger, wanted);
    assert_null(unwrap_cache_find(f.cache, &f.envelope));
    add_entry(&f, f.keys[0].public_key, other); /* ours, but not the key that was committed to */
    assert_null(unwrap_cache_find(f.cache, &f.envelope));
    add_entry(&f, f.keys[1].public_key, wanted);
    f.entries[3 * RECIPIENT_ENTRY_BYTES - 1] ^= 1; /* ours, but damaged */
    assert_null(unwrap_cache_find(f.cache, &f.envelope));
    add_entry(&f, f.keys[1].public_key, wanted);
    assert_true(opens(unwrap_cache_find(f.cache, &f.envelope), wanted));
    unwrap_cache_free(f.cache);
}

/* A poisoner repeats a victim's commitment, entries or topic, but not all of them. */
static void another_topic_commitment_or_wrapping_is_another_key(void **state)
{
    (void)state;
    const uint8_t wanted[BOX_KEY_BYTES] = { 1 }, other[BOX_KEY_BYTES] = { 2 };
    struct fixture f;
    fixture_init(&f);
    commit(&f, wanted);
    add_entry(&f, f.keys[0].public_key, wanted);
    struct aead_key *found = unwrap_cache_find(f.cache, &f.envelope);
    assert_true(opens(found, wanted));
    assert_ptr_equal(unwrap_cache_find(f.cache, &f.envelope), found);

    struct fixture changed = f;
    changed.envelope.header.recipients.data = changed.entries;
    changed.envelope.header.place.topic.bytes[0] = 2;
    assert_null(unwrap_cache_find(f.cache, &changed.envelope));

    changed = f;
    changed.envelope.header.commitment[31] ^= 1;
    assert_null(unwrap_cache_find(f.cache, &changed.envelope));

    changed = f;
    changed.envelope.header.recipients = slice_of(changed.entries, 0);
    add_entry(&changed, f.keys[0].public_key, other);
    assert_null(unwrap_cache_find(f.cache, &changed.envelope));
    commit(&changed, other);
    assert_true(opens(unwrap_cache_find(f.cache, &changed.envelope), other));

    assert_ptr_equal(unwrap_cache_find(f.cache, &f.envelope), found);
    unwrap_cache_free(f.cache);
}

struct age_case {
    const char *label;
    int64_t now_ms;
    bool kept;
};

static const struct age_case age_cases[] = {
    { "at once", 1000, true },
    { "a millisecond before the end", 1000 + UNWRAPPED_KEY_AGE_MS_MAX - 1, true },
    { "at the end", 1000 + UNWRAPPED_KEY_AGE_MS_MAX, false },
    { "long after", INT64_MAX, false },
    { "a clock that is set back", 999, false },
};

/* What nothing unwraps is remembered too, and forgotten as soon. */
static void keys_age(void **state)
{
    (void)state;
    const uint8_t wanted[BOX_KEY_BYTES] = { 1 };
    for (size_t i = 0; i < sizeof age_cases / sizeof *age_cases; i++) {
        struct fixture f;
        fixture_init(&f);
        commit(&f, wanted);
        add_entry(&f, f.keys[0].public_key, wanted);
        f.secrets[0][5] ^= 1; /* for a moment its owner has another key there */
        assert_null(unwrap_cache_find(f.cache, &f.envelope));
        f.secrets[0][5] ^= 1;
        unwrap_cache_set_time(f.cache, age_cases[i].now_ms);
        if ((unwrap_cache_find(f.cache, &f.envelope) == NULL) != age_cases[i].kept) {
            fail_msg("%s", age_cases[i].label);
        }
        unwrap_cache_free(f.cache);
    }
}

/* However many there are, each is right: what is forgotten is unwrapped again. */
static void more_keys_than_there_is_room_for(void **state)
{
    (void)state;
    enum { KEYS = 2 * UNWRAPPED_KEYS_MAX };
    struct fixture f;
    fixture_init(&f);
    for (int turn = 0; turn < 2; turn++) {
        for (uint32_t i = 0; i < KEYS; i += turn ? 97 : 1) {
            uint8_t data_key[BOX_KEY_BYTES] = { 9 };
            store_u32(data_key + 4, i);
            f.envelope.header.recipients = slice_of(f.entries, 0);
            add_entry(&f, f.keys[i % 2].public_key, data_key);
            commit(&f, data_key);
            assert_true(opens(unwrap_cache_find(f.cache, &f.envelope), data_key));
        }
    }
    unwrap_cache_free(f.cache);
}

static void a_reader_without_keys_opens_nothing(void **state)
{
    (void)state;
    const uint8_t wanted[BOX_KEY_BYTES] = { 1 };
    struct fixture f;
    fixture_init(&f);
    commit(&f, wanted);
    add_entry(&f, f.keys[0].public_key, wanted);
    struct unwrap_cache *cache = unwrap_cache_new(NULL, 0);
    assert_null(unwrap_cache_find(cache, &f.envelope));
    unwrap_cache_free(cache);
    unwrap_cache_free(f.cache);
    unwrap_cache_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_tried_until_one_keeps_the_commitment),
        cmocka_unit_test(another_topic_commitment_or_wrapping_is_another_key),
        cmocka_unit_test(keys_age),
        cmocka_unit_test(more_keys_than_there_is_room_for),
        cmocka_unit_test(a_reader_without_keys_opens_nothing),
    };
    crypto_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
