/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/directory.h"

#include <pthread.h>
#include <stdlib.h>

#include "crypto/table_hash.h"

struct entry {
    struct topic_id id; /* zero: empty */
    struct topic_name name;
};

/* Open addressing, at most half full. */
struct directory {
    pthread_mutex_t lock;
    struct entry *entries;
    size_t capacity, count;
};

struct directory *directory_new(void)
{
    struct directory *directory = calloc(1, sizeof *directory);
    if (directory) {
        pthread_mutex_init(&directory->lock, NULL);
    }
    return directory;
}

void directory_free(struct directory *directory)
{
    if (directory) {
        pthread_mutex_destroy(&directory->lock);
        free(directory->entries);
        free(directory);
    }
}

static struct entry *probe(struct entry *entries, size_t capacity, const struct topic_id *id)
{
    size_t at = table_hash(slice_of(id->bytes, sizeof id->bytes), 0) & (capacity - 1);
    while (!topic_id_is_zero(&entries[at].id) && !topic_id_equal(&entries[at].id, id)) {
        at = (at + 1) & (capacity - 1);
    }
    return &entries[at];
}

static bool grow(struct directory *d)
{
    size_t capacity = d->capacity ? d->capacity * 2 : 64;
    struct entry *entries = calloc(capacity, sizeof *entries);
    if (!entries) {
        return false;
    }
    for (size_t i = 0; i < d->capacity; i++) {
        if (!topic_id_is_zero(&d->entries[i].id)) {
            *probe(entries, capacity, &d->entries[i].id) = d->entries[i];
        }
    }
    free(d->entries);
    d->entries = entries;
    d->capacity = capacity;
    return true;
}

static signet_error learn(struct directory *d, const struct topic_id *id, struct slice name)
{
    struct entry *entry = d->capacity ? probe(d->entries, d->capacity, id) : NULL;
    if (entry && !topic_id_is_zero(&entry->id)) {
        return slice_equal(topic_name_slice(&entry->name), name) ? SIGNET_OK : SIGNET_ERROR_PROTOCOL;
    }
    if (d->count >= DIRECTORY_TOPICS_MAX) {
        return SIGNET_ERROR_LIMIT;
    }
    if (2 * (d->count + 1) > d->capacity && !grow(d)) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    entry = probe(d->entries, d->capacity, id);
    entry->id = *id;
    entry->name.size = (uint8_t)name.size;
    memcpy(entry->name.bytes, name.data, name.size);
    d->count++;
    return SIGNET_OK;
}

signet_error directory_learn(struct directory *directory, const struct topic_id *id, struct slice name)
{
    if (topic_id_is_zero(id) || name.size == 0 || name.size > TOPIC_NAME_BYTES_MAX) {
        return SIGNET_ERROR_MALFORMED;
    }
    pthread_mutex_lock(&directory->lock);
    signet_error error = learn(directory, id, name);
    pthread_mutex_unlock(&directory->lock);
    return error;
}

bool directory_find(struct directory *directory, const struct topic_id *id, struct topic_name *ret_name)
{
    bool found = false;
    if (topic_id_is_zero(id)) {
        return false;
    }
    pthread_mutex_lock(&directory->lock);
    if (directory->capacity) {
        const struct entry *entry = probe(directory->entries, directory->capacity, id);
        found = !topic_id_is_zero(&entry->id);
        if (found) {
            *ret_name = entry->name;
        }
    }
    pthread_mutex_unlock(&directory->lock);
    return found;
}
