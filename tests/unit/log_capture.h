/* SPDX-License-Identifier: Apache-2.0 */
/* What the log says meanwhile.  Nothing may be asserted before it has ended: complaints go to standard error too. */
#ifndef SIGNET_TESTS_LOG_CAPTURE_H
#define SIGNET_TESTS_LOG_CAPTURE_H

struct log_capture {
    int standard_error, file;
};

struct log_capture log_capture_begin(void);
/* To be freed. */
char *log_capture_end(struct log_capture *capture);

#endif
