/* SPDX-License-Identifier: Apache-2.0 */
/* What brokers say of the cluster: where nodes are (rewritten to where clients find them here), topic ids, the cluster's id. */
#include "relay/conversation.h"

/* Both are needed to learn a node, and in every message the port is the next field, right behind the host's bytes. */
static enum walk_answer rewrite_host(struct addresses *a, struct walk_visit *visit)
{
    struct relay *relay = a->relay;
    char host[256] = { 0 };
    if (a->end - visit->at < (ptrdiff_t)(visit->size + sizeof(int32_t))) {
        visit->error = SIGNET_ERROR_TRUNCATED;
        return WALK_FAIL;
    }
    int32_t port = (int32_t)load_u32(visit->at + visit->size);
    if (!relay->worker->hooks.node_address(relay->hook_context, a->node, visit_slice(visit), port, host,
                                           &a->told_port)) {
        visit->error = relay_fail(relay, SIGNET_ERROR_LIMIT, "no address is configured for clients to reach node %d at",
                                  (int)a->node);
        return WALK_FAIL;
    }
    gather_copy(visit->replacement, slice_of_text(host));
    return WALK_REPLACE;
}

/* Coordinators that are not there have node -1 and no host. */
static enum walk_answer see_host(struct addresses *a, struct walk_visit *visit)
{
    if (visit->size == 0 || !a->relay->worker->hooks.node_address) {
        return WALK_KEEP;
    }
    if (a->node < 0) {
        visit->error = relay_fail(a->relay, SIGNET_ERROR_PROTOCOL, "the broker gave an address that is no node's");
        return WALK_FAIL;
    }
    return rewrite_host(a, visit);
}

struct addresses addresses_of(const struct exchange *x)
{
    return (struct addresses){
        .relay = x->relay,
        .end = x->frame->data + x->frame->size,
        .node = -1,
        .told_port = -1,
    };
}

enum walk_answer addresses_visit(struct addresses *a, struct walk_visit *visit)
{
    if (visit->event != VISIT_FIELD) {
        return WALK_KEEP;
    }
    if (visit->mark == MARK_NODE_ID) {
        a->node = visit_i32(visit);
        a->told_port = -1;
    } else if (visit->mark == MARK_HOST) {
        return see_host(a, visit);
    } else if (visit->mark == MARK_PORT && a->told_port >= 0) {
        store_u32(visit->at, (uint32_t)a->told_port);
    }
    return WALK_KEEP;
}

struct cluster_visit {
    struct exchange *x;
    struct addresses addresses;
    struct slice topic_name;
    struct topic_id topic_id;
    int16_t topic_error;
};

static enum walk_answer learn_topic(struct cluster_visit *c, struct walk_visit *visit)
{
    struct relay *relay = c->x->relay;
    bool known = c->topic_error == 0;
    if (c->topic_name.size == 0 || topic_id_is_zero(&c->topic_id)) {
        return WALK_KEEP;
    }
    signet_error error = topic_ref_learn(relay, &c->topic_id, c->topic_name); /* with an error too: so do clients */
    if (!error && known && policy_find(&relay->worker->policy, c->topic_name)->seal) {
        error = topics_confirm(&relay->topics, &c->topic_id, c->topic_name, relay->now_ms);
    }
    bool goes_on =
        !error || error == SIGNET_ERROR_LIMIT; /* past the limit what is not learnt is not known, and refused */
    visit->error = error;
    return goes_on ? WALK_KEEP : WALK_FAIL;
}

static enum walk_answer check_cluster(struct cluster_visit *c, struct walk_visit *visit)
{
    const char *pinned = c->x->relay->worker->opener.trust ? c->x->relay->worker->opener.trust->cluster_id : "";
    if (visit->null || visit->size == 0 || pinned[0] == '\0' || slice_equal_text(visit_slice(visit), pinned)) {
        return WALK_KEEP;
    }
    visit->error = relay_fail(c->x->relay, SIGNET_ERROR_PERMISSION,
                              "the brokers belong to another cluster than the trust file names");
    return WALK_FAIL;
}

static enum walk_answer cluster_visit(void *context, struct walk_visit *visit)
{
    struct cluster_visit *c = context;
    if (visit->mark == MARK_TOPIC && visit->event == VISIT_ELEMENT_BEGIN) {
        c->topic_name = slice_of(NULL, 0);
        c->topic_id = (struct topic_id){ 0 };
        c->topic_error = 0;
    } else if (visit->mark == MARK_TOPIC && visit->event == VISIT_ELEMENT_END) {
        return learn_topic(c, visit);
    } else if (visit->event != VISIT_FIELD) {
        return WALK_KEEP;
    } else if (visit->mark == MARK_TOPIC_NAME) {
        c->topic_name = visit_slice(visit);
    } else if (visit->mark == MARK_TOPIC_ID) {
        memcpy(&c->topic_id, visit->at, sizeof c->topic_id);
    } else if (visit->mark == MARK_TOPIC_ERROR) {
        c->topic_error = visit_i16(visit);
    } else if (visit->mark == MARK_CLUSTER_ID) {
        return check_cluster(c, visit);
    } else {
        return addresses_visit(&c->addresses, visit);
    }
    return WALK_KEEP;
}

signet_error cluster_response(struct exchange *x)
{
    struct cluster_visit visit = { .x = x, .addresses = addresses_of(x) };
    return exchange_edit_response(x, (struct walk_hook){ cluster_visit, &visit });
}
