/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A consumer that works through orders/0, for tests of reading ahead.  Each
 * batch is an answer of its own, and is full, for no more is asked for.
 */
#ifndef SIGNET_TESTS_CONSUMER_SCENE_H
#define SIGNET_TESTS_CONSUMER_SCENE_H

#include "fetch_scene.h"

enum {
    CONSUMER_WARM = 1 + READ_AHEAD_IN_A_ROW_MIN, /* requests until the first is sent ahead */
    CONSUMER_ENOUGH = CONSUMER_WARM + 6,
    CONSUMER_KINDS = 6,
};

/* By name and by id, with fetch sessions and without. */
struct consumer_kind {
    int16_t version;
    bool in_session;
};
extern const struct consumer_kind consumer_kinds[CONSUMER_KINDS];

struct consumer {
    struct fetch_scene s;
    int16_t version;
    bool in_session, read_committed;
    int32_t bytes_max;
    int32_t session_id, epoch;
    int64_t offset;
    size_t away_after; /* so many more answers to Fetch the broker takes no more requests; 0: it stays */
    void (*edit)(struct consumer *c, json_t *response);
};

/* With so many batches in the log. */
void consumer_begin(struct consumer *c, int16_t version, bool in_session, size_t batches);
/* Nothing may be left of what was read ahead. */
void consumer_end(struct consumer *c);
/* What the gateway has counted, and the broker. */
size_t consumer_ahead(const struct consumer *c);
size_t consumer_dropped(const struct consumer *c);
size_t consumer_fetches(const struct consumer *c);
/* A request from where the consumer is; queued; and until nothing moves any more.  The index of its answer. */
json_t *consumer_body(struct consumer *c, const struct fetch_item *items, size_t count);
size_t consumer_ask(struct consumer *c);
size_t consumer_ask_and_run(struct consumer *c);
/* The answer is the batch that stands at the consumer's offset, and nothing else; or an error. */
void consumer_take(struct consumer *c, const char *label, size_t index);
void consumer_take_error(struct consumer *c, size_t index, int64_t code);
void consumer_take_session_error(struct consumer *c, size_t index, int64_t code);
/* Asks for so many batches and takes each. */
void consumer_read_on(struct consumer *c, const char *label, size_t count);
/* What was read ahead is dropped: a session has to begin anew, which closes the old one. */
void consumer_read_elsewhere(struct consumer *c, const char *label, int64_t offset);
/* Until the first request is sent ahead, and stays under way while the broker is away. */
void consumer_warm_up(struct consumer *c);
void consumer_broker_comes_back(struct consumer *c);

#endif
