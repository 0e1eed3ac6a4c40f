/* SPDX-License-Identifier: Apache-2.0 */
/* Data keys for sealing: one a topic, replaced by age and use, wrapped for every recipient. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/random.h"
#include "keys/data_keys.h"

enum { RECIPIENTS = 3 };

struct fixture {
    uint8_t secrets[RECIPIENTS][BOX_SECRET_BYTES];
    struct recipient recipients[RECIPIENTS];
};

static void fixture_init(struct fixture *f)
{
    for (size_t i = 0; i < RECIPIENTS; i++) {
        random_fill(f->secrets[i], BOX_SECRET_BYTES);
        box_public_from_secret(f->secrets[i], f->recipients[i].public_key);
    }
}

static struct topic_id topic_number(uint32_t number)
{
    struct topic_id topic = { { 1 } };
    store_u32(topic.bytes + 12, number);
    return topic;
}

/* The commitment of the key to use: it tells one key from another. */
static void current(struct data_keys *keys, uint32_t topic, size_t size, int64_t now_ms, uint8_t ret[COMMITMENT_BYTES])
{
    const struct seal_key *key;
    const struct topic_id id = topic_number(topic);
    assert_int_equal(data_keys_current(keys, &id, size, now_ms, &key), SIGNET_OK);
    memcpy(ret, key->commitment, COMMITMENT_BYTES);
}

struct policy_case {
    const char *label;
    struct data_key_policy policy;
    struct {
        size_t size;
        int64_t now_ms;
        bool replaced; /* before this seal */
    } seals[5];
};

#define NO_LIMIT INT64_MAX, UINT64_MAX, UINT64_MAX

static const struct policy_case policy_cases[] = {
    { "nothing wears it",
      { NO_LIMIT },
      { { 1 << 20, 0, true }, { 1 << 30, 1, false }, { 0, 1LL << 60, false }, { 1, 1LL << 61, false } } },
    { "age",
      { 100, UINT64_MAX, UINT64_MAX },
      { { 1, 50, true }, { 1, 149, false }, { 1, 150, true }, { 1, 249, false } } },
    { "batches",
      { INT64_MAX, UINT64_MAX, 2 },
      { { 1, 0, true }, { 1, 0, false }, { 1, 0, true }, { 1, 0, false }, { 1, 0, true } } },
    { "bytes",
      { INT64_MAX, 100, UINT64_MAX },
      { { 60, 0, true }, { 40, 0, false }, { 1, 0, true }, { 100, 0, true }, { 200, 0, true } } },
    { "a clock that is set back",
      { 100, UINT64_MAX, UINT64_MAX },
      { { 1, 50, true }, { 1, 49, true }, { 1, 49, false } } },
};

static void a_worn_key_is_replaced(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < sizeof policy_cases / sizeof *policy_cases; i++) {
        const struct policy_case *c = &policy_cases[i];
        struct data_keys *keys = data_keys_new(&c->policy, f.recipients, RECIPIENTS);
        uint8_t before[COMMITMENT_BYTES] = { 0 }, now[COMMITMENT_BYTES];
        for (size_t k = 0; k < 5 && (k == 0 || c->seals[k].size || c->seals[k].now_ms); k++) {
            current(keys, 0, c->seals[k].size, c->seals[k].now_ms, now);
            if ((memcmp(before, now, sizeof now) != 0) != c->seals[k].replaced) {
                fail_msg("%s: seal %zu", c->label, k);
            }
            memcpy(before, now, sizeof before);
        }
        data_keys_free(keys);
    }
}

static void every_topic_has_its_own(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    const struct data_key_policy policy = { NO_LIMIT };
    struct data_keys *keys = data_keys_new(&policy, f.recipients, RECIPIENTS);
    uint8_t first[COMMITMENT_BYTES], second[COMMITMENT_BYTES], again[COMMITMENT_BYTES];
    current(keys, 1, 1, 0, first);
    current(keys, 2, 1, 0, second);
    current(keys, 1, 1, 0, again);
    assert_memory_not_equal(first, second, sizeof first);
    assert_memory_equal(first, again, sizeof first);
    data_keys_free(keys);
}

static void every_recipient_can_unwrap_it(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    const struct data_key_policy policy = { NO_LIMIT };
    struct data_keys *keys = data_keys_new(&policy, f.recipients, RECIPIENTS);
    const struct topic_id topic = topic_number(7);
    const struct seal_key *key;
    assert_int_equal(data_keys_current(keys, &topic, 1, 0, &key), SIGNET_OK);
    assert_int_equal(key->recipients_size, RECIPIENTS * RECIPIENT_ENTRY_BYTES);
    for (size_t i = 0; i < RECIPIENTS; i++) {
        const uint8_t *entry = key->recipients + i * RECIPIENT_ENTRY_BYTES;
        uint8_t id[RECIPIENT_ID_BYTES], bytes[BOX_KEY_BYTES], commitment[COMMITMENT_BYTES];
        recipient_id(f.recipients[i].public_key, id);
        assert_memory_equal(entry, id, sizeof id);
        assert_int_equal(box_unwrap(f.recipients[i].public_key, f.secrets[i], entry + RECIPIENT_ID_BYTES, bytes),
                         SIGNET_OK);
        key_commitment(&topic, bytes, commitment);
        assert_memory_equal(commitment, key->commitment, sizeof commitment);
    }
    data_keys_free(keys);
}

/* Beyond the limit the topic not sealed for longest loses its key. */
static void topics_are_bounded(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    const struct data_key_policy policy = { NO_LIMIT };
    struct data_keys *keys = data_keys_new(&policy, f.recipients, 1);
    uint8_t first[COMMITMENT_BYTES], second[COMMITMENT_BYTES], now[COMMITMENT_BYTES];
    for (uint32_t i = 0; i < DATA_KEYS_MAX; i++) {
        current(keys, i, 1, i, i == 0 ? first : i == 1 ? second : now);
    }
    current(keys, 0, 1, DATA_KEYS_MAX, now); /* used again */
    assert_memory_equal(now, first, sizeof now);
    current(keys, DATA_KEYS_MAX, 1, DATA_KEYS_MAX + 1, now);
    current(keys, 0, 1, DATA_KEYS_MAX + 2, now);
    assert_memory_equal(now, first, sizeof now);
    current(keys, 1, 1, DATA_KEYS_MAX + 3, now);
    assert_memory_not_equal(now, second, sizeof now);
    data_keys_free(keys);
}

static void a_recipient_of_small_order_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    memset(f.recipients[1].public_key, 0, BOX_PUBLIC_BYTES);
    const struct data_key_policy policy = { NO_LIMIT };
    struct data_keys *keys = data_keys_new(&policy, f.recipients, RECIPIENTS);
    const struct topic_id topic = topic_number(7);
    const struct seal_key *key = NULL;
    assert_int_equal(data_keys_current(keys, &topic, 1, 0, &key), SIGNET_ERROR_REFUSED);
    assert_null(key);
    data_keys_free(keys);
    data_keys_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worn_key_is_replaced),
        cmocka_unit_test(every_topic_has_its_own),
        cmocka_unit_test(every_recipient_can_unwrap_it),
        cmocka_unit_test(topics_are_bounded),
        cmocka_unit_test(a_recipient_of_small_order_is_refused),
    };
    crypto_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
