/* SPDX-License-Identifier: Apache-2.0 */
#include "seal/ledger_origin.h"

#include "crypto/encoding.h"
#include "crypto/hash.h"

enum { CLUSTER_HASH_BYTES = 16 };

static const char prefix[] = "signet.ledger/v1/";
/* It keeps its final NUL: the specification's 00 separator. */
static const char domain_cluster[] = "signet/cluster/v1";

static bool is_plain(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
}

static bool is_plain_text(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!is_plain(text.data[i])) {
            return false;
        }
    }
    return text.size > 0 && text.size <= CLUSTER_ID_BYTES_MAX;
}

static void write_hex(struct writer *w, const uint8_t *bytes, size_t size)
{
    char text[2 * WRITER_KEY_BYTES + 1];
    hex_encode(slice_of(bytes, size), text);
    write_bytes(w, slice_of(text, 2 * size));
}

static void write_cluster(struct writer *w, struct slice cluster_id)
{
    if (is_plain_text(cluster_id)) {
        write_bytes(w, cluster_id);
        return;
    }
    uint8_t digest[SHA256_BYTES];
    const struct slice pieces[] = { slice_of(domain_cluster, sizeof domain_cluster), cluster_id };
    sha256_pieces(pieces, 2, digest);
    write_u8(w, '~');
    write_hex(w, digest, CLUSTER_HASH_BYTES);
}

signet_error ledger_origin_write(struct writer *w, struct slice cluster_id, const uint8_t writer[WRITER_KEY_BYTES],
                                 const uint8_t instance[LEDGER_INSTANCE_BYTES])
{
    if (cluster_id.size == 0 || cluster_id.size > CLUSTER_ID_BYTES_MAX) {
        return SIGNET_ERROR_LIMIT;
    }
    write_bytes(w, slice_of_text(prefix));
    write_cluster(w, cluster_id);
    write_u8(w, '/');
    write_hex(w, writer, WRITER_KEY_BYTES);
    write_u8(w, '/');
    write_hex(w, instance, LEDGER_INSTANCE_BYTES);
    return w->error;
}

/* Lower case only: one log has one name. */
static void read_hex(struct reader *r, uint8_t *ret, size_t size)
{
    struct slice text = read_bytes(r, 2 * size);
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] >= 'A' && text.data[i] <= 'Z') {
            reader_fail(r, SIGNET_ERROR_MALFORMED);
        }
    }
    if (r->error || hex_decode(text, ret, size)) {
        reader_fail(r, SIGNET_ERROR_MALFORMED);
    }
}

static bool is_cluster_text(struct slice text)
{
    uint8_t hash[CLUSTER_HASH_BYTES];
    if (text.size != 1 + 2 * sizeof hash || text.data[0] != '~') {
        return is_plain_text(text);
    }
    struct reader r = reader_over(slice_of(text.data + 1, text.size - 1));
    read_hex(&r, hash, sizeof hash);
    return !r.error;
}

signet_error ledger_origin_read(struct slice text, struct ledger_origin *ret_origin)
{
    struct ledger_origin origin;
    struct reader r = reader_over(text);
    bool has_prefix = slice_equal_text(read_bytes(&r, sizeof prefix - 1), prefix);
    const uint8_t *slash = reader_left(&r) ? memchr(r.at, '/', reader_left(&r)) : NULL;
    origin.cluster = read_bytes(&r, slash ? (size_t)(slash - r.at) : 0);
    bool separated = read_u8(&r) == '/';
    read_hex(&r, origin.writer, sizeof origin.writer);
    separated = read_u8(&r) == '/' && separated;
    read_hex(&r, origin.instance, sizeof origin.instance);
    if (r.error || reader_left(&r) > 0 || !has_prefix || !separated || !is_cluster_text(origin.cluster)) {
        return SIGNET_ERROR_MALFORMED;
    }
    *ret_origin = origin;
    return SIGNET_OK;
}

bool ledger_origin_is_of(const struct ledger_origin *origin, struct slice cluster_id)
{
    uint8_t text[CLUSTER_ID_BYTES_MAX];
    struct writer w = writer_over(text, sizeof text);
    if (cluster_id.size == 0 || cluster_id.size > CLUSTER_ID_BYTES_MAX) {
        return false;
    }
    write_cluster(&w, cluster_id);
    return slice_equal(writer_slice(&w), origin->cluster);
}
