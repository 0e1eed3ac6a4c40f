/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client is told about versions: what the broker said on this very
 * connection, less what the gateway does not let through.  Features, finalized
 * or supported, stay as the broker sent them.
 */
#ifndef SIGNET_KAFKA_API_VERSIONS_H
#define SIGNET_KAFKA_API_VERSIONS_H

#include "base/gather.h"

/* The highest version of an API that may be offered, besides what this gateway knows. */
struct api_ceiling {
    int16_t (*version_max)(const void *context, int16_t api_key);
    const void *context;
};

/*
 * Appends the broker's ApiVersions response, narrowed.  `version` is that of
 * the request; a body with error 35 UNSUPPORTED_VERSION is one of version 0
 * whatever was asked (KIP-511).  `ceiling.version_max` may be NULL.  Errors as from walk_message.
 */
signet_error api_versions_intersect(int16_t version, struct block *owner, uint8_t *body, size_t size,
                                    struct api_ceiling ceiling, struct gather *ret_out);

/*
 * Appends a whole response frame, size first, for a request of a version that
 * the gateway does not know: error 35 in version 0, with the versions of
 * ApiVersions itself, so that the client asks again.
 */
void api_versions_refuse(int32_t correlation_id, struct gather *ret_out);

#endif
