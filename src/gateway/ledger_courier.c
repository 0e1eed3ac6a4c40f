/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/ledger_courier.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "client/client.h"
#include "gateway/tls_files.h"
#include "keys/secret_file.h"
#include "seal/ledger_origin.h"

struct ledger_courier {
    struct client *client;
    int32_t partition; /* of this log; -1: not chosen yet */
};

static signet_error read_account(const struct config_sasl *sasl, struct login_account **ret_account,
                                 struct cause *ret_cause)
{
    struct file_text password;
    signet_error error = passphrase_file_read(sasl->password_file, &password);
    if (error) {
        cause_set(ret_cause, "the password file %s: %s", sasl->password_file,
                  error == SIGNET_ERROR_SYSTEM      ? strerror(errno)
                  : error == SIGNET_ERROR_MALFORMED ? "it must have one line"
                                                    : signet_error_text(error));
        return error;
    }
    error = login_account_new(sasl->mechanism, sasl->username, file_text_slice(&password), ret_account);
    file_text_free(&password);
    return error;
}

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
    error = !error && config->sasl.username ? read_account(&config->sasl, &options.account, ret_cause) : error;
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
