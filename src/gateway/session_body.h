/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a session, for the files that are parts of it: session.c has
 * its two connections and what goes between them, session_broker.c the way to
 * the broker, session_timeouts.c what takes too long.
 */
#ifndef SIGNET_GATEWAY_SESSION_BODY_H
#define SIGNET_GATEWAY_SESSION_BODY_H

#include "gateway/log.h"
#include "gateway/patience.h"
#include "gateway/refusal_log.h"
#include "gateway/session.h"
#include "gateway/upstream.h"
#include "net/watch.h"

enum session_state {
    SESSION_GREETING,   /* the client's connection is being established */
    SESSION_FINDING,    /* the broker's name is being resolved */
    SESSION_CONNECTING, /* the broker's connection is being established */
    SESSION_RELAYING,
    SESSION_FLUSHING,  /* one side is gone or something was wrong: what waits for the other is still sent */
    SESSION_LINGERING, /* both have been told of the end, and are read from until they close too */
    SESSION_ENDED,
};

/* One of the two connections. */
struct end {
    struct session *session;
    struct watch *watch;
    bool ended; /* sends no more */
    bool gone;  /* nor takes any more: what is for it is dropped */
};

struct session {
    struct worker *worker;
    struct session *next, **back;
    const struct gate *gate;
    enum session_state state;
    struct end ends[2]; /* by relay_side */
    unsigned open_watches;
    struct relay *relay;
    int32_t node;   /* that the client wants; -1 any */
    bool misplaced; /* the broker is not the node that the client wants, as is known by now */
    bool starved;   /* counted in the worker's */
    bool left;      /* the client sends no more, though not all that it sent may have been read */
    struct upstream upstream;
    struct resolution *resolution; /* of the upstream's broker, while it is under way */
    int64_t deadline_ms;           /* loop time; of every state, in RELAYING for authentication */
    struct patience patience;
    char peer[ENDPOINT_TEXT_BYTES];
    uint8_t network[ENDPOINT_NETWORK_BYTES]; /* of the peer */
};

/* Logs, with who the client is. */
void session_tell(const struct session *s, enum log_level level, const char *event, const char *why);
/* Everything closes at the end of the turn; the session goes with its last connection. */
void session_finish(struct session *s);
/* Logs and finishes, unless it has ended. */
void session_fail(struct session *s, enum log_level level, const char *event, const char *why);
/* on_closed of both ends' watches. */
void session_watch_closed(void *context);
/* Once the broker is reached, and for all that happens at either end from then on. */
void session_begin_relaying(struct session *s);
void session_relay_ready(struct session *s, enum relay_side side, unsigned events);

/* The broker that the client wants or, for want of it, the next one to start from. */
void session_find_broker(struct session *s);
/* This broker is given up; if any would do, another one is tried. */
void session_leave_broker(struct session *s, const char *why);
/* This address of the broker is given up; the broker may have another one. */
void session_leave_endpoint(struct session *s, const char *why);

#endif
