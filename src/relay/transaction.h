/* SPDX-License-Identifier: Apache-2.0 */
/* An EndTxn that has not been answered: what the ledger says of it once it is acknowledged (spec/ledger.md, section 3.4). */
#ifndef SIGNET_RELAY_TRANSACTION_H
#define SIGNET_RELAY_TRANSACTION_H

#include "seal/ledger_leaf.h"

struct end_txn {
    struct ledger_outcome outcome; /* but for what the broker answers; its text is below */
    uint8_t transactional_id[LEDGER_TEXT_BYTES_MAX];
};

#endif
