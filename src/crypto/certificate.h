/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A look at PEM files before they are used: do they parse, are they in date,
 * do key and certificate belong together?  It is for telling an operator in
 * good time; what a TLS connection believes is decided by TLS itself.
 */
#ifndef SIGNET_CRYPTO_CERTIFICATE_H
#define SIGNET_CRYPTO_CERTIFICATE_H

#include "base/error.h"
#include "base/slice.h"

/* Of all certificates in a file: the time in which every one of them is valid. */
struct certificate_dates {
    size_t count;
    int64_t not_before_ms, not_after_ms; /* Unix time */
};

/* MALFORMED when there is no certificate in it or one does not parse. */
signet_error certificate_read_dates(struct slice pem, struct certificate_dates *ret_dates);

/* Until when every list of revoked certificates in a file says that it is good; INT64_MAX when none says so.  MALFORMED as above. */
signet_error certificate_read_revocations(struct slice pem, int64_t *ret_next_update_ms);

/* Is the first certificate for that host, a name or a number?  False, too, when it does not parse. */
bool certificate_covers_host(struct slice pem, const char *host);

/* The first certificate of one file and the private key of another.  MALFORMED, PASSPHRASE (missing or wrong), or NO_KEY when they do not belong together. */
signet_error certificate_check_key(struct slice certificate_pem, struct slice key_pem, struct slice passphrase);

#endif
