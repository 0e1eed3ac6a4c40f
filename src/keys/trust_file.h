/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trust file (spec/trust-file.md): YAML that fills struct trust.  All or
 * nothing: a file with one error in it gives no trust at all, since half a
 * trust file would believe a writer whose revocation stood in the other half.
 */
#ifndef SIGNET_KEYS_TRUST_FILE_H
#define SIGNET_KEYS_TRUST_FILE_H

#include "keys/report.h"
#include "seal/trust.h"

/* `file` is named in findings.  MALFORMED with at least one error in `report`; the caller frees with trust_free. */
signet_error trust_file_parse(struct slice text, const char *file, struct trust *ret_trust, struct report *report);
/* The same from a path; a file that cannot be read is a finding too. */
signet_error trust_file_read(const char *path, struct trust *ret_trust, struct report *report);

#endif
