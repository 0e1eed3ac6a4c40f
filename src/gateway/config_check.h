/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a configuration must not be, though every value in it is good: open to
 * anyone, without the means for what it promises, at odds with itself.  Runs
 * while topics still stand in the order of the file, as key paths count in it.
 */
#ifndef SIGNET_GATEWAY_CONFIG_CHECK_H
#define SIGNET_GATEWAY_CONFIG_CHECK_H

#include "gateway/config.h"
#include "keys/yaml_file.h"

void config_check(const struct yaml_file *file, const struct config *config);

#endif
