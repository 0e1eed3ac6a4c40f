/* SPDX-License-Identifier: Apache-2.0 */
/* EndTxn: how a transaction ended is entered into the ledger once its coordinator has acknowledged it. */
#include "relay/transaction.h"

#include <stdlib.h>

#include "relay/conversation.h"

static enum walk_answer see_asked(void *context, struct walk_visit *visit)
{
    struct end_txn *asked = context;
    struct ledger_outcome *outcome = &asked->outcome;
    struct slice text;
    if (visit->event != VISIT_FIELD) {
        return WALK_KEEP;
    }
    switch (visit->mark) {
    case MARK_TRANSACTIONAL_ID:
        text = visit_slice(visit);
        text.size = text.size < sizeof asked->transactional_id ? text.size : sizeof asked->transactional_id;
        memcpy(asked->transactional_id, text.data, text.size);
        outcome->transactional_id = slice_of(asked->transactional_id, text.size);
        break;
    case MARK_PRODUCER_ID:
        outcome->producer_id = visit_i64(visit);
        break;
    case MARK_PRODUCER_EPOCH:
        outcome->producer_epoch = visit_i16(visit);
        break;
    case MARK_COMMITTED:
        outcome->commit = visit->at[0] != 0;
        break;
    default:
        break;
    }
    return WALK_KEEP;
}

signet_error end_txn_request(struct exchange *x)
{
    struct end_txn *asked = calloc(1, sizeof *asked);
    if (!asked) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    signet_error error = exchange_walk(x, MESSAGE_REQUEST, x->version, (struct walk_hook){ see_asked, asked }, NULL);
    struct in_flight_entry *entry = error ? NULL : exchange_expect(x);
    if (!entry) {
        free(asked);
        return error ? error : SIGNET_ERROR_OUT_OF_MEMORY;
    }
    entry->end_txn = asked;
    relay_forward(x->relay, RELAY_BROKER, x->frame);
    return SIGNET_OK;
}

struct end_answer {
    int16_t error_code, producer_epoch;
    int64_t producer_id;
};

static enum walk_answer see_answer(void *context, struct walk_visit *visit)
{
    struct end_answer *answer = context;
    if (visit->event != VISIT_FIELD) {
        return WALK_KEEP;
    }
    if (visit->mark == MARK_ERROR_CODE) {
        answer->error_code = visit_i16(visit);
    } else if (visit->mark == MARK_PRODUCER_ID) {
        answer->producer_id = visit_i64(visit);
    } else if (visit->mark == MARK_PRODUCER_EPOCH) {
        answer->producer_epoch = visit_i16(visit);
    }
    return WALK_KEEP;
}

signet_error end_txn_response(struct exchange *x)
{
    struct relay *relay = x->relay;
    struct end_answer answer = { .producer_id = -1, .producer_epoch = -1 };
    signet_error error =
        exchange_walk(x, MESSAGE_RESPONSE, x->version, (struct walk_hook){ see_answer, &answer }, NULL);
    if (error) {
        return error;
    }
    if (answer.error_code == 0) {
        struct ledger_leaf leaf = { .kind = LEDGER_OUTCOME, .outcome = x->entry->end_txn->outcome };
        leaf.outcome.time_ms = relay->now_ms;
        leaf.outcome.next_producer_id = answer.producer_id;
        leaf.outcome.next_producer_epoch = answer.producer_epoch;
        ledger_entries_add(relay->worker->shared.ledger, &leaf);
    }
    relay_forward(relay, RELAY_CLIENT, x->frame);
    return SIGNET_OK;
}
