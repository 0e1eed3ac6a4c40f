/* SPDX-License-Identifier: Apache-2.0 */
/* Maps of partitions against a list of all that was marked: nothing bad is lost, and nothing is called worse than what shares its cell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "verify/partition_map.h"

enum { MARKS = 40, ROUNDS = 124 };

struct mark {
    int64_t first, last;
    enum map_state state;
};

static enum map_state worst_of(const struct mark *marks, size_t count, int64_t first, int64_t last)
{
    enum map_state worst = MAP_NOTHING;
    for (size_t i = 0; i < count; i++) {
        bool meets = marks[i].first <= last && marks[i].last >= first;
        worst = meets && marks[i].state > worst ? marks[i].state : worst;
    }
    return worst;
}

/* Runs follow one another without a hole, each cell as it must be; a cell is no wider than it must be. */
static void check(const struct partition_map *map, const struct mark *marks, size_t count)
{
    struct map_run run;
    size_t cells = 0;
    int64_t next = map->first, first = INT64_MAX, last = 0;
    for (size_t i = 0; i < count; i++) {
        first = marks[i].first < first ? marks[i].first : first;
        last = marks[i].last > last ? marks[i].last : last;
    }
    assert_true(map->first == first && map->last == last);
    for (size_t at = 0; partition_map_next(map, &at, &run);) {
        assert_true(run.cell == cells && run.first == next && run.last >= run.first);
        for (size_t i = run.cell; i < run.cell + run.cells; i++) {
            int64_t origin = (map->first >> map->shift) + (int64_t)i, begin = origin << map->shift;
            int64_t end = begin + (int64_t)((UINT64_C(1) << map->shift) - 1);
            assert_int_equal(run.state, worst_of(marks, count, begin, end));
        }
        cells += run.cells;
        next = run.last + 1;
    }
    assert_int_equal(cells, partition_map_size(map));
    assert_true(cells <= PARTITION_MAP_CELLS && run.last == last);
    bool fits = map->shift > 0 && (last >> (map->shift - 1)) - (first >> (map->shift - 1)) < PARTITION_MAP_CELLS;
    assert_false(fits);
}

static int64_t some_offset(int bits)
{
    int64_t number = ((int64_t)rand() << 31) ^ rand();
    return number & (int64_t)((UINT64_C(1) << bits) - 1);
}

static void test_any_marks(void **state)
{
    (void)state;
    srand(1);
    for (int round = 0; round < ROUNDS; round++) {
        struct partition_map map = { 0 };
        struct mark marks[MARKS];
        int bits = 1 + round % 62;
        for (size_t i = 0; i < MARKS; i++) {
            int64_t first = some_offset(bits), more = some_offset(1 + rand() % bits);
            marks[i] = (struct mark){ first, first + more, (enum map_state)(1 + rand() % (MAP_STATE_COUNT - 1)) };
            partition_map_mark(&map, marks[i].first, marks[i].last, marks[i].state);
            check(&map, marks, i + 1);
        }
    }
}

static void test_a_log(void **state)
{
    struct partition_map map = { 0 };
    struct map_run run;
    size_t at = 0;
    (void)state;
    assert_false(partition_map_next(&map, &at, &run));
    for (int64_t offset = 1000; offset < 1000 * 1000; offset += 10) {
        partition_map_mark(&map, offset, offset + 9, offset == 500000 ? MAP_BAD : MAP_GOOD);
    }
    assert_true(map.shift == 12 && partition_map_size(&map) == 245);
    assert_true(partition_map_next(&map, &at, &run) && run.state == MAP_GOOD && run.first == 1000);
    assert_true(partition_map_next(&map, &at, &run) && run.state == MAP_BAD && run.cells == 1);
    assert_true(run.first == 122 << 12 && run.last == (123 << 12) - 1);
    assert_true(partition_map_next(&map, &at, &run) && run.state == MAP_GOOD && run.last == 999999);
    assert_false(partition_map_next(&map, &at, &run));
}

/* Whoever wrote the log may claim any offset. */
static void test_ends(void **state)
{
    struct partition_map map = { 0 };
    struct map_run run;
    size_t at = 0;
    (void)state;
    partition_map_mark(&map, INT64_MIN, INT64_MIN, MAP_GOOD);
    assert_true(map.first == 0 && map.last == 0 && partition_map_size(&map) == 1);
    partition_map_mark(&map, INT64_MAX, -1, MAP_BAD);
    assert_true(partition_map_size(&map) == PARTITION_MAP_CELLS);
    assert_true(partition_map_next(&map, &at, &run) && run.state == MAP_GOOD && run.first == 0);
    assert_true(partition_map_next(&map, &at, &run) && run.state == MAP_NOTHING);
    assert_true(partition_map_next(&map, &at, &run) && run.state == MAP_BAD && run.last == INT64_MAX);
    partition_map_mark(&map, 0, INT64_MAX, MAP_UNKNOWN);
    at = 0;
    assert_true(partition_map_next(&map, &at, &run) && run.state == MAP_UNKNOWN &&
                run.cells == PARTITION_MAP_CELLS - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_marks),
        cmocka_unit_test(test_a_log),
        cmocka_unit_test(test_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
