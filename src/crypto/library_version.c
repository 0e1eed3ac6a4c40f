/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/library_version.h"

#include <openssl/crypto.h>
#include <sodium.h>

const char *openssl_version_text(void)
{
    return OpenSSL_version(OPENSSL_VERSION_STRING);
}

const char *sodium_version_text(void)
{
    return sodium_version_string();
}
