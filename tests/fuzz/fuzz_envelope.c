/* SPDX-License-Identifier: Apache-2.0 */
/* What envelope_read accepts is written by envelope_write_header as the same bytes, and every byte is of one part. */
#include <stdlib.h>

#include "seal/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct envelope envelope;
    if (envelope_read(slice_of(data, size), &envelope)) {
        return 0;
    }
    uint8_t bytes[ENVELOPE_HEADER_BYTES_MAX];
    struct writer w = writer_over(bytes, sizeof bytes);
    bool same = envelope_write_header(&envelope.header, &w) == SIGNET_OK &&
                slice_equal(writer_slice(&w), envelope.header_bytes);
    bool whole = envelope.header_bytes.data == data && envelope.ciphertext.data == data + envelope.header_bytes.size &&
                 envelope.tag == envelope.ciphertext.data + envelope.ciphertext.size &&
                 envelope.signature + SIGN_BYTES == data + size && envelope.ciphertext.size > 0;
    if (!same || !whole) {
        abort();
    }
    return 0;
}
