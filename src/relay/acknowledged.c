/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/acknowledged.h"

#include <pthread.h>
#include <stdlib.h>

#include "crypto/table_hash.h"

/* A chained hash table of partitions; a partition is there only while something is waiting to be told of it. */
struct waiting {
    struct waiting *next;
    struct place place;
    size_t count;
    struct predecessor predecessors[PREDECESSORS_MAX];
};

enum { BUCKETS = 4096 };

struct acknowledged {
    pthread_mutex_t lock;
    size_t partitions;
    size_t next_evicted; /* the bucket to look in first */
    struct waiting *buckets[BUCKETS];
};

struct acknowledged *acknowledged_new(void)
{
    struct acknowledged *a = calloc(1, sizeof *a);
    if (a) {
        pthread_mutex_init(&a->lock, NULL);
    }
    return a;
}

void acknowledged_free(struct acknowledged *a)
{
    if (!a) {
        return;
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        while (a->buckets[i]) {
            struct waiting *w = a->buckets[i];
            a->buckets[i] = w->next;
            free(w);
        }
    }
    pthread_mutex_destroy(&a->lock);
    free(a);
}

static struct waiting **find(struct acknowledged *a, const struct place *place)
{
    size_t bucket =
        table_hash(slice_of(place->topic.bytes, sizeof place->topic.bytes), (uint32_t)place->partition) % BUCKETS;
    struct waiting **at = &a->buckets[bucket];
    while (*at && !place_equal(&(*at)->place, place)) {
        at = &(*at)->next;
    }
    return at;
}

static void remove_waiting(struct acknowledged *a, struct waiting **at)
{
    struct waiting *w = *at;
    *at = w->next;
    a->partitions--;
    free(w);
}

/* Partitions that nobody writes to any more must not keep all others out. */
static void evict(struct acknowledged *a)
{
    struct waiting **at;
    do {
        at = &a->buckets[a->next_evicted++ % BUCKETS];
    } while (!*at);
    remove_waiting(a, at);
}

static void add(struct acknowledged *a, const struct place *place, const struct predecessor *predecessor)
{
    struct waiting *w = *find(a, place);
    if (!w) {
        if (a->partitions >= ACKNOWLEDGED_PARTITIONS_MAX) {
            evict(a);
        }
        w = calloc(1, sizeof *w);
        if (!w) {
            return;
        }
        w->place = *place;
        *find(a, place) = w;
        a->partitions++;
    }
    if (w->count == PREDECESSORS_MAX) {
        memmove(w->predecessors, w->predecessors + 1, (PREDECESSORS_MAX - 1) * sizeof *w->predecessors);
        w->count--;
    }
    w->predecessors[w->count++] = *predecessor;
}

void acknowledged_add(struct acknowledged *a, const struct place *place, const struct predecessor *predecessor)
{
    pthread_mutex_lock(&a->lock);
    add(a, place, predecessor);
    pthread_mutex_unlock(&a->lock);
}

size_t acknowledged_take(struct acknowledged *a, const struct place *place,
                         struct predecessor ret_predecessors[PREDECESSORS_MAX])
{
    size_t count = 0;
    pthread_mutex_lock(&a->lock);
    struct waiting **at = find(a, place), *w = *at;
    if (w) {
        count = w->count;
        memcpy(ret_predecessors, w->predecessors, count * sizeof *ret_predecessors);
        remove_waiting(a, at);
    }
    pthread_mutex_unlock(&a->lock);
    return count;
}
