/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/patience.h"

#include "base/limits.h"

void patience_active(struct patience *p, int64_t now_ms)
{
    p->active_ms = now_ms;
}

void patience_request(struct patience *p, bool whole, int64_t now_ms)
{
    if (whole) {
        p->request_ms = 0;
    } else if (p->request_ms == 0) {
        p->request_ms = now_ms;
    }
}

void patience_starved(struct patience *p, bool starved, int64_t now_ms)
{
    if (p->starved && !starved && p->request_ms != 0) {
        p->request_ms = now_ms;
    }
    p->starved = starved;
}

void patience_output(struct patience *p, enum relay_side side, size_t pending, size_t sent, int64_t now_ms)
{
    struct standing_output *output = &p->outputs[side];
    output->sent += sent;
    if (pending == 0) {
        *output = (struct standing_output){ 0 };
    } else if (output->since_ms == 0 || output->sent >= OUTPUT_PROGRESS_BYTES) {
        *output = (struct standing_output){ .since_ms = now_ms };
    }
}

static int64_t stalled_ms(int64_t since_ms, int64_t now_ms)
{
    return since_ms != 0 ? now_ms - since_ms : 0;
}

static int64_t longer(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t patience_stalled_ms(const struct patience *p, int64_t now_ms)
{
    int64_t request_ms = p->starved ? 0 : stalled_ms(p->request_ms, now_ms);
    int64_t client_ms = stalled_ms(p->outputs[RELAY_CLIENT].since_ms, now_ms);
    int64_t broker_ms = stalled_ms(p->outputs[RELAY_BROKER].since_ms, now_ms);
    return longer(request_ms, longer(client_ms, broker_ms));
}

int64_t patience_idle_ms(const struct patience *p, int64_t now_ms)
{
    return now_ms - p->active_ms;
}

bool patience_is_over(const struct patience *p, bool awaits_broker, int64_t idle_ms_max, int64_t now_ms)
{
    int64_t most = awaits_broker ? longer(idle_ms_max, UNANSWERED_MS_MAX) : idle_ms_max;
    return patience_idle_ms(p, now_ms) > most;
}
