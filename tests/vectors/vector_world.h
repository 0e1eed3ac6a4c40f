/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where test vectors come from: writers, recipients, a place, batches sealed
 * there by the project's own sealer, and tools to do to them what a broker may
 * do and what an attacker would.
 *
 * Everything lives until world_free.  A fault in here aborts.
 */
#ifndef SIGNET_TESTS_VECTOR_WORLD_H
#define SIGNET_TESTS_VECTOR_WORLD_H

#include "kafka/compression.h"
#include "seal/seal.h"

enum {
    WORLD_WRITERS = 3,
    WORLD_RECIPIENTS = 3,
    WORLD_STREAMS = 4,
    HEADER_NONCE_AT = 124, /* section 5.1 */
    HEADER_COMMITMENT_AT = 148,
};

struct world {
    struct budget budget;
    struct compression compression;
    struct zstd_frame *zstd;
    struct signing_key signing_keys[WORLD_WRITERS];
    uint8_t writers[WORLD_WRITERS][SIGN_PUBLIC_BYTES];
    uint8_t recipient_secrets[WORLD_RECIPIENTS][BOX_SECRET_BYTES];
    uint8_t recipients[WORLD_RECIPIENTS][BOX_PUBLIC_BYTES];
    uint8_t data_key[AEAD_KEY_BYTES];
    uint8_t entries[RECIPIENTS_MAX * RECIPIENT_ENTRY_BYTES]; /* the data key wrapped for each recipient, and room */
    struct seal_key seal_key;
    struct seal_stream streams[WORLD_STREAMS];
    const char *cluster_id, *topic;
    struct place place;
    int64_t now_ms;
    void **kept;
    size_t kept_count;
};

/*
 * From here on all randomness follows from the texts: the same program writes
 * the same vectors.  Called before the first world_init.
 */
void world_seed(const char *text, const char *more);
void world_init(struct world *w);
void world_free(struct world *w);
/* Zeroed memory. */
void *world_memory(struct world *w, size_t size);

/* What is to be sealed; what is zero has a default, said here. */
struct want {
    int32_t count; /* of records: 1 */
    enum batch_codec codec;
    int64_t producer_id; /* none */
    int32_t base_sequence;
    bool transactional;
    size_t noise_bytes;             /* in place of the first value: a text */
    int64_t base_timestamp;         /* the world's time */
    int64_t timestamp_span;         /* MaxTimestamp less BaseTimestamp: count - 1 */
    bool zstd_outer;                /* the stubs compressed, as the sealer does where it pays: plain */
    const char *principal;          /* none */
    const char *cluster_id, *topic; /* the world's, and so is the place */
    const struct place *place;
    int64_t seal_time_ms; /* the world's */
    int writer, stream;   /* the first */
    const struct predecessor *predecessors;
    size_t predecessor_count;
};

/* A batch in the making. */
struct made {
    uint8_t *plain; /* as the producer sent it */
    size_t plain_size;
    uint8_t *outer; /* as it is stored */
    size_t outer_size;
    struct predecessor as_predecessor; /* its offset is set by made_place */
    int32_t count;
    int64_t base, last;
};

/* A producer's batch, not sealed; `outer` is the same. */
struct made world_plain(struct world *w, const struct want *want);
struct made world_seal(struct world *w, const struct want *want);
/* A transaction marker. */
struct made world_marker(struct world *w, int64_t producer_id, bool commit);
struct made made_copy(struct world *w, const struct made *made);

/* Puts it at an offset, as a broker does: no CRC covers that. */
void made_place(struct made *made, int64_t base_offset);
/* After bytes of `outer` were changed. */
void made_fix_crc(struct made *made);

/* Where the envelope stands in `outer`, which is not compressed. */
uint8_t *made_envelope(const struct made *made, size_t *ret_size);
/* Replaces the envelope, whatever it holds, and keeps the stubs; the CRC is right. */
void made_set_envelope(struct world *w, struct made *made, struct slice envelope);
/* Replaces the records section; the CRC is right. */
void made_set_records(struct world *w, struct made *made, struct slice records);
/*
 * Encrypts and signs again with the header as it now stands, or with another
 * header of another size, so that only what the header says is wrong.
 */
void made_reseal(struct world *w, struct made *made, int writer, struct slice header);
/* Signs again, whatever stands before the signature. */
void made_resign(struct world *w, struct made *made, int writer);
struct slice made_header(const struct made *made);

enum framing {
    FRAMING_USUAL,
    FRAMING_XERIAL, /* snappy as Java writes it */
};
/* What a broker does where compression.type asks for it. */
void made_recompress(struct world *w, struct made *made, enum batch_codec codec, enum framing framing);
/* The records section as it is, compressed. */
void made_compress(struct world *w, struct made *made, enum batch_codec codec);
/* What a broker does where message.timestamp.type is LogAppendTime; the opened batch changes with it. */
void made_append_time(struct made *made, int64_t time_ms);

#endif
