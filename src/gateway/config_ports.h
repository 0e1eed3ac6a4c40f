/* SPDX-License-Identifier: Apache-2.0 */
/* Ports that listeners would open twice, and Unix sockets likewise. */
#ifndef SIGNET_GATEWAY_CONFIG_PORTS_H
#define SIGNET_GATEWAY_CONFIG_PORTS_H

#include "gateway/config.h"
#include "keys/yaml_file.h"

void config_check_ports(const struct yaml_file *file, const struct config *config);

#endif
