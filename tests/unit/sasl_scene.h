/* SPDX-License-Identifier: Apache-2.0 */
/* A client that authenticates, for tests of SASL. */
#ifndef SIGNET_TESTS_SASL_SCENE_H
#define SIGNET_TESTS_SASL_SCENE_H

#include "relay_fixture.h"

#define TOKEN(text) slice_of(text, sizeof(text) - 1)

struct sasl_scene {
    struct relay_world world;
    struct relay_party party;
};

void sasl_scene_begin(struct sasl_scene *s, bool must_authenticate);
void sasl_scene_end(struct sasl_scene *s);

void sasl_scene_send_handshake(struct sasl_scene *s, int16_t version, const char *mechanism);
void sasl_scene_send_token(struct sasl_scene *s, int16_t version, struct slice token);
/* What the broker will say to the next token. */
void sasl_scene_broker_says(struct sasl_scene *s, int16_t error_code, struct slice token);
/* Step by step, as clients do. */
void sasl_scene_authenticate(struct sasl_scene *s, int16_t version, const char *mechanism, struct slice token);

bool sasl_scene_is_known_as(const struct sasl_scene *s, const char *principal);
/* Can the client do what only the authenticated may? */
bool sasl_scene_may_go_on(struct sasl_scene *s);

#endif
