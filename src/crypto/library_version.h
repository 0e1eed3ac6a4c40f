/* SPDX-License-Identifier: Apache-2.0 */
/* Versions of the crypto libraries this process runs with, which may be newer than those it was built with. */
#ifndef SIGNET_CRYPTO_LIBRARY_VERSION_H
#define SIGNET_CRYPTO_LIBRARY_VERSION_H

/* "3.0.15"; static storage */
const char *openssl_version_text(void);
const char *sodium_version_text(void);

#endif
