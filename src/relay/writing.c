/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/writing.h"

#include <stdlib.h>

#include "base/array.h"

void writing_free(struct writing *writing)
{
    free(writing->streams);
    slots_free(&writing->slots);
    *writing = (struct writing){ 0 };
}

struct wanted_stream {
    const struct writing *writing;
    const struct place *place;
};

static bool is_stream(const void *context, uint32_t place)
{
    const struct wanted_stream *wanted = context;
    return place_equal(&wanted->writing->streams[place].place, wanted->place);
}

static uint32_t place_hash(const struct place *place)
{
    return slots_hash(slice_of(place->topic.bytes, sizeof place->topic.bytes), (uint32_t)place->partition);
}

static struct writing_stream *find_stream(const struct writing *writing, const struct place *place)
{
    const struct wanted_stream wanted = { writing, place };
    uint32_t found = slots_find(&writing->slots, place_hash(place), is_stream, &wanted);
    return found == SLOT_NONE ? NULL : &writing->streams[found];
}

static struct writing_stream *add_stream(struct writing *writing, const struct place *place)
{
    if (writing->count == CONNECTION_PARTITIONS_MAX) {
        writing->count = 0; /* streams are never resumed, so all may begin anew */
        slots_clear(&writing->slots);
    }
    struct writing_stream *streams =
        array_with_room(writing->streams, writing->count, &writing->capacity, sizeof *streams, 1);
    if (!streams) {
        return NULL;
    }
    writing->streams = streams;
    bool added = slots_add(&writing->slots, place_hash(place), (uint32_t)writing->count);
    return added ? &writing->streams[writing->count++] : NULL;
}

struct seal_stream *writing_stream(struct writing *writing, const struct place *place)
{
    struct writing_stream *found = find_stream(writing, place);
    if (!found) {
        found = add_stream(writing, place);
        if (!found) {
            return NULL;
        }
        found->place = *place;
        seal_stream_init(&found->stream);
    }
    return &found->stream;
}

struct produce_record *produce_record_new(struct budget *budget, struct acknowledged *acknowledged,
                                          struct ledger_entries *ledger)
{
    struct produce_record *record = calloc(1, sizeof *record);
    if (record) {
        record->budget = budget;
        record->acknowledged = acknowledged;
        record->ledger = ledger;
    }
    return record;
}

void produced_list(struct produced *produced, struct produce_record *record)
{
    produced->listing = acknowledged_take(record->acknowledged, &produced->place);
    record->budget->used_bytes += produced->listing ? sizeof *produced->listing : 0;
}

static struct listing *take_listing(struct produced *produced, struct produce_record *record)
{
    struct listing *listing = produced->listing;
    produced->listing = NULL;
    record->budget->used_bytes -= listing ? sizeof *listing : 0;
    return listing;
}

void produced_listed(struct produced *produced, struct produce_record *record)
{
    free(take_listing(produced, record));
}

void produce_record_free(struct produce_record *record)
{
    if (!record) {
        return;
    }
    for (size_t i = 0; i < record->count; i++) {
        gather_free(&record->partitions[i].bytes);
        acknowledged_give_back(record->acknowledged, take_listing(&record->partitions[i], record));
        if (record->partitions[i].reserved) {
            ledger_entries_release(record->ledger);
        }
    }
    record->budget->used_bytes -= record->capacity * sizeof *record->partitions;
    free(record->partitions);
    slots_free(&record->slots);
    free(record);
}

static bool grow(struct produce_record *record)
{
    size_t before = record->capacity;
    struct produced *partitions =
        array_with_room(record->partitions, record->count, &record->capacity, sizeof *partitions, 1);
    if (!partitions) {
        return false;
    }
    record->budget->used_bytes += (record->capacity - before) * sizeof *partitions;
    record->partitions = partitions;
    return true;
}

static uint32_t key_hash(const struct topic_id *id, struct slice name, int32_t partition)
{
    struct slice key = topic_id_is_zero(id) ? name : slice_of(id->bytes, sizeof id->bytes);
    return slots_hash(key, (uint32_t)partition);
}

struct produced *produce_record_add(struct produce_record *record, const struct topic_name *topic,
                                    const struct place *place, bool by_id)
{
    static const struct topic_id none;
    if (record->count == record->capacity && !grow(record)) {
        return NULL;
    }
    uint32_t hash =
        key_hash(by_id ? &place->topic : &none, by_id ? slice_of(NULL, 0) : topic_name_slice(topic), place->partition);
    if (!slots_add(&record->slots, hash, (uint32_t)record->count)) {
        return NULL;
    }
    struct produced *produced = &record->partitions[record->count++];
    *produced = (struct produced){ .topic = *topic, .place = *place };
    return produced;
}

struct wanted_partition {
    const struct produce_record *record;
    const struct topic_id *id;
    struct slice name;
    int32_t partition;
};

static bool is_partition(const void *context, uint32_t place)
{
    const struct wanted_partition *wanted = context;
    const struct produced *produced = &wanted->record->partitions[place];
    if (produced->place.partition != wanted->partition) {
        return false;
    }
    return topic_id_is_zero(wanted->id) ? slice_equal(topic_name_slice(&produced->topic), wanted->name)
                                        : topic_id_equal(&produced->place.topic, wanted->id);
}

struct produced *produce_record_find(const struct produce_record *record, const struct topic_id *id, struct slice name,
                                     int32_t partition)
{
    const struct wanted_partition wanted = { record, id, name, partition };
    uint32_t found = slots_find(&record->slots, key_hash(id, name, partition), is_partition, &wanted);
    return found == SLOT_NONE ? NULL : &record->partitions[found];
}

void produced_unknown(const struct produced *produced, struct produce_record *record, struct resends *resends,
                      int64_t now_ms)
{
    if (!produced->sealed) {
        return;
    }
    bool kept = produced->bytes.size > 0 &&
                resends_keep(resends, &produced->key, produced->seal_id, produced->producer, &produced->bytes, now_ms);
    if (!kept) {
        ledger_entries_lose(record->ledger, LEDGER_LOSS_UNKNOWN_OUTCOME, 1);
    }
}

void produce_record_unknown(struct produce_record *record, struct resends *resends, int64_t now_ms)
{
    for (size_t i = 0; i < record->count; i++) {
        produced_unknown(&record->partitions[i], record, resends, now_ms);
    }
}
