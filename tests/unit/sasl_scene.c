/* SPDX-License-Identifier: Apache-2.0 */
#include "sasl_scene.h"

void sasl_scene_begin(struct sasl_scene *s, bool must_authenticate)
{
    world_init(&s->world);
    party_init_as(&s->party, &s->world, "", must_authenticate);
}

void sasl_scene_end(struct sasl_scene *s)
{
    party_free(&s->party);
    world_free(&s->world);
}

void sasl_scene_send_handshake(struct sasl_scene *s, int16_t version, const char *mechanism)
{
    party_send(&s->party, API_SASL_HANDSHAKE, version, json_of("{'Mechanism': '%s'}", mechanism));
}

void sasl_scene_send_token(struct sasl_scene *s, int16_t version, struct slice token)
{
    json_t *body = json_object();
    json_object_set_new(body, "AuthBytes", json_hex(token));
    party_send(&s->party, API_SASL_AUTHENTICATE, version, body);
}

/* What the broker will say to the next token. */
void sasl_scene_broker_says(struct sasl_scene *s, int16_t error_code, struct slice token)
{
    json_t *answer = json_of("{'ErrorCode': %d}", error_code);
    json_object_set_new(answer, "AuthBytes", json_hex(token));
    if (!s->world.broker.sasl) {
        s->world.broker.sasl = json_array();
    }
    json_array_append_new(s->world.broker.sasl, answer);
}

bool sasl_scene_is_known_as(const struct sasl_scene *s, const char *principal)
{
    return slice_equal_text(relay_principal(s->party.relay), principal);
}

/* Can the client do what only the authenticated may? */
bool sasl_scene_may_go_on(struct sasl_scene *s)
{
    size_t before = party_answer_count(&s->party);
    party_send(&s->party, API_FIND_COORDINATOR, 3, json_of("{}"));
    party_run(&s->party);
    return !s->party.error && party_answer_count(&s->party) == before + 1;
}

/* Step by step, as clients do. */
void sasl_scene_authenticate(struct sasl_scene *s, int16_t version, const char *mechanism, struct slice token)
{
    sasl_scene_send_handshake(s, 1, mechanism);
    party_run(&s->party);
    sasl_scene_send_token(s, version, token);
    party_run(&s->party);
    if (strncmp(mechanism, "SCRAM", 5) == 0) {
        sasl_scene_send_token(s, version, TOKEN("c=biws,r=nonce-and-more,p=cHJvb2Y="));
        party_run(&s->party);
    }
}
