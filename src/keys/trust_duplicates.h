/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of a trust file that say two things about one subject: whichever of
 * them counted, the other would be believed by whoever reads the file.  Found
 * by sorting, as the lists may be long.
 */
#ifndef SIGNET_KEYS_TRUST_DUPLICATES_H
#define SIGNET_KEYS_TRUST_DUPLICATES_H

#include "keys/yaml_file.h"
#include "seal/trust.h"

/* Two writers with one name or one key. */
void trust_check_writers(const struct yaml_file *file, const struct trust *trust);
/* Two last good offsets for one topic id and partition, under whatever names; `prefix` is the path of the revocation. */
void trust_check_last_good(const struct yaml_file *file, struct key_path prefix, const struct trusted_writer *writer);
/* Two cut-overs for one topic id and partition, under whatever names. */
void trust_check_cut_overs(const struct yaml_file *file, const struct trust *trust);

#endif
