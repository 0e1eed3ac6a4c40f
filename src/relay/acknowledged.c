/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/acknowledged.h"

#include <pthread.h>
#include <stdlib.h>

#include "crypto/table_hash.h"

enum { BUCKETS = 4096 };

/* A chained hash table of partitions; a partition is there only while something is waiting to be told of it. */
struct acknowledged {
    pthread_mutex_t lock;
    size_t partitions;
    size_t next_evicted; /* the bucket to look in first */
    struct listing *buckets[BUCKETS];
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
            struct listing *w = a->buckets[i];
            a->buckets[i] = w->next;
            free(w);
        }
    }
    pthread_mutex_destroy(&a->lock);
    free(a);
}

static struct listing **find(struct acknowledged *a, const struct place *place)
{
    size_t bucket =
        table_hash(slice_of(place->topic.bytes, sizeof place->topic.bytes), (uint32_t)place->partition) % BUCKETS;
    struct listing **at = &a->buckets[bucket];
    while (*at && !place_equal(&(*at)->place, place)) {
        at = &(*at)->next;
    }
    return at;
}

/* Out of the table. */
static struct listing *unlink_listing(struct acknowledged *a, struct listing **at)
{
    struct listing *listing = *at;
    if (listing) {
        *at = listing->next;
        a->partitions--;
    }
    return listing;
}

/* Partitions that nobody writes to any more must not keep all others out. */
static void evict(struct acknowledged *a)
{
    struct listing **at;
    do {
        at = &a->buckets[a->next_evicted++ % BUCKETS];
    } while (!*at);
    free(unlink_listing(a, at));
}

/* Nothing waits for its partition. */
static void link_listing(struct acknowledged *a, struct listing *listing)
{
    if (a->partitions >= ACKNOWLEDGED_PARTITIONS_MAX) {
        evict(a);
    }
    listing->next = NULL;
    *find(a, &listing->place) = listing;
    a->partitions++;
}

static void add(struct acknowledged *a, const struct place *place, const struct predecessor *predecessor)
{
    struct listing *w = *find(a, place);
    if (!w) {
        w = calloc(1, sizeof *w);
        if (!w) {
            return;
        }
        w->place = *place;
        link_listing(a, w);
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

struct listing *acknowledged_take(struct acknowledged *a, const struct place *place)
{
    pthread_mutex_lock(&a->lock);
    struct listing *listing = unlink_listing(a, find(a, place));
    pthread_mutex_unlock(&a->lock);
    return listing;
}

/* Before what has been learnt since: of more than fit, the oldest go. */
static void prepend(struct listing *w, const struct listing *older)
{
    size_t room = PREDECESSORS_MAX - w->count;
    size_t count = older->count < room ? older->count : room;
    memmove(w->predecessors + count, w->predecessors, w->count * sizeof *w->predecessors);
    memcpy(w->predecessors, older->predecessors + older->count - count, count * sizeof *w->predecessors);
    w->count += count;
}

void acknowledged_give_back(struct acknowledged *a, struct listing *listing)
{
    if (!listing) {
        return;
    }
    pthread_mutex_lock(&a->lock);
    struct listing *w = *find(a, &listing->place);
    if (w) {
        prepend(w, listing);
    } else {
        link_listing(a, listing);
        listing = NULL;
    }
    pthread_mutex_unlock(&a->lock);
    free(listing);
}
