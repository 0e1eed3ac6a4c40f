/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/ledger_courier.h"

#include <stdlib.h>

#include "client/client.h"
#include "gateway/tls_files.h"
#include "net/loop.h"
#include "seal/ledger_origin.h"

struct ledger_courier {
    struct client *client;
    int32_t partition; /* of this log; -1: not chosen yet */
};

signet_error ledger_courier_new(const struct config_ledger_topic *config, struct ledger_courier **ret_courier,
                                struct cause *ret_cause)
{
    struct ledger_courier *courier = calloc(1, sizeof *courier);
    if (!courier) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    struct client_options options = {
        .servers = config->bootstrap_servers,
        .server_count = config->bootstrap_server_count,
        .topic = config->name,
        .record_bytes_max = LEDGER_ORIGIN_BYTES_MAX + LEDGER_RECORD_BYTES_MAX,
    };
    signet_error error = tls_files_load_client(&config->tls, &options.tls, ret_cause);
    error = error ? error : client_new(&options, &courier->client);
    tls_context_release(options.tls);
    if (error) {
        free(courier);
        return error;
    }
    courier->partition = -1;
    *ret_courier = courier;
    return SIGNET_OK;
}

void ledger_courier_free(struct ledger_courier *courier)
{
    if (courier) {
        client_free(courier->client);
        free(courier);
    }
}

void ledger_courier_begin(struct ledger_courier *courier)
{
    courier->partition = -1;
}

signet_error ledger_courier_bring(struct ledger_courier *courier, struct slice origin, struct slice record,
                                  int64_t deadline_ms, struct cause *ret_cause)
{
    return client_produce(courier->client, origin, record, wall_clock_ms(), &courier->partition, deadline_ms,
                          ret_cause);
}
