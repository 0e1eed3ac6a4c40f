/* SPDX-License-Identifier: Apache-2.0 */
#include "witness/submission.h"

#include "crypto/encoding.h"

static const char old[] = "old ";

/* Without its end. */
static struct slice read_line(struct reader *r)
{
    const uint8_t *end = reader_left(r) ? memchr(r->at, '\n', reader_left(r)) : NULL;
    if (!end) {
        reader_fail(r, SIGNET_ERROR_MALFORMED);
        return slice_of(old, 0);
    }
    struct slice line = read_bytes(r, (size_t)(end - r->at));
    read_u8(r);
    return line;
}

static uint64_t read_old_size(struct reader *r)
{
    struct slice line = read_line(r);
    uint64_t size = 0;
    bool lawful = slice_starts_with(line, old) && line.size > sizeof old - 1 && line.size < sizeof old + 19 &&
                  (line.data[sizeof old - 1] != '0' || line.size == sizeof old);
    for (size_t i = sizeof old - 1; lawful && i < line.size; i++) {
        lawful = line.data[i] >= '0' && line.data[i] <= '9';
        size = 10 * size + (uint64_t)(line.data[i] - '0');
    }
    if (!lawful || size > MERKLE_SIZE_MAX) {
        reader_fail(r, SIGNET_ERROR_MALFORMED);
    }
    return lawful ? size : 0;
}

/* False when it is no hash, or one too many. */
static bool add_hash(struct consistency_proof *proof, struct slice line)
{
    size_t size = 0;
    return proof->count < CONSISTENCY_HASHES_MAX &&
           !base64_decode(line, BASE64_STANDARD, proof->hashes[proof->count++], SHA256_BYTES, &size) &&
           size == SHA256_BYTES;
}

signet_error submission_read(struct slice body, struct submission *ret_submission)
{
    struct reader r = reader_over(body);
    ret_submission->old_size = read_old_size(&r);
    ret_submission->proof.count = 0;
    for (struct slice line; (line = read_line(&r)).size > 0;) {
        if (!add_hash(&ret_submission->proof, line)) {
            return SIGNET_ERROR_MALFORMED;
        }
    }
    return r.error ? SIGNET_ERROR_MALFORMED : checkpoint_read(slice_of(r.at, reader_left(&r)), &ret_submission->note);
}
