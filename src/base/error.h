/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors.  One list makes the enum and its texts, so that the two cannot
 * drift.  Functions return the error; zero is success.  A text says what was
 * wrong in the words of the field; what to do about it is said by the caller
 * who knows where the input came from.
 */
#ifndef SIGNET_BASE_ERROR_H
#define SIGNET_BASE_ERROR_H

#define SIGNET_ERRORS(X)                                       \
    X(OK, "no error")                                          \
    X(OUT_OF_MEMORY, "out of memory")                          \
    X(TRUNCATED, "input ends inside a field")                  \
    X(TRAILING, "bytes are left over after the last field")    \
    X(MALFORMED, "input breaks the rules of its format")       \
    X(LIMIT, "a limit is exceeded")                            \
    X(UNSUPPORTED, "version, suite or codec is not supported") \
    X(NO_SPACE, "output does not fit")                         \
    X(CHECKSUM, "checksum does not match")                     \
    X(REFUSED, "cryptographic check failed")                   \
    X(CRYPTO, "cryptographic library failed")                  \
    X(NO_KEY, "no usable key")                                 \
    X(PASSPHRASE, "passphrase is wrong or missing")            \
    X(PERMISSION, "file permissions are too open")             \
    X(SYSTEM, "system call failed")                            \
    X(PROTOCOL, "peer broke the protocol")                     \
    X(CLOSED, "peer closed the connection")

typedef enum signet_error {
#define X(name, text) SIGNET_ERROR_##name,
    SIGNET_ERRORS(X)
#undef X
} signet_error;

#define SIGNET_OK SIGNET_ERROR_OK

/* Never NULL; static storage. */
const char *signet_error_text(signet_error error);

#endif
