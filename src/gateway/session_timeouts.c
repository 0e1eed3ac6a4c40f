/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "gateway/identity.h"
#include "gateway/session_body.h"

static bool is_unknown(const struct session *s)
{
    return identity_is_the_brokers(s->gate->listener) && relay_principal(s->relay).size == 0;
}

/* Nothing but the broker's answer can bring it on. */
static bool awaits_broker(const struct session *s)
{
    return relay_in_flight(s->relay) > 0 && relay_pending(s->relay, RELAY_CLIENT) == 0 &&
           relay_pending(s->relay, RELAY_BROKER) == 0;
}

static void sweep_relaying(struct session *s, int64_t now_ms)
{
    const struct config *config = s->worker->plant->config;
    if (is_unknown(s) && now_ms > s->deadline_ms) {
        session_fail(s, LOG_WARNING, "client-failed",
                     "the client did not authenticate within limits.handshake-timeout");
    } else if (s->left && patience_idle_ms(&s->patience, now_ms) > config->limits.handshake_ms) {
        session_fail(s, LOG_DEBUG, "client-failed", "the client has left, and what it sent before is not taken");
    } else if (patience_is_over(&s->patience, awaits_broker(s), config->limits.idle_ms, now_ms)) {
        session_fail(s, LOG_INFO, "idle", "nothing has been sent for longer than limits.idle-timeout");
    }
}

static void sweep_late(struct session *s)
{
    switch (s->state) {
    case SESSION_GREETING:
        session_fail(s, LOG_WARNING, "client-failed",
                     "the client's handshake took longer than limits.handshake-timeout");
        return;
    case SESSION_FINDING:
        session_leave_broker(s, "resolving the broker's name took longer than limits.connect-timeout");
        return;
    case SESSION_CONNECTING:
        session_leave_endpoint(s, "reaching the broker took longer than limits.connect-timeout");
        return;
    case SESSION_FLUSHING:
        session_fail(s, LOG_DEBUG, "flush-ended",
                     "what was left to send was not taken within limits.handshake-timeout");
        return;
    default:
        session_finish(s);
        return;
    }
}

void session_sweep(struct session *s, int64_t now_ms)
{
    if (s->relay) {
        relay_sweep(s->relay, wall_clock_ms());
    }
    if (s->state == SESSION_RELAYING) {
        sweep_relaying(s, now_ms);
    } else if (s->state != SESSION_ENDED && now_ms > s->deadline_ms) {
        sweep_late(s);
    }
}

int64_t session_stalled_ms(const struct session *s, int64_t now_ms)
{
    return s->relay ? patience_stalled_ms(&s->patience, now_ms) : 0;
}

void session_make_room(struct session *s)
{
    session_fail(s, LOG_WARNING, "client-failed",
                 "a request took too long to come in, or an answer to be taken, while others waited for memory");
}
