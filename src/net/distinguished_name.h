/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subject of a certificate as the text that Kafka takes for the name of
 * its principal: X500Principal.getName(), which is RFC 2253 with these
 * particulars.  Only CN, C, L, ST, O, OU, STREET, DC and UID have names; every
 * other type is its dotted number and its value the hexadecimal DER.  '=' and
 * '#' are escaped everywhere.  Letters that are not ASCII stay as they are.
 * Values whose bytes are not UTF-8 are in hexadecimal too: Java puts one
 * replacement letter for all that it cannot read, and two people would share it.
 *
 * A text that does not fit is an error and never a shorter text: a cut name is
 * someone else's name.
 */
#ifndef SIGNET_NET_DISTINGUISHED_NAME_H
#define SIGNET_NET_DISTINGUISHED_NAME_H

#include <stddef.h>

#include "base/error.h"

struct X509_name_st; /* OpenSSL's X509_NAME */

/* LIMIT when it needs more than `size` bytes with its NUL.  A name without parts is the empty text. */
signet_error distinguished_name_text(const struct X509_name_st *name, char *ret_text, size_t size);

#endif
