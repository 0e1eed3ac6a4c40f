/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/partition_map.h"

struct state_text {
    const char *text, *meaning;
};

static const struct state_text texts[MAP_STATE_COUNT] = {
#define X(name, text, meaning) { text, meaning },
    MAP_STATES(X)
#undef X
};

const char *map_state_text(enum map_state state)
{
    return texts[state].text;
}

const char *map_state_meaning(enum map_state state)
{
    return texts[state].meaning;
}

static size_t cells_of(int64_t first, int64_t last, unsigned shift)
{
    return (size_t)((last >> shift) - (first >> shift)) + 1;
}

size_t partition_map_size(const struct partition_map *map)
{
    return map->any ? cells_of(map->first, map->last, map->shift) : 0;
}

static void worsen(uint8_t *cell, enum map_state state)
{
    *cell = state > *cell ? (uint8_t)state : *cell;
}

/* So that the cells hold these offsets too. */
static void widen(struct partition_map *map, int64_t first, int64_t last)
{
    struct partition_map wide = { .any = true, .first = first, .last = last, .shift = map->shift };
    if (map->any) {
        wide.first = map->first < first ? map->first : first;
        wide.last = map->last > last ? map->last : last;
    }
    while (cells_of(wide.first, wide.last, wide.shift) > PARTITION_MAP_CELLS) {
        wide.shift++;
    }
    for (size_t i = 0; i < partition_map_size(map); i++) {
        int64_t number = ((map->first >> map->shift) + (int64_t)i) >> (wide.shift - map->shift);
        worsen(&wide.cells[number - (wide.first >> wide.shift)], (enum map_state)map->cells[i]);
    }
    *map = wide;
}

void partition_map_mark(struct partition_map *map, int64_t first, int64_t last, enum map_state state)
{
    first = first < 0 ? 0 : first;
    last = last < first ? first : last;
    if (!map->any || first < map->first || last > map->last) {
        widen(map, first, last);
    }
    int64_t origin = map->first >> map->shift;
    for (int64_t cell = (first >> map->shift) - origin; cell <= (last >> map->shift) - origin; cell++) {
        worsen(&map->cells[cell], state);
    }
}

bool partition_map_next(const struct partition_map *map, size_t *at, struct map_run *ret_run)
{
    size_t size = partition_map_size(map), from = *at, to = from;
    if (from >= size) {
        return false;
    }
    while (to < size && map->cells[to] == map->cells[from]) {
        to++;
    }
    int64_t origin = map->first >> map->shift;
    *ret_run = (struct map_run){
        .state = (enum map_state)map->cells[from],
        .cell = from,
        .cells = to - from,
        .first = from == 0 ? map->first : (origin + (int64_t)from) << map->shift,
        .last = to == size ? map->last : ((origin + (int64_t)to) << map->shift) - 1,
    };
    *at = to;
    return true;
}
