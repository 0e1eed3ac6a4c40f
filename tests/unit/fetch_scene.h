/* SPDX-License-Identifier: Apache-2.0 */
/* A conversation that reads orders/0, for tests of Fetch.  Every batch has two records. */
#ifndef SIGNET_TESTS_FETCH_SCENE_H
#define SIGNET_TESTS_FETCH_SCENE_H

#include "relay_fixture.h"

enum { FETCH_SCENE_RECORDS = 2 };

struct fetch_scene {
    struct relay_world world;
    struct relay_party party;
    struct seal_stream stream; /* of the batches that are stored */
};

void fetch_scene_begin(struct fetch_scene *s);
void fetch_scene_end(struct fetch_scene *s);
struct fake_partition *fetch_scene_partition(struct fetch_scene *s, const char *topic, int32_t partition);

/* At the end of orders/0: a sealed batch, and one that somebody has changed who can compute a CRC. */
void fetch_scene_store_sealed(struct fetch_scene *s);
void fetch_scene_store_tampered(struct fetch_scene *s);
/* And a transaction's batch, and its end. */
void fetch_scene_store_transactional(struct fetch_scene *s, int64_t producer_id);
void fetch_scene_store_marker(struct fetch_scene *s, int64_t producer_id, bool commit);

/* What orders/0 gave; the records are to be freed, or checked. */
struct fetch_outcome {
    int64_t code;
    struct byte_string records;
};
struct fetch_outcome fetch_scene_outcome(struct fetch_scene *s, size_t index);
/* Fails the test unless it is that error and as many batches; frees the records. */
void check_outcome(const char *label, struct fetch_outcome outcome, int64_t code, size_t batches);

#endif
