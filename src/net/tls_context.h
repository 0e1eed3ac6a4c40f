/* SPDX-License-Identifier: Apache-2.0 */
/* What the TLS transport needs of a context; for the files of this layer. */
#ifndef SIGNET_NET_TLS_CONTEXT_H
#define SIGNET_NET_TLS_CONTEXT_H

#include <openssl/ssl.h>

#include "net/tls.h"

/* A session for one connection, in the role that the context was made for; NULL when memory is out. */
SSL *tls_session_new(struct tls_context *context);
/* Client: asks for `server_name` (SNI, unless it is a number) and, if the context says so, has the certificate held against it. */
bool tls_session_expect(struct tls_context *context, SSL *session, const char *server_name);

/* Called with each ClientHello, before anything is answered; what SSL_CTX_set_client_hello_cb takes.  Defined by the transport. */
int tls_transport_on_hello(SSL *session, int *ret_alert, void *context);

#endif
