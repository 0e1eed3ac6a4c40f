/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/writing.h"

#include <stdlib.h>

void writing_free(struct writing *writing)
{
    free(writing->streams);
    *writing = (struct writing){ 0 };
}

static struct writing_stream *find_stream(struct writing *writing, const struct place *place)
{
    for (size_t i = 0; i < writing->count; i++) {
        size_t at = (writing->last + i) % writing->count;
        if (place_equal(&writing->streams[at].place, place)) {
            writing->last = at;
            return &writing->streams[at];
        }
    }
    return NULL;
}

static struct writing_stream *add_stream(struct writing *writing)
{
    if (writing->count == CONNECTION_PARTITIONS_MAX) {
        writing->count = writing->last = 0; /* streams are never resumed, so all may begin anew */
    }
    if (writing->count == writing->capacity) {
        size_t capacity = writing->capacity ? writing->capacity * 2 : 1;
        struct writing_stream *streams = realloc(writing->streams, capacity * sizeof *streams);
        if (!streams) {
            return NULL;
        }
        writing->streams = streams;
        writing->capacity = capacity;
    }
    return &writing->streams[writing->count++];
}

struct seal_stream *writing_stream(struct writing *writing, const struct place *place)
{
    struct writing_stream *found = find_stream(writing, place);
    if (!found) {
        found = add_stream(writing);
        if (!found) {
            return NULL;
        }
        found->place = *place;
        seal_stream_init(&found->stream);
    }
    return &found->stream;
}

struct produce_record *produce_record_new(void)
{
    return calloc(1, sizeof(struct produce_record));
}

void produce_record_free(struct produce_record *record)
{
    if (!record) {
        return;
    }
    for (size_t i = 0; i < record->count; i++) {
        gather_free(&record->partitions[i].bytes);
    }
    free(record->partitions);
    free(record);
}

struct produced *produce_record_add(struct produce_record *record)
{
    if (record->count == record->capacity) {
        size_t capacity = record->capacity ? record->capacity * 2 : 1;
        struct produced *partitions = realloc(record->partitions, capacity * sizeof *partitions);
        if (!partitions) {
            return NULL;
        }
        record->partitions = partitions;
        record->capacity = capacity;
    }
    struct produced *produced = &record->partitions[record->count++];
    *produced = (struct produced){ 0 };
    return produced;
}

static bool is_it(const struct produced *produced, const struct topic_id *id, struct slice name, int32_t partition)
{
    if (produced->place.partition != partition) {
        return false;
    }
    return topic_id_is_zero(id) ? slice_equal(topic_name_slice(&produced->topic), name)
                                : topic_id_equal(&produced->place.topic, id);
}

struct produced *produce_record_find(struct produce_record *record, const struct topic_id *id, struct slice name,
                                     int32_t partition)
{
    for (size_t i = 0; i < record->count; i++) {
        size_t at = (record->next + i) % record->count;
        if (is_it(&record->partitions[at], id, name, partition)) {
            record->next = at + 1;
            return &record->partitions[at];
        }
    }
    return NULL;
}

void produced_keep(const struct produced *produced, struct resends *resends, int64_t now_ms)
{
    if (produced->sealed && produced->bytes.size > 0) {
        resends_keep(resends, &produced->key, produced->seal_id, produced->producer, &produced->bytes, now_ms);
    }
}

void produce_record_keep_all(struct produce_record *record, struct resends *resends, int64_t now_ms)
{
    for (size_t i = 0; i < record->count; i++) {
        produced_keep(&record->partitions[i], resends, now_ms);
    }
}
