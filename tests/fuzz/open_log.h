/* SPDX-License-Identifier: Apache-2.0 */
/* The log that fuzz_open knows: what is delivered of anything must be of it. The same in every run. */
#ifndef SIGNET_TESTS_OPEN_LOG_H
#define SIGNET_TESTS_OPEN_LOG_H

#include "vector_world.h"

enum { OPEN_LOG_BATCHES = 12 };

struct open_log {
    struct world world;
    struct made made[OPEN_LOG_BATCHES]; /* one after the other from offset 0; the markers among them are not sealed */
    struct made forms[8];               /* the first, as brokers with other settings have it */
    size_t form_count;
};

void open_log_init(struct open_log *log);

#endif
