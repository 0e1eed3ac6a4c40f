/* SPDX-License-Identifier: Apache-2.0 */
/* The folders of Unix sockets: who may write there can put a socket of his own where clients look for the gateway's. */
#ifndef SIGNET_GATEWAY_SOCKET_FOLDERS_H
#define SIGNET_GATEWAY_SOCKET_FOLDERS_H

#include "gateway/config.h"

/* Findings go to `report`.  A folder that is not there yet is none. */
void socket_folders_check(const struct config *config, struct report *report);

#endif
