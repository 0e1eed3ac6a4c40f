/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SASL as it passes by: which mechanism, whose name the client gives, and
 * whether the broker accepts it.  The exchange itself is the client's and the
 * broker's.  Passwords and proofs are seen and not kept.
 *
 * The name is believed only because the broker believed it; whether that is
 * enough is the operator's decision (trust-brokers-for-identity).
 */
#ifndef SIGNET_RELAY_SASL_H
#define SIGNET_RELAY_SASL_H

#include "base/error.h"
#include "base/limits.h"
#include "base/slice.h"

enum sasl_mechanism {
    SASL_NONE,
    SASL_PLAIN,
    SASL_SCRAM,
    SASL_OAUTHBEARER,
    SASL_OTHER, /* passed through; nobody's name is learnt */
};

/* Starts as all zero. */
struct sasl {
    enum sasl_mechanism mechanism;
    bool bare_tokens; /* after SaslHandshake 0: frames without headers */
    uint8_t rounds;   /* tokens that the client has sent */
    bool authenticated;
    char claimed[PRINCIPAL_BYTES_MAX + 1]; /* "User:alice"; empty when unknown */
};

/* A handshake, or a re-authentication, begins. */
void sasl_begin(struct sasl *sasl, struct slice mechanism, bool bare_tokens);
/* Tokens that this mechanism takes; 0 when it is not known beforehand. */
uint8_t sasl_rounds(const struct sasl *sasl);
/* A token of the client. */
void sasl_client_token(struct sasl *sasl, struct slice token);
/* The broker has answered the last token well, with `token`.  True when that ends the exchange, and `claimed` is the client's principal. */
bool sasl_accepted(struct sasl *sasl, struct slice token);

#endif
