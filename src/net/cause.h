/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why something outside of us failed, as one line for an operator: it names
 * the file or the address and what the system or the TLS library said.  The
 * error code that is returned beside it is for programs.  No cause ever holds
 * a secret or a byte that a peer sent.
 */
#ifndef SIGNET_NET_CAUSE_H
#define SIGNET_NET_CAUSE_H

enum {
    /* A path, a reason and a few words; longer text is cut. */
    CAUSE_BYTES = 512,
};

struct cause {
    char text[CAUSE_BYTES];
};

/* `cause` may be NULL: nobody wants to know. */
void cause_set(struct cause *cause, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "<what> <name>: <text of the errno value>" */
void cause_set_system(struct cause *cause, const char *what, const char *name, int system_error);

#endif
