/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The envelope of a sealed batch (spec/sealed-batch.md, section 5): reading
 * and writing its header, and the hashes over it.  Nothing is decided here;
 * a parsed envelope is only well-formed.
 */
#ifndef SIGNET_SEAL_ENVELOPE_H
#define SIGNET_SEAL_ENVELOPE_H

#include "base/cursor.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/sealed_box.h"
#include "crypto/sign.h"
#include "kafka/batch.h"
#include "seal/trust.h"

enum {
    ENVELOPE_MAGIC_BYTES = 4,
    ENVELOPE_VERSION = 1,
    ENVELOPE_SUITE = 1,
    STREAM_ID_BYTES = 16,
    SEAL_ID_BYTES = SHA256_BYTES,
    SEAL_PREFIX_BYTES = 8,
    PRODUCER_HASH_BYTES = 8,
    COMMITMENT_BYTES = 32,
    RECIPIENT_ID_BYTES = 8,
    RECIPIENT_ENTRY_BYTES = RECIPIENT_ID_BYTES + BOX_WRAPPED_BYTES,
    PREDECESSOR_BYTES = 24,
    ENVELOPE_FIXED_BYTES = 220,
    ENVELOPE_HEADER_BYTES_MAX = ENVELOPE_FIXED_BYTES + 1 + CLUSTER_ID_BYTES_MAX + 1 + TOPIC_NAME_BYTES_MAX + 1 +
                                PRINCIPAL_BYTES_MAX + 1 + PREDECESSORS_MAX * PREDECESSOR_BYTES + 2 +
                                RECIPIENTS_MAX * RECIPIENT_ENTRY_BYTES,
    ENVELOPE_TRAILER_BYTES = AEAD_TAG_BYTES + SIGN_BYTES,
};

enum key_scheme {
    KEY_SCHEME_RECIPIENTS = 1,
};

/* What this process knows of a batch that a broker acknowledged (section 8.3). */
struct predecessor {
    int64_t base_offset;
    uint8_t seal_prefix[SEAL_PREFIX_BYTES];
    uint8_t producer[PRODUCER_HASH_BYTES];
};

struct envelope_header {
    struct place place;
    uint8_t writer[WRITER_KEY_BYTES];
    uint8_t stream[STREAM_ID_BYTES];
    uint64_t sequence;
    uint8_t previous[SHA256_BYTES]; /* link of the seal before it; zero for the first */
    int64_t seal_time_ms;
    uint8_t nonce[AEAD_NONCE_BYTES];
    uint8_t commitment[COMMITMENT_BYTES];
    struct batch_header inner; /* base_offset, leader_epoch and crc are not carried and read as zero */
    struct slice cluster_id, topic_name, principal;
    struct slice predecessors; /* PREDECESSOR_BYTES each */
    struct slice recipients;   /* RECIPIENT_ENTRY_BYTES each */
};

struct envelope {
    struct envelope_header header;
    struct slice header_bytes; /* associated data of the AEAD */
    struct slice ciphertext;
    const uint8_t *tag, *signature;
};

bool envelope_has_magic(struct slice bytes);
/* UNSUPPORTED for another version or suite; else MALFORMED unless every byte is accounted for.  Slices borrow `bytes`. */
signet_error envelope_read(struct slice bytes, struct envelope *ret_envelope);
/* NO_SPACE; LIMIT or MALFORMED for what envelope_read would not take.  Never more than ENVELOPE_HEADER_BYTES_MAX bytes. */
signet_error envelope_write_header(const struct envelope_header *header, struct writer *w);

struct predecessor predecessor_at(struct slice predecessors, size_t index);
void predecessor_write(const struct predecessor *predecessor, uint8_t ret_bytes[PREDECESSOR_BYTES]);

/* Section 5.2 and 6. */
/* What the seal id of an envelope that was read is the SHA-256 of: header, ciphertext and tag, as they stand. */
struct slice envelope_identified(const struct envelope *envelope);
void envelope_seal_id(struct slice header, struct slice ciphertext, const uint8_t tag[AEAD_TAG_BYTES],
                      uint8_t ret_id[SEAL_ID_BYTES]);
void envelope_sign(const struct signing_key *key, const uint8_t seal_id[SEAL_ID_BYTES], uint8_t ret_sig[SIGN_BYTES]);
bool envelope_verify(const uint8_t writer[WRITER_KEY_BYTES], const uint8_t seal_id[SEAL_ID_BYTES],
                     const uint8_t signature[SIGN_BYTES]);
void envelope_link(const uint8_t seal_id[SEAL_ID_BYTES], const uint8_t signature[SIGN_BYTES],
                   uint8_t ret_link[SHA256_BYTES]);
/* Section 7. */
void recipient_id(const uint8_t public_key[BOX_PUBLIC_BYTES], uint8_t ret_id[RECIPIENT_ID_BYTES]);
void key_commitment(const struct topic_id *topic, const uint8_t key[AEAD_KEY_BYTES], uint8_t ret[COMMITMENT_BYTES]);
/* Section 8.3; zero without a producer id. */
void producer_hash(const struct batch_header *header, uint8_t ret_hash[PRODUCER_HASH_BYTES]);

#endif
