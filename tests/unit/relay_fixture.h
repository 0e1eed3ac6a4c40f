/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A relay between a client and a broker in memory.  The *world* is the process
 * with what its conversations share, and the broker; a *party* is one
 * conversation, whose bytes can be cut as a test likes.
 *
 * Topics: "orders" and "orders-eu" are sealed and opened, "orders-raw" is
 * sealed and not opened, "plain" passes.
 */
#ifndef SIGNET_TESTS_RELAY_FIXTURE_H
#define SIGNET_TESTS_RELAY_FIXTURE_H

#include "fake_broker.h"
#include "kafka/api.h"
#include "kafka/error_code.h"
#include "relay/relay.h"
#include "seal_fixture.h"

enum {
    WORLD_POLICIES = 3,
    WORLD_FINDINGS_MAX = 64,
    WORLD_FETCH_BYTES_MAX = 1 << 20,
    WORLD_PORT = 19000, /* plus the node's number */
};

/* Every record of world_batch has it. */
#define WORLD_MARKER "record number"
#define WORLD_HOST   "gateway.example"

struct world_finding {
    enum verdict verdict;
    int64_t base_offset;
};

struct world_refusal {
    int16_t api_key;
    int32_t partition, partitions;
    int16_t error_code;
    char topic[TOPIC_NAME_BYTES_MAX + 1];
    char why[160], hint[160]; /* empty: none */
};

struct relay_world {
    struct seal_fixture seal;
    struct relay_worker worker;
    struct topic_policy policies[WORLD_POLICIES];
    struct known_topic known[FAKE_TOPICS_MAX];
    struct fake_broker broker;
    int32_t unmapped_node; /* has no address for clients; -2: all have */
    const char *host;      /* that clients are told, WORLD_HOST unless a test wants another */
    int64_t now_ms;

    struct world_finding findings[WORLD_FINDINGS_MAX];
    size_t finding_count;
    struct world_refusal refusals[WORLD_FINDINGS_MAX];
    size_t refusal_count;
    char authenticated[PRINCIPAL_BYTES_MAX + 1];
    size_t authenticated_count;
};

void world_init(struct relay_world *world);
/* The budget must be back at zero. */
void world_free(struct relay_world *world);
/* The operator says that the topic's id is that of `name`, which is borrowed. */
void world_vouch_as(struct relay_world *world, const char *topic, const char *name);
void world_vouch(struct relay_world *world, const char *topic);
/* Everything is sealed and opened, except Kafka's internal topics. */
void world_seal_everything(struct relay_world *world);

/* A producer's batch of `count` records; `producer_id` -1 for none. */
struct byte_string world_batch(struct relay_world *world, int32_t count, int64_t producer_id, int32_t base_sequence);
/* As the broker gives it back: with its base offset and leader epoch. */
struct byte_string world_stored_batch(struct relay_world *world, int32_t count, int64_t producer_id,
                                      int32_t base_sequence, int64_t base_offset);

/* How the bytes of one conversation are cut. */
struct cuts {
    size_t read_max[2];  /* at most as many at once from that side; 0: no limit */
    size_t read_end[2];  /* a read from that side ends there once; 0: nowhere */
    size_t write_max[2]; /* at most as many at once to that side; 0: no limit */
};

struct sent_request {
    int16_t api_key, version;
    int32_t correlation_id;
};

struct relay_party {
    struct relay_world *world;
    struct relay *relay;
    struct cuts cuts;
    struct byte_string in[2], out[2]; /* from and to each side; in[BROKER] is what the broker answered */
    size_t read[2];                   /* of in */
    size_t taken;                     /* of out[BROKER], by the broker */
    struct sent_request *sent;        /* those that get an answer */
    size_t sent_count, sent_capacity;
    int32_t next_correlation_id;
    bool client_is_slow; /* nothing is written to it */
    bool broker_is_slow;
    bool broker_is_away; /* takes no requests */
    signet_error error;  /* that ended the conversation */
};

void party_init(struct relay_party *party, struct relay_world *world);
void party_init_as(struct relay_party *party, struct relay_world *world, const char *principal, bool must_authenticate);
void party_free(struct relay_party *party);

/* Queues a request; `body` is taken over.  Returns the index that its answer will have. */
size_t party_send(struct relay_party *party, int16_t api_key, int16_t version, json_t *body);
/* Queues bytes as they are. */
void party_send_bytes(struct relay_party *party, struct slice bytes);
void party_broker_sends(struct relay_party *party, struct slice bytes);
/* Until nothing moves any more. */
void party_run(struct relay_party *party);
/* Until so much has been read from that side, or a little more. */
void party_run_until_read(struct relay_party *party, enum relay_side side, size_t size);
/* How many answers have come whole. */
size_t party_answer_count(const struct relay_party *party);
/* One of them, the header checked; to be released. */
json_t *party_answer(const struct relay_party *party, size_t index);
/* The frame's bytes, without its size. */
struct slice party_answer_frame(const struct relay_party *party, size_t index);

/* Bodies */

enum item_shape {
    ITEM_BATCH,
    ITEM_EMPTY, /* records of no bytes */
    ITEM_NULL,
};

struct produce_item {
    const char *topic;
    int32_t partition;
    enum item_shape shape;
    struct slice records;
};
json_t *produce_body(struct relay_world *world, int16_t acks, const struct produce_item *items, size_t count);

struct fetch_item {
    const char *topic;
    int32_t partition;
    int64_t offset;
};
json_t *fetch_body(struct relay_world *world, const struct fetch_item *items, size_t count);
json_t *share_fetch_body(struct relay_world *world, const struct fetch_item *items, size_t count);

/* Bytes of a partition in a fetch answer, wherever it stands; and its error code. */
json_t *fetched_partition(struct relay_world *world, json_t *answer, const char *topic, int32_t partition);
json_t *produced_partition(struct relay_world *world, json_t *answer, const char *topic, int32_t partition);

/* Seals a batch outside of any conversation and puts it into the log: what another gateway wrote. */
struct seal_result world_store_sealed(struct relay_world *world, const char *topic, int32_t partition,
                                      struct seal_stream *stream, struct slice plain,
                                      const struct predecessor *predecessors, size_t predecessor_count);
struct place world_place(struct relay_world *world, const char *topic, int32_t partition);
/* A batch of that partition as it was stored, read; the `index`-th. */
struct batch world_stored(struct relay_world *world, const char *topic, int32_t partition, size_t index);
/* Its envelope; the batch must be sealed and not compressed. */
struct envelope world_envelope(const struct batch *batch);

/* One conversation, from its first byte to its last, that can be had again. */
typedef void conversation(struct relay_party *party);
/*
 * Runs it whole, then with one byte at a time and outputs drained in odd sizes,
 * and then with one read ending at each byte of both sides' streams: what the
 * client gets is the same, and so is the shape of what the broker gets.  Returns
 * false, having said where, when it is not.
 */
bool conversation_is_the_same_however_cut(const char *label, conversation *converse);

#endif
