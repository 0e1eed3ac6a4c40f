/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/reading.h"

#include <stdlib.h>

#include "crypto/table_hash.h"

void reading_free(struct reading *reading)
{
    for (size_t i = 0; i < reading->capacity; i++) {
        judge_partition_free(&reading->partitions[i].open);
    }
    free(reading->partitions);
    *reading = (struct reading){ 0 };
}

static struct reading_partition *probe(struct reading_partition *partitions, size_t capacity, const struct place *place)
{
    struct slice topic = slice_of(place->topic.bytes, sizeof place->topic.bytes);
    size_t at = table_hash(topic, (uint32_t)place->partition) & (capacity - 1);
    while (!topic_id_is_zero(&partitions[at].place.topic) && !place_equal(&partitions[at].place, place)) {
        at = (at + 1) & (capacity - 1);
    }
    return &partitions[at];
}

struct reading_partition *reading_find(const struct reading *reading, const struct place *place)
{
    if (!reading->capacity || topic_id_is_zero(&place->topic)) {
        return NULL;
    }
    struct reading_partition *found = probe(reading->partitions, reading->capacity, place);
    return topic_id_is_zero(&found->place.topic) ? NULL : found;
}

static bool grow(struct reading *reading)
{
    size_t capacity = reading->capacity ? reading->capacity * 2 : 4;
    struct reading_partition *partitions = calloc(capacity, sizeof *partitions);
    if (!partitions) {
        return false;
    }
    for (size_t i = 0; i < reading->capacity; i++) {
        if (!topic_id_is_zero(&reading->partitions[i].place.topic)) {
            *probe(partitions, capacity, &reading->partitions[i].place) = reading->partitions[i];
        }
    }
    free(reading->partitions);
    reading->partitions = partitions;
    reading->capacity = capacity;
    return true;
}

struct reading_partition *reading_partition(struct reading *reading, const struct place *place)
{
    struct reading_partition *found = reading_find(reading, place);
    if (found || topic_id_is_zero(&place->topic)) {
        return found;
    }
    if (reading->count >= CONNECTION_PARTITIONS_MAX ||
        (2 * (reading->count + 1) > reading->capacity && !grow(reading))) {
        return NULL;
    }
    found = probe(reading->partitions, reading->capacity, place);
    found->place = *place;
    reading->count++;
    return found;
}
