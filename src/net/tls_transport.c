/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/limits.h"
#include "net/distinguished_name.h"
#include "net/server_name.h"
#include "net/tls_context.h"
#include "net/transport.h"

enum {
    /* The largest record (RFC 8446, 5.1). */
    RECORD_BYTES_MAX = 16 * 1024,
    /* Of a record's size each; then others have their turn, however fast the peer sends, and also if it is nothing but key updates. */
    RECEIVES_PER_CALL = 8,
};

struct tls_connection {
    struct connection base; /* first: the table's functions are handed this */
    SSL *session;
    char *server_name;
    char *peer_subject;
    unsigned long library_error; /* as in the library's list */
    bool drained;                /* the last receive got less than it asked for: another one would find nothing */
    int receives_left;           /* of this call */
    bool ended;                  /* the socket has */
    bool has_more;               /* the session may hold bytes for which the caller's memory was too small */
    size_t encrypted;            /* bytes of a record that could not be sent; they must be offered again */
    enum io_outcome held;        /* CLOSED: met after bytes that were still to be delivered */
    int system_error;            /* of the socket, until it is known whether it matters */
};

static struct tls_connection *tls_of(struct connection *connection)
{
    return (struct tls_connection *)connection;
}

static const struct tls_connection *const_tls_of(const struct connection *connection)
{
    return (const struct tls_connection *)connection;
}

/*
 * The library's own socket method raises SIGPIPE and always asks the socket
 * once more; this one does neither.
 */

static int bio_read(BIO *bio, char *memory, int size)
{
    struct tls_connection *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (tls->drained || tls->receives_left == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    tls->receives_left--;
    ssize_t got = connection_receive(&tls->base, memory, (size_t)size);
    tls->drained = got != size;
    if (got > 0) {
        return (int)got;
    }
    if (got == 0) {
        tls->ended = true;
    } else if (errno == EAGAIN) {
        BIO_set_retry_read(bio);
    } else {
        tls->system_error = errno;
    }
    return (int)got;
}

static int bio_write(BIO *bio, const char *memory, int size)
{
    struct tls_connection *tls = BIO_get_data(bio);
    const struct iovec piece = { .iov_base = (char *)memory, .iov_len = (size_t)size };
    BIO_clear_retry_flags(bio);
    ssize_t sent = connection_send(&tls->base, &piece, 1);
    if (sent < 0 && errno == EAGAIN) {
        BIO_set_retry_write(bio);
    } else if (sent < 0) {
        tls->system_error = errno;
    }
    return (int)sent;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    const struct tls_connection *tls = BIO_get_data(bio);
    (void)number;
    (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_EOF:
        return tls->ended;
    default:
        return 0;
    }
}

static BIO_METHOD *bio_method;

/* Lives as long as the process, like the library's own methods. */
static void make_bio_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "connection");
    if (method && BIO_meth_set_read(method, bio_read) && BIO_meth_set_write(method, bio_write) &&
        BIO_meth_set_ctrl(method, bio_control)) {
        bio_method = method;
    } else {
        BIO_meth_free(method);
    }
}

static BIO *bio_new(struct tls_connection *tls)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, make_bio_method);
    BIO *bio = bio_method ? BIO_new(bio_method) : NULL;
    if (bio) {
        BIO_set_data(bio, tls);
        BIO_set_init(bio, 1);
    }
    return bio;
}

/* One of our checks refused, or the peer says that it did not accept what we showed. */
static bool is_about_certificates(int reason)
{
    switch (reason) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
        return true;
    default:
        return false;
    }
}

static enum io_outcome library_failed(struct tls_connection *tls)
{
    unsigned long code = ERR_peek_error();
    if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        return IO_CLOSED;
    }
    tls->library_error = code;
    bool refused = ERR_GET_LIB(code) == ERR_LIB_SSL && is_about_certificates(ERR_GET_REASON(code));
    return connection_fail(&tls->base, refused ? SIGNET_ERROR_REFUSED : SIGNET_ERROR_PROTOCOL, 0);
}

/* The library can report a failure of the socket, the end of the stream, or, on its way out, nothing at all. */
static enum io_outcome socket_failed(struct tls_connection *tls)
{
    if (tls->system_error) {
        return connection_fail(&tls->base, connection_system_error(tls->system_error), tls->system_error);
    }
    return tls->ended ? IO_CLOSED : connection_fail(&tls->base, SIGNET_ERROR_PROTOCOL, 0);
}

/* `ret_needs_other`: does it wait for the event that it is not named after? */
static enum io_outcome outcome_of(struct tls_connection *tls, int result, int own_want, bool *ret_needs_other)
{
    int error = SSL_get_error(tls->session, result);
    *ret_needs_other = false;
    switch (error) {
    case SSL_ERROR_NONE:
        return IO_DONE;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        *ret_needs_other = error != own_want;
        return IO_WOULD_BLOCK;
    case SSL_ERROR_ZERO_RETURN:
        return IO_CLOSED;
    case SSL_ERROR_SYSCALL:
        return socket_failed(tls);
    default:
        return library_failed(tls);
    }
}

/* Before every call into the library: its list of errors is the thread's, and poll has spoken since the last receive. */
static void begin_call(struct tls_connection *tls)
{
    ERR_clear_error();
    tls->drained = false;
    tls->receives_left = RECEIVES_PER_CALL;
}

int tls_transport_on_hello(SSL *session, int *ret_alert, void *context)
{
    const uint8_t *extension;
    size_t size;
    char name[SERVER_NAME_BYTES_MAX + 1];
    struct tls_connection *tls = SSL_get_app_data(session);
    (void)context;
    if (!SSL_client_hello_get0_ext(session, TLSEXT_TYPE_server_name, &extension, &size)) {
        return SSL_CLIENT_HELLO_SUCCESS;
    }
    if (server_name_parse(slice_of(extension, size), name) != SIGNET_OK) {
        *ret_alert = SSL_AD_DECODE_ERROR;
        return SSL_CLIENT_HELLO_ERROR;
    }
    /* A second hello follows one that asked for a group that we do not take. */
    free(tls->server_name);
    tls->server_name = strdup(name);
    *ret_alert = SSL_AD_INTERNAL_ERROR;
    return tls->server_name ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_ERROR;
}

static enum io_outcome keep_subject(struct tls_connection *tls)
{
    char subject[PRINCIPAL_BYTES_MAX + 1];
    X509 *certificate = tls->base.accepted ? SSL_get0_peer_certificate(tls->session) : NULL;
    if (!certificate) {
        return IO_DONE;
    }
    if (distinguished_name_text(X509_get_subject_name(certificate), subject, sizeof subject) != SIGNET_OK) {
        return connection_fail(&tls->base, SIGNET_ERROR_LIMIT, 0);
    }
    tls->peer_subject = strdup(subject);
    return tls->peer_subject ? IO_DONE : connection_fail(&tls->base, SIGNET_ERROR_OUT_OF_MEMORY, 0);
}

static enum io_outcome handshake(struct connection *connection)
{
    struct tls_connection *tls = tls_of(connection);
    begin_call(tls);
    int result = SSL_do_handshake(tls->session);
    if (result == 1) {
        /* Bytes may have come behind the last message, of which poll is silent; and a read that finds none gives back the handshake's buffers. */
        tls->has_more = true;
        return keep_subject(tls);
    }
    enum io_outcome outcome = outcome_of(tls, result, SSL_ERROR_WANT_READ, &connection->handshake_needs_write);
    return outcome == IO_CLOSED ? connection_fail(connection, SIGNET_ERROR_CLOSED, 0) : outcome;
}

/* The end of the stream, clean or not, is told once all bytes before it are. */
static enum io_outcome end_of_stream(struct tls_connection *tls)
{
    tls->base.was_cut = !(SSL_get_shutdown(tls->session) & SSL_RECEIVED_SHUTDOWN);
    tls->held = IO_CLOSED;
    return IO_CLOSED;
}

/* After a read that ended so, with so many bytes. */
static bool has_more_than(const struct tls_connection *tls, enum io_outcome outcome, size_t total)
{
    switch (outcome) {
    case IO_DONE:
        return SSL_has_pending(tls->session);
    case IO_WOULD_BLOCK:
        return !tls->drained && !tls->base.read_needs_write;
    default:
        return total > 0;
    }
}

static enum io_outcome read_some(struct connection *connection, uint8_t *memory, size_t size, size_t *ret_bytes)
{
    struct tls_connection *tls = tls_of(connection);
    size_t total = 0, got = 0;
    enum io_outcome outcome = tls->held;
    begin_call(tls);
    while (outcome == IO_DONE && total < size) {
        int result = SSL_read_ex(tls->session, memory + total, size - total, &got);
        total += result == 1 ? got : 0;
        outcome = outcome_of(tls, result, SSL_ERROR_WANT_READ, &connection->read_needs_write);
    }
    if (outcome == IO_CLOSED) {
        outcome = end_of_stream(tls);
    }
    tls->has_more = has_more_than(tls, outcome, total);
    if (total == 0) {
        return outcome;
    }
    *ret_bytes = total;
    return IO_DONE;
}

/* A place in the pieces of a write. */
struct piece_cursor {
    const struct iovec *pieces;
    size_t count;
    size_t offset; /* in the first piece */
};

static void skip_bytes(struct piece_cursor *at, size_t size)
{
    at->offset += size;
    while (at->count > 0 && at->offset >= at->pieces->iov_len) {
        at->offset -= at->pieces->iov_len;
        at->pieces++;
        at->count--;
    }
}

/* Bytes of the first piece, as a record takes them. */
static struct slice first_bytes(const struct piece_cursor *at, size_t max)
{
    if (at->count == 0) {
        return slice_of(NULL, 0);
    }
    size_t left = at->pieces->iov_len - at->offset;
    return slice_of((const uint8_t *)at->pieces->iov_base + at->offset, left < max ? left : max);
}

/*
 * The next record's worth of bytes: where they lie if one piece has them all,
 * else copied together, so that small pieces do not become small records.  A
 * record that could not be sent comes out the same when it is asked for again.
 */
static struct slice next_record(struct piece_cursor at, uint8_t record[RECORD_BYTES_MAX])
{
    struct slice first = first_bytes(&at, RECORD_BYTES_MAX);
    if (first.size == RECORD_BYTES_MAX || at.count <= 1) {
        return first;
    }
    size_t used = 0;
    while (first.size > 0) {
        memcpy(record + used, first.data, first.size);
        used += first.size;
        skip_bytes(&at, first.size);
        first = first_bytes(&at, RECORD_BYTES_MAX - used);
    }
    return slice_of(record, used);
}

/*
 * A peer that refuses us says why and closes; writing then finds a broken pipe
 * while the reason still lies unread.
 */
static void prefer_reason_of_peer(struct tls_connection *tls)
{
    uint8_t byte;
    size_t got;
    begin_call(tls);
    int result = SSL_read_ex(tls->session, &byte, sizeof byte, &got);
    if (result == 1 || SSL_get_error(tls->session, result) != SSL_ERROR_SSL) {
        return;
    }
    struct connection before = tls->base;
    tls->base.error = SIGNET_OK;
    tls->base.system_error = 0;
    if (library_failed(tls) != IO_FAILED) {
        tls->base = before;
    }
}

static enum io_outcome write_failed(struct tls_connection *tls)
{
    if (tls->base.error == SIGNET_ERROR_CLOSED) {
        prefer_reason_of_peer(tls);
    }
    return connection_fail(&tls->base, SIGNET_ERROR_CLOSED, 0);
}

static enum io_outcome write_some(struct connection *connection, const struct iovec *pieces, size_t count,
                                  size_t *ret_bytes)
{
    struct tls_connection *tls = tls_of(connection);
    struct piece_cursor at = { .pieces = pieces, .count = count };
    uint8_t memory[RECORD_BYTES_MAX];
    size_t total = 0, sent = 0;
    enum io_outcome outcome = IO_DONE;
    begin_call(tls);
    skip_bytes(&at, 0);
    while (outcome == IO_DONE && at.count > 0) {
        struct slice record = next_record(at, memory);
        assert(record.size >= tls->encrypted);
        int result = SSL_write_ex(tls->session, record.data, record.size, &sent);
        tls->encrypted = result == 1 ? 0 : record.size;
        if (result == 1) {
            total += sent;
            skip_bytes(&at, sent);
        }
        outcome = outcome_of(tls, result, SSL_ERROR_WANT_WRITE, &connection->write_needs_read);
    }
    if (outcome == IO_CLOSED || outcome == IO_FAILED) {
        outcome = write_failed(tls);
    }
    if (total > 0) {
        *ret_bytes = total;
        return IO_DONE;
    }
    return outcome;
}

static enum io_outcome finish(struct connection *connection)
{
    struct tls_connection *tls = tls_of(connection);
    bool needs_read;
    begin_call(tls);
    int result = SSL_shutdown(tls->session);
    if (result >= 0) {
        return IO_DONE;
    }
    enum io_outcome outcome = outcome_of(tls, result, SSL_ERROR_WANT_WRITE, &needs_read);
    return outcome == IO_CLOSED ? IO_DONE : outcome;
}

static bool has_pending(const struct connection *connection)
{
    return const_tls_of(connection)->has_more;
}

static const char *protocol(const struct connection *connection)
{
    return SSL_get_version(const_tls_of(connection)->session);
}

static const char *server_name(const struct connection *connection)
{
    return const_tls_of(connection)->server_name;
}

static const char *peer_subject(const struct connection *connection)
{
    return const_tls_of(connection)->peer_subject;
}

static const char *reason_text(const struct tls_connection *tls)
{
    long verdict = SSL_get_verify_result(tls->session);
    int reason = ERR_GET_REASON(tls->library_error);
    switch (tls->base.error) {
    case SIGNET_ERROR_LIMIT:
        return "the subject of the certificate is too long";
    case SIGNET_ERROR_CLOSED:
        return "the peer closed the connection";
    default:
        break;
    }
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED && verdict != X509_V_OK) {
        return X509_verify_cert_error_string(verdict);
    }
    const char *text = tls->library_error ? ERR_reason_error_string(tls->library_error) : NULL;
    return text ? text : signet_error_text(tls->base.error);
}

static void explain(const struct connection *connection, struct cause *ret_cause)
{
    char peer[ENDPOINT_TEXT_BYTES];
    endpoint_text(&connection->peer, peer);
    const char *when = connection->established ? "TLS" : "TLS handshake";
    cause_set(ret_cause, "%s with %s: %s", when, peer, reason_text(const_tls_of(connection)));
}

static void release(struct connection *connection)
{
    struct tls_connection *tls = tls_of(connection);
    SSL_free(tls->session);
    free(tls->server_name);
    free(tls->peer_subject);
    free(tls);
}

static const struct transport over_tls = {
    .handshake = handshake,
    .read = read_some,
    .write = write_some,
    .finish = finish,
    .has_pending = has_pending,
    .protocol = protocol,
    .server_name = server_name,
    .peer_subject = peer_subject,
    .cause = explain,
    .free = release,
};

static bool set_up(struct tls_connection *tls, struct tls_context *context, const char *name)
{
    BIO *bio = bio_new(tls);
    tls->session = tls_session_new(context);
    if (!bio || !tls->session) {
        BIO_free(bio);
        return false;
    }
    SSL_set_bio(tls->session, bio, bio);
    SSL_set_app_data(tls->session, tls);
    return tls->base.accepted || tls_session_expect(context, tls->session, name);
}

signet_error tls_transport_new(const struct connection *base, struct tls_context *context, const char *name,
                               struct connection **ret_connection)
{
    struct tls_connection *tls = calloc(1, sizeof *tls);
    if (!tls) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    tls->base = *base;
    tls->base.transport = &over_tls;
    if (!set_up(tls, context, name)) {
        ERR_clear_error();
        release(&tls->base);
        return SIGNET_ERROR_CRYPTO;
    }
    *ret_connection = &tls->base;
    return SIGNET_OK;
}
