/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "relay_fixture.h"

static void smoke(void **state)
{
    (void)state;
    struct relay_world world;
    struct relay_party party;
    world_init(&world);
    party_init(&party, &world);
    struct byte_string batch = world_batch(&world, 3, -1, 0), stored = world_stored_batch(&world, 3, -1, 0, 0);
    const struct produce_item item = { "orders", 1, ITEM_BATCH, byte_string_slice(&batch) };
    size_t p = party_send(&party, API_PRODUCE, 9, produce_body(&world, -1, &item, 1));
    const struct fetch_item want = { "orders", 1, 0 };
    size_t f = party_send(&party, API_FETCH, 12, fetch_body(&world, &want, 1));
    party_run(&party);
    assert_int_equal(party.error, 0);
    json_t *a = party_answer(&party, p), *b = party_answer(&party, f);
    puts(json_dumps(a, 0));
    puts(json_dumps(b, 0));
    struct byte_string got = json_bytes_at(fetched_partition(&world, b, "orders", 1), "Records");
    assert_int_equal(got.size, stored.size);
    assert_memory_equal(got.data, stored.data, got.size);
    json_decref(a);
    json_decref(b);
    byte_string_free(&got);
    byte_string_free(&batch);
    byte_string_free(&stored);
    party_free(&party);
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smoke),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
