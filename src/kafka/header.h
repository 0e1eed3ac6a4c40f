/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The headers of requests and responses.  A frame here is what follows the
 * four bytes of its size.  The client id keeps its old two-byte length even in
 * the flexible header, and tagged fields are kept as they came, unread.
 */
#ifndef SIGNET_KAFKA_HEADER_H
#define SIGNET_KAFKA_HEADER_H

#include "base/cursor.h"
#include "base/error.h"
#include "base/slice.h"

enum {
    /* Where in a frame stand the version and the correlation id, for those who renumber in place. */
    REQUEST_VERSION_AT = 2,
    REQUEST_CORRELATION_AT = 4,
    RESPONSE_CORRELATION_AT = 0,
};

struct request_header {
    int16_t api_key;
    int16_t api_version;
    int32_t correlation_id;
    bool client_id_null;
    struct slice client_id; /* into the frame */
    struct slice tags;      /* into the frame, with their count; empty in header version 1 */
    size_t size;            /* the body starts here */
};

struct response_header {
    int32_t correlation_id;
    struct slice tags; /* into the frame, with their count; empty in header version 0 */
    size_t size;       /* the body starts here */
};

/*
 * UNSUPPORTED when the API key is not in the table: the rest of such a header
 * cannot be read.  A version that is too high for the gateway is read all the
 * same, for ApiVersions must be answered then.
 */
signet_error request_header_read(struct slice frame, struct request_header *ret_header);
/* `header_version` as response_header_version says. */
signet_error response_header_read(struct slice frame, int header_version, struct response_header *ret_header);

/* Writes the fields of `header` except `size`; without tags of its own a flexible header gets an empty list. */
void request_header_write(struct writer *w, const struct request_header *header);
void response_header_write(struct writer *w, int header_version, int32_t correlation_id);

/* Reads past a list of tagged fields and returns it with its count. */
struct slice read_tags(struct reader *r);

#endif
