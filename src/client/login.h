/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's side of SASL (RFC 4422), by Cyrus SASL: PLAIN (RFC 4616) and
 * SCRAM (RFC 5802, RFC 7677).  Tokens in, tokens out; client/client.h carries
 * them.
 *
 * The rule to keep: a login counts when it is over and not when the broker
 * says so, as with SCRAM the broker too has to show that it knows the password.
 */
#ifndef SIGNET_CLIENT_LOGIN_H
#define SIGNET_CLIENT_LOGIN_H

#include <stdbool.h>

#include "base/error.h"
#include "base/slice.h"

/* PLAIN gives the password away: only over TLS. */
enum login_mechanism { LOGIN_PLAIN, LOGIN_SCRAM_SHA_256, LOGIN_SCRAM_SHA_512 };

/* "SCRAM-SHA-256", as it is registered; static storage */
const char *login_mechanism_text(enum login_mechanism mechanism);

/* A name and its password, in secret memory. */
struct login_account;

/* Both are copied.  OUT_OF_MEMORY. */
signet_error login_account_new(enum login_mechanism mechanism, const char *username, struct slice password,
                               struct login_account **ret_account);
enum login_mechanism login_account_mechanism(const struct login_account *account);
/* Wipes; takes NULL. */
void login_account_free(struct login_account *account);

/* One conversation with one broker. */
struct login;

/* `account` is borrowed until the end.  OUT_OF_MEMORY; CRYPTO when the library does not start. */
signet_error login_new(struct login_account *account, const char *host, struct login **ret_login);
/*
 * `token` is what the broker said, empty the first time.  What is to be said
 * then is secret and lies in the login until the next step or the end; it is
 * empty when nothing is.  UNSUPPORTED when the mechanism is not installed;
 * REFUSED when the broker does not show that it knows the password; LIMIT
 * when it wants too many iterations, or too few; PROTOCOL.
 */
signet_error login_step(struct login *login, struct slice token, struct slice *ret_token);
/* Nothing more is expected of the broker but that it agrees to what was said last. */
bool login_is_over(const struct login *login);
/* Wipes; takes NULL. */
void login_free(struct login *login);

#endif
