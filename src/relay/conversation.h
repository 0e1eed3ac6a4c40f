/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a relay, for the files of this layer only: framing in relay.c,
 * requests and responses by API in the others.
 */
#ifndef SIGNET_RELAY_CONVERSATION_H
#define SIGNET_RELAY_CONVERSATION_H

#include "kafka/api.h"
#include "kafka/error_code.h"
#include "kafka/header.h"
#include "kafka/walk.h"
#include "relay/in_flight.h"
#include "relay/read_ahead.h"
#include "relay/reading.h"
#include "relay/relay.h"
#include "relay/sasl.h"
#include "relay/topics.h"
#include "relay/writing.h"

/* Bytes that have come and are not yet whole frames. */
struct intake {
    struct block *block;
    size_t start, filled; /* start <= filled <= capacity */
    size_t frame_hint;    /* how large frames have been lately */
    bool starved;
};

/* What the client's next request waits for. */
enum awaited {
    AWAITED_NOTHING,
    AWAITED_LOOKUP, /* the broker's answer to ourselves */
    AWAITED_FETCH,  /* the answer to the Fetch before it, which is judged by what that one asked for */
};

struct relay {
    struct relay_worker *worker;
    void *hook_context;
    struct intake in[2];
    struct gather out[2];
    struct in_flight in_flight;
    struct sasl sasl;
    bool must_authenticate;
    char principal[PRINCIPAL_BYTES_MAX + 1];
    struct topics topics;
    struct writing writing;
    struct reading reading;
    enum awaited awaited;
    uint8_t look_ups;              /* so far, for the client's next request */
    bool fetch_in_flight;          /* of the client's */
    struct read_ahead *read_ahead; /* NULL until there is any use for it */
    bool sasl_in_flight;           /* a step of the exchange has not been answered */
    struct ahead *ahead;           /* of the response that is coming, if it is large */
    size_t ahead_bytes;            /* how much of it had come when it was last looked at */
    bool failed;
    char fault[160];
    int64_t now_ms;
};

/* One frame, in the block it was read into. */
struct frame {
    struct block *block;
    uint8_t *start; /* its size field */
    uint8_t *data;
    size_t size; /* without the size field */
};

/* What becomes of a request. */
enum progress {
    PROGRESS_DONE,
    PROGRESS_WAIT, /* again when what is awaited has come */
};

/* Remembers what happened and returns `error`. */
signet_error relay_fail(struct relay *relay, signet_error error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void relay_tell_refused(struct relay *relay, const struct request_refusal *refusal);

/* A frame as it came. */
void relay_forward(struct relay *relay, enum relay_side to, const struct frame *frame);
/* The header of `frame` (header_size bytes) as it came, and `body` behind it, which is emptied. */
signet_error relay_forward_edited(struct relay *relay, enum relay_side to, const struct frame *frame,
                                  size_t header_size, struct gather *body);
/* The same, put elsewhere. */
signet_error relay_put_edited(struct relay *relay, struct gather *out, const struct frame *frame, size_t header_size,
                              struct gather *body);
/* Sends what stands answered at the head of the queue. */
void relay_flush_local(struct relay *relay);

/* request.c, response.c */
signet_error relay_request(struct relay *relay, const struct frame *frame, enum progress *ret_progress);
signet_error relay_response(struct relay *relay, const struct frame *frame);

/* One request or response under way. */
struct exchange {
    struct relay *relay;
    const struct frame *frame;
    struct request_header request; /* requests only */
    struct in_flight_entry *entry; /* responses only */
    int16_t version;
    size_t header_size;
};

/* produce.c, fetch.c, share.c, deletion.c, transaction.c, cluster.c */
signet_error produce_request(struct exchange *x, enum progress *ret_progress);
signet_error produce_response(struct exchange *x);
signet_error fetch_request(struct exchange *x, enum progress *ret_progress);
signet_error fetch_response(struct exchange *x);
/* Of the broker's response the first `came` bytes are there: what they allow to compute ahead is begun. */
void fetch_look_ahead(struct relay *relay, const struct frame *so_far, size_t came);
void fetch_forget_ahead(struct relay *relay);
signet_error share_fetch_request(struct exchange *x, enum progress *ret_progress);
signet_error share_fetch_response(struct exchange *x);
signet_error deletion_request(struct exchange *x, enum progress *ret_progress);
signet_error deletion_response(struct exchange *x);
signet_error end_txn_request(struct exchange *x);
signet_error end_txn_response(struct exchange *x);
/* Any message with addresses, topic ids or a cluster id in it. */
signet_error cluster_response(struct exchange *x);

/* The worker's opener, reporting for this conversation. */
struct opener *relay_opener(struct relay *relay);

/* Pushes an entry for a request that is being forwarded; NULL when memory is out. */
struct in_flight_entry *exchange_expect(struct exchange *x);
/* Answers the client without the broker; `reply` is a whole frame and is emptied. */
signet_error exchange_answer(struct exchange *x, struct gather *reply);
/* Walks the body of the frame; `out` may be NULL. */
signet_error exchange_walk(struct exchange *x, enum message_direction direction, int16_t version, struct walk_hook hook,
                           struct gather *out);
/* Walks the broker's response and gives the client what comes out; or puts it elsewhere. */
signet_error exchange_edit_response(struct exchange *x, struct walk_hook hook);
signet_error exchange_edit_response_into(struct exchange *x, struct walk_hook hook, struct gather *out);

/*
 * Topics that a request names and nobody can place yet.  A request is walked
 * first to find them; if there are any, they are looked up in the order of the
 * client's own requests, and the request is taken up again afterwards.
 */
struct unresolved {
    struct slice *names; /* into the frame */
    struct topic_id *ids;
    size_t name_count, name_capacity;
    size_t id_count, id_capacity;
    size_t topic_count; /* of the request, those that are known included */
};
void unresolved_free(struct unresolved *unresolved);
/*
 * Walks the request with `hook`, which adds to `unresolved`, and sends the
 * look-up if one is needed; `*ret_progress` says whether to wait for it.
 */
signet_error exchange_resolve(struct exchange *x, struct walk_hook hook, struct unresolved *unresolved,
                              enum progress *ret_progress);

/* A topic as a request or response names it. */
struct topic_ref {
    bool by_id;
    bool hearsay;                      /* by id, and only brokers say which name that is */
    struct slice called;               /* by name: into the frame */
    struct topic_name name;            /* empty: unknown */
    struct topic_id id;                /* zero: unknown */
    const struct topic_policy *policy; /* NULL: the name is unknown */
};
/* By name: the id is what the broker said last; only looked for when policy seals. */
void topic_ref_by_name(struct relay *relay, struct slice name, struct topic_ref *ret_ref);
void topic_ref_by_id(struct relay *relay, const struct topic_id *id, struct topic_ref *ret_ref);
/* What a visit of a walk says of the topic; false, and nothing is changed, when it says neither name nor id. */
bool topic_ref_visit(struct relay *relay, const struct walk_visit *visit, struct topic_ref *ret_ref);
/*
 * One more topic of a request; adds what is missing to be certain, unless the
 * broker has just said that it does not know.  OUT_OF_MEMORY, or LIMIT when
 * the request names too many.
 */
signet_error topic_ref_require(const struct topic_ref *ref, struct relay *relay, struct unresolved *unresolved);
/*
 * What brokers say the name of an id is, to a client or to us.  PROTOCOL when
 * the operator vouches for another name, or brokers have given another before:
 * a client that believed it would take one topic's messages for another's.
 */
signet_error topic_ref_learn(struct relay *relay, const struct topic_id *id, struct slice name);
/* What Kafka answers for a topic that is not there, by how the request names topics. */
int16_t topic_ref_unknown(const struct topic_ref *ref);

/*
 * A topic in clear whose name is hearsay is refused: the client gets this
 * error, and the log the reason.  PERMISSION ends a conversation in which the
 * client was offered such a version before policy changed: it will ask anew.
 */
enum { HEARSAY_ERROR_CODE = KAFKA_TOPIC_AUTHORIZATION_FAILED };
extern const char hearsay_why[], hearsay_hint[];
void hearsay_tell(struct exchange *x, int16_t api_key, const struct topic_ref *ref, int32_t partition);
signet_error hearsay_may_be_answered(struct exchange *x);

/* Addresses in a response: to be offered every visit that the API's own hook has no use for. */
struct addresses {
    struct relay *relay;
    const uint8_t *end; /* of the frame */
    int32_t node;
    int32_t told_port;
};
struct addresses addresses_of(const struct exchange *x);
enum walk_answer addresses_visit(struct addresses *addresses, struct walk_visit *visit);

#endif
